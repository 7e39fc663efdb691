"""Where keys come from, as users meet it: a `.env` file, a command, warnings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUITE = """
    def test_echo(llm):
        assert llm("Hello").text == "Hello"

    def test_again(llm):
        assert llm("Bye").text == "Bye"
"""
MODEL = """
[[model]]
alias = "remote"
provider = "litellm"
id = "openai/echo"
options = { %s }
"""
KEY = "0123456789abcdef-of-no-known-shape"
SPOTLESS = "-Werror::llmlab_pytest.SecretWarning"
WORKERS = pytest.mark.parametrize("workers", ["-n0", "-n2"])


@pytest.fixture
def server(openai_server: Any) -> Any:
    """A server that takes one key only."""
    with openai_server.OpenAIServer(key=KEY) as running:
        yield running


def _project(pytester: pytest.Pytester, **options: str) -> Path:
    pytester.makepyfile(test_it=SUITE)
    told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    registry = pytester.path / "llmlab_models.toml"
    registry.write_text(MODEL % told, encoding="utf-8")
    return pytester.path


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-pno:cacheprovider", *arguments)


@WORKERS
def test_variables_of_a_file_are_those_of_the_run(
    pytester: pytest.Pytester, server: Any, workers: str
) -> None:
    """Settings of ours too; workers read the file themselves."""
    folder = _project(pytester, base_url=server.url, api_key_env="MY_VARIABLE")
    file = folder / "keys.env"
    file.write_text(
        f"# keys\nexport MY_VARIABLE='{KEY}'\nLLMLAB_MODELS=remote\n"
        "LLMLAB_STORE=kept.db # a path\n",
        encoding="utf-8",
    )
    file.chmod(0o600)
    result = _run(pytester, "--llmlab-env-file=keys.env", workers, SPOTLESS)
    assert result.parseoutcomes() == {"passed": 2}
    assert (folder / "kept.db").is_file()
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_the_environment_is_stronger_than_the_file(
    pytester: pytest.Pytester, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file is named in the settings; an empty value is a value."""
    _project(pytester, base_url=server.url, api_key_env="MY_VARIABLE")
    (pytester.path / ".env").write_text("MY_VARIABLE=of-the-file\nOTHER=file\n")
    pytester.makeini("[pytest]\nllmlab_env_file = .env\n")
    monkeypatch.setenv("MY_VARIABLE", KEY)
    monkeypatch.setenv("OTHER", "")
    pytester.makeconftest(
        "import os\n\n\ndef pytest_sessionfinish():\n"
        "    assert os.environ['OTHER'] == ''\n"
    )
    result = _run(pytester, "--llm=remote")
    assert result.parseoutcomes()["passed"] == 2


def test_variables_are_gone_after_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later run in the same process does not have them."""
    pytester.makepyfile(
        "import os\ndef test_it(llm):\n assert os.environ['NEW'] == '1'"
    )
    (pytester.path / ".env").write_text("NEW=1\n")
    monkeypatch.delenv("NEW", raising=False)
    code = (
        "import os, sys, pytest; arguments = ['-q', '--llm=scripted'];"
        "codes = [pytest.main([*arguments, '--llmlab-env-file=.env']),"
        " pytest.main(arguments)];"
        "print(list(map(int, codes)), 'NEW' in os.environ)"
    )
    result = pytester.run(sys.executable, "-c", code)
    result.stdout.fnmatch_lines(["[[]0, 1[]] False"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"A=1\nMY_KEY {KEY}\n", "*keys.env:2: the line sets no variable.*"),
        (f"A=1\n\nMY_KEY='{KEY}\n", "*keys.env:3: the line sets no variable.*"),
        (None, "*--llmlab-env-file names the file*keys.env'*which cannot be read*"),
    ],
    ids=["line", "quotation", "missing"],
)
@WORKERS
def test_a_wrong_file_is_a_usage_error_that_shows_no_value(
    pytester: pytest.Pytester, text: str | None, said: str, workers: str
) -> None:
    """It names file and line."""
    _project(pytester)
    if text:
        (pytester.path / "keys.env").write_text(text)
    result = _run(pytester, "--llm=scripted", "--llmlab-env-file=keys.env", workers)
    result.stdout.fnmatch_lines([said])
    assert result.ret != 0
    assert "passed" not in result.parseoutcomes()
    assert KEY not in result.stdout.str() + result.stderr.str()


def test_no_file_is_read_unasked(
    pytester: pytest.Pytester, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by litellm either, whatever its mode."""
    _project(pytester, base_url=server.url, transport="litellm")
    (pytester.path / ".env").write_text(f"OF_A_FILE={KEY}\n")
    monkeypatch.setenv("LITELLM_MODE", "DEV")
    pytester.makepyfile(
        test_it="import os\n\ndef test_it(llm):\n    try:\n        llm('Hi')\n"
        "    except Exception as error:\n        assert 'key' in str(error)\n"
        "    import sys\n    assert 'litellm' in sys.modules\n"
        "    assert 'OF_A_FILE' not in os.environ\n"
    )
    result = _run(pytester, "--llm=remote")
    assert result.parseoutcomes()["passed"] == 1


