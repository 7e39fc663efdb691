"""`llmlab prices` shows prices, and compares them with a second list."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest

from llmlab_pytest.commands import main

MODELS = """
[[model]]
alias = "ours"
provider = "litellm"
id = "openai/our-model"
input_usd_per_million_tokens = 2
output_usd_per_million_tokens = 10
cached_input_usd_per_million_tokens = 0.5

[[model]]
alias = "gift"
provider = "litellm"
id = "openai/a-gift"
input_usd_per_million_tokens = 0
output_usd_per_million_tokens = 10

[[model]]
alias = "unknown"
provider = "litellm"
id = "openai/nobody-knows-it"
"""
OURS = ("ours", "gift", "unknown", "gpt-4o-mini")
SECOND = {
    "data": [
        {
            "id": "openai/our-model",
            "pricing": {
                "prompt": "0.000002",
                "completion": "0.0000105",
                "internal_reasoning": "0.00002",
            },
        },
        {
            "id": "openai/a-gift",
            "pricing": {"prompt": "0.000001", "completion": "0.00001"},
        },
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three models and a second list of prices."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llmlab_models.toml").write_text(MODELS)
    (tmp_path / "second.json").write_text(json.dumps(SECOND))
    os.utime(tmp_path / "second.json", (1_760_000_000, 1_760_000_000))
    return tmp_path


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_prices_name_source_and_day(capsys: pytest.CaptureFixture[str]) -> None:
    """The entry's own price, the map's, none, and that of this machine."""
    assert main(["prices", *OURS, "smollm2"]) == 0
    unit, headings, *rows = lines_of(capsys)
    read_on = ["read", "on", datetime.now(UTC).date().isoformat()]
    version = metadata.version("litellm")
    assert " ".join(unit) == "US dollars per million tokens"
    assert headings[1:4] == ["input", "output", "cached_input"]
    assert rows == [
        ["ours", "2", "10", "0.5", "llmlab_models.toml:2,", *read_on],
        ["gift", "0", "10", "llmlab_models.toml:10,", *read_on],
        ["unknown", *"?????", "none", "knows", "a", "price"],
        ["gpt-4o-mini", "0.15", "0.6", "0.075", "litellm", f"{version},", *read_on],
        ["smollm2", "0", "0", "this", "machine,", *read_on],
    ]


def test_prices_are_those_of_vendors_by_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Shipped ones and the project's; none that computes here."""
    assert main(["prices"]) == 0
    names = [line[0] for line in lines_of(capsys)[2:]]
    assert {"ours", "unknown", "gpt-4o-mini", "claude-haiku-4-5"} <= set(names)
    assert not {"smollm2", "scripted"} & set(names)


def test_a_comparison_lists_what_differs_and_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both values and the ratio; a price on one side only is no difference."""
    assert main(["prices", *OURS, "--compare", "second.json"]) == 1
    source, headings, *rows, counts = lines_of(capsys)
    assert headings == ["model", "part", "ours", "theirs", "theirs", "/", "ours"]
    assert " ".join(source) == "second.json: OpenRouter, file of 2025-10-09"
    assert rows == [
        ["ours", "output", "10", "10.5", "x1.05"],
        ["gift", "input", "0", "1", "not", "free"],
        ["ours", "cached_input", "0.5", "only", "in", "ours"],
        ["ours", "reasoning", "20", "only", "in", "second.json"],
        ["unknown", "in", "neither"],
        ["gpt-4o-mini", "input", "0.15", "only", "in", "ours"],
        ["gpt-4o-mini", "output", "0.6", "only", "in", "ours"],
        ["gpt-4o-mini", "cached_input", "0.075", "only", "in", "ours"],
    ]
    assert " ".join(counts) == "2 prices agree, 2 differ, 6 are not in both"


@pytest.mark.parametrize(
    ("tolerance", "code", "counts"),
    [
        ("0.04", 1, "1 prices agree within 4.00%, 1 differ, 2 are not in both"),
        ("0.05", 0, "2 prices agree within 5.00%, 0 differ, 2 are not in both"),
    ],
)
def test_a_tolerance_is_a_part_of_the_dearer_price(
    capsys: pytest.CaptureFixture[str], tolerance: str, code: int, counts: str
) -> None:
    """0.5 of 10.5 dollars are 4.76%."""
    command = ["prices", "ours", "--compare", "second.json", "--tolerance", tolerance]
    assert main(command) == code
    assert capsys.readouterr().out.splitlines()[-1] == counts


def test_a_model_can_have_another_name_in_the_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--as` says which."""
    command = ["prices", "unknown", "gift", "--compare", "second.json"]
    assert main([*command, "--as", "gift=openai/our-model"]) == 1
    out = lines_of(capsys)
    assert ["gift", "input", "0", "2", "not", "free"] in out
    assert ["gift", "output", "10", "10.5", "x1.05"] in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gpt-4o-mni"], "Did you mean 'gpt-4o-mini'"),
        (["--registry", "none.toml"], "--registry is 'none.toml'"),
        (["ours", "--as", "ours=x"], "there is no second list"),
        (["ours", "--compare", "second.json", "--as", "ours"], "takes MODEL=NAME"),
        (["ours", "--compare", "second.json", "--as", "gift=x"], "--as is 'gift=x'"),
        (["ours", "--compare", "second.json", "--as", "ours=x/y"], "no model 'x/y'"),
        (
            ["ours", "--compare", "llmlab_models.toml"],
            "llmlab_models.toml:2:3: no JSON",
        ),
    ],
)
def test_wrong_use_is_explained(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Exit code 2, the place and what to write."""
    assert main(["prices", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("ratio", ["-1", "nan", "5%"])
def test_a_wrong_tolerance_is_explained(
    capsys: pytest.CaptureFixture[str], ratio: str
) -> None:
    """It is refused before anything is read."""
    with pytest.raises(SystemExit, match="2"):
        main(["prices", f"--tolerance={ratio}"])
    assert f"'{ratio}' is no number from 0 on" in capsys.readouterr().err


def test_prices_are_read_without_litellm() -> None:
    """The map is a file; importing litellm, pytest or a database takes seconds."""
    code = (
        "import sys; from llmlab_pytest.commands import main\n"
        "assert main(['prices', '--compare', 'second.json']) == 1\n"
        "heavy = {'pytest', 'sqlalchemy', 'litellm', 'aiohttp', 'torch'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
