"""Print what lm-eval makes of given texts, as JSON lines. Run by lm-eval's interpreter.

Reads a plan from standard input: a list of {name, task, rows, texts}, the texts of each
row in a list of their own. Nothing is generated: a text stands for what a model wrote.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _reference_task import task_of
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

SPLITS = ("train", "dev", "validation", "test")


def over_rows(plan: dict, manager: TaskManager, folder: Path) -> object:
    path = folder / f"{plan['name']}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in plan["rows"]))
    files = dict.fromkeys(SPLITS, str(path))
    return task_of(manager, plan["task"], files, num_fewshot=0)


def judged(task: object, texts: list[list[str]]) -> Iterator[dict]:
    for number, document in enumerate(task.eval_docs):
        for position, text in enumerate(texts[number]):
            asked = Instance("generate_until", document, ("", {}), 0)
            asked.resps = [text]
            task._instances = [asked]
            task.apply_filters()
            for name, answer in asked.filtered_resps.items():
                scores = task.process_results(document, [answer])
                yield {
                    "row": number,
                    "text": position,
                    "filter": name,
                    "answer": answer,
                    "scores": {name: float(value) for name, value in scores.items()},
                }


manager = TaskManager()
with tempfile.TemporaryDirectory() as folder:
    for plan in json.load(sys.stdin):
        task = over_rows(plan, manager, Path(folder))
        for line in judged(task, plan["texts"]):
            sys.stdout.write(json.dumps({"plan": plan["name"], **line}) + "\n")
