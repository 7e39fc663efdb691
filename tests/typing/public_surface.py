"""What a type checker sees of the public surface; checked, never run.

`assert_type` fails on any other type, `Any` included; a `type: ignore` here is a call
that must be an error (mypy reports those that are not).
"""

from typing import assert_type

import llmlab_pytest
from llmlab_pytest import (
    Completion,
    ContinuationLogprob,
    Image,
    Llm,
    Message,
    ModelSpec,
    Sample,
    Score,
    Tool,
    ToolCall,
    Usage,
    Verdict,
    ascore,
    assert_contains_any,
    assert_exact,
    assert_score,
    score_many,
)
from llmlab_pytest.scorers import all_of, exact


def test_a_fixture_answers_with_completions(llm: Llm) -> None:
    assert_type(llm("What is 2 + 2?"), Completion)
    assert_type(llm("Hi", max_tokens=5, stop=["."]), llmlab_pytest.Completion)
    assert_type(llm([Message("user", "Hi")]), Completion)
    assert_type(llm([{"role": "user", "content": "Hi"}]), Completion)
    assert_type(llm.chat("Hi", "Hello!", "Bye", system="Be brief."), Completion)
    assert_type(llm.complete("Once upon a"), Completion)
    assert_type(llm("Hi", tools=[Tool("f")], response_schema={}), Completion)
    assert_type(
        llm([{"role": "user", "content": ["Hi", Image.of("dot.png")]}]), Completion
    )
    assert_type(llm.map(["a", "b"]), list[Completion])
    assert_type(
        llm.loglikelihood("The sky is", [" blue"]), tuple[ContinuationLogprob, ...]
    )
    assert_type(llm.name, str)
    assert_type(llm.spec, ModelSpec)


async def test_b_asynchronous_answers_too(llm: Llm) -> None:
    assert_type(await llm.agenerate("Hi"), Completion)


def test_c_records_have_precise_fields(completion: Completion, score: Score) -> None:
    assert_type(completion.text, str)
    assert_type(completion.tool_calls, tuple[ToolCall, ...])
    assert_type(completion.message, Message)
    assert_type(completion.usage, Usage)
    assert_type(completion.usage.input_tokens, int)
    assert_type(completion.cost_usd, float | None)
    assert_type(completion.latency_s, float)
    assert_type(completion.ttft_s, float | None)
    assert_type(score.value, float | None)


def test_d_samples_and_verdicts(sample: Sample, verdict: Verdict) -> None:
    assert_type(sample.id, str)
    assert_type(sample.choices, tuple[str, ...])
    assert_type(verdict.gate, str)


def test_e_asserts_take_completions_and_texts(llm: Llm) -> None:
    assert_exact(llm("Capital of France?"), "Paris")
    assert_exact("Paris", "Paris")
    assert_exact(3, "Paris")  # type: ignore[arg-type]
    assert_contains_any(llm("Capital of France?"), ["Paris"])


def _is_short(completion: Completion) -> bool:
    return len(completion.text) < 9


async def test_g_scorers_work_alone(completion: Completion) -> None:
    assert_type(llmlab_pytest.score(completion, "exact", target="a"), Score)
    assert_type(llmlab_pytest.score("a", {"name": "exact"}, target=("a", "b")), Score)
    assert_type(score_many(["a"], all_of([exact()]), targets=["a"]), list[Score])
    assert_type(await ascore("a", exact(), target=3), Score)
    assert_type(assert_score("a", _is_short), Score)
    nested = {"name": "all_of", "scorers": ["exact", exact()]}
    assert_type(llmlab_pytest.score("a", nested, target="a"), Score)
    llmlab_pytest.llm_task(data=[], scorers=["exact", nested, _is_short])
    llmlab_pytest.score("a", 3)  # type: ignore[arg-type]
    llmlab_pytest.score(3, "exact")  # type: ignore[arg-type]


def test_f_mistakes_are_errors(llm: Llm, sample: Sample) -> None:
    llm(3)  # type: ignore[arg-type]
    llm("Hi", max_token=5)  # type: ignore[call-arg]
    llm("Hi", max_tokens="5")  # type: ignore[arg-type]
    Message("robot", "Hi")  # type: ignore[arg-type]
    sample.id = "other"  # type: ignore[misc]
    Sample("id", "input")  # type: ignore[call-arg]
