"""Gates: the grammar, and the one thing that must never happen: a pass by mistake."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    ConfigError,
    Interval,
    Metric,
    SampleResult,
    Score,
    TaskPlan,
)
from llmlab_pytest.gates import decide, parse_gate
from llmlab_pytest.metrics import default_metrics


def results_of(right: int, wrong: int, errors: int = 0, **fields: Any) -> Any:
    values = [1.0] * right + [0.0] * wrong + [None] * errors
    base: dict[str, Any] = {"task": "t", "model": "m", "cost_usd": 0.1}
    return [
        SampleResult(
            **{
                **base,
                "sample_id": f"s{n}",
                "error": "ProviderError: gone" if value is None else None,
                "scores": () if value is None else (Score(scorer="a", value=value),),
                **fields,
            }
        )
        for n, value in enumerate(values)
    ]


def judge(text: str, results: Any, *, planned: int | None = None) -> Any:
    plan = TaskPlan(
        task="t",
        model="m",
        planned=len(results) if planned is None else planned,
        available=1000,
    )
    return decide(parse_gate(text, where="card"), plan, results, default_metrics())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("accuracy >= 0.8", ("accuracy", ">=", 0.8, 0.95)),
        ("  acc_norm>80% ", ("acc_norm", ">", 0.8, 0.95)),
        ("strict-match >= .5 at 90%", ("strict-match", ">=", 0.5, 0.9)),
        ("cost_usd <= 1e-3 point", ("cost_usd", "<=", 0.001, None)),
        ("errors == 0", ("errors", "==", 0.0, 0.95)),
        ("delta < -0.5 at 99.9%", ("delta", "<", -0.5, 0.999)),
    ],
)
def test_gate_is_read(text: str, parts: tuple[Any, ...]) -> None:
    """Metric, operator, number and confidence, however they are spaced."""
    gate = parse_gate(text, where="card")
    found = (gate.metric, gate.operator, gate.threshold, gate.confidence)
    assert found == pytest.approx(parts)


@pytest.mark.parametrize(
    "text",
    [
        "accuracy",
        "accuracy >= ",
        ">= 0.8",
        "accuracy => 0.8",
        "accuracy != 0.8",
        "accuracy >= 0.8 at 0%",
        "accuracy >= 0.8 at 100%",
        "accuracy >= 0.8 at 90",
        "accuracy >= 0.8 points",
        "accuracy >= 0.8 point exact",
        "accuracy >= nan",
        "0.8 <= accuracy",
        "accuracy >= 0.8, misses < 3",
        "",
    ],
)
def test_gate_that_cannot_be_read_names_its_place(text: str) -> None:
    """What is not understood is not ignored."""
    with pytest.raises(ConfigError, match=r"card\.toml:7"):
        parse_gate(text, where="card.toml:7")


@pytest.mark.parametrize(
    ("gate", "results", "state"),
    [
        ("accuracy >= 0.5", results_of(20, 0), "passed"),
        ("accuracy >= 0.5", results_of(0, 20), "failed"),
        ("accuracy >= 0.5", results_of(12, 8), "inconclusive"),
        ("accuracy >= 0.5 point", results_of(12, 8), "passed"),
        ("accuracy >= 0.61 point", results_of(12, 8), "failed"),
        ("accuracy <= 0.5", results_of(0, 20), "passed"),
        ("accuracy < 0.5", results_of(20, 0), "failed"),
        # 17 of 20: [0.640, 0.948] at 95 %, [0.789, 0.896] at 50 %, by Wilson.
        ("accuracy >= 0.7", results_of(17, 3), "inconclusive"),
        ("accuracy >= 0.7 at 50%", results_of(17, 3), "passed"),
        ("accuracy >= 0.63", results_of(17, 3), "passed"),
        ("accuracy >= 1", results_of(20, 0), "inconclusive"),
        ("accuracy == 1", results_of(20, 0), "inconclusive"),
        ("accuracy == 1 point", results_of(20, 0), "passed"),
        ("misses <= 3", results_of(17, 3), "passed"),
        ("misses <= 2", results_of(17, 3), "failed"),
        ("cost_usd <= 2.1", results_of(17, 3), "passed"),
        ("cost_usd <= 2.1", results_of(1, 0, cost_usd=None), "inconclusive"),
        ("latency_p95_s < 2", results_of(2, 0), "inconclusive"),
        ("latency_p95_s < 2", results_of(2, 0, latency_s=1.0), "passed"),
        ("accuracy >= 0.1", results_of(20, 0, errors=1), "error"),
        ("errors <= 1", results_of(20, 0, errors=1), "passed"),
        ("errors <= 0", results_of(20, 0, errors=1), "failed"),
        ("misses <= 0", results_of(20, 0, errors=1), "error"),
    ],
)
def test_verdict_follows_the_interval(gate: str, results: Any, state: str) -> None:
    """The whole interval decides, totals by their value, errors stop it."""
    assert judge(gate, results).state == state


def test_gate_on_a_weighted_metric_uses_its_own_interval() -> None:
    """The ratio's interval at the confidence of the gate, not that of a plain mean."""
    results = [
        SampleResult(
            task="t",
            model="m",
            sample_id=str(n),
            scores=(Score(scorer="a", value=value, weight=weight),),
        )
        for n, (value, weight) in enumerate([(1.0, 9.0), (1.0, 8.0), (0.0, 1.0)] * 3)
    ]
    wide, narrow = judge("a >= 0.8", results), judge("a >= 0.8 at 80%", results)
    assert (wide.state, narrow.state) == ("passed", "passed")
    assert wide.metric.interval.low < narrow.metric.interval.low
    assert narrow.metric.interval.method == "ratio-t"
    assert narrow.metric.interval.confidence == 0.8


