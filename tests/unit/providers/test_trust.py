"""Certificates of servers are verified, whichever way a request takes."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    ModelSpec,
    ServerNotTrusted,
)

pytestmark = pytest.mark.usefixtures("no_keys")
BOTH = pytest.mark.parametrize("transport", ["auto", "litellm"])
KEY = "0123456789abcdef-of-no-known-shape"


@pytest.fixture
def secure(openai_server: Any, certificate: Path) -> Iterator[Any]:
    """The server over TLS."""
    with openai_server.OpenAIServer(certificate=certificate) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_KEY", KEY)


def spec_of(server: Any, transport: str, *, host: str = "127.0.0.1") -> ModelSpec:
    options = {
        "base_url": f"https://{host}:{server.server_port}/v1",
        "api_key_env": "MY_KEY",
        "transport": transport,
    }
    return ModelSpec(
        alias="m",
        provider="litellm",
        id="openai/echo",
        options=options,
        source="models.toml:3",
    )


@BOTH
def test_a_certificate_that_nobody_signed_is_refused(
    secure: Any, transport: str, answer: Callable[..., Completion]
) -> None:
    """Nothing was sent, it is not tried again, and the message says how to trust it."""
    with pytest.raises(ServerNotTrusted) as caught:
        answer(spec_of(secure, transport))
    said = str(caught.value)
    assert "its certificate is not trusted: self" in said
    assert "SSL_CERT_FILE=FILE.pem" in said
    assert "attempt" not in said
    assert secure.keys == []


@BOTH
def test_an_authority_of_the_environment_is_trusted(
    secure: Any,
    transport: str,
    answer: Callable[..., Completion],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SSL_CERT_FILE names it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "server.pem"))
    assert answer(spec_of(secure, transport)).text == "Hi"
    assert secure.keys == [f"Bearer {KEY}"]


@BOTH
def test_a_certificate_of_another_name_is_refused(
    secure: Any,
    transport: str,
    answer: Callable[..., Completion],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even one that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "server.pem"))
    with pytest.raises(ServerNotTrusted, match=r"(?i)hostname mismatch"):
        answer(spec_of(secure, transport, host="localhost"))
    assert secure.keys == []


def test_a_folder_of_authorities_is_trusted(
    secure: Any,
    answer: Callable[..., Completion],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SSL_CERT_DIR names it, as OpenSSL lays it out; on our own connections."""
    subprocess.run(["openssl", "rehash", certificate], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate))
    assert answer(spec_of(secure, "auto")).text == "Hi"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authority_that_is_not_there_is_named(
    secure: Any,
    answer: Callable[..., Completion],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Rather than a certificate that seems to be wrong."""
    monkeypatch.setenv(name, "/nowhere/at.all")
    with pytest.raises(ConfigError, match=f"{name} is '/nowhere/at.all', which"):
        answer(spec_of(secure, "auto"))


@pytest.mark.parametrize("value", ["False", "0"])
def test_verifying_cannot_be_turned_off(
    secure: Any,
    answer: Callable[..., Completion],
    monkeypatch: pytest.MonkeyPatch,
    value: str,
) -> None:
    """Not by litellm's variable, and not by an entry."""
    monkeypatch.setenv("SSL_VERIFY", value)
    with pytest.raises(ConfigError, match=r"SSL_VERIFY is .* always verified"):
        answer(spec_of(secure, "litellm"))
    monkeypatch.delenv("SSL_VERIFY")
    spec = spec_of(secure, "litellm")
    options = {**spec.options, "extra": {"ssl_verify": False}}
    with pytest.raises(ConfigError, match="llmlab-pytest sets 'ssl_verify' itself"):
        answer(
            ModelSpec(
                alias="m", provider="litellm", id=spec.id, options=options, source="x"
            )
        )
    assert secure.keys == []
