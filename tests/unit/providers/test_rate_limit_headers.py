"""When the next request may be sent, by what vendors write into their headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llmlab_pytest.providers._rate_limit_headers import asked_wait_s, used_up_s


def in_s(seconds: float) -> datetime:
    """Return a moment from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"llm_provider-retry-after": "4"}, 4.0),
        ({"llm_provider-retry-after": "4", "retry-after": "5"}, 5.0),
        ({"retry-after": "3", "x-ratelimit-remaining-requests": "0"}, 3.0),
    ],
)
def test_retry_after_comes_first(headers: dict[str, str], wait_s: float | None) -> None:
    """Seconds, or milliseconds where given; the proxy's own before that behind it."""
    assert asked_wait_s(headers) == wait_s


def test_dates_are_read_in_both_forms() -> None:
    """That of HTTP in Retry-After, that of RFC 3339 in Anthropic's headers."""
    date = format_datetime(in_s(20), usegmt=True)
    assert asked_wait_s({"retry-after": date}) == pytest.approx(20, abs=2)
    headers = {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": in_s(30).isoformat(),
    }
    assert used_up_s(headers) == pytest.approx(30, abs=2)
    headers["anthropic-ratelimit-input-tokens-reset"] = f"{in_s(-5):%Y-%m-%dT%H:%M:%SZ}"
    assert used_up_s(headers) == 0.0
    headers["anthropic-ratelimit-input-tokens-reset"] = "2099-01-01T00:00:00"
    assert used_up_s(headers) is None  # nobody knows whose clock


@pytest.mark.parametrize(
    ("reset", "wait_s"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1m2.5s", 62.5),
        ("120ms", 0.12),
        ("1h0m1s", 3601.0),
        ("2d", 172800.0),
        ("7.66", 7.66),
        ("soon", None),
        ("5s soon", None),
        ("", None),
    ],
)
def test_durations_are_read(reset: str, wait_s: float | None) -> None:
    """As OpenAI and Groq write them; what is no duration says nothing."""
    headers = {
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": reset,
    }
    assert used_up_s(headers) == (None if wait_s is None else pytest.approx(wait_s))


def test_only_limits_of_which_nothing_is_left_count() -> None:
    """And of several the one that is full again last."""
    headers = {
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "50s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2s",
    }
    assert used_up_s(headers) == 2.0
    assert used_up_s({**headers, "x-ratelimit-remaining-requests": "0"}) == 50.0
    assert used_up_s({**headers, "x-ratelimit-remaining-tokens": "many"}) is None
