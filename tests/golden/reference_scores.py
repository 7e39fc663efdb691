"""Print lm-eval's per-sample scores as JSON lines. Run by lm-eval's interpreter.

Reads a plan from standard input: {weights, chat, tasks}, each task with name, task,
files, samples and limit; `files` are the local files that replace the hub's splits.
"""

import json
import sys
from pathlib import Path

import lm_eval
from _reference_task import task_of
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager


def load(weights: Path) -> HFLM:
    return HFLM(
        pretrained=str(weights.parent),
        gguf_file=weights.name,
        dtype="float32",
        device="cpu",
        batch_size=4,
    )


plan = json.load(sys.stdin)
manager = TaskManager()
model = load(Path(plan["weights"]))
for entry in plan["tasks"]:
    task = task_of(manager, entry["task"], entry["files"])
    task.set_fewshot_seed(1234)  # what simple_evaluate does, and evaluate does not
    wanted = entry["samples"]
    results = lm_eval.evaluate(
        model,
        task_dict={entry["task"]: task},
        samples=None if wanted is None else {entry["task"]: wanted},
        limit=entry["limit"],
        log_samples=True,
        bootstrap_iters=0,
        apply_chat_template=plan["chat"] != "off",
        fewshot_as_multiturn=plan["chat"] == "multiturn",
    )
    for sample in results["samples"][entry["task"]]:
        scores = {m: sample[m] for m in sample["metrics"]}
        line = {
            "plan": entry["name"],
            "sample": sample["doc_id"],
            "filter": sample["filter"],
            "scores": {name: float(value) for name, value in scores.items()},
            "answer": sample["filtered_resps"][0] if entry["limit"] else None,
        }
        sys.stdout.write(json.dumps(line) + "\n")
