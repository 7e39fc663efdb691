"""Errors of a remote API as this package's own, without secrets.

litellm's class alone does not tell what happened: a wrong key can arrive as
`BadRequestError` with status 401, an unreachable host and an HTML page both as
`InternalServerError` (litellm 1.106). So the status, the error code and, last, the
wording are looked at too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from llmlab_pytest.core import (
    AuthError,
    ContentFiltered,
    ContextOverflow,
    MalformedReply,
    ModelSpec,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    ServerNotReached,
    ServerNotTrusted,
    Unsupported,
    redact,
    shorten,
)
from llmlab_pytest.providers._causes import class_names
from llmlab_pytest.providers._rate_limit_headers import asked_wait_s, delay_s
from llmlab_pytest.providers._trust import FIX, distrust

_MESSAGE_LENGTH = 300
_OVERFLOW = re.compile(
    r"(?i)context_length_exceeded|maximum context length|context window"
    r"|exceeds? (?:the )?available context|prompt is too long"
    r"|input token count .{0,20}exceeds the maximum"
)
_FILTERED = re.compile(
    r"(?i)content_filter|content_policy_violation|content management"
)
_MALFORMED = re.compile(
    r"(?i)invalid response (?:from|object)|provider returned '|not valid json"
    r"|expecting value|json ?decode|object has no attribute"
)
_NO_KEY = re.compile(
    r"(?i)missing credentials|api_key client option must be set|API_KEY_INVALID"
    r"|api key not valid|no_db_connection|no connected db"
)
"""The last two: what a litellm proxy without a database says to every wrong key."""
_RETRY_DELAY = re.compile(r'"retryDelay": ?"([0-9.]+)s"')
"""Google's wait, `google.rpc.RetryInfo` in the body of an error."""
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")
DISTRUST = "SSLCertVerificationError"
"""The class of what is raised for a certificate that is not trusted."""
UNREACHED = frozenset(
    {
        "ClientConnectorError",  # aiohttp's; its time limit is the third
        "ClientProxyConnectionError",
        "ConnectionTimeoutError",
        "ConnectError",  # httpx's
        "ConnectTimeout",
    }
)
"""Classes of what is raised when no connection came about."""
_KIND_BY_CLASS: dict[str, type[ProviderError]] = {
    "AuthenticationError": AuthError,
    "PermissionDeniedError": AuthError,
    "ContextWindowExceededError": ContextOverflow,
    "ContentPolicyViolationError": ContentFiltered,
    "RateLimitError": RateLimited,
    "Timeout": ProviderTimeout,
    "TimeoutError": ProviderTimeout,
    "APIResponseValidationError": MalformedReply,
    DISTRUST: ServerNotTrusted,
    **dict.fromkeys(UNREACHED, ServerNotReached),
}
_KIND_BY_STATUS: dict[int, type[ProviderError]] = {
    401: AuthError,
    402: AuthError,
    403: AuthError,
    408: ProviderTimeout,
    429: RateLimited,
}
_FIRST_SERVER_ERROR = 500
_DEFAULT_FIX = "Correct the request, or the model's entry in the registry."
_UNAVAILABLE = "Check the address and the network, or try again later."
_FIXES: dict[type[ProviderError], str] = {
    RateLimited: "Lower the option 'concurrency' of the model, or wait.",
    ProviderTimeout: "Raise the option 'timeout_s' of the model.",
    ProviderUnavailable: _UNAVAILABLE,
    ServerNotReached: _UNAVAILABLE,
    ContentFiltered: "Change the prompt, or the provider's content settings.",
    ContextOverflow: "Shorten the prompt, or use fewer demonstrations.",
    ServerNotTrusted: FIX,
    MalformedReply: "Check that the address is that of the API, ending in /v1.",
}


def translate(
    error: Exception, *, spec: ModelSpec, key_names: str, secret: str = ""
) -> ProviderError | Unsupported:
    """Return the error of our tree for one that a call raised.

    Args:
        error: what litellm or the client below it raised.
        spec: the model that was called.
        key_names: where the key comes from, to go on from "the key".
        secret: the key that was sent; it is removed from the message.
    """
    refused = distrust(error)
    names = frozenset(kind.__name__ for kind in type(error).__mro__)
    names = UNREACHED & class_names(error) or names
    trouble = Trouble(
        said=refused or str(error),
        status=getattr(error, "status_code", None),
        code=str(getattr(error, "code", "")),
        classes=frozenset({DISTRUST}) if refused else names,
    )
    return explain(trouble, spec=spec, key_names=key_names, secret=secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is known of a call that failed."""

    said: str
    status: int | None = None
    """The HTTP status, if there was a reply."""
    code: str = ""
    """The vendor's name of the error."""
    classes: frozenset[str] = frozenset()
    """Names of the exception's classes."""


def explain(
    trouble: Trouble, *, spec: ModelSpec, key_names: str, secret: str
) -> ProviderError | Unsupported:
    """Return the error of our tree for what went wrong; see `translate`."""
    said = trouble.said.replace(secret, "[redacted]") if secret else trouble.said
    said = _PREFIXES.sub("", shorten(redact(said), _MESSAGE_LENGTH))
    said = said or "no answer within the time limit"
    seen = f"{spec.alias!r} ({spec.id}): {said.rstrip('.')}."
    if "UnsupportedParamsError" in trouble.classes:
        fix = "Add the setting to the model's option 'omit', or leave it out."
        return Unsupported(seen, fix=fix)
    kind = _kind(trouble, said)
    if kind is AuthError:
        return AuthError(seen, fix=f"Check the key {key_names}.")
    return kind(seen, fix=_FIXES.get(kind, _DEFAULT_FIX))


def retry_after_s(error: Exception) -> float | None:
    """Return the seconds that a vendor asks to wait, in a header or in its error."""
    response = getattr(error, "response", None)
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(response, "headers", None),
    ):
        if isinstance(headers, Mapping):
            wait_s = asked_wait_s(headers)
            if wait_s is not None:
                return wait_s
    found = _RETRY_DELAY.search(str(error).replace("\\", ""))
    return delay_s(found[1]) if found else None


def _kind(trouble: Trouble, said: str) -> type[ProviderError]:
    told = f"{trouble.code} {said}"
    for name, kind in _KIND_BY_CLASS.items():
        if name in trouble.classes:
            return kind
    if trouble.status in _KIND_BY_STATUS:
        return _KIND_BY_STATUS[trouble.status]
    for pattern, kind in (
        (_NO_KEY, AuthError),
        (_OVERFLOW, ContextOverflow),
        (_FILTERED, ContentFiltered),
        (_MALFORMED, MalformedReply),
    ):
        if pattern.search(told):
            return kind
    is_down = trouble.status is not None and trouble.status >= _FIRST_SERVER_ERROR
    if is_down or "APIConnectionError" in trouble.classes:
        return ProviderUnavailable
    return ProviderError
