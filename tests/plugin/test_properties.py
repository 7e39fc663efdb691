"""Property tests with hypothesis and a model, as users meet them."""

import json
import sqlite3

import pytest

MODELS = """
[[model]]
alias = "one"
provider = "scripted"
id = "./script.toml"
[[model]]
alias = "two"
provider = "scripted"
id = "./script.toml"
"""
SCRIPT = """
fallback = "error"
[[reply]]
pattern = "capital"
text = "Paris"
[[reply]]
pattern = "^(?!broken)"
text = "London"
"""
HEAD = """
import asyncio
import pytest
from hypothesis import given, settings, strategies as st
from llmlab_pytest.metamorphic import assert_same_answer, typos
QUESTION = "What is the capital of France?"
"""
SPENT = "ignore::llmlab_pytest.CallsSpentWarning"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two models that know what a capital is, if the word is spelled right."""
    (pytester.path / "llmlab_models.toml").write_text(MODELS, encoding="utf-8")
    (pytester.path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    return pytester


def _run(
    project: pytest.Pytester, body: str, *arguments: str, models: str = "one"
) -> pytest.RunResult:
    (project.path / "test_it.py").write_text(HEAD + body, encoding="utf-8")
    options = ["-pno:cacheprovider", "-oasyncio_default_fixture_loop_scope=function"]
    chosen = [f"--llm={models}", "-Werror", *arguments]
    return project.runpytest_subprocess(*options, *chosen)


def _prompts(project: pytest.Pytester) -> list[str]:
    """Return what the models were asked, by the run's store."""
    path = project.path / ".llmlab" / "llmlab.db"
    with sqlite3.connect(path) as store:
        rows = store.execute("SELECT request FROM completions").fetchall()
    return [json.loads(row[0])["prompt"][0]["content"] for row in rows]


def test_a_property_fails_with_its_shortest_prompt(project: pytest.Pytester) -> None:
    """One error is left, in the word that matters, and both answers are shown."""
    result = _run(
        project,
        """
@given(changed=typos(QUESTION, at_most=4))
def test_typos(llm, changed):
    assert_same_answer(llm, QUESTION, changed)
""",
    )
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "E*exact (one): the answer changes with the prompt",
            "E*- 'capital'",
            "E*+ 'cpaital'",
            "E*answer to the original prompt:",
            "E*Paris",
            "E*answer to the changed prompt:",
            "E*London",
            "E*changed='What is the cpaital of France?',",
        ]
    )


def test_a_property_asks_each_prompt_once(project: pytest.Pytester) -> None:
    """Neither another input nor shrinking asks what the test has asked before."""
    result = _run(
        project,
        """
@given(changed=typos(QUESTION, at_most=4))
def test_typos(llm, changed):
    assert_same_answer(llm, QUESTION, changed)
""",
    )
    assert result.parseoutcomes() == {"failed": 1}
    prompts = _prompts(project)
    assert len(prompts) == len(set(prompts)) > 10


def test_a_property_runs_on_each_model_with_a_class(project: pytest.Pytester) -> None:
    """Methods, models and hypothesis' health checks and deadline go together."""
    result = _run(
        project,
        """
class TestModels:
    @given(changed=typos(QUESTION))
    def test_typos(self, llm, changed):
        assert llm(changed).text in {"Paris", "London"}
""",
        models="one,two",
    )
    assert result.parseoutcomes() == {"passed": 2}


def test_no_default_deadline_holds_for_models(project: pytest.Pytester) -> None:
    """An input may take longer than 0.2 s; a deadline of the test's own stays."""
    result = _run(
        project,
        """
import time

def slowly(llm, number):
    llm(f"capital {number}")
    time.sleep(0.25)

@settings(max_examples=2)
@given(number=st.integers())
def test_slow(llm, number):
    slowly(llm, number)

@settings(max_examples=2, deadline=100)
@given(number=st.integers())
def test_too_slow(llm, number):
    slowly(llm, number)
""",
    )
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*DeadlineExceeded*"])


@pytest.mark.parametrize("call", ["await llm.agenerate(changed)", "await both(llm)"])
def test_a_coroutine_can_be_a_property(project: pytest.Pytester, call: str) -> None:
    """With pytest-asyncio, calls are counted and kept in coroutines, too."""
    result = _run(
        project,
        f"""
async def both(llm):
    async with asyncio.TaskGroup() as group:
        first = group.create_task(llm.agenerate("capital A"))
        group.create_task(llm.agenerate("capital B"))
        group.create_task(llm.agenerate(QUESTION))
    return await first

@pytest.mark.llm_calls(3)
@pytest.mark.asyncio
@given(changed=typos(QUESTION))
async def test_async(llm, changed):
    reply = {call}
    assert reply.text in {{"Paris", "London"}}
""",
        f"-W{SPENT}",
    )
    assert result.parseoutcomes() == {"passed": 1}
    assert len(_prompts(project)) == 3


