"""Keys that commands print: how they are run, kept and explained."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    AuthError,
    Completion,
    ConfigError,
    ModelSpec,
    redact,
)
from llmlab_pytest.core import _secrets as secrets
from llmlab_pytest.providers import _key_command as key_command
from llmlab_pytest.providers import check_commands, load_model, provider_registry
from llmlab_pytest.providers._key_command import command_of, key_of_command

KEY = "0123456789abcdef-of-no-known-shape"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a new process does."""
    monkeypatch.setattr(secrets, "_known", {})
    monkeypatch.setattr(key_command, "_keys", {})


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def key_of(code: str) -> str:
    return key_of_command(python(code), place="models.toml:3")


@pytest.mark.parametrize("end", ["", "\n", " \r\n"], ids=repr)
def test_what_a_command_prints_is_the_key(end: str) -> None:
    """Without blanks around it; and it is a secret from then on."""
    assert key_of(f"import sys; sys.stdout.write({KEY + end!r})") == KEY
    assert redact(f"wrong key {KEY}") == "wrong key [redacted]"


def test_a_command_runs_once_however_many_need_its_key(tmp_path: Path) -> None:
    """Also when they need it at the same time."""
    code = f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); print({KEY!r})"
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(key_of, [code] * 8))
    assert keys == {KEY}
    assert (tmp_path / "runs").read_text() == "x"


def test_a_command_gets_no_input_and_no_terminal() -> None:
    """A question would reach nobody: with workers, several of them run at once."""
    code = (
        "import os, sys; rest = sys.stdin.read(); "
        "print(f'{os.getsid(0) == os.getpid()}-{len(rest)}-input-long')"
    )
    assert key_of(code) == "True-0-input-long"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(end='')", "printed nothing."),
        (f"print('{KEY}\\nmore')", "printed 2 lines, where a key is one."),
        (f"print('{KEY} \\x1b')", "has blanks or odd characters."),
        (f"print('{KEY}'); exit(3)", "ended with exit code 3 and said: nothing."),
        (
            f"import sys; print('{KEY}'); sys.exit('vault is sealed: {KEY}')",
            "exit code 1 and said: vault is sealed: [redacted].",
        ),
        (
            "import sys; sys.exit('bad token sk-0123456789abcdef')",
            "said: bad token [redacted].",
        ),
    ],
    ids=["empty", "lines", "odd", "code", "quotes", "shape"],
)
def test_a_command_without_a_key_is_an_error_without_its_output(
    code: str, said: str
) -> None:
    """It says how the command ended and what it complained of."""
    with pytest.raises(AuthError) as caught:
        key_of(code)
    assert said in str(caught.value)
    assert "models.toml:3: the api_key_command 'python" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__context__ is None


def test_no_frame_of_such_an_error_shows_the_output() -> None:
    """As `pytest --showlocals` would."""
    with pytest.raises(AuthError) as caught:
        key_of(f"print('{KEY}'); exit(1)")
    frame = caught.tb.tb_next
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == key_command.__file__:
            shown = {n: v for n, v in frame.tb_frame.f_locals.items() if n != "command"}
            assert KEY not in repr(shown)
        frame = frame.tb_next


def test_a_command_that_is_not_there_says_so() -> None:
    """It names the program."""
    with pytest.raises(AuthError, match=r"'no-such-program' cannot be started: .*such"):
        key_of_command(("no-such-program", KEY), place="models.toml:3")


def test_a_slow_command_is_ended_with_what_it_has_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A child that holds the pipe would otherwise keep the run waiting."""
    monkeypatch.setattr(key_command, "_LONGEST_S", 0.5)
    child = "import time; time.sleep(60)"
    code = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}"
        f"]); open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); p.wait()"
    )
    with pytest.raises(AuthError, match=r"did not end within 0\.5 s"):
        key_of(code)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not _is_running(pid):
            return
        time.sleep(0.02)
    pytest.fail("its child still runs")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_string_is_split_into_words_and_no_shell_reads_it() -> None:
    """Quotation marks hold words together; nothing else has a meaning."""
    words = command_of("pass show 'my key' $HOME; rm x", place="models.toml:3")
    assert words == ("pass", "show", "my key", "$HOME;", "rm", "x")
    assert command_of(["a b", "c"], place="models.toml:3") == ("a b", "c")


@pytest.mark.parametrize("value", ["", "  ", [], [""], ["a", 1], 3, {}], ids=repr)
def test_what_is_no_command_is_refused(value: Any) -> None:
    """The registry's entry is named."""
    with pytest.raises(ConfigError, match="It takes a command: a string, or a list"):
        _load(value)


def test_a_command_needs_permission() -> None:
    """The arguments are not shown: they may be secret too."""
    spec = _spec(["/opt/vault", "--token", KEY])
    check_commands(spec, may_run=True)
    with pytest.raises(ConfigError) as caught:
        check_commands(spec, may_run=False)
    assert "models.toml:3: the key of 'm' comes from the command 'vault'" in str(
        caught.value
    )
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("transport", ["auto", "litellm"])
def test_the_key_of_a_command_reaches_the_server(
    server: Any, transport: str, answer: Callable[..., Completion]
) -> None:
    """In both transports."""
    command = list(python(f"print({KEY!r})"))
    answer(_spec(command, base_url=server.url, transport=transport))
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("transport", ["auto", "litellm"])
def test_a_refused_key_of_a_command_names_the_command(
    server: Any, transport: str, answer: Callable[..., Completion]
) -> None:
    """Not a variable, and not the key."""
    server.key = "another"
    command = list(python(f"print({KEY!r})"))
    with pytest.raises(AuthError) as caught:
        answer(_spec(command, base_url=server.url, transport=transport))
    assert "Check the key that the 'api_key_command' in models.toml:3" in str(
        caught.value
    )
    assert KEY not in str(caught.value)


def _spec(command: object, **options: Any) -> ModelSpec:
    return ModelSpec(
        alias="m",
        provider="litellm",
        id="openai/echo",
        options={"api_key_command": command, **options},
        source="models.toml:3",
    )


def _load(command: object) -> None:
    load_model(_spec(command), provider_registry())
