"""`llmlab reprice`: what a past run would cost at other prices, or another day's."""

import argparse
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from llmlab_pytest.asking import registry_files
from llmlab_pytest.commands._arguments import LIST
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.comparing import open_runs, run_id_of
from llmlab_pytest.core import Completion, ConfigError, ModelSpec, Price, shorten
from llmlab_pytest.history import Prices, Repriced, reprice
from llmlab_pytest.providers import (
    ModelRegistry,
    PriceList,
    price_now,
    rates_of,
    read_price_list,
)
from llmlab_pytest.reporting import aligned, money
from llmlab_pytest.store import Store

_WIDTH = 40
_HEAD = ("model", "calls", "re-priced", "then", "at these prices", "")


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=repriced)
    parser.add_argument(
        "run", metavar="RUN", help="a run id, last, last~1, branch:main or commit:SHA"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="a list of OpenRouter, models.dev or litellm",
    )
    source.add_argument(
        "--date",
        metavar="DATE",
        help="as calls of this day were, or the last before it: YYYY-MM-DD; the store "
        "keeps the price of each call (default: the prices of now)",
    )
    parser.add_argument(
        "--as",
        dest="names",
        **LIST,
        metavar="MODEL=NAME",
        help="what the list calls a model; repeatable",
    )
    parser.add_argument(
        "--registry",
        type=Path,
        metavar="FILE",
        help="the project's models (default: llmlab_models.toml here, if present)",
    )
    parser.add_argument(
        "--store",
        default=".llmlab/llmlab.db",
        metavar="URL",
        help="the store, as --llmlab-store names it (default: %(default)s)",
    )


def repriced(given: argparse.Namespace) -> Outcome:
    """Show what a run's calls cost and would cost, by model.

    Raises:
        ConfigError: there is no such store, run, model or day.
        DataError: the list of prices cannot be used.
        StoreError: the store cannot be read.
    """
    with closing(open_runs(given.store)) as store:
        run_id = run_id_of(given.run, store, given.store)
        models = _Models(given.registry, store.run_factors(run_id))
        prices = _source(given, store, models)
        rows = reprice(store.calls(run_id), prices)
    return Outcome([f"run {run_id}", *_table(rows), *_notes(rows)])


class _Models:
    """What the models of a run were, by alias: as the run says, else the registry."""

    def __init__(self, registry: Path | None, factors: Mapping[str, str]) -> None:
        self._registry = ModelRegistry.load(registry_files(registry))
        self._factors = factors

    def identity(self, alias: str) -> str:
        """Return the provider's name of a model, empty if nobody knows it."""
        spec = self.spec(alias)
        return "" if spec is None else spec.id

    def spec(self, alias: str) -> ModelSpec | None:
        """Return the model: with the registry's price while it is the same model."""
        told = json.loads(self._factors.get(f"model:{alias}", "{}"))
        known = {spec.alias: spec for spec in self._registry.values()}.get(alias)
        if not told or (known is not None and known.id == told["id"]):
            return known
        return ModelSpec(alias=alias, provider=told["provider"], id=told["id"])


def _source(given: argparse.Namespace, store: Store, models: _Models) -> Prices:
    if given.prices is not None:
        names = dict(pair.partition("=")[::2] for pair in given.names)
        return _Listed(read_price_list(given.prices), models, names)
    if given.names:
        raise ConfigError(
            f"--as is {given.names[0]!r}, and there is no list.",
            fix="Name one with --prices FILE.",
        )
    if given.date is None:
        return _Now(models)
    try:
        day = date.fromisoformat(given.date)
    except ValueError as error:
        raise ConfigError(
            f"--date is {given.date!r}.", allowed="It takes a day as 2026-11-30."
        ) from error
    return _OfDay(store, models, day.isoformat())


@dataclass
class _Listed:
    """Prices of a file: of text, at the usual tier."""

    prices: PriceList
    models: _Models
    names: Mapping[str, str]
    _found: dict[str, Price | str] = field(default_factory=dict)

    def __call__(self, model: str, _completion: Completion) -> Price | str:
        if model not in self._found:
            self._found[model] = self._price(model)
        return self._found[model]

    def _price(self, model: str) -> Price | str:
        spec = self.models.spec(model)
        if spec is None:
            return "neither the run nor the registry knows the model"
        rates = rates_of(self.prices, spec, name=self.names.get(model))
        if not rates:
            return f"{self.prices.path.name} has no price of {spec.id}"
        return Price(
            source=self.prices.path.name,
            read_on=self.prices.written_on,
            usd_per_million_tokens=rates,
        )


@dataclass
class _Now:
    """Prices that calls would be reckoned by today."""

    models: _Models

    def __call__(self, model: str, _completion: Completion) -> Price | str:
        spec = self.models.spec(model)
        found = None if spec is None else price_now(spec)
        return found or "no price is known today"


@dataclass
class _OfDay:
    """Prices that the store kept with calls of a day, or of the last one before."""

    store: Store
    models: _Models
    day: str
    _found: dict[str, Price | str] = field(default_factory=dict)

    def __call__(self, model: str, _completion: Completion) -> Price | str:
        if model not in self._found:
            self._found[model] = self._price(model)
        return self._found[model]

    def _price(self, model: str) -> Price | str:
        wanted = self.models.identity(model)
        for run_id, price in self.store.prices(model, until=self.day):
            told = json.loads(
                self.store.run_factors(run_id).get(f"model:{model}", "{}")
            )
            if price.read_on <= self.day and told.get("id", wanted) == wanted:
                return price
        return f"the store has no price of it from {self.day} or before"


def _table(rows: Sequence[Repriced]) -> list[str]:
    if not rows:
        return ["it asked nothing, or the cache answered everything"]
    cells = [list(_HEAD)]
    for row in rows:
        then = money(row.then_usd)
        if row.unknown_then:
            then += f" + {row.unknown_then:,} x ?"
        cells.append(
            [
                shorten(row.model, _WIDTH),
                f"{row.calls:,}",
                f"{row.priced:,}",
                then if row.priced else "-",
                money(row.now_usd) if row.priced else "-",
                _ratio(row),
            ]
        )
    then_usd, now_usd = (
        sum(getattr(row, name) for row in rows) for name in ("then_usd", "now_usd")
    )
    total = (
        f"re-priced in all: {money(then_usd)} then, {money(now_usd)} at these prices"
    )
    return [*aligned(cells, "<>>>><"), total]


def _ratio(row: Repriced) -> str:
    if row.unknown_then or not row.then_usd or not row.priced:
        return ""
    return f"{row.now_usd / row.then_usd - 1:+.1%}"


def _notes(rows: Sequence[Repriced]) -> list[str]:
    """Say whose prices these are, and what has none."""
    lines = []
    for row in rows:
        where = shorten(row.model, _WIDTH)
        if row.free:
            lines.append(f"{where}: {row.free:,} calls of this machine stay free")
        lines += [f"{where}: prices of {name}" for name in sorted(row.sources)]
        lines += [
            f"{where}: {calls:,} calls cannot be re-priced: {why}"
            for why, calls in row.reasons.items()
        ]
        if row.left_usd:
            lines.append(f"{where}: those cost {money(row.left_usd)}")
    return lines
