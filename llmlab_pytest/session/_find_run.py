"""Which run this is, and which an option means: the last one, or the one it names."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmlab_pytest.core import ConfigError
from llmlab_pytest.options import LAST_RUN, new_run_id, run_id_key
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.store import Store, open_store

_SHOWN = 5


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


def run_id_of(config: pytest.Config, settings: Settings) -> str:
    """Return the id of this run; all its processes have the same.

    Raises:
        ConfigError: `--llmlab-resume` names a run that the store does not hold.
    """
    if run_id_key not in config.stash:
        given: Mapping[str, str] = getattr(config, "workerinput", {})
        config.stash[run_id_key] = (
            given.get("llmlab_run_id")
            or resumed_run_id(settings)
            or new_run_id(secrets.token_hex(3))
        )
    return config.stash[run_id_key]


def resumed_run_id(settings: Settings) -> str | None:
    """Return the run that `--llmlab-resume` finishes; `None` without the option.

    Raises:
        ConfigError: the store does not hold it.
    """
    if settings.resume is None:
        return None
    store = open_store(settings.store_url)
    try:
        return known_run_id(store, settings.resume, settings, flag="--llmlab-resume")
    finally:
        store.close()


def open_kept_store(settings: Settings) -> Store:
    """Open a store for reading: one that does not exist is not created.

    Raises:
        ConfigError: there is no such file.
        StoreError: it is no store.
    """
    path = settings.store_url.removeprefix("sqlite:///")
    if "://" not in path and not Path(path).expanduser().is_file():
        raise ConfigError(
            f"--llmlab-report reads the store {path!r}, which does not exist.",
            fix="Run your evals first, or name their store with --llmlab-store.",
        )
    return open_store(settings.store_url)


def known_run_id(store: Store, asked: str, settings: Settings, *, flag: str) -> str:
    """Return the id of the run that is asked for.

    Raises:
        ConfigError: the store does not hold it; names its latest runs.
    """
    known = [run.id for run in store.runs(limit=None)]
    if asked == LAST_RUN and known:
        return known[0]
    if asked in known:
        return asked
    raise ConfigError(
        f"{flag} asks for the run {asked!r}, "
        f"which the store {settings.store_url!r} does not hold.",
        allowed=f"Its latest runs: {', '.join(known[:_SHOWN]) or 'none'}.",
        fix=_fix(asked, flag),
    )


def _fix(asked: str, flag: str) -> str:
    if flag == "--llmlab-baseline":
        return f"Write {flag} last, or name a .jsonl file of --llmlab-samples."
    if Path(asked.partition("::")[0]).exists():
        return f"Write the path before {flag}, which takes the word after it."
    if flag == "--llmlab-resume":
        return "Leave --llmlab-resume out to start a new run."
    return f"Write {flag} without a run for the last one."
