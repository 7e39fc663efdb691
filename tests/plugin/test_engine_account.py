"""A run says what was asked of a local model, what it computed, and how fast."""

import json

import pytest

CONFTEST = """
from dataclasses import replace

from llmlab_pytest import Usage
from llmlab_pytest.testing import ScriptedModel


class LocalModel(ScriptedModel):
    facts = {"layer_flop": "2000000", "matrix_flops": "500000000"}

    async def run(self, requests):
        usage = Usage(input_tokens=900, cached_input_tokens=700, output_tokens=100)
        return [
            replace(completion, usage=usage, compute_s=2.0)
            for completion in await super().run(requests)
        ]


def pytest_llmlab_register_providers(register):
    register("local", lambda spec: LocalModel(fallback=lambda _: "1", spec=spec))
"""
MODEL = """
[[model]]
alias = "near"
provider = "local"
id = "near"
"""
SUITE = """
from llmlab_pytest import llm_task

@llm_task(data=[{"id": f"s{n}", "input": "1", "target": "1"} for n in range(6)],
          scorers=["exact"])
def test_echo(completion):
    assert completion.text
"""
LINES = [
    "near: 6,000 tokens asked, 1,800 computed (3.3x fewer) in 12s",
    "  150 tokens/s computed · layers at 0.3 GFLOP/s, 60% of one alone (0.5)",
]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_engine_is_accounted_in_every_output(
    pytester: pytest.Pytester, workers: str
) -> None:
    """Terminal, JSON and page, of all workers; the store keeps what it needs."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    result = pytester.runpytest_subprocess(
        *("-pno:cacheprovider", "--llm=near", "-n", workers),
        *("--llmlab-json=report.json", "--llmlab-html=page.html"),
    )
    result.assert_outcomes(passed=6)
    at = result.outlines.index(LINES[0])
    assert result.outlines[at : at + 2] == LINES
    (engine,) = json.loads((pytester.path / "report.json").read_text())["engines"]
    assert engine["model"] == "near"
    assert engine["computed_tokens"] == 1800
    assert engine["of_matrix_rate"] == pytest.approx(0.6)
    page = (pytester.path / "page.html").read_text(encoding="utf-8")
    assert f"{LINES[0].removeprefix('near: ')} · {LINES[1].strip()}" in page
    again = pytester.runpytest_subprocess("-pno:cacheprovider", "--llmlab-report=last")
    assert again.outlines[again.outlines.index(LINES[0]) :][:2] == LINES
