"""Secrets are found in texts by their value and by their shape."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Secret,
    know_password,
    know_secret,
    redact,
    value_redactor,
)
from llmlab_pytest.core import _secrets as secrets


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test has made known."""
    monkeypatch.setattr(secrets, "_known", {})


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop",
        "sk-proj-abc_defghijklmnop",
        "hf_abcdefghijklmnopq",
        "ghp_0123456789abcdef",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "gsk_0123456789abcdef",
        "AIza" + "Sy0123456789-abcdefghijklmnopqrs_uvwxy",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "nvapi-0123456789abcdef",
        "xai-0123456789abcdef",
    ],
)
def test_known_key_shapes_are_hidden(secret: str) -> None:
    """A key that came from nowhere we know is recognised by its shape."""
    assert redact(f"wrong key {secret}, sorry") == "wrong key [redacted], sorry"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefghijklmno", "Authorization: Bearer [redacted]"),
        ("Authorization: Basic bWU6cGFzcw==", "Authorization: Basic [redacted]"),
        ("https://me:pass@host/x", "https://[redacted]@host/x"),
        ("redis://:pass@host/0", "redis://[redacted]@host/0"),
        ("Basic understanding of https://host/a:b", None),
        ("the task-force and an eyJ of nothing", None),
    ],
)
def test_credentials_are_hidden_by_what_stands_before_them(
    text: str, shown: str | None
) -> None:
    """The words around them stay, and so do texts without any."""
    assert redact(text) == (text if shown is None else shown)


def test_values_of_secret_variables_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any shape of key is hidden while its variable holds it; short values are not."""
    monkeypatch.setenv("ACME_API_KEY", "plain words as a key")
    monkeypatch.setenv("ACME_KEY_2", "another one\n")
    monkeypatch.setenv("ACME_ACCESS_KEY_ID", "an identifier")
    monkeypatch.setenv("ACME_TOKEN", "short")
    monkeypatch.setenv("ACME_NAME", "not a secret at all")
    assert redact("got: plain words as a key") == "got: [redacted]"
    assert redact("got: another one") == "got: [redacted]"
    assert redact("got: an identifier") == "got: [redacted]"
    assert redact("short, not a secret at all") == "short, not a secret at all"


def test_a_secret_that_was_made_known_is_hidden_everywhere() -> None:
    """Whatever its variable was called, or if a command printed it."""
    assert redact("my 0123456789abcdef") == "my 0123456789abcdef"
    key = know_secret("0123456789abcdef")
    know_secret("short")
    know_password("postgresql://me:p%40ss%20word@host/runs")
    know_password("http://[broken")
    assert (key, repr(key)) == ("0123456789abcdef", "'[redacted]'")
    assert redact("my 0123456789abcdef") == "my [redacted]"
    assert redact("FATAL: p@ss word, p%40ss%20word, short") == (
        "FATAL: [redacted], [redacted], short"
    )


SECRETS = st.text(st.characters(codec="utf-8"), min_size=12, max_size=40)


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
@example("0123456789ab", b"user:", b"")
@example("a\"quote'and\\more\n", b"", b"x")
def test_a_known_secret_is_hidden_however_it_is_written(
    secret: str, before: bytes, after: bytes
) -> None:
    """As it is, escaped for Python, JSON and addresses, and within base64."""
    know_secret(secret)
    try:
        encoded = before + secret.encode() + after
        for text in (
            secret,
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
            quote(secret, safe=""),
            quote_plus(secret),
            base64.b64encode(encoded).decode(),
            base64.urlsafe_b64encode(encoded).decode(),
        ):
            assert "[redacted]" in redact(f"<{text}>")
    finally:
        secrets._known.clear()


def test_a_judged_text_loses_known_secrets_only() -> None:
    """What merely looks like a key is an answer like any other."""
    know_secret("0123456789abcdef")
    hide = value_redactor()
    assert hide("sk-abcdefghijklmnop") == "sk-abcdefghijklmnop"
    assert hide("It is 0123456789abcdef.") == "It is [redacted]."


def test_the_longer_of_two_secrets_goes_first() -> None:
    """Or the rest of it would stay."""
    know_secret("abcdefgh")
    know_secret("abcdefgh-and-the-rest")
    assert redact("<abcdefgh-and-the-rest>") == "<[redacted]>"


def test_a_secret_is_the_text_that_it_hides() -> None:
    """Only its `repr` differs, as `pytest --showlocals` shows it."""
    secret = Secret("0123456789abcdef")
    assert f"Bearer {secret}" == "Bearer 0123456789abcdef"
    assert repr({"key": secret}) == "{'key': '[redacted]'}"
