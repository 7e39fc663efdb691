"""Forecasts from prompts alone, for a task that was never run on a model.

Nobody knows how long answers will be: at least a token, at most `max_tokens`. How many
tokens a prompt has is known roughly, from its bytes.
"""

from collections.abc import Callable, Sequence

from llmlab_pytest.core import Forecast, Span, TaskPlan, Usage
from llmlab_pytest.providers import TURN_TOKENS, RequestSize
from llmlab_pytest.stats import sum_interval

_MOST_BYTES_PER_TOKEN = 6.0
_LEAST_BYTES_PER_TOKEN = 2.0
"""UTF-8 bytes of a token. Of 30 benchmark files SmolLM2's tokenizer takes 2.3 (labels
and formulas) to 4.5 (prose) per token; a test counts again."""


def forecast_prompts(
    plan: TaskPlan,
    prompts: Sequence[RequestSize],
    items: int,
    *,
    cost_usd: Callable[[Usage], float | None],
    kept: int = 0,
) -> Forecast:
    """Return what `items` samples of a task on a model will take at least and at most.

    Args:
        plan: names the task and the model.
        prompts: the requests of these samples, or of some of them.
        items: how many will be asked.
        cost_usd: what a usage costs at the rates of today, `None` if nobody knows.
        kept: how many more have an answer already.
    """
    sizes = _sum([prompt.bytes for prompt in prompts], items)
    longest = _sum([prompt.max_tokens for prompt in prompts], items)
    read = Span(
        sizes.low / _MOST_BYTES_PER_TOKEN,
        sizes.high / _LEAST_BYTES_PER_TOKEN + TURN_TOKENS * items,
    )
    # Likelihoods are read, not written.
    written = Span(float(items) if longest.high else 0.0, longest.high)
    costs = [
        cost_usd(Usage(input_tokens=round(tokens), output_tokens=round(output_tokens)))
        for tokens, output_tokens in (
            (read.low, written.low),
            (read.high, written.high),
        )
    ]
    low_usd, high_usd = costs
    return Forecast(
        task=plan.task,
        model=plan.model,
        items=items,
        kept=kept,
        input_tokens=read,
        output_tokens=written,
        cost_usd=(
            None if low_usd is None or high_usd is None else Span(low_usd, high_usd)
        ),
        basis="prompts and max_tokens",
    )


def _sum(values: Sequence[int], items: int) -> Span:
    """Return the sum over all samples, known exactly if all were measured."""
    if len(values) >= items:
        return Span(float(sum(values)), float(sum(values)))
    interval = sum_interval(values, items)
    if interval is None:
        whole = items * float(values[0]) if values else 0.0
        return Span(whole / 2, whole * 2)
    return Span(max(0.0, interval.low), interval.high)
