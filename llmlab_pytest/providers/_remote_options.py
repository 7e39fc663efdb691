"""The options of a model behind an HTTP API."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from llmlab_pytest.core import (
    COUNT,
    TABLE,
    TEXT,
    TEXTS,
    ConfigError,
    Json,
    Kind,
    ModelSpec,
    Secret,
    check_value,
    know_password,
    know_secret,
)
from llmlab_pytest.providers._key_command import (
    COMMAND,
    command_of,
    is_command,
    key_of_command,
)

_WAIT = Kind(
    "a number of seconds, above 0",
    lambda v: type(v) in (int, float) and cast("float", v) > 0,
)
_KINDS = {
    "base_url": Kind(
        "an http:// or https:// address",
        lambda v: isinstance(v, str) and v.startswith(("http://", "https://")),
    ),
    "api_key_env": TEXT,
    COMMAND: Kind("a command: a string, or a list of its words", is_command),
    "timeout_s": _WAIT,
    "connect_timeout_s": _WAIT,
    "first_token_timeout_s": _WAIT,
    "concurrency": COUNT,
    "requests_per_minute": COUNT,
    "tokens_per_minute": COUNT,
    "transport": Kind("'auto' or 'litellm'", lambda v: v in ("auto", "litellm")),
    "omit": TEXTS,
    "extra": TABLE,
}
_OMITTABLE = ("max_tokens", "temperature", "top_p", "seed", "stop")
_OURS = (
    "model",
    "messages",
    "prompt",
    "stream",
    "stream_options",
    "api_key",
    "api_base",
    "base_url",
    "timeout",
    "num_retries",
    "max_retries",
    "n",
    "client",
    "ssl_verify",
)
_PRICED = ("max_tokens", "max_completion_tokens", "service_tier")
"""What decides a call's worst cost, and so stands in `extra` itself."""
_NO_KEY = "no-key-needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """Where and how to call; every field is an option of a registry entry."""

    base_url: str | None = field(default=None, repr=False)
    """The server to call instead of the vendor's own."""
    api_key_env: str | None = None
    """The environment variable with the key. Without it the vendor's usual variable
    is used, and with `base_url` none: no key goes to a server it was not meant for."""
    api_key_command: tuple[str, ...] = field(default=(), repr=False)
    """The command that prints the key; then there is no `api_key_env`."""
    timeout_s: float = 120.0
    """Longest wait for one attempt, seconds."""
    connect_timeout_s: float = 10.0
    """Longest wait for a connection, seconds, where our own transport is used."""
    first_token_timeout_s: float | None = None
    """Longest wait for the first part of a streamed answer, seconds; without it only
    `timeout_s` counts."""
    concurrency: int = 64
    """How many calls may be in flight at once, at most. A run begins with fewer, and
    has more while the provider keeps its pace."""
    requests_per_minute: int | None = None
    """How many requests may be sent in a minute."""
    tokens_per_minute: int | None = None
    """How many tokens, of prompts and answers, may be used in a minute."""
    transport: str = "auto"
    """`litellm` sends every request through litellm; `auto` sends those of OpenAI's
    plain protocol over connections of our own, which is many times faster."""
    omit: tuple[str, ...] = ()
    """Settings that the API rejects and that are therefore never sent."""
    extra: Mapping[str, Json] | None = field(default=None, repr=False)
    """More parameters of `litellm.acompletion`, passed as they are."""

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> Self:
        """Read the options of a registry entry.

        Raises:
            ConfigError: an option is unknown or wrong, `api_key_env` is not set, or
                there is an `api_key_command` too.
        """
        place = spec.source or f"the options of {spec.alias!r}"
        for name, value in spec.options.items():
            check_value(name, value, _KINDS, what="option", place=place)
        given: dict[str, Any] = dict(spec.options)
        given["omit"] = tuple(given.get("omit", ()))
        if COMMAND in given:
            given[COMMAND] = command_of(given[COMMAND], place=place)
        options = cls(**given)
        _refuse(place, "omit", options.omit, allowed=_OMITTABLE)
        extra = options.extra or {}
        _refuse(place, "extra", extra, forbidden=_OURS)
        body = extra.get("extra_body")
        if isinstance(body, Mapping):
            _refuse(place, "extra_body", body, forbidden=_OURS + _PRICED)
        _check_key(options, place)
        return options

    def api_key(self, *, place: str = "") -> Secret | None:
        """Return the key to send; `None` leaves the choice to litellm.

        Args:
            place: where the model's entry stands, for messages.

        Raises:
            AuthError: `api_key_command` brings no key.
        """
        know_password(self.base_url or "")
        if self.api_key_command:
            return key_of_command(self.api_key_command, place=place)
        if self.api_key_env:
            return know_secret(os.environ.get(self.api_key_env, "").strip())
        return Secret(_NO_KEY) if self.base_url else None

    def key_names(self, vendors: str, *, place: str) -> str:
        """Return where to look when a key is refused, to go on from "the key".

        Args:
            vendors: the variable of the model's vendor.
            place: where the model's entry stands.
        """
        if self.api_key_command:
            return f"that the 'api_key_command' in {place} prints"
        if self.api_key_env:
            vendors = self.api_key_env
        elif self.base_url:
            vendors = f"none is sent; name one with 'api_key_env' in {place}"
        return f"in the environment: {vendors}"


def openai_key(options: RemoteOptions, *, place: str) -> Secret | None:
    """Return the key for OpenAI's protocol: a local server may need none.

    OpenAI's client insists on a key even where `OPENAI_BASE_URL` names a server that
    asks for none.

    Raises:
        AuthError: `api_key_command` brings no key.
    """
    know_password(openai_base_url() or "")
    key = options.api_key(place=place)
    if key is None and openai_base_url() and not os.environ.get("OPENAI_API_KEY"):
        return Secret(_NO_KEY)
    return key


def openai_base_url() -> str | None:
    """Return the server that the environment names for OpenAI's protocol."""
    return os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")


def _check_key(options: RemoteOptions, place: str) -> None:
    name = options.api_key_env
    if name and options.api_key_command:
        raise ConfigError(
            f"{place}: there are both 'api_key_env' and {COMMAND!r}.",
            allowed="A key comes from one place.",
            fix="Leave one of the two out.",
        )
    if name and not os.environ.get(name):
        msg = f"{place}: api_key_env is {name!r}, which is not set."
        raise ConfigError(msg, fix=f"Run: export {name}=...")


def _refuse(
    place: str,
    option: str,
    names: Mapping[str, Json] | tuple[str, ...],
    *,
    allowed: tuple[str, ...] | None = None,
    forbidden: tuple[str, ...] = (),
) -> None:
    for name in names:
        if name in forbidden or (allowed is not None and name not in allowed):
            words = (
                f"It takes {', '.join(allowed)}."
                if allowed
                else f"llmlab-pytest sets {name!r} itself."
            )
            raise ConfigError(f"{place}: {option!r} holds {name!r}.", allowed=words)
