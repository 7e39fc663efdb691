"""Compare the answers and scores of generative tasks with lm-eval 0.4.13's.

    python tests/golden/compare_answers.py --python LM_EVAL/bin/python [--write]

Both sides judge the same texts, which are drawn from fragments that models write and
that extraction stumbles over; the rows are our own inventions. Prints a table and exits
with 1 on any difference. `--write` keeps some of them, with lm-eval's results, as
`tests/unit/scorers/answers_of_lm_eval.json`, which the unit tests read.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from _reference import asked, card_of

from llmlab_pytest.core import Completion, Sample
from llmlab_pytest.scorers import Scorer, apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    DataSource,
    plan_task,
)

KEPT = Path(__file__).parents[1] / "unit" / "scorers" / "answers_of_lm_eval.json"
CARDS = json.loads(Path(__file__).with_name("answers.json").read_text("utf-8"))
"""Per card: lm-eval's name and filters, our rows, and fragments of texts."""


def plans(names: list[str], count: int) -> list[dict]:
    """Return some cards with `count` texts for each row."""
    found = []
    for name in names:
        card = CARDS[name]
        draw = random.Random(name)
        texts = [
            ["".join(draw.choices(card["fragments"], k=draw.randint(0, 6)))
             for _ in range(count)]
            for _ in card["rows"]
        ]  # fmt: skip
        found.append({**card, "name": name, "texts": texts})
    return found


def reference(python: str, wanted: list[dict]) -> list[dict]:
    """Return lm-eval's answers and scores, one entry per text and filter."""
    return asked(python, "reference_answers.py", wanted)


def cases(wanted: list[dict], theirs: list[dict]) -> Iterator[dict]:
    """Yield each text with its row and lm-eval's scores under our names."""
    by_name = {plan["name"]: plan for plan in wanted}
    for entry in theirs:
        plan = by_name[entry["plan"]]
        scores = entry["scores"]
        if len(plan["filters"]) > 1:  # ours are called like the filter
            scores = dict.fromkeys([entry["filter"]], *scores.values())
        yield {
            "card": entry["plan"],
            "row": entry["row"],
            "text": plan["texts"][entry["row"]][entry["text"]],
            # Without a filter it is the whole text; ours is the part that is judged.
            "answer": None if entry["filter"] == "none" else entry["answer"],
            "scores": scores,
        }


@cache
def judge(card: str, row: int) -> tuple[Sample, tuple[tuple[str, Scorer], ...]]:
    """Return the sample of a row and the scorers of its card."""
    source = DataSource(rows=(CARDS[card]["rows"][row],))
    task = card_of(card).with_changes(data=source, shots=0)
    (sample,) = plan_task(task, limit=0, seed=0, data_dir=None).samples
    registry = scorer_registry()
    return sample, tuple(make_scorer(s, registry, where="here") for s in task.scorers)


def ours(case: dict) -> dict[str, tuple[float | None, str | None]]:
    """Return our scores and answers of one text."""
    sample, scorers = judge(case["card"], case["row"])
    completion = Completion(text=case["text"], model="none")
    found = {}
    for name, scorer in scorers:
        score = apply_scorer(name, scorer, completion=completion, sample=sample)
        found[name] = (score.value, score.answer)
    return found


def differences(case: dict) -> list[str]:
    """Say what differs; likenesses (0 to 100) may differ by less than 1e-4."""
    mine = ours(case)
    return [
        f"{name}: {mine[name]}, lm-eval {value} {case['answer']!r}"
        for name, value in case["scores"].items()
        if abs((mine[name][0] or 0.0) - value) >= 1e-4
        or (case["answer"] is not None and mine[name][1] != case["answer"])
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--texts", type=int, default=150, help="per row")
    parser.add_argument("--only", default="", help="cards whose name begins so")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    names = [name for name in CARDS if name.startswith(options.only)]
    wanted = plans(names, options.texts)
    found = list(cases(wanted, reference(options.python, wanted)))
    worst = 0
    for name in names:
        mine = [case for case in found if case["card"] == name]
        wrong = [said for case in mine for said in differences(case)]
        right = sum(any(case["scores"].values()) for case in mine)
        worst |= bool(wrong)
        print(f"{name:<18} {len(mine):>5} texts, {right:>4} right, {len(wrong)} differ")
        print("".join(f"   {said}\n" for said in wrong[:3]), end="")
    if options.write:
        kept = [
            c for c in json.loads(KEPT.read_text("utf-8")) if c["card"] not in names
        ]
        for name in names:
            for case in [c for c in found if c["card"] == name][:: options.texts // 8]:
                row = CARDS[name]["rows"][case.pop("row")]
                kept.append({**case, "input": row})
        KEPT.write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
