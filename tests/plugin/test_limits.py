"""Marks and asserts on what tests take, as users meet them."""

import json

import pytest

MODEL = """
[[model]]
alias = "paid"
provider = "scripted"
id = "./script.toml"
defaults = { max_tokens = 10 }
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000
"""
WORST_USD = 0.044
"""Two bytes, room for one turn, ten tokens."""
COST_USD = 0.002
BUDGET_SPENT = 10


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A model with a price: each answer costs 0.002 usd."""
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    script = '[[reply]]\npattern = ".*"\ntext = "4"\n'
    (pytester.path / "script.toml").write_text(script, encoding="utf-8")
    return pytester


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-pno:cacheprovider", "--llm=paid", "--llmlab-json=table.json"]
    return pytester.runpytest_subprocess(*options, *arguments)


def test_limits_fail_a_test_that_takes_more(project: pytest.Pytester) -> None:
    """All limits that do not hold are named, over all answers of the test."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.llm_limits("cost_usd <= 0.003", "output_tokens <= 2")
        class TestLimits:
            def test_one(self, llm):
                llm("Hi")

            @pytest.mark.llm_limits("latency_max_s < 0")
            def test_two(self, llm):
                llm("Hi")
                llm("Ho")
        """
    )
    result = _run(project)
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(
        [
            "LlmAssertionError: limits (paid): 2 answers took too much or came too *",
            "    cost_usd <= 0.003: it is 0.004",
            "    latency_max_s < 0: it is *",
        ]
    )
    assert "output_tokens" not in result.stdout.str().partition("FAILURES")[2]


def test_limits_of_a_sample_make_it_a_miss(project: pytest.Pytester) -> None:
    """As an assert in its function does; the explanation is kept."""
    project.makepyfile(
        """
        import pytest
        from llmlab_pytest import llm_task

        ROWS = [{"id": "a", "input": "Hi", "target": "4"}]

        @pytest.mark.llm_limits("cost_usd <= 0.001")
        @llm_task(data=ROWS, scorers=["numeric"])
        def test_sums(score): ...
        """
    )
    result = _run(project, "--llmlab-samples=samples.jsonl")
    assert result.parseoutcomes() == {"miss": 1}
    text = (project.path / "samples.jsonl").read_text(encoding="utf-8")
    assert "cost_usd <= 0.001: it is 0.002" in text


def test_what_was_not_measured_is_an_error(project: pytest.Pytester) -> None:
    """No first token without streaming, no latency without an answer."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.llm_limits("ttft_max_s <= 1")
        def test_unstreamed(llm):
            llm("Hi")

        @pytest.mark.llm_limits("latency_max_s <= 1")
        def test_unasked(llm): ...

        @pytest.mark.llm_limits("ttft_max_s <= 1", "latency_p99_s < 60")
        def test_streamed(llm):
            llm("Hi", stream=True)
        """
    )
    result = _run(project)
    assert result.parseoutcomes() == {"passed": 1, "errors": 2}
    result.stdout.fnmatch_lines(["*was not measured.*stream=True*"])
    result.stdout.fnmatch_lines(["*is on no answer at all.*"])


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_gates_judge_the_tests_of_a_file(
    project: pytest.Pytester, workers: str
) -> None:
    """They appear after the tests of all workers, and know what all took together."""
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.llm_gate("passed >= 50% point", "cost_usd <= 0.005")

        @pytest.mark.parametrize("number", range(3))
        def test_cost(llm, number):
            llm("Hi")
        """
    )
    result = _run(project, workers, "-rA")
    assert result.parseoutcomes() == {"passed": 4, "failed": 1}
    result.stdout.fnmatch_lines(
        [
            "FAILED: *on paid: cost_usd <= 0.005: cost_usd is 0.006 over 3 samples",
            "PASSED *::behaviour?paid-gate passed >= 50% point?",
            "FAILED *::behaviour?paid-gate cost_usd <= 0.005?*",
        ]
    )
    told = json.loads((project.path / "table.json").read_text(encoding="utf-8"))
    assert [verdict["state"] for verdict in told["verdicts"]] == ["passed", "failed"]


