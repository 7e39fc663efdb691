"""Print lm-eval's own requests as JSON lines. Run by lm-eval's interpreter, not ours.

Reads from standard input {chat, system, weights, plans}; each plan has task, files,
shots and limit; `files` are the local files that replace the hub's splits. In a chat,
contexts are rendered by the template in the weights, as lm-eval renders them.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import evaluate
from _reference_task import task_of
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer


def template_of(weights: Path) -> Callable[..., str]:
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    model = SimpleNamespace(tokenizer=tokenizer, chat_template_args={})
    return HFLM.apply_chat_template.__get__(model)


def chat_of(wanted: dict) -> dict:
    found = {"system_instruction": wanted["system"]}
    if wanted["chat"] == "off":
        return found
    return {
        **found,
        "apply_chat_template": True,
        "fewshot_as_multiturn": wanted["chat"] == "multiturn",
        "chat_template": template_of(Path(wanted["weights"])),
    }


def requests_of(plan: dict, manager: TaskManager, chat: dict) -> list[dict]:
    override = {"num_fewshot": plan["shots"]}
    if "unconditional" in plan:
        override["metric_list"] = [{"metric": "acc_mutual_info"}]
    task = task_of(manager, plan["task"], plan["files"], **override)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=plan["limit"], **chat)
    return [
        {"sample": item.doc_id, "index": item.idx, "arguments": list(item.args)}
        for item in task.instances
    ]


# humaneval and mbpp fetch the code of their metric from the hub when they are loaded;
# requests do not need it.
evaluate.load = lambda _: SimpleNamespace(compute=lambda **_: ({}, {}))
wanted = json.load(sys.stdin)
manager = TaskManager()
chat = chat_of(wanted)
for plan in wanted["plans"]:
    for request in requests_of(plan, manager, chat):
        sys.stdout.write(json.dumps({"plan": plan["name"], **request}) + "\n")
