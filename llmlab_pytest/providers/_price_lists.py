"""Lists of prices that others publish, read from a file to compare ours with.

Three formats are known by their shape: that of OpenRouter's `/api/v1/models` (US
dollars per token as text), of models.dev's `api.json` (US dollars per million tokens)
and of litellm's map of any day (US dollars per token). Nothing is fetched. A file is
read whole and strictly: one price that is none makes it unusable, since nobody knows
then what else is wrong with it.

Sources: OpenRouter's API reference, "Pricing"; `packages/core/src/schema.ts` of
models.dev; litellm's `model_prices_and_context_window.json`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from llmlab_pytest.core import DataError, shorten
from llmlab_pytest.providers._price_rates import Rates, map_rates, per_million

Format: TypeAlias = Literal["litellm", "models.dev", "openrouter"]
_Object: TypeAlias = Mapping[str, Any]

_OPENROUTER = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
}
_ZERO_IS_NONE = ("cached_input", "cache_write", "reasoning")
"""Parts of which OpenRouter writes 0 where they are not charged for apart."""
_VARIES = Decimal(-1)
"""What OpenRouter writes for a router, whose price is that of whom it asks."""
_MODELS_DEV = {
    "input": "input",
    "output": "output",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "reasoning": "reasoning",
}
_SAMPLE = "sample_spec"
"""An entry of litellm's map that explains its fields."""
_KNOWN = (
    "It is OpenRouter's /api/v1/models, models.dev's api.json or litellm's "
    "model_prices_and_context_window.json."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """What one source says of many models."""

    path: Path
    format: Format
    written_on: str
    """The day on which the file was written here, `YYYY-MM-DD` in UTC: the formats
    say no day of their own."""
    rates: Mapping[str, Rates]
    """By the source's name of a model; of models.dev `provider/model`. A model whose
    price is not stated has no rates."""
    vendors: Mapping[str, str]
    """Whose a model is, by the same names, where the name does not say it."""


class _Model(NamedTuple):
    """A model, and where in the file it stands."""

    name: str
    place: str
    rates: Rates
    vendor: str = ""


def read_price_list(path: Path) -> PriceList:
    """Read a file of one of the three formats.

    Raises:
        DataError: it cannot be read, has another format, or a price in it is none;
            names file and place.
    """
    content = _content(path)
    known, read = _format_of(content, path)
    models: dict[str, _Model] = {}
    for model in read(content):
        if first := models.get(model.name):
            raise DataError(
                f"{path}: {model.place} is {model.name!r}, as {first.place} is.",
                fix="Fetch the file again.",
            )
        models[model.name] = model
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return PriceList(
        path=path,
        format=known,
        written_on=written.date().isoformat(),
        rates={name: model.rates for name, model in models.items()},
        vendors={name: model.vendor for name, model in models.items()},
    )


def _content(path: Path) -> _Object:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: the prices cannot be read: {error}.",
            allowed=_KNOWN,
            fix="Name a file that you fetched.",
        ) from error
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise DataError(f"{place}: no JSON: {error.msg}.", allowed=_KNOWN) from error
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path}: no object with prices.", allowed=_KNOWN)
    return content


def _format_of(
    content: _Object, path: Path
) -> tuple[Format, Callable[[_Object], Iterator[_Model]]]:
    """Return the format of a file and what reads it.

    Raises:
        DataError: it has none that is known.
    """
    reader = _Reader(path)
    if isinstance(content.get("data"), list):
        return "openrouter", reader.openrouter
    values = list(content.values())
    if all(isinstance(value, dict) for value in values):
        if all(isinstance(value.get("models"), dict) for value in values):
            return "models.dev", reader.models_dev
        if any("litellm_provider" in value for value in values):
            return "litellm", reader.litellm
    raise DataError(
        f"{path}: the keys are {shorten(', '.join(content))}, as in no list of prices "
        "that is known.",
        allowed=_KNOWN,
    )


class _Reader:
    """Reads the formats; says in errors where in its file something stands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def openrouter(self, content: _Object) -> Iterator[_Model]:
        """Yield the models of `data`, each with `id` and `pricing`."""
        for index, model in enumerate(content["data"]):
            place = f"data[{index}]"
            name = model.get("id") if isinstance(model, dict) else None
            if not isinstance(name, str):
                raise self._wrong(f"{place}.id", name, "a model's name")
            pricing = self._object(f"{place}.pricing", model.get("pricing", {}))
            rates = self._parts(f"{place}.pricing", pricing, _OPENROUTER, self._told)
            is_free = not any(rates.values())
            yield _Model(
                name,
                place,
                {
                    part: rate
                    for part, rate in rates.items()
                    if rate or part not in _ZERO_IS_NONE or is_free
                },
            )

    def models_dev(self, content: _Object) -> Iterator[_Model]:
        """Yield the models of each provider, with `cost` where it is known."""
        for provider, offer in content.items():
            for name, model in offer["models"].items():
                place = f"{provider}.models.{name}"
                told = self._object(place, model).get("cost")
                rates: Rates = {}
                if told is not None:
                    told = self._object(f"{place}.cost", told)
                    rates = self._parts(
                        f"{place}.cost", told, _MODELS_DEV, self._number
                    )
                yield _Model(f"{provider}/{name}", place, rates)

    def litellm(self, content: _Object) -> Iterator[_Model]:
        """Yield the entries; whatever is a rate per token has to be one."""
        for name, entry in content.items():
            if name == _SAMPLE:
                continue
            for key, value in entry.items():
                is_rate = key.endswith(("_cost_per_token", "_token_cost"))
                if is_rate and value is not None:
                    self._number(f"{name}.{key}", value)
            vendor = str(entry.get("litellm_provider", ""))
            yield _Model(name, name, map_rates(entry), vendor)

    def _parts(
        self,
        place: str,
        told: _Object,
        names: Mapping[str, str],
        read: Callable[[str, object], float | None],
    ) -> dict[str, float]:
        """Return the parts that are stated, per million tokens."""
        rates = {
            part: read(f"{place}.{name}", told[name])
            for name, part in names.items()
            if told.get(name) is not None
        }
        return {part: rate for part, rate in rates.items() if rate is not None}

    def _told(self, place: str, value: object) -> float | None:
        """Read US dollars per token as OpenRouter writes them; `None`: they vary."""
        try:
            usd = Decimal(value) if isinstance(value, str) else None
        except InvalidOperation:
            usd = None
        if usd == _VARIES:
            return None
        if usd is None or not usd.is_finite() or usd < 0:
            raise self._wrong(place, value, 'US dollars per token as text, e.g. "0.1"')
        return per_million(float(usd))

    def _number(self, place: str, value: Any) -> float:
        if type(value) not in (int, float) or not isfinite(value) or value < 0:
            raise self._wrong(place, value, "a number of US dollars")
        return float(value)

    def _object(self, place: str, value: object) -> _Object:
        if not isinstance(value, dict):
            raise self._wrong(place, value, "an object")
        return value

    def _wrong(self, place: str, value: object, allowed: str) -> DataError:
        seen = shorten(repr(value))
        return DataError(
            f"{self._path}: {place} is {seen}.",
            allowed=f"It takes {allowed}.",
            fix="Fetch the file again.",
        )
