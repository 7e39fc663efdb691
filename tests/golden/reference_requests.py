"""Print lm-eval's own requests as JSON lines. Run by lm-eval's interpreter, not ours.

Reads a plan from standard input: a list of {task, files, shots, limit}, and perhaps
`unconditional`; `files` are the
local files that replace the hub's splits.
"""

import json
import sys
from types import SimpleNamespace

import evaluate
from lm_eval.tasks import TaskManager


def requests_of(plan: dict, manager: TaskManager) -> list[dict]:
    override = {
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": plan["files"]},
        "num_fewshot": plan["shots"],
    }
    if "unconditional" in plan:
        override["metric_list"] = [{"metric": "acc_mutual_info"}]
    for split in ("train", "validation"):
        if split not in plan["files"]:
            name = "training_split" if split == "train" else "validation_split"
            override[name] = None
    # The public loaders take names or whole configurations, not names with overrides.
    task = manager._factory.build(
        manager._entry(plan["task"]), overrides=override, registry=manager._index
    )
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=plan["limit"])
    return [
        {"sample": item.doc_id, "index": item.idx, "arguments": list(item.args)}
        for item in task.instances
    ]


# humaneval and mbpp fetch the code of their metric from the hub when they are loaded;
# requests do not need it.
evaluate.load = lambda _: SimpleNamespace(compute=lambda **_: ({}, {}))
manager = TaskManager()
for plan in json.load(sys.stdin):
    for request in requests_of(plan, manager):
        sys.stdout.write(json.dumps({"plan": plan["name"], **request}) + "\n")
