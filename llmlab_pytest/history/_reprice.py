"""A run at other prices: what its calls would cost, and which nobody can say.

A call is re-priced only if its tokens explain what it cost: where its own price does
not give its own cost, something else was billed too (a search, an image, writing a
cache), and what that costs elsewhere is not known.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from llmlab_pytest.core import Completion, Price
from llmlab_pytest.providers import usage_cost_usd
from llmlab_pytest.store import KeptCall

Prices = Callable[[str, Completion], Price | str]
"""Returns the price of a model's call, or why there is none."""
_TOLERANCE_RATIO = 1e-6
_TOLERANCE_USD = 1e-12


@dataclass(slots=True)
class Repriced:
    """The calls of one model."""

    model: str
    calls: int = 0
    """Those that were asked now, not answered by a cache."""
    free: int = 0
    """Of these, answered by this machine for nothing: they stay so."""
    priced: int = 0
    """Of these, priced both then and now, or only now."""
    then_usd: float = 0.0
    """What the re-priced calls cost, as far as it was known."""
    now_usd: float = 0.0
    """What they would cost."""
    unknown_then: int = 0
    """Of the re-priced calls, those whose cost was not known."""
    left_usd: float = 0.0
    """What the calls cost that cannot be re-priced, as far as it was known."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why calls cannot be re-priced, and how many."""
    sources: Counter[str] = field(default_factory=Counter)
    """Whose prices were used, and for how many."""


def reprice(calls: Iterable[KeptCall], prices: Prices) -> list[Repriced]:
    """Return what a run's calls would cost, by model.

    Args:
        calls: of the run.
        prices: the price of a call.
    """
    found: dict[str, Repriced] = {}
    for call in calls:
        if call.completion.original is None:  # what is kept costs nothing
            row = found.setdefault(call.model, Repriced(call.model))
            _add(row, call.completion, prices)
    return [found[model] for model in sorted(found)]


def _add(row: Repriced, completion: Completion, prices: Prices) -> None:
    row.calls += 1
    then_usd, own = completion.cost_usd, completion.price
    if own is None and then_usd == 0:
        row.free += 1
        return
    price = prices(row.model, completion)
    why = _why_unexplained(completion) or (price if isinstance(price, str) else "")
    now_usd = None
    if not why and isinstance(price, Price):
        if own is not None:
            price = replace(price, tier=own.tier)  # what was billed, not asked for
            why = _why_other_tier(own, price)
        now_usd = usage_cost_usd(price, completion.usage)
    if why or now_usd is None or isinstance(price, str):
        row.reasons[why or "the price lacks a rate for its tokens"] += 1
        row.left_usd += then_usd or 0.0
        return
    row.priced += 1
    row.now_usd += now_usd
    row.then_usd += then_usd or 0.0
    row.unknown_then += then_usd is None
    row.sources[f"{price.source}, read on {price.read_on}"] += 1


def _why_unexplained(completion: Completion) -> str:
    """Return why a call's tokens are not all that was billed; empty: they are."""
    if completion.price is None or completion.cost_usd is None:
        return ""
    own_usd = usage_cost_usd(completion.price, completion.usage)
    is_same = own_usd is not None and math.isclose(
        own_usd,
        completion.cost_usd,
        rel_tol=_TOLERANCE_RATIO,
        abs_tol=_TOLERANCE_USD,
    )
    return "" if is_same else "its tokens do not explain what it cost"


def _why_other_tier(own: Price, price: Price) -> str:
    """Return why a price is not that of a call's tier; empty: it is."""
    if own.tier is None or not _has_rates(own) or _has_rates(price):
        return ""
    return f"the price has no rates for the tier {own.tier}"


def _has_rates(price: Price) -> bool:
    """Whether a price has rates of its tier's own."""
    return any(name.endswith(f"_{price.tier}") for name in price.usd_per_million_tokens)
