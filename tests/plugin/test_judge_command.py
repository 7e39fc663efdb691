"""`llmlab judge` and `llmlab threshold`: what they refuse, and how they say so."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = {"answer": "Yes.", "input": "Is it?", "target": "Yes.", "rating": True}
JUDGE = ("--scorer", "correctness", "--judge", "scripted")
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run a command on rows, or on a text, of a file."""
    llmlab = Path(sys.executable).with_name("llmlab")

    def run_it(command: str, rows: Any, *arguments: str) -> pytest.RunResult:
        text = rows if isinstance(rows, str) else "\n".join(map(json.dumps, rows))
        (pytester.path / "rated.jsonl").write_text(text, encoding="utf-8")
        return pytester.run(llmlab, command, "rated.jsonl", *arguments)

    return run_it


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ("", JUDGE, "'rated.jsonl' is empty"),
        ("[1]", JUDGE, "rated.jsonl:1: [1]"),
        (f"{json.dumps(GOOD)}\n{{", JUDGE, "rated.jsonl:2: not JSON"),
        ([{"answer": "Yes."}], JUDGE, "rated.jsonl:1 has no field 'rating'"),
        ([{**GOOD, "rating": "perhaps"}], JUDGE, "rated.jsonl:1: the rating is 'perh"),
        ([GOOD, {**GOOD, "rating": 3}], JUDGE, "e.g. --scale 1-5"),
        ([{**GOOD, "answer": 4}], JUDGE, "rated.jsonl:1: the answer is 4"),
        ([GOOD], (*JUDGE, "--scale", "5-1"), "It is two numbers"),
        ([GOOD], (*JUDGE, "--registry", "no.toml"), "no.toml"),
        ([GOOD], ("--scorer", "exact", "--judge", "scripted"), "Unknown scorer"),
        ([GOOD], ("--scorer", "bias", "--judge", "*"), "One judge is compared"),
        ([GOOD], ("--scorer", "{bias", "--judge", "scripted"), "It is a name, or like"),
    ],
)
def test_mistakes_are_told(
    run: Run, rows: Any, arguments: tuple[str, ...], message: str
) -> None:
    """With file and line, and nothing is asked."""
    result = run("judge", rows, *arguments)
    assert result.ret == 2
    assert message in result.stderr.str()


def test_a_judge_that_answers_nothing_is_an_error(run: Run) -> None:
    """There is nothing to compare; the message is the judge's."""
    result = run("judge", [GOOD, {**GOOD, "rating": "no"}], *JUDGE)
    assert result.ret == 2
    assert "MalformedJudgement" in result.stderr.str()


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        (
            [GOOD, GOOD],
            ("--scorer", "token_ratio"),
            "2 rated answers that are all alike",
        ),
        ([GOOD], ("--most-false-accepts", "2"), "from 0 to below 1"),
        ([GOOD], ("--scorer", "similar"), "Did you mean 'similarity'"),
    ],
)
def test_a_threshold_needs_both_kinds(
    run: Run, rows: Any, arguments: tuple[str, ...], message: str
) -> None:
    """And a scorer that is known."""
    result = run("threshold", rows, *arguments)
    assert result.ret == 2
    assert message in result.stderr.str()


def test_a_threshold_works_with_any_number(run: Run) -> None:
    """Three of each, well apart."""
    rows = [GOOD, {**GOOD, "answer": "Bananas", "rating": False}] * 3
    result = run("threshold", rows, "--scorer", "token_ratio")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "token_ratio: 6 rated answers",
            "at_least = 0.*",
            "AUC 1.000*",
            "  wrong ones that pass  0.000 *, 0 of 3",
        ]
    )
