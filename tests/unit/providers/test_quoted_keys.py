"""What a server quotes of keys does not go on: into answers, logs, names, frames."""

import ast
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from llmlab_pytest.core import (
    ModelSpec,
    TokenLogprob,
    Usage,
    know_secret,
    value_redactor,
)
from llmlab_pytest.providers._quoted_keys import hide_in_logs, without_keys
from llmlab_pytest.providers._remote_errors import retry_after_s
from llmlab_pytest.providers._remote_options import RemoteOptions
from llmlab_pytest.providers._remote_reply import Reply

KEY = "quoted-0123456789-of-no-known-shape"


@pytest.fixture(autouse=True)
def _known() -> None:
    know_secret(KEY)


@pytest.fixture
def _logs() -> Iterator[None]:
    make = logging.getLogRecordFactory()
    hide_in_logs()
    hide_in_logs()
    yield
    logging.setLogRecordFactory(make)


def _reply(text: str, *tokens: str) -> Reply:
    return Reply(
        text=text,
        stop_reason="stop",
        usage=Usage(),
        has_usage=False,
        latency_s=0.1,
        raw_usage=None,
        token_logprobs=tuple(TokenLogprob(token, -0.5) for token in tokens),
    )


def test_an_answer_has_no_known_key_and_its_tokens_do_not_spell_one() -> None:
    """A key in two tokens hides all of them; their probabilities stay."""
    reply = without_keys(_reply(f"It is {KEY}.", KEY[:9], KEY[9:]), value_redactor())
    assert reply.text == "It is [redacted]."
    assert reply.token_logprobs == (TokenLogprob("[redacted]", -0.5),) * 2


def test_an_answer_without_a_known_key_is_the_same() -> None:
    """Also one that looks like a key: it may be what was asked for."""
    reply = _reply("Use sk-" + "a" * 20, "Use sk-" + "a" * 20)
    assert without_keys(reply, value_redactor()) is reply


@pytest.mark.usefixtures("_logs")
@pytest.mark.parametrize("name", ["httpcore.http11", "LiteLLM", "openai._base_client"])
def test_records_of_clients_hide_keys_in_texts_arguments_and_exceptions(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Whichever handler formats them; what does not fit its arguments is left out."""
    log = logging.getLogger(name)
    with caplog.at_level(logging.DEBUG, logger=name):
        log.debug("headers %r", [KEY])
        log.debug(*("two %s %s", KEY))
        log.debug("failed", exc_info=ValueError(KEY))
    assert KEY not in caplog.text
    assert "headers ['[redacted]']" in caplog.text
    assert "ValueError: [redacted]" in caplog.text
    assert "do not fit" in caplog.text


@pytest.mark.usefixtures("_logs")
def test_other_records_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    """Those of a client too, if no secret is in them: handlers may read arguments."""
    logging.getLogger("urllib3").warning("%d of %d", 1, 2)
    logging.getLogger("mine").warning("say %s", KEY)
    assert [record.args for record in caplog.records] == [(1, 2), (KEY,)]


@pytest.mark.usefixtures("_logs")
def test_a_traceback_in_a_record_is_made_without_parsing_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A record may be made inside of `ast.parse`; CPython 3.11.7 fails if nested."""

    def failing() -> None:
        raise LookupError("in the middle") from ValueError(KEY)

    monkeypatch.setattr(ast, "parse", lambda *_, **__: pytest.fail("it was parsed"))
    try:
        failing()
    except LookupError:
        record = logging.getLogger("asyncio").makeRecord(
            "asyncio", logging.ERROR, "f", 1, "lost", (), sys.exc_info()
        )
    assert record.exc_text is not None
    assert "in failing\n    raise LookupError" in record.exc_text
    assert "ValueError: [redacted]\n" in record.exc_text
    assert record.exc_text.endswith("LookupError: in the middle")


@pytest.mark.usefixtures("_logs")
def test_records_that_another_process_made_are_rebuilt() -> None:
    """`logging.makeLogRecord` names no logger at first; queue handlers use it."""
    record = logging.makeLogRecord({"name": "httpx", "msg": "sent %d", "args": (3,)})
    assert (record.name, record.getMessage()) == ("httpx", "sent 3")


def test_what_tracebacks_show_of_a_model_has_no_address_or_header() -> None:
    """Either may hold a password or a key."""
    address = f"https://me:{KEY}@models.example/v1"
    headers = {"extra_headers": {"X-Key": KEY}}
    options = {"base_url": address, "extra": headers}
    spec = ModelSpec(alias="m", provider="litellm", id="openai/x", options=options)
    assert KEY not in repr(spec) + repr(RemoteOptions.from_spec(spec))


def test_a_wait_of_zero_seconds_is_one_that_was_asked_for() -> None:
    """It is no missing header, after which the wait would grow."""
    error = Exception()
    error.response = SimpleNamespace(headers={"retry-after": "0"})  # type: ignore[attr-defined]
    assert retry_after_s(error) == 0.0
    assert retry_after_s(Exception()) is None
