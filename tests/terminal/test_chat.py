"""`llmlab chat` on a terminal, as people talk."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Terminals = Callable[..., Any]
WORDS = " ".join(f"w{number}" for number in range(200))
KEY = "sk-proj-0123456789abcdefghij"


@pytest.fixture
def chat(terminal: Terminals, server: Any) -> Terminals:
    """Start a chat; the models `a` and `b` repeat what they are told."""

    def start(*arguments: str, **options: Any) -> Any:
        words = arguments or ("--llm", "a")
        started = terminal("llmlab", "chat", *words, PLAIN_NAME="k", **options)
        started.wait_for("/help lists")
        started.wait_for("> ")
        return started

    return start


def _asked(server: Any) -> list[list[str]]:
    """Return each conversation that the server was sent, a word for each role."""
    return [
        [f"{turn['role'][0]}:{turn['content']}" for turn in body["messages"]]
        for body in server.bodies
    ]


def test_a_conversation_goes_on(chat: Terminals, server: Any) -> None:
    """Each turn is asked with those before it; one that is taken back is gone."""
    talk = chat("--llm", "a", "--system", "Be kind")
    talk.send("one\n")
    talk.wait_for(r"\none\n--- \d.* · 1 tokens · \$0\.0")
    talk.send("two\n")
    talk.wait_for(r"\ntwo\n--- ")
    talk.send("/undo\n")
    talk.wait_for("undone: two")
    talk.send("/system Be brief\n")
    talk.wait_for("system message set")
    talk.send("three\n")
    talk.wait_for(r"\nthree\n--- ")
    talk.send("/cost\n")
    talk.wait_for(r"\na +3 +\d+ +3 +\$0\.0\d\n")
    talk.send("/quit\n")
    assert talk.end() == 0
    assert _asked(server) == [
        ["s:Be kind", "u:one"],
        ["s:Be kind", "u:one", "a:one", "u:two"],
        ["s:Be brief", "u:one", "a:one", "u:three"],
    ]


def test_models_talk_side_by_side_and_change(chat: Terminals, server: Any) -> None:
    """Each goes on from its own answers; who comes later reads those of the first."""
    talk = chat("--llm", "a", "--llm", "b")
    talk.send("one\n")
    talk.wait_for(r"\na +b *\none +one *\n")
    talk.send("/model b\n")
    talk.wait_for("models: b")
    talk.send("two\n")
    talk.wait_for(r"\ntwo\n--- ")
    talk.send("/model nobody\n")
    talk.wait_for(r"ConfigError: Unknown model 'nobody' in /model(?s:.*)> $")
    talk.send("\x04")
    assert talk.end() == 0
    assert _asked(server)[-1] == ["u:one", "a:one", "u:two"]


def test_several_lines_are_one_turn(chat: Terminals, server: Any) -> None:
    """After a backslash, or between three quotes."""
    talk = chat()
    talk.send("one\\\ntwo\n")
    talk.wait_for("--- ")
    talk.send('"""three\n\nfour"""\n')
    talk.wait_for(r"four\n--- ")
    talk.send("/quit\n")
    assert talk.end() == 0
    assert _asked(server)[0] == ["u:one\ntwo"]
    assert _asked(server)[1][-1] == "u:three\n\nfour"


def test_earlier_lines_come_back_without_secrets(
    chat: Terminals, server: Any, tmp_path: Path
) -> None:
    """In the next chat, from a file that nobody else can read."""
    talk = chat()
    talk.send(f"hide {KEY} here\n")
    talk.wait_for("--- ")
    talk.send("hello there\n")
    talk.wait_for(r"--- [^\n]*\n(?s:.*)> $")
    talk.send("\x04")
    assert talk.end() == 0
    (file,) = (tmp_path / "home").rglob("chat_history")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().splitlines() == ["hide [redacted] here", "hello there"]
    talk = chat()
    talk.send("\x1b[A\n")
    talk.wait_for(r"\nhello there\n--- ")
    talk.send("/quit\n")
    assert talk.end() == 0
    assert _asked(server)[-1] == ["u:hello there"]


def test_ctrl_c_stops_an_answer_and_not_the_chat(chat: Terminals, server: Any) -> None:
    """What came stays on the screen, and is no part of the conversation."""
    talk = chat()
    talk.send(f"{WORDS}\n")
    talk.wait_for(r"w9 w10 [^>]*w9 w10")
    talk.send("\x03")
    talk.wait_for(r"stopped by Ctrl-C; this turn is not kept(?s:.*)> $")
    talk.interrupt("Ctrl-D or /quit ends the chat")
    talk.send("hello\n")
    talk.wait_for(r"\nhello\n--- ")
    talk.send("/quit\n")
    assert talk.end() == 0
    assert _asked(server)[-1] == ["u:hello"]
    assert "Traceback" not in talk.text


def test_a_conversation_that_is_too_long_is_told(
    chat: Terminals, server: Any, tmp_path: Path
) -> None:
    """Before, when it nearly fills the context; and when the server refuses it."""
    file = tmp_path / "llmlab_models.toml"
    file.write_text(
        file.read_text().replace("openai/echo", "openai/overflow", 1)
        + "context_tokens = 10\n"
    )
    talk = chat("--llm", "b")
    talk.send("one two three four\n")
    talk.wait_for(r"--- \d+% of the context of b are used")
    talk.send("/model a\n")
    talk.send("five\n")
    talk.wait_for("ContextOverflow: ")
    talk.wait_for("no answer; this turn is not kept")
    talk.wait_for("too long for a: /undo takes back the last turn")
    talk.send("/undo\n")
    talk.wait_for("undone: one two three four")
    talk.send("/undo\n")
    talk.wait_for("There is nothing to take back.")
    talk.send("/quit\n")
    assert talk.end() == 0


def test_commands_are_completed_and_mistakes_explained(chat: Terminals) -> None:
    """By Tab; what is no command shows the list."""
    talk = chat()
    talk.send("/sy\tBe kind\n")
    talk.wait_for("/system ?Be kind\n")
    talk.send("/undone\n")
    talk.wait_for("/undone is no command.")
    talk.wait_for("/quit +end, as Ctrl-D does")
    talk.send("/save x.txt\n")
    talk.wait_for("ConfigError: --save is 'x.txt'")
    talk.send("/save test_x.py\n")
    talk.wait_for("There is nothing to save yet")
    talk.send("/quit\n")
    assert talk.end() == 0


def test_a_conversation_becomes_files_that_pytest_runs(
    chat: Terminals, tmp_path: Path
) -> None:
    """With all its turns, as a test and as a card with its rows."""
    talk = chat("--llm", "a", "--system", "Say {{ it }}", "--save", "test_talk.py")
    talk.send("one\n")
    talk.wait_for(r"\none\n--- ")
    talk.send("two\n")
    talk.wait_for(r"\ntwo\n--- ")
    talk.send("/save talk.task.toml\n")
    talk.wait_for("wrote talk.task.toml, .*; run it: pytest talk.task.toml")
    talk.send("/save talk.task.toml\n")
    talk.wait_for("talk.task.toml exists")
    talk.send("/quit\n")
    talk.wait_for("wrote test_talk.py")
    assert talk.end() == 0
    turns = (tmp_path / "talk.turns.jsonl").read_text()
    assert json.loads(turns) == {"input": "one", "target": "one"}
    command = (
        "-m pytest -q -pno:cacheprovider --llm=scripted talk.task.toml test_talk.py"
    )
    result = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "2 passed" in result.stdout


def test_a_pipe_is_a_conversation_too(
    server: Any, terminal_env: dict[str, str], tmp_path: Path
) -> None:
    """A line a turn; nothing is shown but answers."""
    result = subprocess.run(
        ["llmlab", "chat", "--llm", "a"],
        input="one\ntwo\n",
        cwd=tmp_path,
        env=terminal_env | {"PLAIN_NAME": "k"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert _asked(server)[-1] == ["u:one", "a:one", "u:two"]
    assert result.stdout.count("=== a · ") == 2
    assert "> " not in result.stdout
