"""A run says what it is busy with, and its first answers do not wait for the rest."""

import pytest

SUITE = """
import gc

from llmlab_pytest import llm_task

@llm_task(data=[{"id": f"s{n}", "input": "1", "target": "1"} for n in range(4)],
          scorers=["exact"])
def test_echo(completion):
    assert completion.text

def test_garbage_is_searched_again():
    assert gc.isenabled()
"""
CONFTEST = """
import gc

def pytest_collection_modifyitems():
    assert not gc.isenabled()
"""
MODEL = """
[[model]]
alias = "broken"
provider = "llamacpp"
id = "broken.gguf"
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_model_that_is_awaited_is_named_once(
    pytester: pytest.Pytester, workers: str
) -> None:
    """Alias, file and MB are told before the model is there, by one process only."""
    pytester.makepyfile(test_it=SUITE)
    pytester.makeconftest(CONFTEST)
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    (pytester.path / "broken.gguf").write_bytes(b"?" * 3_400_000)
    result = pytester.runpytest_subprocess(
        "-pno:cacheprovider", "--llm=broken", "-n", workers
    )
    result.assert_outcomes(passed=1, errors=4)
    shown = result.outlines + result.errlines
    named = [line for line in shown if line.startswith("llmlab: ")]
    assert named == ["llmlab: loading broken (broken.gguf, 3 MB) …"]
