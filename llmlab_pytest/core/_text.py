"""Text that is safe to show: short, without control characters, without secrets."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable

_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_PREFIXES = ("sk", "pk", "rk", "gsk", "hf", "xai", "ghp", "glpat")
_SECRET_VALUE = re.compile(
    rf"\b(?:{'|'.join(_PREFIXES)})[-_][A-Za-z0-9_\-]{{12,}}|\bAKIA[0-9A-Z]{{16}}\b"
    r"|(?<=[Bb]earer )[A-Za-z0-9._\-]{12,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
# One of these is in every text that the pattern matches; looking for them first makes
# a 3 kB prompt cost 10 µs instead of 440.
_HINTS = tuple(f"{p}{dash}" for p in _PREFIXES for dash in "-_")
_HINTS += ("AKIA", "earer ", "://")
_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")
_MIN_SECRET_LENGTH = 8
_HIDDEN = "[redacted]"
_SLUG_DIGITS = 6
_SLUG_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def redact(text: str) -> str:
    """Replace secrets: values of `*_KEY`-like variables and well-known key shapes.

    Applied to every message, log line and report before it leaves the process.
    """
    return redactor()(text)


def redactor() -> Callable[[str], str]:
    """Return `redact` for many texts: it reads the environment once, now."""
    secrets = [
        value
        for name, value in os.environ.items()
        if len(value) >= _MIN_SECRET_LENGTH and _SECRET_NAME.search(name.upper())
    ]

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, _HIDDEN)
        if not any(hint in text for hint in _HINTS):
            return text
        return _SECRET_VALUE.sub(_HIDDEN, text)

    return hide


def escape_control(text: str) -> str:
    """Replace control characters except newline and tab by their escapes.

    A completion may hold terminal escape sequences; printing them raw would let a
    model rewrite the screen.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(
        char
        if char in "\n\t" or not unicodedata.category(char).startswith("C")
        else char.encode("unicode_escape").decode()
        for char in text
    )


def shorten(text: str, limit: int = 80) -> str:
    """Return one line of at most `limit` characters, the middle cut with `…`."""
    line = " ".join(escape_control(text).split())
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    tail = limit - 1 - head
    return f"{line[:head]}…{line[-tail:]}" if tail else f"{line[:head]}…"


def slug(text: str) -> str:
    """Return `text` with accents removed and what is not `[A-Za-z0-9._+-]` as `-`.

    Used in test ids, so that `-k` and shells take them without quoting. Where letters
    of another script are lost, six digits of the text's sha256 keep it apart.
    """
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(char)
    )
    short = _SLUG_UNSAFE.sub("-", plain).strip("-")
    if plain.isascii() or not any(c.isalnum() and not c.isascii() for c in plain):
        return short or "-"
    digest = hashlib.sha256(text.encode()).hexdigest()[:_SLUG_DIGITS]
    return f"{short}-{digest}" if short else digest
