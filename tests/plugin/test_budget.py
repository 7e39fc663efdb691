"""Budgets as users meet them: skips, the exit code, the last lines, going on."""

import json

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n}?", "target": "4"} for n in range(6)]

    @llm_task(data=ROWS, scorers=["numeric"], gate="accuracy >= 0.5")
    def test_sums(score): ...

    def test_behaviour(llm):
        assert llm("Hi").text == "4"
"""
MODEL = """
[[model]]
alias = "paid"
provider = "scripted"
id = "./script.toml"
defaults = { max_tokens = 10 }
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000
"""
ANSWERS = '[[reply]]\npattern = ".*"\ntext = "4"\n'
WORST_USD = 0.044
"""Two bytes, room for one turn, ten tokens."""
COST_USD = 0.002
BUDGET_SPENT = 10


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Six samples and a behaviour test on a model with a price."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    (pytester.path / "script.toml").write_text(ANSWERS, encoding="utf-8")
    return pytester


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-pno:cacheprovider", "--llm=paid", "--llmlab-json=table.json"]
    return pytester.runpytest_subprocess(*options, *arguments)


def _told(pytester: pytest.Pytester) -> dict[str, object]:
    text = (pytester.path / "table.json").read_text(encoding="utf-8")
    told: dict[str, object] = json.loads(text)
    return told


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_spent_budget_skips_the_rest(project: pytest.Pytester, workers: str) -> None:
    """Neither misses nor errors; a code of its own, and how to go on."""
    limit_usd = WORST_USD + 2 * COST_USD
    result = _run(project, f"--llmlab-budget={limit_usd}usd", workers, "-rs")
    assert result.ret == BUDGET_SPENT
    assert result.parseoutcomes() == {"passed": 3, "skipped": 5}  # one is the gate
    told = _told(project)
    assert told["finished_at"] is None
    result.stdout.fnmatch_lines(
        [
            "budget 0.048usd: $0.0060 spent (1[23]%)",
            f"BUDGET SPENT  4 items are left.*--llmlab-resume={told['run_id']}*",
            "*SKIPPED*budget: Of the budget 0.048usd 0.0060 usd are spent*",
        ]
    )


def test_run_goes_on_with_a_larger_budget(project: pytest.Pytester) -> None:
    """What was answered is not paid twice; then the run is whole and its gate holds."""
    _run(project, f"--llmlab-budget={WORST_USD}usd")
    result = _run(project, "--llmlab-budget=1usd", "--llmlab-resume")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 8}
    result.stdout.fnmatch_lines([f"budget 1usd: ${7 * COST_USD:.4f} spent (1%)"])
    assert "BUDGET SPENT" not in result.stdout.str()


def test_day_knows_what_earlier_runs_spent(project: pytest.Pytester) -> None:
    """Also those without a budget; another run of the same day has no room."""
    assert _run(project).ret == pytest.ExitCode.OK
    result = _run(project, f"--llmlab-budget={WORST_USD + COST_USD}usd/day")
    assert result.ret == BUDGET_SPENT
    assert result.parseoutcomes() == {"skipped": 8}
    result.stdout.fnmatch_lines(["budget 0.046usd/day: $0.0140 spent (30%)"])


def test_kept_answers_need_no_money(project: pytest.Pytester) -> None:
    """A run whose answers all come from the cache fits any budget, and spends none."""
    assert _run(project, "--llmlab-cache=auto").ret == pytest.ExitCode.OK
    result = _run(project, "--llmlab-cache=auto", "--llmlab-budget=0.000001usd")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 8}
    result.stdout.fnmatch_lines(["budget 1e-06usd: $0.0000 spent (0%)"])


def test_alert_is_shown_before_the_budget_is_spent(project: pytest.Pytester) -> None:
    """From 80% on unless another part is asked for; the run is not disturbed."""
    arguments = ("--llmlab-budget=0.1usd", "--llmlab-budget-alert=10%")
    result = _run(project, *arguments)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["budget 0.1usd: $0.0140 spent (14%)  ALERT"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--llmlab-budget=5",),
        ("--llmlab-budget=pait=5usd",),
        ("--llmlab-budget-alert=80",),
    ],
    ids=["unit", "model", "alert"],
)
def test_wrong_budget_runs_nothing(
    project: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    """A budget that cannot be understood must not let a run begin."""
    result = _run(project, *arguments)
    assert result.ret == pytest.ExitCode.INTERRUPTED  # as after any wrong option
    said = " ".join((result.stdout.str() + result.stderr.str()).split())
    assert "llmlab-budget" in said
    assert "test_it.py ." not in said