@pytest.mark.parametrize(
    ("gate", "right", "wrong", "state"),
    [
        # 30 of 30: at least 0.886 by Wilson, 0.884 by Clopper and Pearson.
        ("accuracy >= 0.885", 30, 0, "passed"),
        ("accuracy >= 0.885 exact", 30, 0, "inconclusive"),
        ("accuracy >= 0.88 exact", 30, 0, "passed"),
        ("accuracy >= 0.83 at 99% exact", 30, 0, "passed"),
        ("accuracy >= 0.84 at 99% exact", 30, 0, "inconclusive"),
        ("accuracy <= 0.5 exact", 18, 2, "failed"),
    ],
)
def test_exact_gate_is_decided_by_the_interval_that_never_errs_more(
    gate: str, right: int, wrong: int, state: str
) -> None:
    """Clopper and Pearson's, also at another confidence."""
    verdict = judge(gate, results_of(right, wrong))
    assert verdict.state == state
    method = "clopper-pearson" if "exact" in gate else "wilson"
    assert verdict.metric.interval.method == method


def test_exact_interval_is_of_right_and_wrong_only() -> None:
    """Of other scores, totals and differences there is none."""
    halves = [
        replace(r, scores=(Score(scorer="a", value=0.5),)) for r in results_of(9, 0)
    ]
    for verdict in (
        judge("a >= 0.1 exact", halves),
        judge("cost_usd <= 3 exact", halves),
    ):
        assert verdict.state == "inconclusive"
        assert "has no exact interval here" in verdict.reason
    with pytest.raises(ConfigError, match="by pairs"):
        parse_gate("accuracy >= baseline exact", where="card")


def test_missing_samples_decide_nothing() -> None:
    """However good what is there: the rest may be lost for a reason."""
    verdict = judge("accuracy >= 0.1", results_of(20, 0), planned=21)
    assert verdict.state == "inconclusive"
    assert verdict.reason == "20 of 21 planned samples have a result"


def test_gate_alone_says_why_it_cannot_judge() -> None:
    """Selected without its samples, a gate tells how to select them."""
    verdict = judge("accuracy >= 0.1", [], planned=0)
    assert verdict.state == "inconclusive"
    assert "without -k or --lf" in verdict.reason


def test_reason_names_numbers_and_the_first_error() -> None:
    """A reader of the CI log sees what happened without the store."""
    straddles = judge("accuracy >= 0.5", results_of(12, 8)).reason
    assert straddles == (
        "accuracy is 0.6 over 20 samples, but the 95% interval [0.3866, 0.7812] "
        "contains 0.5; if it stays so, about 174 more samples would decide it, "
        "for about $17.40"
    )
    assert judge("accuracy >= 0", results_of(2, 0, errors=2)).reason == (
        "2 of 4 samples ended in an error, first s2: ProviderError: gone"
    )


def test_interval_of_a_plugin_is_not_replaced_by_its_point() -> None:
    """A metric that has an interval at 95 % only cannot be judged at 99 %."""
    registry = default_metrics()
    own = Metric(name="own", value=0.9, n=5, interval=Interval(0.5, 1.0, 0.95, "own"))
    registry.register("own", lambda _: own)
    plan = TaskPlan(task="t", model="m", planned=5, available=5)
    states = {
        text: decide(
            parse_gate(text, where="c"), plan, results_of(5, 0), registry
        ).state
        for text in ("own >= 0.4", "own >= 0.6", "own >= 0.4 at 99%", "own > 0.8 point")
    }
    assert list(states.values()) == ["passed", "inconclusive", "inconclusive", "passed"]


@given(
    right=st.integers(0, 30),
    wrong=st.integers(0, 30),
    errors=st.integers(0, 3),
    lost=st.integers(0, 3),
    threshold=st.floats(0, 1),
    suffix=st.sampled_from(["", " at 80%", " point"]),
)
def test_nothing_passes_with_errors_or_losses(
    right: int, wrong: int, errors: int, lost: int, threshold: float, suffix: str
) -> None:
    """A pass means: everything planned was answered, and the numbers say so."""
    results = results_of(right, wrong, errors)
    gate = f"accuracy >= {threshold:.6f}{suffix}"
    verdict = judge(gate, results, planned=len(results) + lost)
    if errors or lost or not results:
        assert verdict.state != "passed"
    elif verdict.state == "passed":
        assert right / (right + wrong) >= float(f"{threshold:.6f}")
