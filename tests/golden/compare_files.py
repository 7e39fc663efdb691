"""Compare the files of `--llmlab-lm-eval` with those that lm-eval 0.4.13 writes itself.

    python tests/golden/compare_files.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf]==0.4.13`, DIR holds the benchmark
rows (LLMLAB_DATA). We run `--limit` samples of each task with the scripted double;
lm-eval evaluates the same rows with a model that replays our answers, and writes its
files through its own EvaluationTracker. Prints what differs per task: fields of a
sample line, fields of the results, and the hash of all samples. Exits with 1 on any
difference that is not explained in EXPLAINED.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from _reference import asked, files_of

TASKS = (
    "arc_easy",
    "arc_challenge",
    "boolq",
    "gsm8k",
    "hellaswag",
    "openbookqa",
    "piqa",
    "truthfulqa_mc1",
    "truthfulqa_mc2",
    "winogrande",
)
ONES_OWN = frozenset({"alias", "sample_count"})
EXPLAINED = {
    "hellaswag": {"doc", "doc_hash", "task_hashes"},  # process_docs adds fields
    "gsm8k": {"arguments"},  # ours also holds what lm-eval leaves to the model
}
SUITE = """
from llmlab_pytest import llm_task

@llm_task({names})
def test_choice(score): ...

@llm_task("gsm8k", shots=0)
def test_text(score): ...
"""


def run_ours(folder: Path, data: Path, limit: int) -> None:
    names = ", ".join(repr(name) for name in TASKS if name != "gsm8k")
    (folder / "test_it.py").write_text(SUITE.format(names=names), encoding="utf-8")
    options = {
        "--llm": "scripted",
        "--llmlab-data": data,
        "--llmlab-limit": limit,
        "--llmlab-samples": folder / "ours.jsonl",
        "--llmlab-lm-eval": folder / "ours",
        "-o": "asyncio_default_fixture_loop_scope=function",
    }
    words = [str(word) for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "pytest", "-q", *words, "test_it.py"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def plan_of(lines: list[dict], folder: Path, data: Path) -> dict:
    answers, samples = [], {}
    for line in lines:
        samples.setdefault(line["task"], []).append(line["position"])
        if line["continuations"]:
            answers += [
                [
                    part.get("context", line["prompt"]),
                    part["text"],
                    [part["loglikelihood"], part["is_greedy"]],
                ]
                for part in line["continuations"]
            ]
        else:
            answers.append([line["prompt"], "", line["completion"]])
    return {
        "model": "scripted",
        "output": str(folder / "theirs"),
        "samples": samples,
        "answers": answers,
        "tasks": [{"name": name, "files": files_of(name, data)} for name in TASKS],
    }


def run_theirs(python: str, plan: dict, folder: Path) -> None:
    env = {"HOME": os.environ["HOME"], "HF_DATASETS_CACHE": str(folder / "cache")}
    asked(python, "reference_files.py", plan, env)


def samples_of(folder: Path, name: str) -> dict[tuple, dict]:
    (path,) = folder.glob(f"scripted/samples_{name}_2*.jsonl")
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line]
    return {(line["doc_id"], line["filter"]): line for line in lines}


def differences(mine: dict[tuple, dict], theirs: dict[tuple, dict]) -> Counter[str]:
    if mine.keys() != theirs.keys():
        return Counter({"samples": len(mine.keys() ^ theirs.keys())})
    found: Counter[str] = Counter()
    for key, line in theirs.items():
        if list(mine[key]) != list(line):
            found["fields"] += 1
        found.update(n for n in line if not is_close(mine[key].get(n), line[n]))
    return found


def results_of(folder: Path) -> dict:
    (path,) = folder.glob("scripted/results_*.json")
    content: dict = json.loads(path.read_text(encoding="utf-8"))
    return content


def result_differences(mine: dict, theirs: dict, name: str) -> set[str]:
    found = {
        f"results.{key}"
        for key, value in theirs["results"][name].items()
        if key not in ONES_OWN and not is_close(mine["results"][name].get(key), value)
    }
    for part in ("versions", "n-shot", "n-samples", "higher_is_better", "task_hashes"):
        if mine[part][name] != theirs[part][name]:
            found.add(part)
    return found


def is_close(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return abs(mine - theirs) < 1e-12
    return mine == theirs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--limit", type=int, default=20)
    options = parser.parse_args()
    data = options.data.resolve()
    worst = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_ours(folder, data, options.limit)
        text = (folder / "ours.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        run_theirs(options.python, plan_of(lines, folder, data), folder)
        mine, theirs = results_of(folder / "ours"), results_of(folder / "theirs")
        print(f"results lack {sorted(theirs.keys() - mine.keys())}")
        worst |= bool(theirs.keys() - mine.keys())
        for task in TASKS:
            ours, reference = (samples_of(folder / w, task) for w in ("ours", "theirs"))
            found = differences(ours, reference)
            differing = set(found) | result_differences(mine, theirs, task)
            unexplained = differing - EXPLAINED.get(task, set())
            worst |= bool(unexplained)
            shown = ", ".join(sorted(differing)) or "nothing"
            print(f"{task:<16} {len(reference):>3} lines; differs: {shown}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
