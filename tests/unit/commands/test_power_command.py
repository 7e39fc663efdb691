"""`llmlab power` says what a plan of samples can show."""

import pytest

from llmlab_pytest.commands import main
from llmlab_pytest.stats import (
    detectable_pairs,
    paired_power,
    proportion_power,
    samples_for_pairs,
    samples_for_proportion,
)


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["power", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_gate_on_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """How many samples decide, and how often so many do, also at other levels."""
    asked = ["--rate", "0.85", "--bound", "0.8"]
    needed = samples_for_proportion(0.85, 0.8)
    how = "decide 80% of the time, at 95% confidence"
    assert output_of(capsys, *asked, "--n", "200") == [
        f"a true rate of 0.85 against the number 0.8: {needed} samples {how}",
        f"200 samples decide {proportion_power(0.85, 0.8, 200):.0%} of the time",
    ]
    sure = samples_for_proportion(0.85, 0.8, confidence=0.99, power=0.9)
    (line,) = output_of(capsys, *asked, "--confidence", "0.99", "--power", "0.9")
    assert f"{sure} samples decide 90% of the time, at 99% confidence" in line
    (line,) = output_of(capsys, "--rate", "0.8", "--bound", "0.8")
    assert line.endswith("no number of samples would decide")


def test_a_difference_of_two_models(capsys: pytest.CaptureFixture[str]) -> None:
    """Paired, by McNemar; and the least that so many samples find."""
    asked = ["--difference", "0.05", "--discordant", "0.2"]
    needed, least = samples_for_pairs(0.05, 0.2), detectable_pairs(0.2, 100)
    how = "decide 80% of the time, at 95% confidence"
    what = "a difference of 0.05, 0.2 of the samples differing"
    assert output_of(capsys, *asked, "--n", "100") == [
        f"{what}: {needed} samples {how}",
        f"100 samples find it {paired_power(0.05, 0.2, 100):.0%} of the time",
        f"{least:.3f} is the smallest that they find so often",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "neither or both"),
        (["--rate", "0.8"], "neither or both"),
        (["--rate", "0.8", "--bound", "0.7", "--difference", "0.1"], "neither or both"),
        (["--rate", "1.2", "--bound", "0.7"], "--rate is 1.2"),
        (["--difference", "0.2", "--discordant", "0.1"], "less than the share"),
    ],
)
def test_what_cannot_be_asked_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """With exit code 2 and an example."""
    assert main(["power", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--n", "0"], ["--n", "x"], ["--power", "1"], ["--confidence", "95"]]
)
def test_numbers_out_of_range_are_refused(arguments: list[str]) -> None:
    """By argparse, whose exit code is 2 as well."""
    with pytest.raises(SystemExit) as stopped:
        main(["power", "--rate", "0.9", "--bound", "0.8", *arguments])
    assert stopped.value.code == 2
