"""Compare our requests with lm-eval 0.4.13's, byte for byte.

    python tests/golden/compare_requests.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf,math]==0.4.13`; DIR holds the
benchmark rows (LLMLAB_DATA). lm-eval runs offline, its tasks overridden to those files.
Prints a table and exits with 1 if any context, continuation, stop string or their order
differs.

`--chat multiturn` (or `joined`) compares with `--apply_chat_template` (and
`--fewshot_as_multiturn False`), contexts as the template of SmolLM2 renders them;
`--system TEXT` compares with `--system_instruction TEXT`.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from _reference import asked, card_of, files_of, smollm2, weights

from llmlab_pytest.core import GenerateRequest, Message
from llmlab_pytest.tasks import (
    build_request,
    load_rows,
    load_split,
    override,
    plan_task,
)

ALL = ("completion", "loglikelihood", "chat")
SHOTS = [
    ("arc_easy", 0),
    ("arc_easy", 5),
    ("arc_challenge", 0),
    ("arc_challenge", 25),
    ("boolq", 0),
    ("boolq", 3),
    ("commonsense_qa", 0),
    ("commonsense_qa", 7),
    ("gsm8k", 5),
    ("gsm8k_cot", 8),
    ("gsm8k_cot", 3),
    ("hellaswag", 0),
    ("hendrycks_math500", 0),
    ("humaneval", 0),
    ("mbpp", 3),
    ("minerva_math500", 4),
    ("ifeval", 0),
    ("openbookqa", 0),
    ("openbookqa", 4),
    ("piqa", 0),
    ("piqa", 3),
    ("truthfulqa_gen", 0),
    ("truthfulqa_mc1", 0),
    ("truthfulqa_mc2", 0),
    ("winogrande", 0),
    ("winogrande", 5),
]
UNCONDITIONAL = ("openbookqa", "piqa")
SUBJECTS = ("anatomy", "abstract_algebra", "high_school_us_history")
SUBTASKS = ("dyck_languages", "navigate", "snarks", "sports_understanding")
# Card, lm-eval's name of one part, the field that says the part, parts, shots.
IN_PARTS = [
    ("mmlu", "mmlu_{}", "subject", SUBJECTS, (0, 5)),
    ("mmlu_continuation", "mmlu_{}_continuation", "subject", SUBJECTS, (0, 5)),
    ("mmlu_generative", "mmlu_{}_generative", "subject", SUBJECTS, (0, 5)),
    ("mmlu_pro", "mmlu_pro_{}", "category", ("math", "computer science"), (0, 5)),
    ("bbh", "bbh_cot_fewshot_{}", "subtask", SUBTASKS, (3, 1)),
]


def plans(data: Path, limit: int, folder: Path) -> list[dict]:
    found = []
    for task, shots in SHOTS:
        files = files_of(task, data)
        name = f"{task} {shots}-shot"
        plan = {"name": name, "card": task, "task": task, "files": files}
        found.append({**plan, "shots": shots, "limit": limit, "part": None})
    # What acc_mutual_info compares with: each choice without context.
    found += [
        {**plan, "name": f"{plan['name']} unconditional", "unconditional": True}
        for plan in found
        if plan["task"] in UNCONDITIONAL
    ]
    for card, pattern, field, parts, numbers in IN_PARTS:
        for part in parts:
            files = files_of_part(card, data, folder, (field, part))
            found += [
                {
                    "name": f"{card} {part} {shots}-shot",
                    "card": card,
                    "task": pattern.format(part.replace(" ", "_")),
                    "files": files,
                    "shots": shots,
                    "limit": limit,
                    "part": (field, part),
                }
                for shots in numbers
            ]
    return found


def with_validation(data: Path, folder: Path) -> Path:
    """Return the rows with a stand-in for MMLU-Pro's worked examples, if they lack it.

    The hub alone has them; their form is what is compared here, so the first questions
    of each category stand in, with a solution of one sentence.
    """
    ours = folder / "data"
    ours.mkdir()
    for entry in data.iterdir():
        (ours / entry.name).symlink_to(entry)
    if (data / "mmlu_pro" / "validation.jsonl").exists():
        return ours
    (ours / "mmlu_pro").unlink()
    (ours / "mmlu_pro").mkdir()
    (ours / "mmlu_pro" / "test.jsonl").symlink_to(data / "mmlu_pro" / "test.jsonl")
    shown = defaultdict(list)
    for row in load_rows(data / "mmlu_pro" / "test.jsonl"):
        solution = f"{row['options'][0]} is one. The answer is ({row['answer']})."
        row["cot_content"] = f"A: Let's think step by step. {solution}"
        shown[row["category"]].append(row)
    rows = [row for group in shown.values() for row in group[:5]]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (ours / "mmlu_pro" / "validation.jsonl").write_text(lines)
    return ours


def files_of_part(
    name: str, data: Path, folder: Path, part: tuple[str, str]
) -> dict[str, str]:
    """Write the rows of one part of a task, split by split, as lm-eval has them."""
    source = card_of(name).data
    files = {}
    for split in source.splits:
        rows = load_split(source, split, task=name, data_dir=data)
        path = folder / f"{name}-{part[1]}-{split}.jsonl"
        lines = [json.dumps(row) for row in rows if row[part[0]] == part[1]]
        path.write_text("\n".join(lines) + "\n")
        files[split] = str(path)
    return files


def reference(python: str, wanted: dict) -> dict[str, list[list[object]]]:
    found: dict[str, list[list[object]]] = defaultdict(list)
    for request in asked(python, "reference_requests.py", wanted):
        found[request["plan"]].append(arguments(request["arguments"]))
    return found


def arguments(given: list[object]) -> list[object]:
    context, second = given
    if isinstance(second, dict):
        return [context, list(second["until"]), second.get("max_gen_toks", 256)]
    return [context, second]


def renderer(chat: str) -> Callable[[str | tuple[Message, ...]], str]:
    if chat == "off":
        return str
    _, model = smollm2()
    return lambda context: (
        context if isinstance(context, str) else model._rendered(context)
    )


def ours(plan: dict, data: Path, wanted: dict, render: Callable) -> list[list[object]]:
    card = card_of(plan["card"])
    given = {"shots": plan["shots"], "chat": wanted["chat"], "system": wanted["system"]}
    given = {key: value for key, value in given.items() if value is not None}
    if "unconditional" in plan:
        given["unconditional"] = True
    task = override(card, where="here", **given)
    planned = plan_task(task, limit=0, seed=1234, data_dir=data)
    samples = planned.samples
    if plan["part"] is not None:
        field, part = plan["part"]
        samples = [s for s in samples if s.metadata[field] == part]
    requests = []
    for sample in samples[: plan["limit"]]:
        request = build_request(planned, sample, capabilities=ALL)
        if isinstance(request, GenerateRequest):
            config = request.config
            prompt = render(request.prompt)
            requests.append([prompt, list(config.stop), config.max_tokens])
        else:
            requests += [[render(c.context), c.text] for c in request.continuations]
    return requests


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--only", default="", help="cards whose name begins so")
    parser.add_argument("--chat", choices=("off", "joined", "multiturn"), default="off")
    parser.add_argument("--system")
    options = parser.parse_args()
    worst = 0
    render = renderer(options.chat)
    with tempfile.TemporaryDirectory() as folder:
        data = with_validation(options.data.resolve(), Path(folder))
        found = plans(data, options.limit, Path(folder))
        wanted = {
            "chat": options.chat,
            "system": options.system,
            "weights": str(weights()),
            "plans": [p for p in found if p["card"].startswith(options.only)],
        }
        theirs = reference(options.python, wanted)
        for plan in wanted["plans"]:
            mine = ours(plan, data, wanted, render)
            other = theirs[plan["name"]]
            pairs = zip(mine, other, strict=False)
            same = sum(first == second for first, second in pairs)
            is_equal = same == len(mine) == len(other)
            worst |= not is_equal
            word = "equal" if is_equal else "DIFFERENT"
            print(f"{plan['name']:<40} {same:>5} of {len(other):>5} requests {word}")
            if not is_equal:
                first = next(
                    (p for p in zip(mine, other, strict=False) if p[0] != p[1]), 0
                )
                print("   first difference:", first)
    return worst


if __name__ == "__main__":
    sys.exit(main())
