"""Estimates and predictions as lines for a terminal."""

from collections.abc import Callable, Sequence

from llmlab_pytest.core import Forecast, Prediction, Report, Span, shorten
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._grid import aligned

_NAME_WIDTH = 24
_Amount = Callable[[float], str]
_ALL = "all"
_ROUNDING = 0.005
_Column = tuple[str, str, _Amount]
_AMOUNTS: tuple[_Column, ...] = (
    ("input", "input_tokens", _format.tokens),
    ("output", "output_tokens", _format.tokens),
    ("cost", "cost_usd", _format.money),
    ("time", "time_s", _format.seconds),
)


def render_estimate(forecasts: Sequence[Forecast], *, width: int) -> list[str]:
    """Return the table of what a run will take, one line per task and model.

    Args:
        forecasts: at least one.
        width: columns of the terminal; if it is too narrow, money and time, tokens, and
            what the numbers are known from stand below each other.
    """
    whole = aligned(
        [
            [*cells, basis]
            for cells, basis in zip(
                _estimates(forecasts, _AMOUNTS),
                ["known from", *(one.basis for one in forecasts), ""],
                strict=False,
            )
        ],
        "<<>>>>><",
    )
    if max(map(len, whole)) <= width:
        return whole
    tables = [aligned(_estimates(forecasts, _AMOUNTS), "<<>>>>>")]
    if max(map(len, tables[0])) > width:
        halves = (_AMOUNTS[2:], _AMOUNTS[:2])
        tables = [aligned(_estimates(forecasts, half), "<<>>>") for half in halves]
    notes = [f"{one.task} on {_asked(one)}: {one.basis}" for one in forecasts]
    lines = [line for table in tables for line in (*table, "")]
    return [*lines, "known from", *notes]


def _estimates(
    forecasts: Sequence[Forecast], amounts: Sequence[_Column]
) -> list[list[str]]:
    cells = [["task", "model", "asks", *(title for title, *_ in amounts)]]
    cells += [
        [*_names(one), _asks(one), *_amounts([one], amounts)] for one in forecasts
    ]
    if len(forecasts) > 1:
        items = _items(forecasts)
        cells.append([_ALL, "", f"{items}", *_amounts(forecasts, amounts)])
    return cells


def render_estimate_line(forecasts: Sequence[Forecast]) -> str:
    """Return what a run will take in one line."""
    items = _items(forecasts)
    parts = [
        f"{title} {text}"
        for (title, *_), text in zip(_AMOUNTS, _amounts(forecasts), strict=True)
        if text != _format.UNKNOWN or title == "cost"
    ]
    return f"estimate: {items} items, {', '.join(parts)}"


def render_predictions(predictions: Sequence[Prediction], *, width: int) -> list[str]:
    """Return the table of what larger workloads will take.

    Where the terminal is too narrow, it becomes two: money and time, then tokens.
    """
    lines = _predictions(predictions, _AMOUNTS)
    if max(map(len, lines)) <= width:
        return lines
    tokens, rest = _AMOUNTS[:2], _AMOUNTS[2:]
    return [*_predictions(predictions, rest), "", *_predictions(predictions, tokens)]


def render_accuracy(report: Report) -> str | None:
    """Say how far off the estimate was, over the tasks that it knew a cost of."""
    known = [one for one in report.estimate if one.cost_usd is not None]
    span = _total(known, "cost_usd")
    groups = {(one.task, one.model, one.judge) for one in known}
    spent = _spent(report)
    costs = [cost_usd for group, cost_usd in spent if group in groups]
    if span is None or None in costs:
        return None
    spent_usd = sum(filter(None, costs))
    left_out = len(report.estimate) - len(known)
    without = f" ({left_out} of {len(report.estimate)} left out)" if left_out else ""
    text = f"estimated {_span(span, _format.money)}{without}, spent "
    text += f"{_format.money(spent_usd)}{_difference(spent_usd, span)}"
    rest = [cost_usd for group, cost_usd in spent if group[-1] and group not in groups]
    if not rest:
        return text
    rest_usd = None if None in rest else sum(filter(None, rest))
    return f"{text}; judges, not estimated: {_format.money(rest_usd)}"


def _spent(report: Report) -> list[tuple[tuple[str, str, str], float | None]]:
    """Return what was spent on each task, model, and judge of its answers."""
    spent: list[tuple[tuple[str, str, str], float | None]] = []
    for row in report.rows:
        task, model = row.plan.task, row.plan.model
        spent.append(((task, model, ""), row.cost_usd))
        spent += [((task, model, judge.judge), judge.cost_usd) for judge in row.judges]
    return spent


def _difference(spent_usd: float, span: Span) -> str:
    """Say how far off an estimate was; half a percent is below what is shown."""
    if spent_usd > span.high * (1 + _ROUNDING):
        return f": {spent_usd / span.high:.1f} times the most" if span.high else ""
    if spent_usd < span.low * (1 - _ROUNDING):
        return ": less than the least"
    off = spent_usd / span.likely - 1 if span.likely else 0.0
    return ": as estimated" if abs(off) < _ROUNDING else f": {off:+.0%}"


def _predictions(
    predictions: Sequence[Prediction], amounts: Sequence[_Column]
) -> list[str]:
    cells = [["factor", "task", "model", "items", *(title for title, *_ in amounts)]]
    for prediction in predictions:
        factor = f"{prediction.factor:g}x"
        many = prediction.forecasts
        for one in many:
            values = _amounts([one], amounts)
            cells.append([factor, *_names(one), f"{one.items:,}", *values])
            factor = ""
        if len(many) > 1:
            items = f"{sum(one.items for one in many):,}"
            cells.append(["", _ALL, "", items, *_amounts(many, amounts)])
    return aligned(cells, "<<<>" + ">" * len(amounts))


def _names(forecast: Forecast) -> list[str]:
    return [shorten(name, _NAME_WIDTH) for name in (forecast.task, _asked(forecast))]


def _asked(forecast: Forecast) -> str:
    """Return the name of who is asked: the model, or the judge of its answers."""
    if forecast.judge:
        return f"{forecast.judge} judges {forecast.model}"
    return forecast.model


def _items(forecasts: Sequence[Forecast]) -> int:
    """Return how many samples and tests there are; a judge's are the same ones."""
    return sum(one.items for one in forecasts if not one.judge)


def _asks(forecast: Forecast) -> str:
    kept = f" of {forecast.items + forecast.kept}" if forecast.kept else ""
    return f"{forecast.items}{kept}"


def _amounts(
    forecasts: Sequence[Forecast], amounts: Sequence[_Column] = _AMOUNTS
) -> list[str]:
    """Return the sums of amounts; what some of them lack is said by a question mark."""
    cells = []
    for _, name, form in amounts:
        known = [one for one in forecasts if getattr(one, name) is not None]
        text = _span(_total(known, name), form)
        cells.append(f"{text} + ?" if known and len(known) < len(forecasts) else text)
    return cells


def _total(forecasts: Sequence[Forecast], name: str) -> Span | None:
    spans: list[Span] = [getattr(one, name) for one in forecasts]
    return sum(spans[1:], spans[0]) if spans else None


def _span(span: Span | None, form: _Amount) -> str:
    if span is None:
        return _format.UNKNOWN
    low, high = form(span.low), form(span.high)
    if low == high:
        return low
    if span.likely is None:
        return f"{low} to {high}"
    return f"{form(span.likely)} [{low}, {high}]"
