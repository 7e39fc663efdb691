"""What a run makes of a provider that fails: errors and skips, never misses."""

import json
from typing import Any

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n:03d}", "input": f"say {n}", "target": f"say {n}"}
            for n in range(%d)]

    @llm_task(data=ROWS, scorers=["exact"], gate="exact >= 0.5")
    def test_echo(score): ...
"""
MODEL = """
[[model]]
alias = "%s"
provider = "litellm"
id = "openai/%s"
options = { base_url = "%s", concurrency = 4, timeout_s = 5 }
"""


def _run(
    pytester: pytest.Pytester, url: str, names: list[str], count: int, *arguments: str
) -> tuple[pytest.RunResult, dict[str, Any]]:
    pytester.makepyfile(test_it=SUITE % count)
    entries = [MODEL % (name, name, url) for name in names]
    registry = pytester.path / "llmlab_models.toml"
    registry.write_text("".join(entries), encoding="utf-8")
    result = pytester.runpytest_subprocess(
        "-pno:cacheprovider",
        *(f"--llm={name}" for name in names),
        "--llmlab-json=table.json",
        *arguments,
    )
    return result, json.loads((pytester.path / "table.json").read_text("utf-8"))


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_provider_that_is_down_stops_early_with_one_message(
    pytester: pytest.Pytester, openai_server: Any, workers: str
) -> None:
    """After its first failures nobody asks it any more; another model goes on."""
    with openai_server.OpenAIServer() as server:
        names = ["error-401", "echo"]
        result, told = _run(pytester, server.url, names, 100, workers)
        asked = [body["model"] for body in server.bodies]
    outcomes = result.parseoutcomes()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert asked.count("echo") == 100
    assert asked.count("error-401") < 40
    assert outcomes["passed"] == 101  # all of the other model, and its gate
    assert outcomes["errors"] + outcomes["skipped"] == 101
    assert outcomes["errors"] < 40
    assert "miss" not in outcomes
    assert told["finished_at"] is None
    left = outcomes["skipped"]  # the gate is an error, as ten samples are
    result.stdout.fnmatch_lines(
        [f"PROVIDER DOWN  {left} items were not asked.*={told['run_id']}."]
    )


def test_a_run_goes_on_when_the_provider_is_back(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """Resumed, the table equals an undisturbed run's, and no answer is asked twice."""
    with openai_server.OpenAIServer(key="right") as server:
        _run(pytester, server.url, ["echo"], 40)
        refused = len(server.bodies)
        server.key = None
        result, told = _run(pytester, server.url, ["echo"], 40, "--llmlab-resume")
        answered = server.counts
    assert refused < 40
    assert result.parseoutcomes() == {"passed": 41}
    assert told["rows"][0]["samples"] == 40
    assert told["rows"][0]["errors"] == 0
    assert sum(answered.values()) == refused + 40


def test_samples_of_a_server_with_every_fault_end_once_each(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """Answered ones are scored once, failed ones are errors; none is lost or a miss."""
    names = ["flaky-429", "flaky-500", "flaky-drop", "bad-json", "short", "empty"]
    with openai_server.OpenAIServer() as server:
        result, told = _run(pytester, server.url, names, 3)
    rows = {row["plan"]["model"]: row for row in told["rows"]}
    for name in names:
        is_answered = name.startswith("flaky")
        assert rows[name]["samples"] == 3, name
        assert rows[name]["errors"] == (0 if is_answered else 3), name
    assert "miss" not in result.parseoutcomes()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
