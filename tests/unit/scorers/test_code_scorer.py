"""The scorer `passes_tests`, on rows of the real benchmarks and on wrong ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    CodeExecutionOff,
    Completion,
    ConfigError,
    DataError,
    Sample,
    SandboxError,
    Score,
)
from llmlab_pytest.sandbox import require_sandbox
from llmlab_pytest.scorers import apply_scorer, make_scorer, score, scorer_registry
from llmlab_pytest.tasks import find_card, load_card, plan_task, shipped_card_folders

SCORER: dict[str, Any] = {"name": "passes_tests", "timeout_s": 3}
Scoring = Callable[..., Score]


@pytest.fixture
def scored() -> Scoring:
    """Score a text against a sample; skip where nothing can be confined."""
    try:
        require_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))

    def score(text: str, sample: Sample, **options: Any) -> Score:
        registry = scorer_registry(may_run_code=True)
        name, scorer = make_scorer({**SCORER, **options}, registry, where="card")
        completion = Completion(text=text, model="m")
        return apply_scorer(name, scorer, completion=completion, sample=sample)

    return score


def _sample(target: Any, **fields: Any) -> Sample:
    return Sample(id="s", input="", target=target, metadata=fields)


def test_code_is_off_unless_it_is_allowed() -> None:
    """The registry that nobody has asked to allow it refuses to make the scorer."""
    with pytest.raises(CodeExecutionOff, match="--llmlab-allow-code-execution"):
        make_scorer(SCORER, scorer_registry(), where="card")


def test_program_that_ends_without_an_exception_runs(scored: Scoring) -> None:
    """`runs_python` finds code in a fence; what it raises is the explanation."""
    sample = _sample(None)
    hit = scored("Sure:\n```python\nx = sum([1, 2])\n```", sample, name="runs_python")
    assert (hit.value, hit.answer, hit.explanation) == (1.0, "x = sum([1, 2])", None)
    miss = scored("1 / 0", sample, name="runs_python")
    assert miss.value == 0.0
    assert "ZeroDivisionError" in str(miss.explanation)
    late = scored("while True: pass", sample, name="runs_python", timeout_s=0.2)
    assert "timeout" in str(late.explanation)
    assert scored("", sample, name="runs_python").explanation == "there is no code"


def test_running_a_program_is_off_unless_it_is_allowed() -> None:
    """Also inside a composition and by its name alone."""
    for spec in (
        "runs_python",
        {"name": "runs_python", "fenced": False, "timeout_s": 1},
        {"name": "negate", "scorer": "runs_python"},
    ):
        with pytest.raises(CodeExecutionOff, match="'runs_python'"):
            make_scorer(spec, scorer_registry(), where="card")
    with pytest.raises(CodeExecutionOff):
        score("1 / 0", "runs_python")


def test_right_text_is_a_hit_and_a_wrong_one_says_why(scored: Scoring) -> None:
    """The text alone is the program by default; the target holds the tests."""
    sample = _sample("assert one() == 1")
    hit = scored("def one(): return 1", sample)
    assert (hit.value, hit.answer, hit.explanation) == (
        1.0,
        "def one(): return 1",
        None,
    )
    miss = scored("def one(): return 2", sample)
    assert miss.value == 0.0
    assert miss.explanation == "failed: assert one() == 1 (the last call returned 2)"


def test_several_targets_are_lines_of_one_test(scored: Scoring) -> None:
    """A list of assertions is run from the first to the last: all must hold."""
    sample = _sample(("assert one() == 1", "assert one() > 1"))
    explanation = scored("def one(): return 1", sample).explanation or ""
    assert explanation.startswith("failed: assert one() > 1")


def test_program_is_an_expression_over_the_row(scored: Scoring) -> None:
    """Fields of the row and the text make the program."""
    sample = _sample("assert one() == 1", start="def one():\n")
    options = {"program": "start ~ completion"}
    assert scored("    return 1", sample, **options).value == 1.0
    with pytest.raises(DataError, match="strat"):
        scored("    return 1", sample, program="strat ~ completion")


@pytest.mark.parametrize(
    ("target", "error", "said"),
    [
        (None, ConfigError, "no target"),
        ("assert one( == 1", DataError, "'s' are no Python"),
        ("x = '\0'", DataError, "'s' are no Python"),
    ],
)
def test_tests_that_cannot_run_are_an_error(
    scored: Scoring, target: Any, error: type[Exception], said: str
) -> None:
    """A fault of the dataset is no miss of the model."""
    with pytest.raises(error, match=said):
        scored("def one(): return 1", _sample(target))


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_timeout_is_above_zero(scored: Scoring, timeout_s: float) -> None:
    """A timeout that no program could keep is refused with its value."""
    with pytest.raises(ConfigError, match=f"timeout_s is {timeout_s}"):
        scored("", _sample("pass"), timeout_s=timeout_s)


# The whole of both is compared by tests/golden/compare_execution.py.
CANONICAL = {
    "humaneval": ("canonical_solution", [0, 32, 38, 50, 107, 163]),
    "mbpp": ("code", [0, 29, 77, 113, 115, 499]),
}


@pytest.mark.mirror
@pytest.mark.parametrize("task", CANONICAL)
def test_solutions_of_the_benchmarks_pass_and_broken_ones_fail(
    scored: Scoring, task: str, mirror: Path
) -> None:
    """With the cards' own scorer; tests use helpers, Counters and complex numbers."""
    card = load_card(find_card(task, folders=shipped_card_folders(), where="test"))
    planned = plan_task(card, limit=None, seed=0, data_dir=mirror)
    field, rows = CANONICAL[task]
    (spec,) = card.scorers
    options = {} if isinstance(spec, str) else {"program": spec["program"]}
    for sample in (planned.samples[row] for row in rows):
        solution = str(sample.metadata[field])
        assert scored(solution, sample, **options).explanation is None
        assert scored("    return 'broken'\n", sample, **options).value == 0.0


@pytest.mark.mirror
def test_published_samples_score_as_published(scored: Scoring, mirror: Path) -> None:
    """OpenAI's example: three of six completions pass (human-eval's README: 0.5)."""
    folder = mirror / "humaneval"
    problem = json.loads((folder / "example_problem.jsonl").read_text("utf-8"))
    tests = f"{problem['test']}\ncheck({problem['entry_point']})"
    sample = _sample(tests, **problem)
    lines = (folder / "example_samples.jsonl").read_text("utf-8").splitlines()
    options = {"program": "prompt ~ completion", "timeout_s": 1}
    values = [scored(json.loads(li)["completion"], sample, **options) for li in lines]
    assert [score.value for score in values] == [0, 0, 0, 1, 1, 1]
