"""Which rows become the few-shot demonstrations of which sample.

The draws of a sample depend on its place in the whole dataset only: not on
`--llmlab-limit`, on the worker, or on the other samples that run. lm-eval draws with
one generator that advances from sample to sample, so all draws are made, in order, and
those of the selected samples are kept.
"""

import random
from collections.abc import Sequence

from llmlab_pytest.core import DataError

Row = dict[str, object]


def draw_random(
    rows: Sequence[Row],
    pool: Sequence[Row],
    *,
    shots: int,
    seed: int = 1234,
    pool_may_hold_row: bool = False,
) -> list[list[int]]:
    """Return, for each row, the indices of its demonstrations in the pool.

    Follows lm-eval 0.4.13's default sampler.

    Args:
        rows: the whole evaluated split, in its order.
        pool: where demonstrations come from.
        shots: how many per row.
        seed: of the one generator.
        pool_may_hold_row: draw one more and leave out demonstrations that equal the
            row, as lm-eval does when both come from one split; should too few be left,
            draw again from the others.
    """
    generator = random.Random(seed)
    drawn = []
    for row in rows:
        count = min(len(pool), shots + pool_may_hold_row)
        picks = generator.sample(range(len(pool)), count)
        if pool_may_hold_row:
            picks = [index for index in picks if pool[index] != row]
            if len(picks) < min(shots, len(pool)):  # the pool holds the row repeatedly
                others = [n for n, shown in enumerate(pool) if shown != row]
                picks = generator.sample(others, min(shots, len(others)))
        drawn.append(picks[:shots])
    return drawn


def draw_shuffled(
    rows: Sequence[Row], pool: Sequence[Row], *, shots: int, seed: int = 42
) -> list[list[int]]:
    """Return, for each row, the indices of its demonstrations in the pool.

    Follows lm-eval before 0.4 (`evaluator.evaluate`), the harness of the first Open LLM
    Leaderboard: one generator shuffles the evaluated rows, then draws for each in that
    order. It draws from a training split, so that no row is shown to itself.

    Args:
        rows: the whole evaluated split, in its order.
        pool: where demonstrations come from.
        shots: how many per row; fewer where the pool is smaller.
        seed: of the one generator.
    """
    generator = random.Random(seed)
    order = list(range(len(rows)))
    generator.shuffle(order)
    count = min(len(pool), shots)
    drawn = {row: generator.sample(range(len(pool)), count) for row in order}
    return [drawn[row] for row in range(len(rows))]


def draw_first(
    rows: Sequence[Row],
    pool: Sequence[Row],
    *,
    shots: int,
    same: str | None = None,
) -> list[list[int]]:
    """Return the first `shots` of the pool, of those that share a field with the row.

    Args:
        rows: the whole evaluated split.
        pool: where demonstrations come from.
        shots: how many per row.
        same: a field whose value must be the row's, e.g. MMLU's `subject`.

    Raises:
        DataError: a row lacks that field.
    """
    if same is None:
        return [list(range(min(shots, len(pool))))] * len(rows)
    by_value: dict[str, list[int]] = {}
    for index, candidate in enumerate(pool):
        by_value.setdefault(_value(candidate, same), []).append(index)
    return [by_value.get(_value(row, same), [])[:shots] for row in rows]


def _value(row: Row, field: str) -> str:
    """Return a field as text, so that 3 in a CSV file is 3 in a JSON file."""
    if field not in row:
        raise DataError(
            f"Demonstrations share the field {field!r} and a row lacks it.",
            allowed=f"The row has the fields: {', '.join(sorted(row)) or 'none'}.",
            fix="Correct demonstrations.same of the task card.",
        )
    return str(row[field])
