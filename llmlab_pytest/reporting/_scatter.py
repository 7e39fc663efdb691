"""A scatter of quality against a price, as SVG coordinates.

Across, places are percentages of the width, so that the chart fits any; up, they are
pixels. Prices that differ twenty-fold are shown by their logarithms, a price of 0 at
the left edge.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from llmlab_pytest.core import Interval, escape_control, redact, shorten
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._side_by_side import Standing
from llmlab_pytest.reporting._side_tables import dollars

HEIGHT = 300
"""Pixels between the lowest and the highest quality."""
_NAME = 28
_TWENTYFOLD = 20
_LEFT, _RIGHT = 9.0, 94.0
"""Percent of the width between which points lie, so that names fit."""
_ROOM_PX, _ROOM_PERCENT = 16, 22
"""Two names nearer than both overlap."""
_MOST_TICKS = 6
_HALF, _TWO, _FIVE = 0.5, 2.0, 5.0


class Tick(NamedTuple):
    """A line across or up, with its number."""

    at: str
    text: str


class Line(NamedTuple):
    """From one place to another."""

    x1: str
    y1: str
    x2: str
    y2: str


class Point(NamedTuple):
    """A model."""

    x: str
    y: str
    name: str
    text: str
    """Its numbers, told to readers of screens."""
    anchor: str
    name_y: str
    is_on: bool
    bars: Sequence[Line]
    """Its intervals, of quality and of the price."""


class Scatter(NamedTuple):
    """One chart."""

    title: str
    axis: str
    points: Sequence[Point]
    frontier: Sequence[Line]
    """Steps of what can be had for a price."""
    across: Sequence[Tick]
    up: Sequence[Tick]
    is_logarithmic: bool


class _Axis(NamedTuple):
    """How a number becomes a place."""

    at: Callable[[float], float]
    ticks: Sequence[float]
    is_logarithmic: bool = False


class _Offer(NamedTuple):
    standing: Standing
    price: float
    interval: Interval | None
    is_on: bool


def scatters_of(standings: Sequence[Standing]) -> list[Scatter]:
    """Return quality against dollars and against seconds, where two are known."""
    charts = (
        _scatter("cost", "dollars per sample", _costs(standings), dollars),
        _scatter("latency", "seconds per sample", _latencies(standings), _seconds),
    )
    return [chart for chart in charts if chart is not None]


def _costs(standings: Sequence[Standing]) -> list[_Offer]:
    return [
        _Offer(own, own.cost_usd, own.cost_interval, bool(own.is_on_cost_frontier))
        for own in standings
        if own.cost_usd is not None
    ]


def _latencies(standings: Sequence[Standing]) -> list[_Offer]:
    return [
        _Offer(
            own, own.latency_s, own.latency_interval, bool(own.is_on_latency_frontier)
        )
        for own in standings
        if own.latency_s is not None
    ]


def _seconds(price: float) -> str:
    return _format.seconds(price)


def _scatter(
    what: Literal["cost", "latency"],
    axis: str,
    offers: Sequence[_Offer],
    show: Callable[[float], str],
) -> Scatter | None:
    """Return a chart; `None` of fewer than two models, or where all prices are 0."""
    if len(offers) <= 1 or not any(offer.price for offer in offers):
        return None
    prices = _price_axis(offers)
    heights = _quality_axis(offers)
    return Scatter(
        title=f"Quality against {what}",
        axis=axis,
        points=_points(offers, prices, heights, show),
        frontier=_steps(offers, prices, heights),
        across=[Tick(_percent(prices.at(x)), _short(show(x))) for x in prices.ticks],
        up=[Tick(_px(heights.at(y)), f"{y:g}") for y in heights.ticks],
        is_logarithmic=prices.is_logarithmic,
    )


def _short(text: str) -> str:
    """Return dollars without zeros at the end: $0.001, not $0.00100."""
    if text.startswith("$") and "." in text:
        return text.rstrip("0").rstrip(".")
    return text


def _price_axis(offers: Sequence[_Offer]) -> _Axis:
    ends = [offer.price for offer in offers]
    ends += [own.interval.high for own in offers if own.interval]
    ends += [own.interval.low for own in offers if own.interval]
    above = [end for end in ends if end > 0]
    low, high = min(above), max(above)
    if high / low >= _TWENTYFOLD:
        return _logarithmic(low, high, has_zero=any(o.price == 0 for o in offers))
    step = _step(high)

    def at(price: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * max(0.0, price) / high

    return _Axis(at, [n * step for n in range(int(high / step) + 1)])


def _logarithmic(low: float, high: float, *, has_zero: bool) -> _Axis:
    start, end = math.log10(low), math.log10(high)
    left = _LEFT + (14.0 if has_zero else 2.0)

    def at(price: float) -> float:
        if price <= 0:
            return _LEFT
        share = (math.log10(max(price, low)) - start) / (end - start)
        return left + (_RIGHT - left) * share

    decades = range(math.ceil(start), math.floor(end) + 1)
    every = math.ceil(len(decades) / _MOST_TICKS) or 1
    ticks = [10.0**n for n in decades[::every]]
    return _Axis(at, [*([0.0] if has_zero else []), *ticks], is_logarithmic=True)


def _quality_axis(offers: Sequence[_Offer]) -> _Axis:
    ends = [offer.standing.quality for offer in offers]
    for own in offers:
        if own.standing.quality_interval:
            ends += [own.standing.quality_interval.low]
            ends += [own.standing.quality_interval.high]
    low = math.floor(max(0.0, min(ends)) * 10) / 10
    high = min(1.0, math.ceil(min(1.0, max(ends)) * 10) / 10)
    if high <= low:
        low = max(0.0, low - 0.1)
        high = low + 0.1

    def at(quality: float) -> float:
        inside = min(high, max(low, quality))
        return HEIGHT * (high - inside) / (high - low)

    step = 0.1 if high - low <= _HALF else 0.2
    count = int((high - low) / step + 1e-9)
    return _Axis(at, [round(low + n * step, 1) for n in range(count + 1)])


def _step(high: float) -> float:
    """Return 1, 2 or 5 times a power of ten, of which at most six reach the end."""
    rough = high / (_MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in (1.0, _TWO, _FIVE, 10.0) if n * power >= rough)


def _points(
    offers: Sequence[_Offer],
    prices: _Axis,
    heights: _Axis,
    show: Callable[[float], str],
) -> list[Point]:
    ranked = sorted(offers, key=lambda offer: -offer.standing.quality)
    places = [(prices.at(o.price), heights.at(o.standing.quality)) for o in ranked]
    names: list[tuple[float, float]] = []
    points = []
    for offer, (x, y) in zip(ranked, places, strict=True):
        own = offer.standing
        others = [(one, other + 4) for one, other in places if (one, other) != (x, y)]
        name_y = _free(x, y, [*names, *others])
        names.append((x, name_y))
        name = shorten(escape_control(redact(own.model)), _NAME)
        points.append(
            Point(
                x=_percent(x),
                y=_px(y),
                name=name,
                text=f"{name}: quality {_format.score(own.quality)}, "
                f"{show(offer.price)}",
                anchor="end" if x > 100 * _HALF else "start",
                name_y=_px(name_y),
                is_on=offer.is_on,
                bars=_bars(offer, prices, heights),
            )
        )
    return points


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> float:
    """Return a height for a name above or below its point, where nothing else is."""
    for distance in (-9, 21, -25, 37):
        height = y + distance
        if 0 <= height <= HEIGHT and all(
            abs(x - other_x) > _ROOM_PERCENT or abs(height - other_y) >= _ROOM_PX
            for other_x, other_y in taken
        ):
            return height
    return y - 9


def _bars(offer: _Offer, prices: _Axis, heights: _Axis) -> list[Line]:
    own = offer.standing
    x, y = prices.at(offer.price), heights.at(own.quality)
    bars = []
    if (ends := own.quality_interval) is not None:
        high, low = heights.at(ends.high), heights.at(ends.low)
        bars.append(Line(_percent(x), _px(high), _percent(x), _px(low)))
    if (ends := offer.interval) is not None:
        left, right = prices.at(ends.low), prices.at(ends.high)
        bars.append(Line(_percent(left), _px(y), _percent(right), _px(y)))
    return bars


def _steps(offers: Sequence[_Offer], prices: _Axis, heights: _Axis) -> list[Line]:
    """Return the steps of the frontier: right at the same quality, then up."""
    best = sorted((o for o in offers if o.is_on), key=lambda offer: offer.price)
    lines = []
    for one, other in pairwise(best):
        x, next_x = _percent(prices.at(one.price)), _percent(prices.at(other.price))
        y = _px(heights.at(one.standing.quality))
        next_y = _px(heights.at(other.standing.quality))
        lines += [Line(x, y, next_x, y), Line(next_x, y, next_x, next_y)]
    return lines


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def _px(value: float) -> str:
    return f"{value:.1f}"
