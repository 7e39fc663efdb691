"""Time lm-eval's own model on requests. Run by lm-eval's interpreter, not ours.

Reads {weights, threads, dtype, batch, pairs, prompts} as JSON from standard input;
loads the model, answers, and prints {elapsed_s, answers} as the last line. Loading is
not in the time.
"""

import json
import sys
import time
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

plan = json.load(sys.stdin)
torch.set_num_threads(plan["threads"])
weights = Path(plan["weights"])
model = HFLM(
    pretrained=str(weights.parent),
    gguf_file=weights.name,
    dtype=plan["dtype"],
    device="cpu",
    batch_size=plan["batch"],
)
pairs = [
    Instance("loglikelihood", {}, tuple(pair), index)
    for index, pair in enumerate(plan["pairs"])
]
prompts = [
    Instance("generate_until", {}, (prompt, settings), index)
    for index, (prompt, settings) in enumerate(plan["prompts"])
]
warm = [Instance("loglikelihood", {}, ("one two", " three"), 0)]
model.loglikelihood(warm, disable_tqdm=True)
started = time.perf_counter()
answers: list = []
if pairs:
    answers += model.loglikelihood(pairs, disable_tqdm=True)
if prompts:
    answers += model.generate_until(prompts, disable_tqdm=True)
elapsed_s = time.perf_counter() - started
print(json.dumps({"elapsed_s": elapsed_s, "answers": answers}))
