"""Limits as they are written, and the accounts they stand for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from llmlab_pytest.budget import Limit, check_models, parse_limits, parse_share
from llmlab_pytest.budget._limits import accounts_of
from llmlab_pytest.core import ConfigError

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", ()),
        ("5usd", (Limit(5.0),)),
        ("0.25 USD / Day", (Limit(0.25, "day"),)),
        ("gpt-4o-mini=1usd", (Limit(1.0, "run", "gpt-4o-mini"),)),
        (
            "5usd, m=.5usd/month\n20usd/day",
            (Limit(5.0), Limit(0.5, "month", "m"), Limit(20.0, "day")),
        ),
    ],
    ids=["none", "run", "spaces", "model", "several"],
)
def test_limits_are_read(text: str, limits: tuple[Limit, ...]) -> None:
    """Amount, period and model; commas and lines between them."""
    assert parse_limits(text, where="--llmlab-budget") == limits
    written = ",".join(map(str, limits))
    assert parse_limits(written, where="again") == limits


@pytest.mark.parametrize(
    "text", ["5", "5eur", "-1usd", "usd", "5usd/week", "=5usd", "5usd,5.0usd", "1e3usd"]
)
def test_wrong_limits_are_refused(text: str) -> None:
    """A budget that is misread is worse than none; the place is named."""
    with pytest.raises(ConfigError, match="ini llmlab_budget"):
        parse_limits(text, where="ini llmlab_budget")


@pytest.mark.parametrize("text", ["", "80", "120%", "much"])
def test_wrong_shares_are_refused(text: str) -> None:
    """A share is a percentage up to 100%."""
    assert parse_share(" 80 %", where="here") == pytest.approx(0.8)
    with pytest.raises(ConfigError, match="percentage"):
        parse_share(text, where="here")


def test_limit_of_an_absent_model_is_refused() -> None:
    """A typo would leave the model without a limit."""
    limits = parse_limits("smolm2=1usd", where="x")
    with pytest.raises(ConfigError, match="'smollm2'"):
        check_models(limits, ["smollm2"], where="--llmlab-budget")


def test_call_is_booked_where_limits_look() -> None:
    """Whatever is limited is one of the accounts of a call, in UTC."""
    accounts = accounts_of("r", "m", NOON)
    for text in ("1usd", "1usd/day", "1usd/month", "m=1usd", "m=1usd/day"):
        (limit,) = parse_limits(text, where="x")
        assert limit.account("r", NOON) in accounts
        assert Limit(1.0, limit.period, "other").account("r", NOON) not in accounts
    east = NOON.astimezone(timezone(timedelta(hours=13)))
    assert Limit(1.0, "day").account("r", east) == "day:2026-11-25"
