"""What becomes of an item: hit, miss or error, recorded once and shown."""

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from llmlab_pytest.collecting._allure import asked, makes_allure, show_in_allure
from llmlab_pytest.collecting._groups import group_of, plain_nodeid
from llmlab_pytest.collecting._junit import sample_properties
from llmlab_pytest.core import (
    Completion,
    LlmlabError,
    Original,
    SampleResult,
    Score,
    Usage,
    shorten,
)
from llmlab_pytest.session import (
    Case,
    accounts_key,
    completions_key,
    error_text,
    session_if_used,
    session_of,
)

case_key = pytest.StashKey[Case]()
_completion_key = pytest.StashKey[Completion]()
_scores_key = pytest.StashKey[tuple[Score, ...]]()
_recorded_key = pytest.StashKey[bool]()
OUTCOME = "llmlab_outcome"
ASSERTS = "asserts"
"""Name of the score that the asserts of a test function give."""
TESTS = "passed"
"""Name of the score that a behaviour test gives its model."""


def complete_case(item: pytest.Item, case: Case) -> Completion:
    """Get the completion of a sample item; part of its setup, so trouble is an error.

    Raises:
        LlmlabError: the model could not answer.
    """
    item.stash[case_key] = case
    completion = session_of(item.config).complete(case)
    item.stash[_completion_key] = completion
    return completion


def completion_of(item: pytest.Item) -> Completion:
    """Return the completion that `complete_case` got."""
    return item.stash[_completion_key]


def finished_completion(item: pytest.Item) -> Completion | None:
    """Return the completion of a sample item, `None` if there was none."""
    return item.stash.get(_completion_key, None)


def scores_of(item: pytest.Item) -> tuple[Score, ...]:
    """Return the scores of a sample item, primary first; computed once."""
    if _scores_key not in item.stash:
        session = session_of(item.config)
        item.stash[_scores_key] = session.score(
            item.stash[case_key], item.stash[_completion_key]
        )
    return item.stash[_scores_key]


def finish_case(item: pytest.Item, *, failure: AssertionError | None = None) -> None:
    """Score, record and mark a sample item whose completion has arrived.

    Args:
        item: a sample item after `complete_case`.
        failure: the assertion that failed in the test function, if one did.
    """
    session = session_of(item.config)
    case = item.stash[case_key]
    completion = item.stash[_completion_key]
    scores = _with_asserts(scores_of(item), failure, case)
    group = group_of(item, case)
    result = SampleResult(
        task=group.task,
        model=group.model,
        sample_id=case.sample.id,
        epoch=case.epoch,
        scores=scores,
        **_taken(completion),
    )
    session.record(item, result, case=case)
    item.stash[_recorded_key] = True
    _show(item, result, case=case, completion=completion)
    outcome = "miss" if result.is_miss else "hit"
    item.user_properties += [(OUTCOME, outcome), *sample_properties(result)]
    if scores[0].answer is not None:
        item.user_properties.append(("llmlab_answer", shorten(scores[0].answer)))


def _taken(completion: Completion) -> dict[str, Any]:
    """Return what an answer took, as fields of a result."""
    return {
        "usage": completion.usage,
        "cost_usd": completion.cost_usd,
        "latency_s": None if completion.original else completion.latency_s,
        "ttft_s": None if completion.original else completion.ttft_s,
        "compute_s": completion.compute_s,
        "original": completion.original,
    }


def _show(
    item: pytest.Item,
    result: SampleResult,
    *,
    case: Case,
    completion: Completion | None,
) -> None:
    """Add a sample to an Allure report, if one is made."""
    if makes_allure(item.config):
        request = asked(session_of(item.config).call_of(case))
        show_in_allure(result, request=request, completion=completion)


def _with_asserts(
    scores: tuple[Score, ...], failure: AssertionError | None, case: Case
) -> tuple[Score, ...]:
    """A hit needs both: the scorers say so, and the function's asserts hold."""
    explanation = None if failure is None else shorten(str(failure), 200)
    if not case.planned.task.scorers:
        value = 1.0 if failure is None else 0.0
        return (Score(scorer=ASSERTS, value=value, explanation=explanation),)
    if failure is None:
        return scores
    return (replace(scores[0], value=0.0, explanation=explanation), *scores[1:])


def record_trouble(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Record what pytest reports: the error of a sample, or a behaviour test's end."""
    session = session_if_used(item.config)
    if session is None or report.skipped or report.when == "teardown":
        return
    error = call.excinfo.value if call.excinfo else None
    if case_key in item.stash:
        if error is not None and _recorded_key not in item.stash:
            _record_error(item, error)
    elif (report.when == "call" or error is not None) and is_behaviour(item):
        _record_behaviour(item, error)


def is_behaviour(item: pytest.Item) -> bool:
    """Whether an item is a behaviour test: it takes `llm` and has no task."""
    callspec = getattr(item, "callspec", None)
    return (
        callspec is not None and "llm" in callspec.params and case_key not in item.stash
    )


def behaviour_task(item: pytest.Item) -> str:
    """Name the behaviour tests of one file, as the final table shows them."""
    return str(PurePosixPath(item.nodeid.partition("::")[0]).with_suffix(""))


def _record_error(item: pytest.Item, error: BaseException) -> None:
    case = item.stash[case_key]
    group = group_of(item, case)
    completion = finished_completion(item)
    result = SampleResult(
        task=group.task,
        model=group.model,
        sample_id=case.sample.id,
        epoch=case.epoch,
        error=_text(error),
        # An answer that could not be scored, as when a judge fails, is paid too.
        **({} if completion is None else _taken(completion)),
    )
    session_of(item.config).record(item, result, case=case)
    _show(item, result, case=case, completion=completion)
    if isinstance(error, LlmlabError):
        item.user_properties.append((OUTCOME, "error"))


def _record_behaviour(item: pytest.Item, error: BaseException | None) -> None:
    spec = item.callspec.params["llm"]  # type: ignore[attr-defined] # checked by is_behaviour
    completions = item.stash.get(completions_key, [])
    judged = error is None or isinstance(error, AssertionError)
    costs = [completion.cost_usd for completion in completions]
    asked = [completion for completion in completions if completion.original is None]
    asked_s = [completion.latency_s for completion in asked]
    accounts = item.stash.get(accounts_key, [])
    score = Score(
        scorer=TESTS,
        value=float(error is None),
        judgements=tuple(account.judgement(None) for account in accounts),
    )
    result = SampleResult(
        task=behaviour_task(item),
        model=spec.alias,
        sample_id=plain_nodeid(item).partition("::")[2],
        scores=(score,) if judged else (),
        error=None if judged or error is None else _text(error),
        usage=sum((c.usage for c in completions), Usage()),
        cost_usd=None if None in costs else sum(filter(None, costs)),
        latency_s=sum(asked_s) if asked_s else None,
        ttft_s=max((c.ttft_s for c in asked if c.ttft_s is not None), default=None),
        compute_s=sum(completion.compute_s or 0.0 for completion in completions),
        original=Original.total(completion.original for completion in completions),
    )
    session_of(item.config).record(item, result)
    item.user_properties += sample_properties(result)
    if isinstance(error, LlmlabError):
        item.user_properties.append((OUTCOME, "error"))


def _text(error: BaseException) -> str:
    if isinstance(error, LlmlabError):
        return error_text(error)
    return f"{type(error).__name__}: {shorten(str(error), 200)}"
