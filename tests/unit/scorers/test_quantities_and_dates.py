"""Numbers with units and dates in prose, however they are written."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import date, quantity, score


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("It is 5000 m long.", "5 km"),
        ("It is 5km.", "5000 m"),
        ("About 1,500.5 grams", "1.5005 kg"),
        ("90 km/h", "25 m/s"),
        ("90 kilometers per hour", "25 m/s"),
        ("20 °C outside", "68 degF"),
        ("12 square metres", "12 m^2"),
        ("12 m²", "12 m^2"),
        ("12 m2", "12 m**2"),
        ("9.81 m/s²", "9.81 m/s^2"),
        ("3 µs", "0.003 ms"),
        ("47 kΩ", "47000 ohm"),
        ("2 nautical miles", "3.704 km"),
        ("-40 °C", "-40 degF"),
        ("First 3 m, in the end 5 m", "5 m"),
        ("It takes 90 m in 9 s", "90 m"),
        ("a 30-minute walk", "0.5 h"),
        ("1.5 GB", "1500 MB"),
        ("25 %", "0.25 dimensionless"),
    ],
)
def test_quantity_is_the_same_in_any_unit(text: str, target: str) -> None:
    """Unit and spelling do not matter; the last one of the target's kind counts."""
    assert score(text, quantity(), target=target).value == 1.0


@pytest.mark.parametrize(
    ("text", "target", "explanation"),
    [
        ("It is 5000.", "5 km", "no quantity like 5.0 kilometer found"),
        ("It takes 5 s.", "5 km", "no quantity like 5.0 kilometer found"),
        ("It is 5 apples.", "5 km", "no quantity like 5.0 kilometer found"),
        ("It is 6 km.", "5 km", "6.0 kilometer is not 5.0 kilometer"),
        ("5 km, no: 6 km", "5 km", "6.0 kilometer is not 5.0 kilometer"),
    ],
)
def test_quantity_that_is_not_there_is_told(
    text: str, target: str, explanation: str
) -> None:
    """A miss names what was found of the target's kind."""
    found = score(text, quantity(), target=target)
    assert (found.value, found.explanation) == (0.0, explanation)


def test_quantity_has_tolerance_and_a_pick() -> None:
    """Tolerances are relative, or in the target's unit; first and any may be asked."""
    assert score("5.01 km", quantity(rel_tol=0.01), target="5 km").value == 1.0
    assert score("5010 m", quantity(abs_tol=0.02), target="5 km").value == 1.0
    assert score("5010 m", quantity(abs_tol=0.002), target="5 km").value == 0.0
    text = "5 km, no: 6 km"
    assert score(text, quantity(pick="first"), target="5 km").value == 1.0
    assert score(text, quantity(pick="any"), target=("7 km", "6 km")).value == 1.0


@given(text=st.text())
def test_quantities_are_looked_for_in_any_text(text: str) -> None:
    """No text breaks the search."""
    assert score(f"7{text}", quantity(), target="5 km").value in (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("It was on 1969-07-20.", {}),
        ("20 July 1969", {}),
        ("the 20th of July 1969", {}),
        ("July 20, 1969", {}),
        ("Jul. 20th 1969", {}),
        ("20.07.1969", {}),
        ("7/20/1969", {}),
        ("20/7/1969", {}),
        ("1969/07/20", {}),
        ("Begun 16 July 1969, landed 20 July 1969", {}),
        ("Landed 20 July 1969, back 24 July 1969", {"pick": "first"}),
        ("16 July 1969, 20 July 1969, 24 July 1969", {"pick": "any"}),
        ("21 July 1969 in Europe", {"within_days": 1}),
    ],
)
def test_date_is_the_same_however_written(text: str, options: Any) -> None:
    """ISO, English months and numbers name the same day."""
    assert score(text, date(**options), target="1969-07-20").value == 1.0


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("July 1969", "no date found"),
        ("31.02.1969", "no date found"),
        ("on 1.2.1969.5", "no date found"),
        ("21 July 1969", "1969-07-21, expected 1969-07-20"),
        ("20 July 1969 or 21 July 1969", "1969-07-21, expected 1969-07-20"),
    ],
)
def test_date_that_is_not_there_is_told(text: str, explanation: str) -> None:
    """Half a date is none, and a miss names the date that was found."""
    found = score(text, date(), target="1969-07-20")
    assert (found.value, found.explanation) == (0.0, explanation)


@pytest.mark.parametrize(
    ("written", "day_first", "value"),
    [
        ("3/4/1969", None, "1969-03-04"),
        ("3.4.1969", None, "1969-04-03"),
        ("3/4/1969", True, "1969-04-03"),
        ("3.4.1969", False, "1969-03-04"),
        ("13/4/1969", False, "1969-04-13"),
        ("4/13/1969", True, "1969-04-13"),
    ],
)
def test_order_of_day_and_month_is_settled(
    written: str, day_first: bool | None, value: str
) -> None:
    """Dots mean day first, slashes month first, unless said; 13 is never a month."""
    found = score(written, date(day_first=day_first), target=value)
    assert (found.value, found.answer) == (1.0, value)


@given(day=st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_day_is_read_back(day: dt.date) -> None:
    """What is written out in full is found again."""
    for form in ("%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%Y-%m-%d"):
        found = score(f"On {day.strftime(form)}.", date(), target=day.isoformat())
        assert found.answer == day.isoformat()


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: quantity(pick="best"), "last, first, any"),
        (lambda: score("5 km", quantity(), target="5"), "'5' is not one quantity"),
        (lambda: score("5 km", quantity(), target="5 km 3 m"), "not one quantity"),
        (lambda: date(pick="best"), "last, first, any"),
        (lambda: score("x", date(), target="July"), "'July' is not one date"),
    ],
    ids=["pick", "number", "two", "date-pick", "month"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """A target that is no quantity or date is the row's fault, not the model's."""
    with pytest.raises(ConfigError, match=shown):
        make()