def test_spent_calls_end_a_property_with_a_warning(project: pytest.Pytester) -> None:
    """What was tested holds, and that it was less than hypothesis would is said."""
    result = _run(
        project,
        """
@pytest.mark.llm_calls(7)
@given(number=st.integers(0, 1000))
def test_numbers(llm, number):
    llm(f"capital {number}")
""",
        "-Wdefault::llmlab_pytest.CallsSpentWarning",
    )
    assert result.parseoutcomes() == {"passed": 1, "warnings": 1}
    assert len(_prompts(project)) == 7
    result.stdout.fnmatch_lines(
        ["*test_numbers?one?: All 7 calls of the test are spent; 7 inputs were *"]
    )


def test_calls_spent_while_shrinking_are_told(project: pytest.Pytester) -> None:
    """A test that failed fails, with what was found until then."""
    result = _run(
        project,
        """
@pytest.mark.llm_calls(12)
@given(number=st.integers(100, 10**9))
def test_numbers(llm, number):
    assert llm(f"number {number}").text == "Paris"
""",
    )
    assert result.parseoutcomes() == {"failed": 1}
    assert len(_prompts(project)) <= 12
    result.stdout.fnmatch_lines(["E*assert 'London' == 'Paris'"])
    result = _run(
        project,
        """
@pytest.mark.llm_calls(3)
@given(number=st.integers(100, 10**9), other=st.integers(100, 10**9))
def test_numbers(llm, number, other):
    assert llm(f"number {number} {other}").text == "Paris"
""",
    )
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        ["E*All 3 calls of the test are spent; * A shorter prompt may fail, too."]
    )


def test_a_limit_too_low_for_one_input_is_an_error(project: pytest.Pytester) -> None:
    """A property that was tested on nothing does not pass."""
    result = _run(
        project,
        """
@pytest.mark.llm_calls(1)
@given(number=st.integers())
def test_numbers(llm, number):
    llm("capital A")
    llm("capital B")
""",
    )
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(
        ["ConfigError: *test_numbers?one? could test no input to its end: one makes *"]
    )


def test_a_failed_call_is_an_error_and_is_not_shrunk(
    project: pytest.Pytester,
) -> None:
    """No shorter prompt is looked for that fails, too: each would be paid for."""
    result = _run(
        project,
        """
ASKED = []

@given(number=st.integers(0, 10**6))
def test_numbers(llm, number):
    ASKED.append(number)
    llm("broken" if number else "capital")

def test_asked():
    assert len(set(ASKED)) <= 3
""",
    )
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["E*MalformedReply: The script of *"])


def test_the_database_replays_what_failed(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run asks for the prompt that failed first, and for little else.

    On a developer's machine: in CI hypothesis has no database by default.
    """
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    body = """
@given(changed=typos(QUESTION, at_most=4))
def test_typos(llm, changed):
    assert_same_answer(llm, QUESTION, changed)
"""
    assert _run(project, body).ret == 1
    first = len(_prompts(project))
    result = _run(
        project, body, "--llmlab-store=again.db", "--hypothesis-verbosity=verbose"
    )
    again = sqlite3.connect(project.path / "again.db")
    count = again.execute("SELECT count(*) FROM completions").fetchone()[0]
    again.close()
    assert result.ret == 1
    assert count < first


def test_a_seed_repeats_the_prompts(project: pytest.Pytester) -> None:
    """With --hypothesis-seed two runs ask the same."""
    body = """
@settings(database=None, max_examples=20)
@given(changed=typos(QUESTION))
def test_typos(llm, changed):
    llm(changed)
"""
    _run(project, body, "--hypothesis-seed=5")
    first = _prompts(project)
    (project.path / ".llmlab" / "llmlab.db").unlink()
    _run(project, body, "--hypothesis-seed=5")
    assert _prompts(project) == first
    assert len(first) > 5


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("llm_calls(0)", "has (0,). It takes the most calls"),
        ("llm_calls(calls=3)", "has {'calls': 3}. It takes the most calls"),
    ],
)
def test_wrong_marks_are_refused(
    project: pytest.Pytester, mark: str, told: str
) -> None:
    """What the mark takes is said before anything is asked."""
    result = _run(
        project,
        f"""
@pytest.mark.{mark}
@given(number=st.integers())
def test_numbers(llm, number): ...
""",
    )
    assert result.parseoutcomes() == {"errors": 1}
    assert told in result.stdout.str()


def test_the_mark_is_refused_on_tests_without_given(project: pytest.Pytester) -> None:
    """Only property tests have one; a mark of the file is for those in it."""
    body = "\n@pytest.mark.llm_calls(3)\ndef test_it(llm): ...\n"
    result = _run(project, body)
    assert result.parseoutcomes() == {"errors": 1}
    assert "is no property test" in result.stdout.str()
    both = """
pytestmark = pytest.mark.llm_calls(5)

def test_it(llm):
    assert [llm(f"capital {number}").text for number in range(9)]

@given(number=st.integers(0, 1000))
def test_numbers(llm, number):
    llm(f"capital {number}")
"""
    result = _run(project, both, "-Wdefault::llmlab_pytest.CallsSpentWarning")
    assert result.parseoutcomes() == {"passed": 2, "warnings": 1}
