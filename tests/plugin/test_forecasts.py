"""Estimates before a run and predictions after it, as users meet them."""

import json
from typing import Any

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n:02}", "input": "x " * n, "target": "4"} for n in range(1, 13)]

    @llm_task(data=ROWS, scorers=["numeric"])
    def test_sums(score): ...
"""
BEHAVIOUR = """
    def test_behaviour(llm):
        assert llm("Hi").text == "4"
"""
MODELS = """
[[model]]
alias = "paid"
provider = "scripted"
id = "./script.toml"
defaults = { max_tokens = 10 }
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000

[[model]]
alias = "free"
provider = "scripted"
id = "./script.toml"

[[model]]
alias = "mini"
provider = "litellm"
id = "openai/gpt-4o-mini"
defaults = { max_tokens = 100 }

[[model]]
alias = "nobody-knows"
provider = "litellm"
id = "openai/nobody-knows"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Twelve samples; a model with a price, a free one, two of a vendor."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "llmlab_models.toml").write_text(MODELS, encoding="utf-8")
    script = '[[reply]]\npattern = ".*"\ntext = "4"\n'
    (pytester.path / "script.toml").write_text(script, encoding="utf-8")
    return pytester


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-pno:cacheprovider", "--llmlab-json=table.json"]
    return pytester.runpytest_subprocess(*options, *arguments)


def _told(pytester: pytest.Pytester) -> Any:
    return json.loads((pytester.path / "table.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_estimate_asks_nothing(project: pytest.Pytester, workers: str) -> None:
    """No run is kept, no key is needed; bytes, max_tokens and price give bounds."""
    models = ["--llm=paid", "--llm=free", "--llm=mini", "--llm=nobody-knows"]
    result = _run(project, "--llmlab-estimate", workers, *models)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            # 156 bytes: 26 tokens to 78, and 16 for each turn; 12 answers of 1 to 10.
            "sums *paid *12 *26 to 270 *12 to 120 *$0.04 to $0.39 *?",
            "sums *free *12 *26 to 270 *12 to 3.1k *$0 *?",
            "sums *mini *12 *26 to 270 *12 to 1.2k *$1.1e-05 to $0.00076 *?",
            "sums *nobody-knows *12 *26 to 270 *12 to 3.1k *? *?",
            "all *48 *$0.04 to $0.39 + ?*",
            "sums on paid: prompts and max_tokens",
        ]
    )
    assert not (project.path / "table.json").exists()
    shown = _run(project, "--llmlab-report")
    shown.stderr.fnmatch_lines(["*Its latest runs: none.*"])


def test_estimate_of_a_suite_without_models_runs_nothing(
    pytester: pytest.Pytester,
) -> None:
    """Who asks for an estimate is not surprised by tests that run."""
    pytester.makepyfile("def test_it():\n    raise RuntimeError('it ran')\n")
    result = pytester.runpytest_subprocess("--llmlab-estimate")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["No test asks a model."])


def test_estimate_shows_errors_of_the_collection(project: pytest.Pytester) -> None:
    """A suite that cannot be collected has no estimate."""
    project.makepyfile(test_wrong="import nothing_of_that_name\n")
    result = _run(project, "--llmlab-estimate", "--llm=paid")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*nothing_of_that_name*"])


def test_earlier_runs_know_better_than_prompts(project: pytest.Pytester) -> None:
    """A run of the same task on the same model gives a mean and an interval."""
    _run(project, "--llm=paid")
    result = _run(project, "--llmlab-estimate", "--llm=paid")
    result.stdout.fnmatch_lines(
        ["sums *12 *78 [[]39, 117] *12 *$0.09 [[]$0.05, $0.13]*"]
    )
    result.stdout.fnmatch_lines([f"*12 results of run {_told(project)['run_id']}"])
    project.makepyfile(test_it=SUITE.replace("data=", 'prompt="{{ input }}?", data='))
    changed = _run(project, "--llmlab-estimate", "--llm=paid")
    changed.stdout.fnmatch_lines(["*prompts and max_tokens"])


