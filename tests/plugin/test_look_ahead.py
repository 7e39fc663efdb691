"""Model calls start ahead of the items that need them; the results do not change."""

import json
from typing import Any

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n}", "target": f"{n % 2}"} for n in range(12)]
    FOUND = []

    @llm_task(data=ROWS, scorers=["exact"])
    def test_echo(completion):
        FOUND.append(completion.prefetched)

    def test_what_was_prefetched():
        print("PREFETCHED", sum(FOUND))
"""
MODEL = """
[[model]]
alias = "remote"
provider = "litellm"
id = "openai/slow"
options = { base_url = "%s", concurrency = 4 }
"""


def _run(
    pytester: pytest.Pytester, server: Any, look_ahead: int, *arguments: str
) -> tuple[pytest.RunResult, list[dict[str, Any]]]:
    pytester.makepyfile(test_it=SUITE)
    registry = pytester.path / "llmlab_models.toml"
    registry.write_text(MODEL % server.url, encoding="utf-8")
    result = pytester.runpytest_subprocess(
        "-pno:cacheprovider",
        "-s",
        "--llm=remote",
        f"--llmlab-look-ahead={look_ahead}",
        f"--llmlab-json=table{look_ahead}.json",
        *arguments,
    )
    table = json.loads((pytester.path / f"table{look_ahead}.json").read_text("utf-8"))
    return result, [metric for row in table["rows"] for metric in row["metrics"]]


def test_calls_run_side_by_side_and_change_no_score(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """As many at once as the model allows; one by one without; the scores are equal."""
    with openai_server.OpenAIServer() as ahead, openai_server.OpenAIServer() as alone:
        first, metrics = _run(pytester, ahead, 64)
        second, same = _run(pytester, alone, 0)
        assert ahead.peak == 4
        assert alone.peak == 1
        assert len(ahead.bodies) == len(alone.bodies) == 12
    assert first.parseoutcomes() == second.parseoutcomes() == {"passed": 3, "miss": 10}
    assert metrics == same
    # The first item may ask before the model is ready: its call is not ahead.
    first.stdout.re_match_lines([r".*PREFETCHED 1[12]$"])
    second.stdout.fnmatch_lines(["*PREFETCHED 0"])


def test_window_bounds_what_is_ahead(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """No more calls are under way or waiting to be used than the option says."""
    with openai_server.OpenAIServer() as server:
        result, _ = _run(pytester, server, 3)
        assert server.peak <= 3 + 1  # and the one that the running item asks for
        assert server.peak > 1
    assert result.parseoutcomes() == {"passed": 3, "miss": 10}


def test_first_failure_stops_what_is_ahead(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """With -x a suite that fails in its first test asks for no more than a window."""
    pytester.makepyfile(test_a="def test_fails():\n    assert False\n")
    with openai_server.OpenAIServer() as server:
        result, _ = _run(pytester, server, 8, "-x", "test_a.py", "test_it.py")
        assert len(server.bodies) <= 8
    assert result.parseoutcomes()["failed"] == 1
