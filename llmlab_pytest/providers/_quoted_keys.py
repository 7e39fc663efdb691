"""Keys that a server quotes: kept out of its answers, and of what its clients log.

What is left out: a key that an answer has in pieces, spelled out or translated.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llmlab_pytest.core import HIDDEN, TokenLogprob, redact
from llmlab_pytest.providers._remote_reply import Reply

_CLIENTS = frozenset(
    {
        *("LiteLLM", "LiteLLM Proxy", "LiteLLM Router", "litellm", "openai"),
        *("aiohttp", "asyncio", "botocore", "google", "httpcore", "httpx", "urllib3"),
    }
)
"""Roots of loggers that see requests, replies or the exceptions of both."""
_BAD_FORMAT = "a record whose arguments do not fit its text"


def without_keys(reply: Reply, hide: Callable[[str], str]) -> Reply:
    """Return a reply whose text has `[redacted]` in place of known secrets.

    Tokens that spell a secret together are hidden one and all: none of them tells by
    itself where it begins.

    Args:
        reply: as it was received.
        hide: from `value_redactor`.
    """
    text, tokens = hide(reply.text), reply.token_logprobs
    spelled = "".join(token.token for token in tokens)
    if hide(spelled) != spelled:
        tokens = tuple(TokenLogprob(HIDDEN, token.logprob) for token in tokens)
    if text == reply.text and tokens is reply.token_logprobs:
        return reply
    return replace(reply, text=text, token_logprobs=tokens)


def hide_in_logs() -> None:
    """Have records of HTTP clients made without secrets from now on, in this process.

    At DEBUG they hold replies and headers. A filter would have to be on every logger
    below each root; whatever makes a record is asked once.
    """
    make = logging.getLogRecordFactory()
    if not isinstance(make, _Redacting):
        logging.setLogRecordFactory(_Redacting(make))


class _Redacting:
    """Makes log records as before, those of clients without secrets.

    Args:
        make: what has made them so far.
    """

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(
        self, name: str | None, *arguments: object, **keywords: object
    ) -> logging.LogRecord:
        record = self._make(name, *arguments, **keywords)
        # `logging.makeLogRecord` gives no name, and fills in what another process made.
        if name is not None and name.partition(".")[0] in _CLIENTS:
            _redact(record)
        return record


def _redact(record: logging.LogRecord) -> None:
    """Hide secrets in a record; one without any keeps its arguments as they are."""
    try:
        said = record.getMessage()
    except (TypeError, ValueError, KeyError):  # `logging` would show the arguments
        said, hidden = "", _BAD_FORMAT
    else:
        hidden = redact(said)
    if hidden != said:
        record.msg, record.args = hidden, ()
    if record.exc_info:
        # The exception itself may quote the request; formatters prefer the text.
        record.exc_text = redact(_traceback(record.exc_info))
        record.exc_info = None


def _traceback(exc_info: Any) -> str:
    """Format an exception without the marks below each line.

    Their places are found with `ast`. A record may be made while something else is
    parsed, where a collected task complains; up to Python 3.11.8 and 3.12.2 that other
    parse then fails ("AST constructor recursion depth mismatch"), and pytest with it.
    """
    kind, error, trace = exc_info
    if kind is None or error is None:
        return ""
    told = traceback.TracebackException(kind, error, trace)
    return "".join(_without_places(told).format()).rstrip("\n")


def _without_places(
    told: traceback.TracebackException,
) -> traceback.TracebackException:
    for frame in told.stack:
        frame.colno = frame.end_colno = None
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _without_places(other)
    return told