@WORKERS
def test_a_file_that_others_can_read_is_warned_of_once(
    pytester: pytest.Pytester, workers: str
) -> None:
    """Other users of the machine, and whoever has the repository."""
    _project(pytester)
    file = pytester.path / ".env"
    file.write_text("A=1\n")
    file.chmod(0o644)
    subprocess.run(["git", "init", "-q"], cwd=pytester.path, check=True)
    subprocess.run(["git", "add", ".env"], cwd=pytester.path, check=True)
    result = _run(pytester, "--llm=scripted", "--llmlab-env-file=.env", workers)
    result.stdout.fnmatch_lines(
        [
            "*SecretWarning: *.env can be read by every user of this machine.*",
            "*SecretWarning: *.env is tracked by git*replace the keys.",
        ]
    )
    assert result.parseoutcomes() == {"passed": 2, "warnings": 2}


@WORKERS
def test_a_command_gives_the_key_once_it_is_allowed(
    pytester: pytest.Pytester, server: Any, workers: str
) -> None:
    """Each process runs it once; without the option none does."""
    script = pytester.path / "key.py"
    script.write_text(f"open('runs', 'a').write('x')\nprint({KEY!r})\n")
    command = f"'{sys.executable}' '{script}'"
    _project(pytester, base_url=server.url, api_key_command=command)
    arguments = ("--llm=remote", workers)
    refused = _run(pytester, *arguments)
    assert refused.parseoutcomes() == {"errors": 2}
    refused.stdout.fnmatch_lines(["*'python*', which was not allowed*allow-commands*"])
    assert not (pytester.path / "runs").exists()
    result = _run(pytester, *arguments, "--llmlab-allow-commands")
    assert result.parseoutcomes() == {"passed": 2}
    runs = (pytester.path / "runs").read_text()
    assert runs in (("x",) if workers == "-n0" else ("x", "xx"))


@WORKERS
def test_plain_http_is_warned_of_once_per_model(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """It names the entry, and whether a key goes along; this machine is no danger."""
    monkeypatch.setenv("MY_KEY", KEY)
    options = [
        'base_url = "http://models.example/v1"',
        'base_url = "http://10.1.2.3:8000/v1", api_key_env = "MY_KEY"',
        'base_url = "http://127.0.0.1:9/v1"',
        'base_url = "https://models.example/v1"',
    ]
    entries = [
        (MODEL % option).replace('"remote"', f'"m{number}"')
        for number, option in enumerate(options)
    ]
    pytester.makepyfile("def test_it(llm):\n    pass")
    (pytester.path / "llmlab_models.toml").write_text("".join(entries))
    result = _run(pytester, "--llm=m0,m1,m2,m3", workers)
    lines = [line for line in result.outlines if " SecretWarning: " in line]
    assert len(lines) == 2
    assert "'m0' (" in lines[0]
    assert "llmlab_models.toml:2) is asked over plain http" in lines[0]
    assert "'http://models.example/v1'. Prompts and answers can be read" in lines[0]
    assert "'m1' (" in lines[1]
    assert "The key, prompts and answers can be read on the way" in lines[1]
    assert result.parseoutcomes() == {"passed": 4, "warnings": 2}


def test_a_password_on_the_command_line_is_warned_of(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable is the place for it."""
    _project(pytester)
    address = "postgresql+psycopg://me:pass-word-1@127.0.0.1:9/runs"
    result = _run(pytester, "--llm=scripted", f"--llmlab-store={address}")
    result.stdout.fnmatch_lines(["*SecretWarning: --llmlab-store holds a password*"])
    assert "pass-word-1" not in result.stdout.str() + result.stderr.str()
    monkeypatch.setenv("LLMLAB_STORE", address)
    result = _run(pytester, "--llm=scripted")
    assert "SecretWarning" not in result.stdout.str()
    assert "pass-word-1" not in result.stdout.str() + result.stderr.str()