def test_what_is_kept_is_not_estimated(project: pytest.Pytester) -> None:
    """Answers of the cache, and those of a run that goes on, are asked for no more."""
    _run(project, "--llm=paid", "--llmlab-cache=auto", "-k", "s01 or s02 or s03")
    result = _run(project, "--llmlab-estimate", "--llm=paid", "--llmlab-cache=auto")
    result.stdout.fnmatch_lines(["sums *paid *9 of 12 *"])
    again = _run(project, "--llmlab-estimate", "--llm=paid", "--llmlab-resume")
    again.stdout.fnmatch_lines(["sums *paid *9 of 12 *"])


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_paid_run_says_how_far_off_it_was(
    project: pytest.Pytester, workers: str
) -> None:
    """Before it in one line, after it beside what was spent, and in the JSON."""
    first = _run(project, "--llm=paid", workers)
    first.stdout.fnmatch_lines(
        ["estimated $0.0[34] to $0.3?, spent $0.09: as estimated"]
    )
    second = _run(project, "--llm=paid", workers)
    second.stdout.fnmatch_lines(
        ["estimated $0.09 [[]$0.05, $0.13], spent $0.09: as estimated"]
    )
    if workers == "-n0":
        first.stdout.fnmatch_lines(["estimate: 12 items, *cost $0.0[34] to $0.3?"])
    (forecast,) = _told(project)["estimate"]
    assert forecast["cost_usd"]["likely"] == pytest.approx(0.09)
    assert "estimate" not in _told(project)["factors"]


def test_a_free_run_is_not_estimated(project: pytest.Pytester) -> None:
    """Where nothing costs money nobody waits for a forecast."""
    result = _run(project, "--llm=free")
    assert "estimate: " not in result.stdout.str()
    assert "spent" not in result.stdout.str()
    assert _told(project)["estimate"] == []


def test_a_resumed_run_keeps_its_estimate(project: pytest.Pytester) -> None:
    """What it was begun with is compared with what it cost in all."""
    _run(project, "--llm=paid", "--llmlab-budget=0.1usd")
    result = _run(project, "--llm=paid", "--llmlab-budget=1usd", "--llmlab-resume")
    result.stdout.fnmatch_lines(["estimated $0.04 to $0.39, spent $0.09: as estimated"])


def test_behaviour_tests_are_known_after_a_run(project: pytest.Pytester) -> None:
    """Before it nobody knows what they ask; the sum says that something is missing."""
    project.makepyfile(test_more=BEHAVIOUR + BEHAVIOUR.replace("our(", "our_2("))
    first = _run(project, "--llmlab-estimate", "--llm=paid")
    first.stdout.fnmatch_lines(
        [
            "test_more *paid *2 *?*?*",
            "all *14 *+ ?*",
            "test_more on paid: fewer than 2 earlier results",
        ]
    )
    _run(project, "--llm=paid")
    second = _run(project, "--llmlab-estimate", "--llm=paid")
    second.stdout.fnmatch_lines(["test_more *paid *2 *$0.004*"])


def test_predictions_are_of_larger_workloads(project: pytest.Pytester) -> None:
    """With an interval from this run's samples; also later, from the store."""
    result = _run(project, "--llm=paid", "--llmlab-predict=10x, 100")
    result.stdout.fnmatch_lines(
        [
            "10x *sums *paid *120 *$0.90 [[]$0.6?, $1.1?]*",
            "100x *sums *paid *1,200 *$9.00 [[]$6.*, $11.*]*",
        ]
    )
    told = _told(project)["predictions"]
    assert [prediction["factor"] for prediction in told] == [10, 100]
    assert told[0]["forecasts"][0]["output_tokens"] == {
        "low": 120.0,
        "high": 120.0,
        "likely": 120.0,
    }
    later = _run(project, "--llmlab-report", "--llmlab-predict=2.5x")
    later.stdout.fnmatch_lines(["2.5x *sums *paid *30 *"])


@pytest.mark.parametrize("factors", ["ten", "0x", "-1", "10x,,", "inf", "nan"])
def test_wrong_factors_are_refused(project: pytest.Pytester, factors: str) -> None:
    """Before anything is asked, with an example."""
    result = _run(project, "--llm=paid", f"--llmlab-predict={factors}")
    assert result.ret != pytest.ExitCode.OK
    told = f"*--llmlab-predict is '{factors}'. It takes numbers above 0, *10x,100x*"
    result.stdout.fnmatch_lines([told])
