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
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from llmlab_pytest.core import Completion, Sample
from llmlab_pytest.scorers import Scorer, apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    DataSource,
    find_card,
    load_card,
    plan_task,
    shipped_card_folders,
)

KEPT = Path(__file__).parents[1] / "unit" / "scorers" / "answers_of_lm_eval.json"
CARDS = json.loads(Path(__file__).with_name("answers.json").read_text("utf-8"))
"""Per card: lm-eval's name and filters, our rows, and fragments of texts."""


def plans(count: int) -> list[dict]:
    """Return the cards with `count` texts for each row."""
    found = []
    for name, card in CARDS.items():
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
    done = subprocess.run(
        [python, str(Path(__file__).with_name("reference_answers.py"))],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=False,
        env={"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    lines = done.stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"plan"')]


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
            "answer": entry["answer"],
            "scores": scores,
        }


@cache
def judge(card: str, row: int) -> tuple[Sample, tuple[tuple[str, Scorer], ...]]:
    """Return the sample of a row and the scorers of its card."""
    task = load_card(find_card(card, folders=shipped_card_folders(), where="here"))
    source = DataSource(rows=(CARDS[card]["rows"][row],))
    task = task.with_changes(data=source, shots=0)
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
        or (len(case["scores"]) == 1 and mine[name][1] != case["answer"])
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--texts", type=int, default=150, help="per row")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    wanted = plans(options.texts)
    found = list(cases(wanted, reference(options.python, wanted)))
    worst = 0
    for name in CARDS:
        mine = [case for case in found if case["card"] == name]
        wrong = [said for case in mine for said in differences(case)]
        right = sum(any(case["scores"].values()) for case in mine)
        worst |= bool(wrong)
        print(f"{name:<18} {len(mine):>5} texts, {right:>4} right, {len(wrong)} differ")
        print("".join(f"   {said}\n" for said in wrong[:3]), end="")
    if options.write:
        kept = [
            case
            for name in CARDS
            for case in [c for c in found if c["card"] == name][:: options.texts // 8]
        ]
        for case in kept:
            case["input"] = CARDS[case["card"]]["rows"][case.pop("row")]
        KEPT.write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
