"""Runs of a task by hand: real cards, requests and scorers, answers as given."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    Report,
    SampleRecord,
    SampleResult,
    TaskPlan,
    Usage,
    Verdict,
    canonical_json,
)
from llmlab_pytest.metrics import build_row, default_metrics
from llmlab_pytest.providers import effective_request
from llmlab_pytest.providers._scripted import scripted_spec
from llmlab_pytest.reporting import TaskSamples
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.store import request_json
from llmlab_pytest.tasks import (
    DataSource,
    Task,
    build_request,
    find_card,
    load_card,
    plan_task,
    shipped_card_folders,
)

Answer = str | Sequence[tuple[float, bool]]


def completion_of(answer: Answer) -> Completion:
    """Make a completion of a text, or of log-likelihoods and their greediness."""
    is_text = isinstance(answer, str)
    return Completion(
        text=answer if is_text else "",
        model="m",
        continuations=()
        if is_text
        else tuple(ContinuationLogprob(ll, greedy, 1) for ll, greedy in answer),
        usage=Usage(input_tokens=7, output_tokens=2),
        latency_s=0.5,
        cost_usd=0.25,
    )


@pytest.fixture
def card() -> Callable[..., Task]:
    """Load a shipped card over rows of our own."""

    def load(name: str, rows: Sequence[Mapping[str, Any]], **changes: Any) -> Task:
        path = find_card(name, folders=shipped_card_folders(), where="here")
        data = DataSource(rows=tuple(rows))
        return load_card(path).with_changes(data=data, shots=0, **changes)

    return load


@pytest.fixture
def judged() -> Callable[..., TaskSamples]:
    """Ask and judge every sample of a task with the answers that are given."""

    def judge(task: Task, answers: Sequence[Answer], model: str = "m") -> TaskSamples:
        planned = plan_task(task, limit=0, seed=1, data_dir=None)
        spec = scripted_spec(model)
        records = []
        for sample, answer in zip(planned.samples, answers, strict=True):
            request = build_request(planned, sample, capabilities=spec.capabilities)
            request = effective_request(request, spec, seed=1)
            completion = completion_of(answer)
            scorers = [
                make_scorer(scorer, scorer_registry(), where="here")
                for scorer in task.scorers
            ]
            result = SampleResult(
                task=task.name,
                model=model,
                sample_id=sample.id,
                scores=tuple(
                    apply_scorer(name, scorer, completion=completion, sample=sample)
                    for name, scorer in scorers
                ),
                usage=completion.usage,
                cost_usd=completion.cost_usd,
                latency_s=completion.latency_s,
            )
            records.append(
                SampleRecord(
                    result=result,
                    sample=sample,
                    request=request_json(request),
                    completion=completion,
                )
            )
        plan = TaskPlan(
            task=task.name,
            model=model,
            planned=len(records),
            available=planned.available,
            metrics=task.metrics,
            factors={
                "definition": canonical_json(task.definition),
                "task_version": task.version,
            },
        )
        row = build_row(plan, [r.result for r in records], default_metrics())
        return TaskSamples(row=row, stratified_by="", strata=(), records=records)

    return judge


@pytest.fixture
def whole_text(judged: Callable[..., TaskSamples], tmp_path: Path) -> TaskSamples:
    """A text of three bytes in two words that costs six nats."""
    path = tmp_path / "notes.task.toml"
    path.write_text('kind = "perplexity"\nprompt = "{{ text }}"\n', encoding="utf-8")
    data = DataSource(rows=({"text": "a b"},))
    return judged(load_card(path).with_changes(data=data), [[(-6.0, False)]])


@pytest.fixture
def report() -> Callable[..., Report]:
    """Make the report of some tables."""

    def make(*tables: TaskSamples, verdicts: tuple[Verdict, ...] = ()) -> Report:
        return Report(
            run_id="20261124-180501-abc",
            rows=tuple(table.row for table in tables),
            verdicts=verdicts,
            factors={"seed": "1234", "git_commit": "0" * 40},
            started_at="2026-11-24T18:05:01+00:00",
            finished_at="2026-11-24T18:06:31+00:00",
        )

    return make
