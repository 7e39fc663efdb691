"""Who demonstrates for whom: lm-eval's draws, whatever subset runs."""

import random

from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.prompts import draw_first, draw_random

POOL: list[dict[str, object]] = [{"q": f"p{n}", "s": n % 3} for n in range(30)]


@given(st.integers(1, 20), st.integers(0, 6))
def test_random_draws_follow_one_generator(rows: int, shots: int) -> None:
    """Sample after sample from `random.Random(1234)`, as lm-eval's sampler."""
    generator = random.Random(1234)
    expected = [generator.sample(POOL, shots) for _ in range(rows)]
    drawn = draw_random([{}] * rows, POOL, shots=shots)
    assert [[POOL[index] for index in picks] for picks in drawn] == expected


@given(st.integers(1, 30))
def test_draws_do_not_depend_on_later_rows(count: int) -> None:
    """A subset shows each sample what the whole dataset shows it."""
    whole = draw_random(POOL, POOL, shots=3, pool_may_hold_row=True)
    part = draw_random(POOL[:count], POOL, shots=3, pool_may_hold_row=True)
    assert part == whole[:count]


def test_no_row_is_shown_to_itself() -> None:
    """Where both come from one split, one more is drawn and the row left out."""
    generator = random.Random(1234)
    for number, picks in enumerate(
        draw_random(POOL, POOL, shots=5, pool_may_hold_row=True)
    ):
        expected = generator.sample(range(len(POOL)), 6)
        assert picks == [index for index in expected if index != number][:5]
        assert len(picks) == 5


def test_row_that_the_pool_holds_twice_is_drawn_around() -> None:
    """Where leaving the row out leaves too few, all are drawn again from the others."""
    pool: list[dict[str, object]] = [{"q": "a"}, {"q": "b"}, {"q": "a"}, {"q": "c"}]
    generator = random.Random(1234)
    for picks in draw_random([{"q": "a"}] * 9, pool, shots=2, pool_may_hold_row=True):
        first = [n for n in generator.sample(range(4), 3) if pool[n]["q"] != "a"]
        assert picks == (first if len(first) > 1 else generator.sample([1, 3], 2))


def test_pool_smaller_than_the_shots_is_shown_whole() -> None:
    """There is no more to show."""
    assert [sorted(p) for p in draw_random([{}], POOL[:2], shots=5)] == [[0, 1]]
    assert draw_first([{}], POOL[:2], shots=5) == [[0, 1]]


def test_first_takes_those_of_the_same_value() -> None:
    """MMLU shows the first rows of the subject, in their order."""
    rows: list[dict[str, object]] = [{"s": 2}, {"s": 0}, {"s": "unknown"}]
    drawn = draw_first(rows, POOL, shots=3, same="s")
    assert drawn == [[2, 5, 8], [0, 3, 6], []]
    assert draw_first(rows, POOL, shots=2) == [[0, 1]] * 3
