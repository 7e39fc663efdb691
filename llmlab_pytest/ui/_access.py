"""Who may ask the page: this machine alone, or who knows a token.

Three attacks come through the browser of a user who visits another page: a name of that
page which is made to mean this machine (DNS rebinding), forms and scripts that send
requests here (CSRF), and frames that are clicked unseen. The first is refused by the
name that a request calls us, the second by where a POST says it comes from, the third
by the policy that each answer carries.
"""

import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Sequence
from typing import NamedTuple

from llmlab_pytest.core import ConfigError, Secret, know_secret

VARIABLE = "LLMLAB_UI_TOKEN"
"""Holds the token, where the user chooses it."""
_LEAST_CHARACTERS = 16
_SAFE_METHODS = ("GET", "HEAD")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d+)?", re.ASCII)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Server": "llmlab",
}
"""What every answer carries: nothing from elsewhere, no inline script, no frame."""


class Arrival(NamedTuple):
    """What a request says of itself."""

    method: str
    host: str
    """The header `Host`: what the browser believes to talk to."""
    origin: str | None
    site: str | None
    """`Sec-Fetch-Site`; `None` from programs and old browsers."""
    mode: str | None
    """`Sec-Fetch-Mode`."""


class Access:
    """Decides about requests.

    Args:
        host: where the server listens.
        token: what visitors must know; `None`: none is needed.
        names: further names by which the server may be called.
    """

    def __init__(
        self, host: str, token: Secret | None, *, names: Sequence[str] = ()
    ) -> None:
        self.token = token
        self.session = know_secret(secrets.token_urlsafe(32))
        """What the browser of a visitor who knew the token shows from then on."""
        known = ["localhost", host, *names]
        if token is not None:
            known += [socket.gethostname(), socket.getfqdn()]
        self._names = frozenset(name.lower().rstrip(".") for name in known)

    def refusal(self, arrival: Arrival) -> str | None:
        """Say why a request is refused, whoever sends it; `None` if it is not."""
        if not self._is_ours(arrival.host):
            return (
                f"This server is not called {arrival.host!r}. Open it by its address, "
                "or start it with --allow-host NAME."
            )
        if arrival.method not in _SAFE_METHODS:
            if arrival.origin is None:
                return "A request that changes something must carry its Origin."
            if arrival.origin.lower().partition("://")[2] != arrival.host.lower():
                return "A request that changes something must come from this page."
        is_own = arrival.site in (None, "same-origin", "none")
        if not is_own and (
            arrival.mode != "navigate" or arrival.method not in _SAFE_METHODS
        ):
            return "Another page may link here, and no more than that."
        return None

    def is_known(self, *, session: str | None, bearer: str | None) -> bool:
        """Whether a visitor may look: has entered the token, or shows it each time."""
        if self.token is None:
            return True
        if session is not None and _is_same(session, self.session):
            return True
        return bearer is not None and self.is_token(bearer)

    def is_token(self, text: str) -> bool:
        """Whether a text is the token, in a time that tells nothing of it."""
        return self.token is not None and _is_same(text, self.token)

    def _is_ours(self, host: str) -> bool:
        """Whether a `Host` is a name of ours.

        An address cannot be made to mean another machine, so that with a token any is
        taken; without, only those of this machine.
        """
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().strip("[]")
        if name.rstrip(".") in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.token is not None


def choose_token(host: str) -> tuple[Secret | None, bool]:
    """Return the token that visitors need, and whether it is new and must be told.

    Raises:
        ConfigError: the one of the environment is too short.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if len(given) < _LEAST_CHARACTERS:
            raise ConfigError(
                f"{VARIABLE} has {len(given)} characters.",
                allowed=f"It has at least {_LEAST_CHARACTERS}, drawn at random.",
            )
        return know_secret(given), False
    if is_loopback(host):
        return None, False
    return know_secret(secrets.token_urlsafe(24)), True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass")
    )
