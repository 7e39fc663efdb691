"""--llmlab-chat, -shots, -system and -compat: every task of a run asked otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.tasks import rows_digest

CARD = """
scorers = ["exact"]
description = "Sums."
[demonstrations]
split = "train"
[data]
split = "test"
identity = ["input"]
"""
# Records what the model is asked, and answers with the last user message.
SPY = """
import json
from pathlib import Path
from llmlab_pytest.testing import ScriptedModel, echo

class Spy(ScriptedModel):
    async def run(self, requests):
        for request in requests:
            prompt = request.prompt
            if not isinstance(prompt, str):
                prompt = [[turn.role, turn.content] for turn in prompt]
            with open("asked.jsonl", "a") as file:
                file.write(json.dumps(prompt) + "\\n")
        return await super().run(requests)

def pytest_llmlab_register_providers(register):
    register("spy", lambda spec: Spy(fallback=echo, spec=spec))
"""
MODELS = """
[[model]]
alias = "spy"
provider = "spy"
id = "spy"
capabilities = ["chat", "completion"]
"""
SPLITS = {
    "test": [{"input": "2+2?", "target": "4"}],
    "train": [{"input": "1+1?", "target": "2"}],
}


def _run(
    pytester: pytest.Pytester, *arguments: str, card: str = CARD
) -> pytest.RunResult:
    data = pytester.path / "data"
    data.mkdir()
    for name, rows in SPLITS.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (data / f"{name}.jsonl").write_text(text, encoding="utf-8")
        card += (
            f'[data.{name}]\nrows = 1\ndirectory = "{name}.jsonl"\n'
            f'digest = "{rows_digest(rows, ["input"])}"\n'
        )
    (pytester.path / "sums.task.toml").write_text(card, encoding="utf-8")
    (pytester.path / "llmlab_models.toml").write_text(MODELS, encoding="utf-8")
    pytester.makeconftest(SPY)
    return pytester.runpytest_subprocess(
        "-pno:cacheprovider",
        "--llm=spy",
        "--llmlab-data=data",
        "--llmlab-json=out.json",
        *arguments,
    )


def _asked(path: Path) -> list[Any]:
    lines = (path / "asked.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _plan_factors(path: Path) -> dict[str, str]:
    report = json.loads((path / "out.json").read_text(encoding="utf-8"))
    factors: dict[str, str] = report["rows"][0]["plan"]["factors"]
    return factors


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ([], [["system", "Sums."], ["user", "2+2?"]]),
        (["--llmlab-chat=off"], "Sums.2+2?"),
        (["--llmlab-chat=off", "--llmlab-shots=1"], "Sums.1+1? 2\n\n2+2?"),
        (
            ["--llmlab-chat=joined", "--llmlab-shots=1"],
            [["system", "Sums."], ["user", "1+1? 2\n\n2+2?"]],
        ),
        (
            ["--llmlab-shots=1", "--llmlab-system=Be {{ target }}."],
            [
                ["system", "Be 4.\n\nSums."],
                ["user", "1+1?"],
                ["assistant", "2"],
                ["user", "2+2?"],
            ],
        ),
    ],
)
def test_options_change_what_every_task_asks(
    pytester: pytest.Pytester, options: list[str], asked: object
) -> None:
    """An option wins over the card; what was asked is kept with the result."""
    _run(pytester, *options)
    assert _asked(pytester.path) == [asked]
    factors = _plan_factors(pytester.path)
    mode = "off" if isinstance(asked, str) else "multiturn"
    assert factors["chat"] == ("joined" if "--llmlab-chat=joined" in options else mode)
    assert factors["shots"] == ("1" if "--llmlab-shots=1" in options else "0")


def test_footer_names_what_was_overridden(pytester: pytest.Pytester) -> None:
    """Whoever reads the table sees that its numbers are not those of the cards."""
    options = ["--llmlab-chat=joined", "--llmlab-shots=1", "--llmlab-system=Hi"]
    result = _run(pytester, *options)
    (footer,) = [line for line in result.outlines if line.startswith("run ")]
    assert footer.endswith(" · shots 1 · chat joined · system 'Hi'")


def test_ini_keys_do_the_same(pytester: pytest.Pytester) -> None:
    """A project may settle on a mode; the command line still wins."""
    pytester.makeini("[pytest]\nllmlab_chat = joined\nllmlab_shots = 1\n")
    _run(pytester, "--llmlab-chat=off")
    assert _asked(pytester.path) == ["Sums.1+1? 2\n\n2+2?"]


def test_wrong_mode_in_an_ini_file_stops_the_run(pytester: pytest.Pytester) -> None:
    """The message names the key and the modes."""
    pytester.makeini("[pytest]\nllmlab_chat = on\n")
    result = _run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    said = " ".join(result.outlines)
    assert "ini llmlab_chat is 'on'." in said
    assert "'off', 'joined', 'multiturn'" in said


def test_benchmark_without_demonstrations_is_an_error_of_one_item(
    pytester: pytest.Pytester,
) -> None:
    """Other tasks of the run go on; a task over rows of one's own is left alone."""
    pytester.makepyfile(
        """
        from llmlab_pytest import llm_task

        @llm_task(data=[{"input": "4", "target": "4"}], scorers=["exact"])
        def test_own(score): ...
        """
    )
    card = CARD.replace('[demonstrations]\nsplit = "train"\n', "")
    result = _run(pytester, "--llmlab-shots=2", card=card)
    result.assert_outcomes(passed=1, errors=1)
    said = " ".join(" ".join(result.outlines).split())
    assert "Unsupported: The task 'sums'" in said
    assert "2 demonstrations: its card has no [demonstrations]" in said


