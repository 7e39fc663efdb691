"""Sizes and ages as people write them: `1GB`, `500 MB`, `30d`, `12h`."""

import re
from collections.abc import Mapping
from datetime import timedelta

from llmlab_pytest.core import ConfigError

_UNIT_BYTES: Mapping[str, int] = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_UNIT_HOURS: Mapping[str, int] = {"h": 1, "d": 24, "w": 7 * 24}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def bytes_of(text: str, *, where: str) -> int:
    """Return a size in bytes; units are powers of 1000, as on disks.

    Raises:
        ConfigError: it is no size; names `where` it was written.
    """
    allowed = "It takes a size such as 500MB, 1GB or 1000000."
    return round(_amount(text.upper(), _UNIT_BYTES, f"{where} is {text!r}.", allowed))


def age_of(text: str, *, where: str) -> timedelta:
    """Return an age.

    Raises:
        ConfigError: it is no age; names `where` it was written.
    """
    allowed = "It takes an age such as 12h, 30d or 4w."
    seen = f"{where} is {text!r}."
    return timedelta(hours=_amount(text.lower(), _UNIT_HOURS, seen, allowed))


def _amount(text: str, units: Mapping[str, int], seen: str, allowed: str) -> float:
    """Return a number in its unit, or raise what was `seen`."""
    amount = _AMOUNT.fullmatch(text.strip())
    unit = amount and units.get(amount[2])
    if amount is None or unit is None:
        raise ConfigError(seen, allowed=allowed)
    return float(amount[1]) * unit
