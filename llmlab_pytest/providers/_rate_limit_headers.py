"""What the headers of a reply say about when the next request may be sent.

`Retry-After` (RFC 9110, 10.2.3) comes first: seconds or a date; OpenAI and Azure give
milliseconds in `retry-after-ms`. Otherwise vendors tell what is left of their limits
and when these are full again. Those of OpenAI, Groq and others are called
`x-ratelimit-remaining-requests` with `x-ratelimit-reset-requests`, a duration as
`6m0s` or seconds; Anthropic's `anthropic-ratelimit-requests-remaining` with
`…-reset`, a date of RFC 3339. A litellm proxy hands on what the vendor behind it asks
for as `llm_provider-retry-after`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

_OF_OPENAI = ("requests", "tokens")
_OF_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_MS_PER_S = 1000


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the headers of a refusal ask to wait, if they do.

    Args:
        headers: by name; upper and lower case are the mapping's matter.
    """
    if (value := headers.get("retry-after-ms")) and value.isdecimal():
        return int(value) / _MS_PER_S
    for name in ("retry-after", "llm_provider-retry-after"):
        if value := headers.get(name):
            return delay_s(str(value))
    return used_up_s(headers)


def used_up_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a limit of which nothing is left is full again.

    `None` while something is left of every limit, or nobody says.
    """
    waits = [_wait_s(text) for left, text in _limits(headers) if _is_nothing(left)]
    return max((wait_s for wait_s in waits if wait_s is not None), default=None)


def _limits(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is left of each limit and when it is full again, as written."""
    names = [
        (f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}")
        for what in _OF_OPENAI
    ]
    names += [
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in _OF_ANTHROPIC
    ]
    for remaining, reset in names:
        if remaining in headers and reset in headers:
            yield str(headers[remaining]), str(headers[reset])


def _is_nothing(left: str) -> bool:
    try:
        return float(left) <= 0
    except ValueError:
        return False


def _wait_s(text: str) -> float | None:
    """Read seconds, a duration as `1m2.5s`, or a date of RFC 3339."""
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    try:
        return _until_s(datetime.fromisoformat(text))
    except ValueError:
        return _seconds(text)


def delay_s(text: str) -> float | None:
    """Read seconds or an HTTP date."""
    if (wait_s := _seconds(text)) is not None:
        return wait_s
    try:
        return _until_s(parsedate_to_datetime(text))
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    try:
        wait_s = float(text)
    except ValueError:
        return None
    return max(0.0, wait_s) if isfinite(wait_s) else None


def _until_s(moment: datetime) -> float | None:
    if moment.tzinfo is None:  # nobody knows whose clock
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