def test_gates_of_a_mark_join_those_of_the_task(project: pytest.Pytester) -> None:
    """A task may have gates of its own and of a mark."""
    project.makepyfile(
        """
        import pytest
        from llmlab_pytest import llm_task

        ROWS = [{"id": "a", "input": "Hi", "target": "4"}]

        @pytest.mark.llm_gate("latency_p99_s <= 60")
        @llm_task(data=ROWS, scorers=["numeric"], gate="accuracy >= 0.1")
        def test_sums(score): ...
        """
    )
    result = _run(project, "-rA")
    assert result.parseoutcomes() == {"passed": 3}
    result.stdout.fnmatch_lines(["PASSED *gate latency_p99_s <= 60*"])


def test_a_test_that_is_out_of_money_fails_alone(project: pytest.Pytester) -> None:
    """The call that may cost too much is not made; the others go on."""
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.llm_budget(usd={WORST_USD})
        def test_two(llm):
            llm("Hi")
            llm("Ho")

        def test_other(llm):
            llm("Ha")
        """
    )
    result = _run(project)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    wanted = "*AllowanceExceeded: Of the budget 0.044usd of *test_two?paid? 0.0020 usd*"
    result.stdout.fnmatch_lines([wanted])
    told = json.loads((project.path / "table.json").read_text(encoding="utf-8"))
    assert told["rows"][0]["errors"] == 1
    assert told["rows"][0]["cost_usd"] == pytest.approx(2 * COST_USD)


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_samples_share_a_budget(project: pytest.Pytester, workers: str) -> None:
    """When it is spent the rest is left out, and can be finished with a larger one."""
    suite = """
        import pytest
        from llmlab_pytest import llm_task

        ROWS = [{"id": f"s{n}", "input": f"{n}?", "target": "4"} for n in range(6)]

        @pytest.mark.llm_budget(%s, together=True)
        @llm_task(data=ROWS, scorers=["numeric"], gate="accuracy >= 0.3")
        def test_sums(score): ...

        def test_other(llm):
            llm("Ha")
        """
    project.makepyfile(test_it=suite % (WORST_USD + 2 * COST_USD))
    result = _run(project, workers, "-rs")
    assert result.ret == BUDGET_SPENT
    assert result.parseoutcomes() == {"passed": 4, "skipped": 4}
    result.stdout.fnmatch_lines(
        ["*SKIPPED*budget: Of the budget 0.048usd of *test_sums together 0.0060 usd*"]
    )
    project.makepyfile(test_it=suite % 1)
    result = _run(project, workers, "--llmlab-resume")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 8}


def test_each_sample_may_have_a_budget(project: pytest.Pytester) -> None:
    """Without `together` the amount is that of every sample."""
    project.makepyfile(
        f"""
        import pytest
        from llmlab_pytest import llm_task

        ROWS = [
            {{"id": "short", "input": "4?", "target": "4"}},
            {{"id": "long", "input": "4" * 100, "target": "4"}},
        ]

        @pytest.mark.llm_budget({WORST_USD})
        @llm_task(data=ROWS, scorers=["numeric"])
        def test_sums(score): ...
        """
    )
    result = _run(project)
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*AllowanceExceeded: Of the budget*sums?paid-long?*"])


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('llm_limits("accuracy >= 1")', "*is on 'accuracy'. A limit is on cost_usd,*"),
        (
            "llm_limits(cost_usd=1)",
            "*has {'cost_usd': 1}. It takes conditions as text*",
        ),
        ("llm_limits(0.01)", "*has 0.01. It takes conditions as text.*"),
        ("llm_limits()", "*has no argument. It takes conditions as text*"),
        ('llm_limits("cost_usd < many")', "*gate 'cost_usd < many' in*cannot be read*"),
        ('llm_gate("pased >= 1")', "*Unknown metric 'pased' in*(@llm_gate)*"),
        ('llm_budget("1usd")', "*is llm_budget('1usd'). It takes usd, a number*"),
        ("llm_budget(usd=-1)", "*is llm_budget(usd=-1). It takes usd*"),
        ("llm_budget(1, usd=1)", "*is llm_budget(1, usd=1). It takes usd*"),
        ("llm_budget()", "*is llm_budget(). It takes usd, a number at least 0*"),
        ("llm_budget(1, each=True)", "*is llm_budget(1, each=True). It takes*"),
    ],
)
def test_wrong_marks_are_collection_errors(
    project: pytest.Pytester, mark: str, message: str
) -> None:
    """Seen before anything is asked, with the test and the mark."""
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.{mark}
        def test_wrong(llm): ...
        """
    )
    result = _run(project)
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines([message])
