"""Options of the commands that ask models, and the models as they want them."""

import argparse
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import Asking, Means
from llmlab_pytest.budget import check_models, parse_limits
from llmlab_pytest.commands._arguments import LIST
from llmlab_pytest.core import ModelSpec


def add_asking_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where models come from, what they may cost, and what is kept."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help=text, **options)

    add("--registry", "the project's models", type=Path, metavar="FILE")
    add("--allow-commands", "let keys come from commands", action="store_true")
    add("--budget", "0.5usd, MODEL=1usd, 5usd/day", **LIST, metavar="LIMIT")
    add(
        "--store",
        "where money is booked (%(default)s)",
        default=Means().store_url,
        metavar="STORE",
    )
    add("--cache", "take and keep answers of the cache", action="store_true")
    add(
        "--cache-dir",
        "where that is (%(default)s)",
        type=Path,
        default=Path(".llmlab", "cache"),
        metavar="DIR",
    )


def open_asking(given: argparse.Namespace) -> Asking:
    """Return models as the options want them, to be used in a `with`.

    Raises:
        ConfigError: a limit or the registry cannot be read.
        StoreError: there is a limit, and the store cannot be opened.
        CacheError: the cache cannot be opened.
    """
    limits = parse_limits("\n".join(given.budget), where="--budget")
    means = Means(limits, given.store, given.cache_dir if given.cache else None)
    return Asking(given.registry, may_run_commands=given.allow_commands, means=means)


def check_budget(given: argparse.Namespace, *models: ModelSpec) -> None:
    """Raise `ConfigError` for a limit of a model that is not asked."""
    limits = parse_limits("\n".join(given.budget), where="--budget")
    check_models(limits, [spec.alias for spec in models], where="--budget")