COMPAT = (
    CARD
    + """
[compat.other]
prompt = "Other: {{ input }}"
chat = false
shots = 1
"""
)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--llmlab-compat=other"], "Sums.Other: 1+1? 2\n\nOther: 2+2?"),
        (["--llmlab-compat=other", "--llmlab-shots=0"], "Sums.Other: 2+2?"),
    ],
)
def test_compat_mode_is_asked_and_kept(
    pytester: pytest.Pytester, options: list[str], asked: str
) -> None:
    """The mode of the card holds, single options win over it, the report names it."""
    result = _run(pytester, *options, card=COMPAT)
    assert _asked(pytester.path) == [asked]
    assert _plan_factors(pytester.path)["compat"] == "other"
    (footer,) = [line for line in result.outlines if line.startswith("run ")]
    assert " · compat other" in footer


def test_card_without_the_compat_mode_is_an_error(pytester: pytest.Pytester) -> None:
    """Its own numbers are not passed off as another harness's."""
    result = _run(pytester, "--llmlab-compat=othr", card=COMPAT)
    result.assert_outcomes(errors=1)
    said = " ".join(" ".join(result.outlines).split())
    assert "no compat mode 'othr'. It has: lm-eval, other." in said


def test_mark_chooses_the_compat_mode_of_one_test(pytester: pytest.Pytester) -> None:
    """Both numbers in one table; what the mark says itself wins over the mode."""
    pytester.makepyfile(
        """
        from llmlab_pytest import llm_task

        @llm_task("sums.task.toml", name="here")
        @llm_task("sums.task.toml", compat="other", shots=0, name="there")
        def test_modes(score): ...
        """
    )
    name = "test_mark_chooses_the_compat_mode_of_one_test.py"
    _run(pytester, name, card=COMPAT)
    assert sorted(_asked(pytester.path), key=str) == [
        "Sums.Other: 2+2?",
        [["system", "Sums."], ["user", "2+2?"]],
    ]


def test_mark_chooses_the_mode_of_one_test(pytester: pytest.Pytester) -> None:
    """The same card, asked in two ways in one run."""
    pytester.makepyfile(
        """
        from llmlab_pytest import llm_task

        @llm_task("sums.task.toml", chat="off", name="raw", shots=1)
        @llm_task("sums.task.toml", chat="joined", name="joined", system="S", shots=1)
        def test_modes(score): ...
        """
    )
    _run(pytester, "test_mark_chooses_the_mode_of_one_test.py")
    assert sorted(_asked(pytester.path), key=str) == [
        "Sums.1+1? 2\n\n2+2?",
        [["system", "S\n\nSums."], ["user", "1+1? 2\n\n2+2?"]],
    ]
