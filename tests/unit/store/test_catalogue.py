"""Listing results: what is found is what reading every record would find."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Completion,
    Judgement,
    Original,
    Sample,
    SampleResult,
    Score,
    TaskPlan,
)
from llmlab_pytest.store import Exchange, Store, Wanted

TEXTS = (
    "Paris",
    "100 % sure_thing!",
    "Größe\n\u00c9t\u00e9",
    'a "quoted" text',
    "\0\ud800",
)
VALUES = (1.0, 0.0, 0.5, None)


@pytest.fixture
def filled(store: Store, completion: Callable[..., Completion]) -> Store:
    """A run of two models with every outcome, and a run without a result."""
    for number, run_id in enumerate(("r1", "r2"), start=1):
        at = f"2026-11-0{number}T10:00:00+00:00"
        store.start_run(run_id, started_at=at, factors={})
    for model in ("a", "b"):
        plan = TaskPlan(task="quiz", model=model, planned=20, available=20)
        store.plan_task("r1", plan)
        for number in range(20):
            name, said = f"s{number:02d}", TEXTS[number % len(TEXTS)]
            key = f"{model}{number}"
            exchange = Exchange("quiz", model, {"kind": "x"}, completion(said))
            store.record_completions("r1", {key: exchange})
            is_error = number == 19
            score = Score(
                scorer="exact",
                value=VALUES[number % len(VALUES)],
                explanation="it says so" if number == 7 else None,
                judgements=(
                    Judgement(
                        judge="j", value=1.0, prompt_hash="h", calls=1, cost_usd=0.5
                    ),
                    Judgement(judge="k", value=1.0, prompt_hash="h", calls=1),
                )
                if number == 3
                else (),
            )
            result = SampleResult(
                task="quiz",
                model=model,
                sample_id=name,
                scores=() if is_error else (score,),
                error="ProviderDown: the server is on fire" if is_error else None,
                cost_usd=None if number in {5, 19} else 0.25,
                original=Original(source="cache") if number == 2 else None,
            )
            sample = Sample(
                id=name, input=f"Question {number}?", metadata={"hint": "moon"}
            )
            store.record_result("r1", result, sample=sample, call_key=key)
    return store


@pytest.mark.parametrize("outcome", ["hit", "miss", "partial", "unscored", "error"])
def test_outcome_in_sql_is_the_outcome_of_the_record(
    filled: Store, outcome: str
) -> None:
    """The same results as by `SampleResult.outcome`, for every outcome there is."""
    found = filled.catalogue.find("r1", Wanted(outcome=outcome))  # type: ignore[arg-type]
    results = [r for r in filled.results("r1") if r.outcome == outcome]
    assert [(f.model, f.sample_id) for f in found] == [
        (r.model, r.sample_id) for r in results
    ]
    assert found


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("pAris", [0, 5, 10, 15]),
        ("% sure", [1, 6, 11, 16]),
        ("sure_t", [1, 6, 11, 16]),
        ("sureXt", []),
        ("thing!", [1, 6, 11, 16]),
        ("grösse\n", [2, 7, 12, 17]),
        ("GRÖSSE\n", [2, 7, 12, 17]),
        ("größe\n\u00e9", [2, 7, 12, 17]),
        ('"quoted"', [3, 8, 13, 18]),
        ("\0\ud800", [4, 9, 14, 19]),
        ("says so", [7]),
        ("on FIRE", [19]),
        ("question 13", [13]),
        ("s04", [4]),
        ("moon", list(range(20))),
        ("hint", []),
        ("stop_reason", []),
        ("\\n", []),
    ],
)
def test_text_is_found_in_values_and_never_in_keys(
    filled: Store, text: str, numbers: list[int]
) -> None:
    """In any case, with what SQL takes for wildcards, and what JSON escapes."""
    found = filled.catalogue.find("r1", Wanted(model="a", text=text))
    assert [f.sample_id for f in found] == [f"s{n:02d}" for n in numbers]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.text(st.sampled_from("aAeéÉ%_!\\\"' \n[{stur"), min_size=1, max_size=4))
def test_text_search_equals_a_search_in_python(filled: Store, text: str) -> None:
    """The prefilter of the database loses nothing and adds nothing."""
    found = filled.catalogue.find("r1", Wanted(model="a", text=text))
    wanted = []
    records = filled.records(
        "r1", task="quiz", model="a", sample_ids=[f"s{n:02d}" for n in range(20)]
    )
    for record in records:
        assert record.sample is not None
        assert record.completion is not None
        parts = [record.result.sample_id, record.sample.id, record.sample.input, "moon"]
        parts += [record.completion.text, record.result.error or ""]
        parts += [s.explanation or "" for s in record.result.scores]
        if any(text.casefold() in part.casefold() for part in parts):
            wanted.append(record.result.sample_id)
    assert [f.sample_id for f in found] == wanted


def test_totals_add_up_what_results_say(filled: Store) -> None:
    """Costs, errors, unknown prices and kept answers; judges apart from the model."""
    first, second = filled.catalogue.totals()
    assert (first.model, second.model) == ("a", "b")
    assert first.started_at == "2026-11-01T10:00:00+00:00"
    assert (first.results, first.errors, first.unpriced, first.kept) == (20, 1, 1, 1)
    assert first.cost_usd == sum(
        r.cost_usd or 0.0 for r in filled.results("r1", model="a")
    )
    assert (first.judges_usd, first.unpriced_judgements) == (0.5, 1)


def test_totals_are_of_the_runs_asked_for(filled: Store) -> None:
    """A run without results has none."""
    assert filled.catalogue.totals(["r2"]) == []
    assert filled.catalogue.totals(["r1", "r2"]) == filled.catalogue.totals()
    assert filled.catalogue.find("r2", Wanted()) == []
