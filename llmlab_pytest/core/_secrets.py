"""Secrets in texts: found by their value or their shape, and replaced.

What is left out: a secret that somebody cut in pieces, ciphered or compressed.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

_SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)(_ID|_?\d+)?$"
)
_PREFIXES = (
    *("sk", "pk", "rk", "gsk", "csk", "xai", "hf", "r8", "fw", "pplx", "nvapi"),
    *("tgp", "ghp", "gho", "ghs", "github_pat", "glpat", "tvly", "xoxb", "xoxp"),
)
"""How keys of vendors begin, before a dash or a low line."""
SHAPED = re.compile(
    rf"\b(?:{'|'.join(_PREFIXES)})[-_][A-Za-z0-9_\-]{{12,}}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[A-Za-z0-9_\-]{30,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+"  # RFC 7519
    r"|(?<=[Bb]earer )[A-Za-z0-9._\-]{12,}"
    r"|(?<=uthorization: Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
)
"""What looks like a secret."""
# One of these is in every text that the pattern matches; looking for them first makes
# a 3 kB prompt cost 10 µs instead of 440, and 2 if it has no dash.
_DASHED_HINTS = tuple(f"{p}{dash}" for p in _PREFIXES for dash in "-_")
_PLAIN_HINTS = ("AKIA", "ASIA", "AIza", "eyJ")
HINTED = (*_DASHED_HINTS, *_PLAIN_HINTS)
"""How secrets of a known shape begin."""
_HINTS = (*_PLAIN_HINTS, "earer ", "Basic ", "://")
_MIN_SECRET_LENGTH = 8
HIDDEN = "[redacted]"
"""What stands where a secret was."""
_known: dict[str, None] = {}
"""Secrets of this process that stand in no variable with a telling name."""


class Secret(str):
    """A text that hides when its `repr` is shown, e.g. by `pytest --showlocals`."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a placeholder."""
        return "'[redacted]'"


class SecretWarning(UserWarning):
    """A secret stands or travels where others can read it."""


def know_secret(text: str) -> Secret:
    """Have `redact` hide a text from now on, wherever in this process; return it."""
    if len(text) >= _MIN_SECRET_LENGTH:
        _known[str(text)] = None
    return Secret(text)


def know_password(address: str) -> None:
    """Have `redact` hide what an address holds as user's password, if it does."""
    try:
        password = urlsplit(address).password
    except ValueError:  # e.g. a bracket without its pair; whoever uses it says so
        return
    if password:
        know_secret(password)
        know_secret(unquote(password))


def redact(text: str) -> str:
    """Replace secrets: values of `*_KEY`-like variables and well-known key shapes.

    Applied to every message, log line and report before it leaves the process.
    """
    return redactor()(text)


def redactor() -> Callable[[str], str]:
    """Return `redact` for many texts: it reads the environment once, now."""
    hide_values = value_redactor()

    def hide(text: str) -> str:
        text = hide_values(text)
        return SHAPED.sub(HIDDEN, text) if _is_suspect(text) else text

    return hide


def _is_suspect(text: str) -> bool:
    """Whether a text may hold something of a key's shape; called for every text."""
    for hint in _HINTS:
        if hint in text:
            return True
    if "-" in text or "_" in text:
        for hint in _DASHED_HINTS:
            if hint in text:
                return True
    return False


def secrets_in(text: str) -> list[str]:
    """Return what `redact` would hide of a text, each once."""
    shaped = [match[0] for match in SHAPED.finditer(text)]
    values = {**dict.fromkeys(_in_environment()), **_known}
    known = [value for value in values if any(form in text for form in _forms(value))]
    alone = [value for value in known if not any(value in each for each in shaped)]
    return list(dict.fromkeys([*shaped, *alone]))


def value_redactor() -> Callable[[str], str]:
    """Return what replaces known secrets only, and nothing that merely looks like one.

    For texts that are judged or kept, where a false alarm would change a result.
    """
    forms = known_forms()

    def hide(text: str) -> str:
        for form in forms:
            text = text.replace(form, HIDDEN)
        return text

    return hide


def known_forms() -> list[str]:
    """Return every way in which a known secret may be written, in the order to hide."""
    values = {**dict.fromkeys(_in_environment()), **_known}
    # The longest first: one secret may be a part of another.
    return [form for value in sorted(values, key=len)[::-1] for form in _forms(value)]


def _in_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name.upper()):
            for text in {value, value.strip()}:
                if len(text) >= _MIN_SECRET_LENGTH:
                    yield text


@lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[str, ...]:
    """Return the ways in which a secret is written: as it is, escaped, in base64."""
    escaped = secret.encode("unicode_escape").decode()
    forms = [secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], escaped]
    forms += [
        quote(secret, safe="", errors="surrogateescape"),
        quote_plus(secret, errors="surrogateescape"),
    ]
    forms += _base64_forms(secret.encode(errors="surrogateescape"))
    return tuple(dict.fromkeys(forms))


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield what base64 makes of bytes, wherever they stand in what is encoded.

    Three bytes are four characters (RFC 4648), so there are three alignments, as in
    `user:password` of the header for basic authorization. Characters that the bytes
    before or after decide too are left out.
    """
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret)
        whole = slice(-(-shift * 8 // 6), (shift + len(secret)) * 8 // 6)
        text = encoded[whole].decode()
        if len(text) >= _MIN_SECRET_LENGTH:
            yield text
            yield text.replace("+", "-").replace("/", "_")
