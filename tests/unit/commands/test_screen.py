"""What a screen shows of an answer, however it came."""

import io
from typing import Any

import pytest

from llmlab_pytest.asking import Answer
from llmlab_pytest.commands._columns import Columns
from llmlab_pytest.commands._screen import Lines, Straight, screen_for
from llmlab_pytest.core import Completion, ConfigError, ModelSpec, Original, Score

SPEC = ModelSpec(alias="m", provider="scripted", id="m")


def answer(text: str, **fields: Any) -> Answer:
    return Answer(SPEC, 0, Completion(text=text, model="m", cost_usd=0.0, **fields))


def test_an_answer_that_begins_anew_is_written_again() -> None:
    """Under a line that says so."""
    out = io.StringIO()
    with Straight("m", out) as screen:
        screen.begin()
        screen.add("It is Ly")
        screen.begin()
        screen.add("It is Pa")
        screen.end(0, answer("It is Paris."))
    assert out.getvalue() == (
        "=== m\nIt is Ly\n--- it begins anew:\nIt is Paris.\n"
        "--- 0.00 s · 0 tokens · $0\n"
    )


def test_an_answer_that_was_heard_otherwise_is_written_in_full() -> None:
    """The completion counts."""
    out = io.StringIO()
    with Straight("", out) as screen:
        screen.add("It was")
        screen.end(0, answer("It is."))
    assert out.getvalue().startswith("It was\n--- in full:\nIt is.\n---")


def test_an_error_after_some_text_has_its_own_line() -> None:
    """And is no part of the answer."""
    out = io.StringIO()
    with Straight("m", out) as screen:
        screen.add("It is")
        error = ConfigError("It is over.", fix="Try.")
        screen.end(0, Answer(SPEC, 0, None, error=error))
    assert out.getvalue() == "=== m\nIt is\nConfigError: It is over. Try.\n"


def test_lines_show_what_a_kept_answer_took_once() -> None:
    """Not that reading it took no time."""
    out = io.StringIO()
    original = Original(source="cache", latency_s=2.5, cost_usd=0.25)
    with Lines(["m"], out) as screen:
        assert screen.listener(0) is None
        scores = (Score(scorer="exact", value=0.5, explanation="so \x1b[2J so"),)
        done = answer("Hi\x1b[2J", original=original)
        screen.end(0, done._replace(scores=scores))
    assert out.getvalue() == (
        "=== m · from the cache, where it took · 2.50 s · 0 tokens · $0.25\n"
        "Hi\\x1b[2J\n  exact 0.5: so \\x1b[2J so\n\n"
    )


def test_columns_hold_their_texts_apart() -> None:
    """Wide characters, brackets and long words do not push the neighbour away."""
    rich = pytest.importorskip("rich.console")
    out = io.StringIO()
    console = rich.Console(file=out, width=60, force_terminal=False)
    screen = Columns(["one", "two"], console)
    with screen:
        screen.listener(0).add("漢字" * 12 + " [bold]no markup[/bold]")
        screen.listener(1).add("x" * 40)
        screen.end(1, answer("x" * 40))
    lines = out.getvalue().splitlines()
    assert [line.split() for line in lines[:1]] == [["one", "two"]]
    assert "[bold]no markup[/bold]" in out.getvalue()
    widths = [rich.cell_len(line) if hasattr(rich, "cell_len") else 0 for line in lines]
    assert max(widths, default=0) <= 60
    assert [line.count("x") for line in lines if "x" in line] == [28, 12]


def test_a_file_is_no_terminal() -> None:
    """Answers are written there when they are whole."""
    assert isinstance(screen_for(["a"], io.StringIO()), Lines)
