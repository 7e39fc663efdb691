"""What answers may take: cost, latency and speed, asserted of one or of many."""

from collections.abc import Iterable, Sequence
from functools import cache

from llmlab_pytest.asserting._assertions import LlmAssertionError
from llmlab_pytest.core import Completion, ConfigError, SampleResult, Score
from llmlab_pytest.gates import Gate, parse_gate
from llmlab_pytest.metrics import TAKEN, MetricRegistry, default_metrics

_HOW_MEASURED = {
    "cost_usd": "State the model's prices in llmlab_models.toml.",
    "ttft": "Ask with stream=True, or stream = true in the model's defaults.",
}
_INDENT = "    "


def assert_limits(completions: Completion | Iterable[Completion], *limits: str) -> None:
    """Assert what an answer, or several together, took.

    A kept answer counts with what it took when the model gave it.

    Args:
        completions: one answer, or several; quantiles and totals are over all.
        limits: `METRIC OP NUMBER`, e.g. `cost_usd <= 0.01`, `latency_p95_s <= 2`,
            `ttft_max_s < 0.5`, `output_tokens_per_s >= 20`. One number decides, so
            a confidence has no place here.

    Raises:
        LlmAssertionError: a limit does not hold; names all that do not.
        ConfigError: a limit cannot be read, or what it limits was not measured.
    """
    __tracebackhide__ = True
    many = [completions] if isinstance(completions, Completion) else list(completions)
    check_limits(many, limits, where="assert_limits()")


def check_limits(
    completions: Sequence[Completion], limits: Sequence[str], *, where: str
) -> None:
    """Raise what `assert_limits` raises; `where` names the limits in messages."""
    __tracebackhide__ = True
    results = [_result(number, one) for number, one in enumerate(completions)]
    judged = [_judged(limit, results, where) for limit in limits]
    broken = [text for text in judged if text is not None]
    if not broken:
        return
    count = "1 answer" if len(results) == 1 else f"{len(results)} answers"
    models = ", ".join(sorted({completion.model for completion in completions}))
    lines = [f"limits ({models}): {count} took too much or came too slowly"]
    lines += [f"{_INDENT}{text}" for text in broken]
    score = Score(scorer="limits", value=0.0, explanation="; ".join(broken))
    raise LlmAssertionError("\n".join(lines), score=score)


def parse_limit(text: str, *, where: str) -> Gate:
    """Read a limit: a gate on what answers take.

    Raises:
        ConfigError: it is no gate, or one on something else.
    """
    gate = parse_gate(text, where=where)
    if gate.part is not None or gate.is_relative:
        raise ConfigError(
            f"The limit {gate.text!r} in {where} is of a part, or of a baseline.",
            allowed="A limit is METRIC OP NUMBER; gates of tasks may be more.",
        )
    if gate.metric in TAKEN:
        return gate
    raise ConfigError(
        f"The limit {gate.text!r} in {where} is on {gate.metric!r}.",
        allowed=f"A limit is on {', '.join(TAKEN)}.",
        fix="What is right is asserted by the other assert_… functions, and of a "
        "task by its gates.",
    )


def _judged(text: str, results: Sequence[SampleResult], where: str) -> str | None:
    """Return what is to be said of a limit that does not hold."""
    gate = parse_limit(text, where=where)
    if not results:
        raise ConfigError(
            f"The limit {gate.text!r} in {where} is on no answer at all.",
            fix="Ask a model in this test, or take the limit away.",
        )
    value = _metrics()[gate.metric](results).value
    if value is None:
        name = "ttft" if gate.metric.startswith("ttft") else gate.metric
        raise ConfigError(
            f"What the limit {gate.text!r} in {where} is on was not measured.",
            fix=_HOW_MEASURED.get(name, ""),
        )
    return None if gate.holds(value) else f"{gate.text}: it is {value:.4g}"


@cache
def _metrics() -> MetricRegistry:
    return default_metrics()


def _result(number: int, completion: Completion) -> SampleResult:
    kept = completion.original
    return SampleResult(
        task="",
        model=completion.model,
        sample_id=str(number),
        usage=completion.usage,
        cost_usd=kept.cost_usd if kept else completion.cost_usd,
        latency_s=kept.latency_s if kept else completion.latency_s,
        ttft_s=kept.ttft_s if kept else completion.ttft_s,
    )
