"""Numbers as people read them: short, aligned, with their unit."""

from collections.abc import Sequence

from llmlab_pytest.core import (
    Contribution,
    EngineAccount,
    Metric,
    Original,
    TaskRow,
)

UNKNOWN = "?"
ABSENT = "-"
_THOUSAND = 1000
_MOST_WRITTEN_OUT = 1e12
_SMALL_USD = 0.01
_SMALLEST_P = 1e-4
_TEN_S = 10
_GIGA = 1e9


def score(value: float | None) -> str:
    """Format a score: three decimals, large totals shorter, huge ones by exponent."""
    if value is None:
        return ABSENT
    if abs(value) >= _MOST_WRITTEN_OUT:
        return f"{value:.2e}"
    return f"{value:.3f}" if abs(value) < _THOUSAND else f"{value:,.0f}"


def interval(metric: Metric) -> str:
    """Format an interval, or a dash where there is none."""
    if metric.interval is None:
        return ABSENT
    return f"[{score(metric.interval.low)}, {score(metric.interval.high)}]"


def p_value(p: float | None) -> str:
    """Format a p value, or a dash where there is none."""
    if p is None:
        return ABSENT
    return f"{p:.4f}" if p >= _SMALLEST_P else f"<{_SMALLEST_P:.4f}"


def points(item: Contribution) -> str:
    """Format how many percentage points a factor moves a score: +1.5."""
    return ABSENT if item.points is None else f"{item.points:+.1f}"


def points_interval(item: Contribution) -> str:
    """Format the interval of the points, or a dash where there is none."""
    ends = item.interval
    return f"[{ends.low:+.1f}, {ends.high:+.1f}]" if ends else ABSENT


def samples(row: TaskRow, metric: Metric) -> str:
    """Format how many samples a metric rests on.

    `20/2376` is a subset, `7 of 20/2376` while some lack a score, `20/2376 x3` where
    each was asked three times: samples are counted, not answers.
    """
    plan = row.plan
    planned = -(-plan.planned // plan.epochs)
    text = f"{planned}"
    if plan.planned < plan.available:
        text += f"/{plan.available // plan.epochs}"
    if plan.epochs > 1:
        text += f" x{plan.epochs}"
    is_complete = row.samples == plan.planned and not row.errors
    return text if is_complete else f"{min(metric.n, planned)} of {text}"


def count(number: int | None) -> str:
    """Format a count, or a dash where it has no meaning."""
    return ABSENT if number is None else f"{number}"


def money(cost_usd: float | None) -> str:
    """Format US dollars; an unknown price is never shown as zero."""
    if cost_usd is None:
        return UNKNOWN
    if cost_usd == 0:
        return "$0"
    return f"${cost_usd:.2g}" if cost_usd < _SMALL_USD else f"${cost_usd:,.2f}"


def tokens(number: float) -> str:
    """Format a token count: 950, 12.3k, 4.6M."""
    for unit_tokens, unit in ((_THOUSAND**2, "M"), (_THOUSAND, "k")):
        if number >= unit_tokens:
            return f"{number / unit_tokens:.1f}{unit}"
    return f"{number:.0f}"


def seconds(duration_s: float | None) -> str:
    """Format a duration: 3ms, 1.25s, 42s."""
    if duration_s is None:
        return ABSENT
    if duration_s < 1:
        return f"{duration_s * _THOUSAND:.0f}ms"
    return f"{duration_s:.2f}s" if duration_s < _TEN_S else f"{duration_s:.0f}s"


def rate(per_second: float | None) -> str:
    """Format tokens per second."""
    return ABSENT if per_second is None else tokens(per_second)


def shared(engine: EngineAccount) -> str:
    """Format how many tokens were asked for, and how many computed in which time."""
    asked, computed = engine.asked_tokens, engine.computed_tokens
    ratio = f" ({asked / computed:.1f}x fewer)" if asked > computed > 0 else ""
    spent = seconds(engine.compute_s)
    return f"{asked:,} tokens asked, {computed:,} computed{ratio} in {spent}"


def kept(rows: Sequence[TaskRow]) -> str | None:
    """Say how many samples rest on kept answers, and what these took once."""
    original = Original.total(row.original for row in rows)
    if original is None:
        return None
    samples_kept = sum(row.kept for row in rows)
    of = sum(row.samples for row in rows)
    return (
        f"{samples_kept} of {of} from the {original.source}, not asked now; once: "
        f"{money(original.cost_usd)}, {seconds(original.latency_s)} of calls"
    )


def engine_rate(engine: EngineAccount) -> str:
    """Format how fast a model computed, and how close that is to the machine."""
    text = f"{engine.computed_tokens_per_s:,.0f} tokens/s computed"
    if engine.layer_flops is not None:
        text += f" · layers at {engine.layer_flops / _GIGA:,.1f} GFLOP/s"
    if engine.of_matrix_rate is not None and engine.matrix_flops is not None:
        text += f", {engine.of_matrix_rate:.0%} of one alone"
        text += f" ({engine.matrix_flops / _GIGA:,.1f})"
    return text
