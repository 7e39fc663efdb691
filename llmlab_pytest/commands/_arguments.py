"""Kinds of values that arguments of `llmlab` take."""

import argparse
from math import isfinite
from typing import Any

LIST: dict[str, Any] = {"action": "append", "default": []}
"""Options of an argument that may be given several times."""
_LAST_PORT = 65535


def count(text: str) -> int:
    """Read a whole number from 1 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is no whole number from 1 on"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def port(text: str) -> int:
    """Read the number of a port, 0 for any that is free.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) > _LAST_PORT:
        msg = f"{text!r} is no port from 0 to {_LAST_PORT}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def chance(text: str) -> float:
    """Read a number between 0 and 1, both excluded.

    Raises:
        ArgumentTypeError: it is none.
    """
    chosen = ratio(text)
    if not 0 < chosen < 1:
        msg = f"{text!r} does not lie between 0 and 1"
        raise argparse.ArgumentTypeError(msg)
    return chosen


def ratio(text: str) -> float:
    """Read a number from 0 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not isfinite(found) or found < 0:
        msg = f"{text!r} is no number from 0 on, e.g. 0.05"
        raise argparse.ArgumentTypeError(msg)
    return found
