"""How far each factor moves a score, and what is left to their interactions."""

import pytest

from llmlab_pytest.core import SampleResult, Score
from llmlab_pytest.metrics import contributions


def _results(values: str, *, first: int = 0) -> list[SampleResult]:
    """Return one result per character: 1 right, 0 wrong, x an error."""
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=str(number),
            scores=() if value == "x" else (Score(scorer="acc", value=float(value)),),
            error="trouble" if value == "x" else None,
        )
        for number, value in enumerate(values, first)
    ]


def test_factors_and_interactions_add_up_to_the_total() -> None:
    """From 1 of 4 right to 4 of 4: +25, +0 alone, and +50 only together."""
    found = contributions(
        "why",
        "m",
        {
            "from": _results("1000"),
            "shots": _results("1100"),
            "chat": _results("0100"),
            "to": _results("1111"),
        },
    )
    assert [(c.factor, c.points, c.n) for c in found] == [
        ("shots", 25.0, 4),
        ("chat", 0.0, 4),
        ("interactions", 50.0, 4),
        ("total", 75.0, 4),
    ]
    assert sum(c.points or 0 for c in found[:-1]) == found[-1].points
    assert {(c.explanation, c.model) for c in found} == {("why", "m")}


def test_interval_is_that_of_the_differences_by_sample() -> None:
    """Differences 0, 1, 0, 0 have the mean 0.25, s = 0.5, t(3) = 3.1824."""
    settings = {"from": _results("1000"), "to": _results("1100")}
    (total,) = contributions("why", "m", settings)
    assert total.interval is not None
    half = 100 * 3.182446 * 0.5 / 2
    assert (total.interval.low, total.interval.high) == pytest.approx(
        (25 - half, 25 + half), abs=1e-3
    )


def test_other_samples_have_points_and_no_interval() -> None:
    """A limit or an error changes which samples count: they cannot be paired."""
    for last in (_results("11", first=4), _results("11xx")):
        settings = {"from": _results("1000"), "to": last}
        (total,) = contributions("why", "m", settings)
        assert (total.points, total.interval, total.n) == (75.0, None, 2)


@pytest.mark.parametrize("missing", [[], _results("xx")])
def test_setting_without_a_score_contributes_nothing_known(
    missing: list[SampleResult],
) -> None:
    """It is shown as unknown, never as zero; the total is still known."""
    settings = {
        "from": _results("10"),
        "shots": missing,
        "chat": _results("11"),
        "to": _results("11"),
    }
    found = {c.factor: c.points for c in contributions("why", "m", settings)}
    assert found == {"shots": None, "chat": 50.0, "interactions": None, "total": 50.0}
