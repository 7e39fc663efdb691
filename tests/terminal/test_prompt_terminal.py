"""`llmlab prompt` on a terminal: answers are seen while they are written."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Terminals = Callable[..., Any]
WORDS = " ".join(f"w{number}" for number in range(200))


@pytest.fixture(autouse=True)
def _server(server: Any) -> None:
    """Let the models `a` and `b` answer."""


def test_one_answer_is_written_as_it_comes(terminal: Terminals) -> None:
    """Its first words are there long before its last; what it took comes at the end."""
    shown = terminal("llmlab", "prompt", WORDS, "--llm", "a", PLAIN_NAME="k")
    shown.wait_for("=== a\nw0 w1 w2")
    assert "w199" not in shown.text
    shown.wait_for(
        r"w198 w199\n--- \d\.\d\d s · first token 0.* · 200 tokens · \$0\.40"
    )
    assert shown.end() == 0
    assert shown.text.count("w100") == 1


def test_ctrl_c_keeps_what_is_there(terminal: Terminals) -> None:
    """And says how many answers are whole; the exit code is that of a stopped one."""
    shown = terminal("llmlab", "prompt", WORDS, "--llm", "a", PLAIN_NAME="k")
    shown.wait_for("w9 w10")
    shown.process.send_signal(signal.SIGINT)
    shown.wait_for("\nstopped by Ctrl-C: 0 of 1 answers are whole\n")
    assert shown.end() == 130
    assert "Traceback" not in shown.text


def test_several_answers_are_written_side_by_side(terminal: Terminals) -> None:
    """While they come, the last lines that fit; in the end all, and the table."""
    words = ("llmlab", "prompt", WORDS, "--llm", "a", "--llm", "b")
    shown = terminal(*words, PLAIN_NAME="k")
    shown.wait_for(r"w0 w1 w2 .* w0 w1 w2")
    assert "w199" not in shown.text
    shown.wait_for(r"w198 w199 +w19")
    shown.wait_for(r"model +answers +median s +cost")
    assert shown.end() == 0
    last = re.split(r"(?=\na +b)", shown.text)[-1]
    assert re.match(r"\na +b *\nw0 w1 [w0-9 ]+ w0 w1 ", last)
    assert last.count("w199") == 2
    assert last.count("· first token 0.") == 2


def test_ctrl_c_keeps_the_columns(terminal: Terminals) -> None:
    """As far as they came."""
    words = ("llmlab", "prompt", WORDS, "--llm", "a", "--llm", "b")
    shown = terminal(*words, PLAIN_NAME="k")
    shown.wait_for("w9 w10")
    shown.send("\x03")
    shown.wait_for("stopped by Ctrl-C: 0 of 2 answers are whole")
    assert shown.end() == 130
    last = re.split(r"(?=\na +b)", shown.text)[-1]
    assert re.match(r"\na +b *\nw0 [w0-9 ]*w9 [w0-9 ]+ w0 [w0-9 ]*w9 ", last)


@pytest.mark.parametrize(
    ("env", "columns"),
    [
        ({"NO_COLOR": "1"}, 100),
        ({"CI": "true"}, 100),
        ({"TERM": "dumb"}, 100),
        ({}, 40),
    ],
)
def test_plain_lines_where_columns_cannot_be(
    terminal: Terminals, env: dict[str, str], columns: int
) -> None:
    """As in a pipe: each answer when it is whole, and nothing is overwritten."""
    words = ("llmlab", "prompt", "one two", "--llm", "a", "--llm", "b")
    shown = terminal(*words, columns=columns, PLAIN_NAME="k", **env)
    assert shown.end() == 0
    assert "\x1b" not in shown.raw
    assert shown.text.count("\none two\n") == 2


def test_a_budget_is_not_passed(terminal: Terminals) -> None:
    """The worst case is held before the call, which is not made; the other model's is.

    A word costs 0.001 usd: the answer of `a` may cost 0.3 usd, that of `b` was bound.
    """
    words = ("llmlab", "prompt", "hello", "--max-tokens", "300", "--llm", "a", "--llm")
    shown = terminal(*words, "b", "--budget", "a=0.25usd", PLAIN_NAME="k", CI="1")
    assert shown.end() == 1
    assert "BudgetExceeded: Of the budget a=0.25usd 0.0000 usd are spent" in shown.text
    assert "with a larger --budget" in shown.text
    assert "\nhello\n" in shown.text
    assert "budget a=0.25usd: 0.0000 usd are spent" in shown.text


def test_answers_come_from_the_cache(terminal: Terminals, server: Any) -> None:
    """A second time nobody is asked, and what it took once is said."""
    words = ("llmlab", "prompt", "hello you", "--llm", "a", "--cache")
    assert terminal(*words, PLAIN_NAME="k").end() == 0
    shown = terminal(*words, PLAIN_NAME="k")
    assert shown.end() == 0
    assert "--- from the cache, where it took " in shown.text
    assert len(server.bodies) == 1


def test_answers_of_runs_are_in_the_cache_too(
    terminal: Terminals, server: Any, terminal_env: dict[str, str], tmp_path: Path
) -> None:
    """Although a run does not stream them."""
    test = "def test_it(llm):\n    assert llm('hello you').text == 'hello you'\n"
    (tmp_path / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "--llm=a", "--llmlab-cache=auto"]
    env = terminal_env | {"PLAIN_NAME": "k"}
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    words = ("llmlab", "prompt", "hello you", "--llm", "a", "--cache")
    shown = terminal(*words, PLAIN_NAME="k")
    assert shown.end() == 0
    assert "--- from the cache, where it took " in shown.text
    assert len(server.bodies) == 1


@pytest.mark.parametrize("models", ["a", "a,b"])
def test_nothing_secret_or_commanding_reaches_the_screen(
    terminal: Terminals, models: str
) -> None:
    """Not a secret that comes in pieces, nor what would clear the screen."""
    hidden = "blue horse battery"
    words = ("llmlab", "prompt", f"it is {hidden} \x1b[2J, say I", "--llm", models)
    shown = terminal(*words, PLAIN_NAME="k", OF_MINE_PASSWORD=hidden)
    assert shown.end() == 0
    assert r"it is [redacted] \x1b[2J, say I" in shown.text
    assert "horse" not in shown.raw
    assert "\x1b[2J" not in shown.raw
