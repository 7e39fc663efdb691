"""Sides as runs and files give them, without a store."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from llmlab_pytest.comparing import Side
from llmlab_pytest.core import SampleResult, Score, Usage

Values = Sequence[float]
MakeSide = Callable[..., Side]


def side_of(
    model: str,
    values: Sequence[float | Values],
    *,
    costs: float | Sequence[float | None] | None = 0.001,
    latencies: float | Sequence[float | None] | None = 0.5,
    answers: Sequence[str | Sequence[str]] | None = None,
    clusters: Mapping[str, str] | None = None,
    task: str = "quiz",
    source: str = "r1",
    **fields: object,
) -> Side:
    """One entry per sample; a list of values is one per epoch."""
    results = []
    for number, own in enumerate(values):
        epochs = [own] if isinstance(own, (int, float)) else own
        said = answers[number] if answers else None
        for epoch, value in enumerate(epochs, start=1):
            answer = said if said is None or isinstance(said, str) else said[epoch - 1]
            results.append(
                SampleResult(
                    task=task,
                    model=model,
                    sample_id=f"s{number:03d}",
                    epoch=epoch,
                    scores=(Score(scorer="exact", value=value, answer=answer),),
                    cost_usd=costs[number] if isinstance(costs, Sequence) else costs,
                    latency_s=latencies[number]
                    if isinstance(latencies, Sequence)
                    else latencies,
                    usage=Usage(input_tokens=80, output_tokens=20),
                    **fields,
                )
            )
    return Side(
        source=source,
        task=task,
        model=model,
        metric="exact",
        results=results,
        rows={},
        clusters=clusters or {},
    )


@pytest.fixture
def make_side() -> MakeSide:
    """Make the side of a model from its values."""
    return side_of
