"""Dates in prose: found by a fixed grammar, compared by the day.

A date has day, month and year: ISO 8601 (1969-07-20), English months ("20 July 1969",
"July 20th, 1969"), or numbers (20.07.1969, 7/20/1969). Left out: years of two digits,
months of other languages, "yesterday".
"""

import datetime as dt
import re
from collections.abc import Iterator

from llmlab_pytest.core import ConfigError, Target
from llmlab_pytest.scorers._judgement import Finding, check_choice, target_scorer
from llmlab_pytest.scorers._protocol import Scorer
from llmlab_pytest.scorers._text import targets_of

_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_MONTH = (
    r"(?P<month{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    r"|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year{0}>\d{{4}})"
_DATE = re.compile(
    r"(?<![\w.])(?:"
    + "|".join(
        (
            _YEAR.format(1) + r"[-/.](?P<number1>\d{1,2})[-/.](?P<day1>\d{1,2})",
            _DAY.format(2) + rf"\s+(?:of\s+)?{_MONTH.format(2)},?\s+" + _YEAR.format(2),
            rf"{_MONTH.format(3)}\s+" + _DAY.format(3) + r",?\s+" + _YEAR.format(3),
            r"(?P<first>\d{1,2})(?P<between>[-/.])(?P<second>\d{1,2})(?P=between)"
            + _YEAR.format(4),
        )
    )
    + r")(?!\w|\.\d)",
    re.IGNORECASE,
)


def date(
    *, within_days: int = 0, pick: str = "last", day_first: bool | None = None
) -> Scorer:
    """Score 1 if a date of the text is the target's, however it is written.

    Args:
        within_days: how many days it may be off.
        pick: which of the text's dates is the answer: `last`, `first`, or `any`.
        day_first: how 3/4/1969 is read: `true` as 3 April, `false` as 4 March. Without
            it a date with dots is read day first, one with slashes or dashes month
            first; a number above 12 is the day in any case.

    Raises:
        ConfigError: `pick` is unknown; while scoring, the target is not one date.
    """
    check_choice("pick", pick, ("last", "first", "any"))

    def look(text: str, target: Target) -> Finding:
        wanted = [
            _target_date(each, day_first=day_first) for each in targets_of(target)
        ]
        found = list(dates_in(text, day_first=day_first))
        picked = {"last": found[-1:], "first": found[:1], "any": found}[pick]
        for answer in picked:
            if any(abs((answer - day).days) <= within_days for day in wanted):
                return Finding(None, answer.isoformat())
        if not picked:
            return Finding("no date found")
        named = " or ".join(day.isoformat() for day in wanted)
        told = " and ".join(answer.isoformat() for answer in picked)
        return Finding(f"{told}, expected {named}", picked[0].isoformat())

    return target_scorer("date", look)


def dates_in(text: str, *, day_first: bool | None = None) -> Iterator[dt.date]:
    """Yield every date of a text, in order; days that no calendar has are left out."""
    for match in _DATE.finditer(text):
        year = int(next(filter(None, (match[f"year{n}"] for n in range(1, 5)))))
        month, day = _month_and_day(match, day_first=day_first)
        try:
            yield dt.date(year, month, day)
        except ValueError:
            continue


def _month_and_day(match: re.Match[str], *, day_first: bool | None) -> tuple[int, int]:
    if match["year1"]:
        return int(match["number1"]), int(match["day1"])
    if named := match["month2"] or match["month3"]:
        return _MONTHS.index(named[:3].lower()) + 1, int(match["day2"] or match["day3"])
    first, second = int(match["first"]), int(match["second"])
    is_day_first = match["between"] == "." if day_first is None else day_first
    months = len(_MONTHS)
    if first > months or (is_day_first and second <= months):
        return second, first
    return first, second


def _target_date(text: str, *, day_first: bool | None) -> dt.date:
    found = list(dates_in(text, day_first=day_first))
    if len(found) != 1:
        raise ConfigError(
            f"The target {text!r} is not one date.",
            allowed="It has day, month and year, best as 1969-07-20.",
        )
    return found[0]
