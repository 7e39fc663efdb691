"""Secrets of a run that others can read: on the network, in `ps`, in a file."""

import warnings
from collections.abc import Iterator
from urllib.parse import urlsplit

from llmlab_pytest.core import SecretWarning
from llmlab_pytest.providers import plain_http_warning
from llmlab_pytest.session._env_file import env_file_of, exposures_of
from llmlab_pytest.session._session import LlmlabSession


def warn_of_exposed_secrets(llmlab: LlmlabSession) -> None:
    """Warn once of each secret that this run exposes.

    Raises:
        ConfigError: a chosen model is unknown.
    """
    for trouble in _exposures(llmlab):
        warnings.warn(SecretWarning(trouble), stacklevel=1)


def _exposures(llmlab: LlmlabSession) -> Iterator[str]:
    settings = llmlab.settings
    if path := env_file_of(llmlab.config):
        yield from exposures_of(path)
    if not settings.store_where.startswith("env ") and _has_password(
        settings.store_url
    ):
        yield (
            f"{settings.store_where} holds a password, which others can read: a "
            "command line is shown by ps and sent to workers, a settings file is "
            "shared. Set the variable LLMLAB_STORE instead."
        )
    if settings.replay is None and settings.cache != "only":
        for spec in llmlab.models:
            if trouble := plain_http_warning(spec):
                yield trouble


def _has_password(address: str) -> bool:
    try:
        return bool(urlsplit(address).password)
    except ValueError:
        return False
