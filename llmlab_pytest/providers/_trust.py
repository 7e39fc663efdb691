"""Whose certificates are trusted: certifi's list, or what the environment names.

The variables are OpenSSL's own, `SSL_CERT_FILE` and `SSL_CERT_DIR`; here, as with
httpx, naming one of them leaves certifi's list out. There is no way to verify nothing.
"""

import os
import ssl
from pathlib import Path

import certifi

from llmlab_pytest.core import ConfigError
from llmlab_pytest.providers._causes import causes

FIX = (
    "If the server is right, name the authority that signed its certificate: "
    "SSL_CERT_FILE=FILE.pem"
)
_OFF = frozenset({"false", "0", "no", "off"})


def trust() -> ssl.SSLContext:
    """Return what verifies the certificates of servers, and that names fit them.

    Raises:
        ConfigError: a variable names what does not exist, or a file without
            certificates.
    """
    file = os.environ.get("SSL_CERT_FILE", "")
    folder = os.environ.get("SSL_CERT_DIR", "")
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise ConfigError(
            f"SSL_CERT_DIR is {folder!r}, which is no directory.",
            fix="Correct or unset it.",
        )
    if not (file or folder):
        file = certifi.where()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        raise ConfigError(
            f"SSL_CERT_FILE is {file!r}, which cannot be used: {error}.",
            allowed="It is a file of certificates in the form PEM.",
            fix="Correct or unset it.",
        ) from error


def check_verified() -> None:
    """Refuse litellm's switch that turns verifying off.

    Raises:
        ConfigError: the variable `SSL_VERIFY` does.
    """
    switch = os.environ.get("SSL_VERIFY", "")
    if switch.strip().lower() in _OFF:
        raise ConfigError(
            f"SSL_VERIFY is {switch!r}.",
            allowed="Certificates of servers are always verified: a key goes to them.",
            fix=f"Unset it. {FIX}",
        )


def distrust(error: BaseException) -> str | None:
    """Return why a certificate was refused, if that is among an error's causes."""
    for cause in causes(error):
        # aiohttp's own class is one too, but does not know why.
        if why := getattr(cause, "verify_message", None):
            return f"its certificate is not trusted: {why}"
    return None
