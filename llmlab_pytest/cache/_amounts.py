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
    amount = _AMOUNT.fullmatch(text.strip())
    unit = amount and _UNIT_BYTES.get(amount[2].upper())
    if amount is None or unit is None:
        msg = f"{where} is {text!r}."
        raise ConfigError(msg, allowed="It takes a size such as 500MB, 1GB or 1000000.")
    return round(float(amount[1]) * unit)


def age_of(text: str, *, where: str) -> timedelta:
    """Return an age.

    Raises:
        ConfigError: it is no age; names `where` it was written.
    """
    amount = _AMOUNT.fullmatch(text.strip())
    unit = amount and _UNIT_HOURS.get(amount[2].lower())
    if amount is None or unit is None:
        msg = f"{where} is {text!r}."
        raise ConfigError(msg, allowed="It takes an age such as 12h, 30d or 4w.")
    return timedelta(hours=float(amount[1]) * unit)
