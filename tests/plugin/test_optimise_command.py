"""`llmlab optimise`, as people type it."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CARD = """
# The comment is lost, the keys stay.
prompt = "Say: {{ input }}"
scorers = ["exact"]
gate = "accuracy >= 0.9"
group = "kind"
"""
MODEL = """
[[reply]]
pattern = "Think well"
text = "yes"

[[reply]]
pattern = "7"
text = "yes"

[[reply]]
pattern = "."
text = "no"
"""
WRITER = """
[[reply]]
pattern = "."
text = "<prompt>Think well. Say: {{ input }}</prompt>"
"""
HELD_OUT = (
    r"held out, 24 samples once: original 0\.\d+, rewriting 1.* 1\.000; "
    r"difference \+0\.\d+ \[\+0\.\d+, \+\d\.\d+\], p 0\.0001"
)
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run the command on a card with 60 rows, with scripted models."""
    rows = [
        {"id": f"s{n}", "input": f"word{n}", "target": "yes", "kind": "a b"}
        for n in range(60)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    files = {
        "words.task.toml": CARD,
        "words.jsonl": lines,
        "model.toml": MODEL,
        "writer.toml": WRITER,
    }
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    llmlab = Path(sys.executable).with_name("llmlab")

    def run_it(*arguments: str) -> pytest.RunResult:
        return pytester.run(llmlab, "optimise", "words.task.toml", *arguments)

    return run_it


SCRIPTED = ("--llm", "scripted:model.toml", "--writer", "scripted:writer.toml")


def test_a_better_card_is_written_and_runs(run: Run, pytester: pytest.Pytester) -> None:
    """Beside the old one, with its rows and keys; pytest passes its gate."""
    result = run(*SCRIPTED, "--out", "better.task.toml")
    assert result.ret == 0
    result.stdout.re_match_lines(
        [
            r"18 samples make prompts, 18 compare them, 24 are held out",
            r"candidate +value +n",
            r"rewriting 1.* +1\.000 +\d+",
            r"note: 5 of 6 proposals of the writer were left out: .*",
            HELD_OUT,
            r"rewriting 1.* is better.*; its prompt:",
            r"Think well\. Say: \{\{ input \}\}",
            r"wrote better\.task\.toml.*",
        ]
    )
    old, new = (
        tomllib.loads((pytester.path / name).read_text())
        for name in ("words.task.toml", "better.task.toml")
    )
    assert new["prompt"] == "Think well. Say: {{ input }}"
    kept = {name: value for name, value in old.items() if name != "prompt"}
    assert {name: new[name] for name in kept} == kept
    assert new["data"] == "words.jsonl"
    ran = pytester.runpytest_subprocess(
        "-pno:cacheprovider", "--llm", "scripted:model.toml", "better.task.toml"
    )
    assert ran.ret == 0
    again = run(*SCRIPTED, "--out", "better.task.toml")
    assert again.ret == 2
    assert "better.task.toml exists" in again.stderr.str()


def test_demonstrations_are_written_as_a_file(
    run: Run, pytester: pytest.Pytester
) -> None:
    """The card shows them first, and pytest sends them."""
    card = pytester.path / "words.task.toml"
    card.write_text(f'{CARD}chat = "joined"\n')
    script = MODEL.replace("Think well", r"yes\\s+Say")
    (pytester.path / "model.toml").write_text(script)
    result = run("--llm", "scripted:model.toml", "--out", "better.task.toml")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["wrote better.task.toml, better.demonstrations.jsonl"])
    shown = (pytester.path / "better.demonstrations.jsonl").read_text().splitlines()
    assert {json.loads(line)["demonstration_answer"] for line in shown} == {"yes"}
    ran = pytester.runpytest_subprocess(
        "-pno:cacheprovider", "--llm", "scripted:model.toml", "better.task.toml"
    )
    assert ran.ret == 0


def test_nothing_better_is_said_with_what_could_have_been_found(
    run: Run, pytester: pytest.Pytester
) -> None:
    """The exit code is 1, and no card is written."""
    result = run("--llm", "scripted:model.toml", "--out", "better.task.toml")
    assert result.ret == 1
    result.stdout.re_match_lines(
        [
            r"held out, 24 samples once: .*; difference \+0\.000 \[-.*\], p 1",
            "nothing better was found",
            r"24 samples find a difference of 0\.\d\d 4 times in 5",
        ]
    )
    assert not (pytester.path / "better.task.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SCRIPTED, "--out", "x/better.task.toml"), "Write it to better.task.toml"),
        ((*SCRIPTED, "--out", "better.toml"), "It is NAME.task.toml"),
        (("--llm", "@small"), "--llm names smollm2, smollm2-gguf. It is one model"),
        ((*SCRIPTED, "--limit", "12"), "12 samples make parts of"),
        (("--llm", "gpt-4o-mini"), "gpt-4o-mini may cost money"),
        (
            ("--llm", "gpt-4o-mini", "--budget", "0.0001usd"),
            "The comparison at the end may cost",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(
    run: Run, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and nothing is written."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    result = run(*arguments)
    assert result.ret == 2
    assert message in result.stderr.str()


@pytest.fixture
def server(openai_server: Any, pytester: pytest.Pytester) -> Iterator[Any]:
    """A server that repeats what it is told; a token is a word and 20 micro-dollars."""
    with openai_server.OpenAIServer(answers={"7": "yes"}) as running:
        (pytester.path / "llmlab_models.toml").write_text(
            '[[model]]\nalias = "model"\nprovider = "litellm"\nid = "openai/model"\n'
            f'options = {{ base_url = "{running.url}" }}\n'
            "defaults = { max_tokens = 8 }\n"
            "input_usd_per_million_tokens = 20.0\n"
            "output_usd_per_million_tokens = 20.0\n"
        )
        yield running


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("budget_usd", "is_whole"), [(3.5, True), (2.96, False)])
def test_a_budget_is_never_passed(
    run: Run, monkeypatch: pytest.MonkeyPatch, budget_usd: float, *, is_whole: bool
) -> None:
    """A search ends when its part is spent; the comparison at the end is made then.

    That may cost 2.9514 usd here, by the worst case, and takes a fraction of it.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    words = ("--llm", "model", "--shots", "1")
    result = run(*words, "--budget", f"{budget_usd}usd")
    told = result.stdout.str()
    assert "held out, 24 samples once" in told
    assert ("money for the search was spent" not in told) is is_whole
    spent_usd = float(told.rpartition(": ")[2].split()[0])
    assert 0 < spent_usd <= budget_usd
