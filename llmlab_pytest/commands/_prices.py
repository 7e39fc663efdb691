"""`llmlab prices`: what models cost, and where another source says otherwise."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.asking import registry_files
from llmlab_pytest.commands._arguments import ratio
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import ConfigError, ModelSpec
from llmlab_pytest.providers import (
    PRICE_PARTS,
    ModelRegistry,
    PriceList,
    Rates,
    StatedPrice,
    rates_of,
    read_price_list,
    stated_price,
)

_WHERE = "llmlab prices"
_HEADINGS = ["model", *PRICE_PARTS, "source"]
_DIFFERENCES = ["model", "part", "ours", "theirs", "theirs / ours"]
_FORMATS = {
    "litellm": "litellm's map",
    "models.dev": "models.dev",
    "openrouter": "OpenRouter",
}


class _Row(NamedTuple):
    """One part of one model's price, by two sources."""

    model: str
    part: str
    ours: float | None
    theirs: float | None

    @property
    def difference(self) -> float:
        """By how much of the dearer rate the two differ; 0 where one is missing."""
        if self.ours is None or self.theirs is None or self.ours == self.theirs:
            return 0.0
        return abs(self.ours - self.theirs) / max(self.ours, self.theirs)


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=prices)
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="as --llm takes it (default: every registered model of a vendor)",
    )
    parser.add_argument(
        "--registry",
        type=Path,
        metavar="FILE",
        help="the project's models (default: llmlab_models.toml here, if present)",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="a second list, of OpenRouter, models.dev or litellm; exit code 1 if a "
        "price differs",
    )
    parser.add_argument(
        "--as",
        dest="names",
        action="append",
        default=[],
        metavar="MODEL=NAME",
        help="what the second list calls a model; repeatable",
    )
    parser.add_argument(
        "--tolerance",
        type=ratio,
        default=0.0,
        metavar="RATIO",
        help="by how much of the dearer price two may differ, e.g. 0.05 (default: 0)",
    )


def prices(given: argparse.Namespace) -> Outcome:
    """Show the price of each model, or with a second list where the two differ.

    Raises:
        ConfigError: a model, or a name of one, is not known; names which.
        DataError: the second list cannot be used; names file and place.
    """
    specs = _chosen(given.models, given.registry)
    stated = {spec.alias: stated_price(spec) for spec in specs}
    if given.compare is None:
        if given.names:
            msg = f"--as is {given.names[0]!r}, and there is no second list."
            raise ConfigError(msg, fix="Name one with --compare FILE.")
        table = [_HEADINGS, *(_price_cells(*item) for item in stated.items())]
        return Outcome(["US dollars per million tokens", *_aligned(table)])
    second = read_price_list(given.compare)
    names = _names(given.names, specs)
    rows = []
    for spec in specs:
        ours = stated[spec.alias]
        theirs = rates_of(second, spec, name=names.get(spec.alias))
        rows += _rows(spec.alias, ours.rates if ours else {}, theirs or {})
    return _compared(rows, second, tolerance_ratio=given.tolerance)


def _chosen(selectors: Sequence[str], registry: Path | None) -> list[ModelSpec]:
    """Return the models that are meant: by default all that a vendor may bill."""
    models = ModelRegistry.load(registry_files(registry))
    if selectors:
        return models.resolve(selectors, where=_WHERE)
    return [spec for spec in models.values() if spec.provider == "litellm"]


def _names(pairs: Sequence[str], specs: Sequence[ModelSpec]) -> Mapping[str, str]:
    """Read what models are called in the second list, written `MODEL=NAME`.

    Raises:
        ConfigError: a pair is none, or its model is not among those chosen.
    """
    names = dict(pair.partition("=")[::2] for pair in pairs)
    chosen = [spec.alias for spec in specs]
    for alias, name in names.items():
        if alias not in chosen or not name:
            raise ConfigError(
                f"--as is {f'{alias}={name}'!r}.",
                allowed="It takes MODEL=NAME, MODEL being one of those compared: "
                f"{', '.join(chosen)}.",
            )
    return names


def _price_cells(alias: str, price: StatedPrice | None) -> list[str]:
    if price is None:
        return [alias, *["?"] * len(PRICE_PARTS), "none knows a price"]
    rates = [
        f"{price.rates[part]:g}" if part in price.rates else "" for part in PRICE_PARTS
    ]
    tier = f", tier {price.tier}" if price.tier else ""
    return [alias, *rates, f"{price.source}, read on {price.read_on}{tier}"]


def _rows(alias: str, ours: Rates, theirs: Rates) -> list[_Row]:
    """Return the parts that either source states; one without any if neither does."""
    if not ours and not theirs:
        return [_Row(alias, "", None, None)]
    return [
        _Row(alias, part, ours.get(part), theirs.get(part))
        for part in PRICE_PARTS
        if part in ours or part in theirs
    ]


def _compared(
    rows: Sequence[_Row], second: PriceList, *, tolerance_ratio: float
) -> Outcome:
    """Return what differs or is not in both, and how many of each there are."""
    both = [row for row in rows if None not in (row.ours, row.theirs)]
    apart = [row for row in both if row.difference > tolerance_ratio]
    alone = [row for row in rows if row not in both]
    cells = [_DIFFERENCES] if apart or alone else []
    cells += [_difference_cells(row) for row in apart]
    cells += [_lone_cells(row, second.path.name) for row in alone]
    source = f"{second.path}: {_FORMATS[second.format]}, file of {second.written_on}"
    within = f" within {tolerance_ratio:.2%}" if tolerance_ratio else ""
    counts = (
        f"{len(both) - len(apart)} prices agree{within}, {len(apart)} differ, "
        f"{len(alone)} are not in both"
    )
    return Outcome([source, *_aligned(cells), counts], is_good=not apart)


def _difference_cells(row: _Row) -> list[str]:
    ours, theirs = row.ours or 0.0, row.theirs or 0.0
    ratio = f"x{theirs / ours:.4g}" if ours else "not free"
    return [row.model, row.part, f"{ours:g}", f"{theirs:g}", ratio]


def _lone_cells(row: _Row, second: str) -> list[str]:
    if row.ours is not None:
        return [row.model, row.part, f"{row.ours:g}", "", "only in ours"]
    if row.theirs is not None:
        return [row.model, row.part, "", f"{row.theirs:g}", f"only in {second}"]
    return [row.model, "", "", "", "in neither"]


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns begin at the same place."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
