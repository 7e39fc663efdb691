"""Keys that a server quotes: kept out of its answers, and of what its clients log.

What is left out: a key that an answer has in pieces, spelled out or translated.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from llmlab_pytest.core import TokenLogprob, redact
from llmlab_pytest.providers._remote_reply import Reply

_HIDDEN = "[redacted]"
_CLIENTS = frozenset(
    {
        *("LiteLLM", "LiteLLM Proxy", "LiteLLM Router", "litellm", "openai"),
        *("aiohttp", "asyncio", "botocore", "google", "httpcore", "httpx", "urllib3"),
    }
)
"""Roots of loggers that see requests, replies or the exceptions of both."""
_BAD_FORMAT = "a record whose arguments do not fit its text"
_plain = logging.Formatter()


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
        tokens = tuple(TokenLogprob(_HIDDEN, token.logprob) for token in tokens)
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
        record.exc_text = redact(_plain.formatException(record.exc_info))
        record.exc_info = None
