"""What the results of a run exercised, and whether that is enough.

A sample that ended in an error exercised nothing. Models are not told apart: a rule is
covered if any model was asked.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmlab_pytest.core import (
    Coverage,
    Covered,
    Json,
    Sample,
    TaskPlan,
    Verdict,
    VerdictState,
)
from llmlab_pytest.covering._declared import Declared
from llmlab_pytest.prompts import render
from llmlab_pytest.store import Store

COVERS = "covers"
"""The factor of a plan that holds what all its samples cover: templates by kind."""
TESTS_COVER = "covers_by_test"
"""The factor that holds what each behaviour test covers, by its sample's id."""
_FACTORS = {COVERS, TESTS_COVER}
_MOST_NAMED = 8
_Exercised = dict[str, "_Counted"]


@dataclass(slots=True)
class _Counted:
    samples: set[tuple[str, str]] = field(default_factory=set)
    tasks: set[str] = field(default_factory=set)
    calls: int = 0


def coverage_of(
    store: Store, run_id: str, declared: Sequence[Declared]
) -> tuple[Coverage, ...]:
    """Return what a run exercised, by kind: those declared, then others.

    Raises:
        ConfigError: a name of a card cannot be rendered.
        StoreError: the store cannot be read.
    """
    plans = store.plans(run_id)
    if not declared and not any(plan.factors.keys() & _FACTORS for plan in plans):
        return ()
    found: dict[str, _Exercised] = {each.kind: {} for each in declared}
    for plan in plans:
        results = store.taken(run_id, task=plan.task, model=plan.model)
        ids = {result.sample_id for result in results if result.error is None}
        if ids:
            samples = _samples(store, run_id, plan, ids, declared)
            for kind, name, sample_id in _exercised(plan, ids, samples, declared):
                _count(found.setdefault(kind, {}), name, plan.task, sample_id)
    _count_tools(store, run_id, declared, found)
    known = {each.kind: each for each in declared}
    return tuple(_coverage(kind, known.get(kind), found[kind]) for kind in found)


def verdicts_of(
    coverage: Iterable[Coverage], *, is_finished: bool
) -> Iterator[Verdict]:
    """Yield a verdict for each kind of which a share is demanded.

    Args:
        coverage: of a run.
        is_finished: whether nothing is to come.
    """
    for each in coverage:
        if each.at_least is None or each.share is None:
            continue
        count = len(each.declared)
        reason = f"{count - len(each.never)} of {count} exercised"
        if each.never:
            more = ", …" if len(each.never) > _MOST_NAMED else ""
            reason += f"; never: {', '.join(each.never[:_MOST_NAMED])}{more}"
        missed: VerdictState = "failed" if is_finished else "inconclusive"
        yield Verdict(
            gate=f"coverage({each.kind}) >= {each.at_least:g}",
            task="all tasks",
            model="all models",
            state=missed if each.is_short else "passed",
            reason=reason,
        )


def _samples(
    store: Store,
    run_id: str,
    plan: TaskPlan,
    ids: set[str],
    declared: Sequence[Declared],
) -> Mapping[str, Sample]:
    """Read the samples of a task, if anything is said of its rows."""
    needs_rows = "{" in plan.factors.get(COVERS, "")[1:]
    if not needs_rows and all(
        each.field is None and each.by != "group" for each in declared
    ):
        return {}
    samples = store.samples(run_id, task=plan.task)
    return {sample.id: sample for sample in samples if sample.id in ids}


def _exercised(
    plan: TaskPlan,
    ids: set[str],
    samples: Mapping[str, Sample],
    declared: Sequence[Declared],
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and sample of all that the results of a task exercised."""
    covers = json.loads(plan.factors.get(COVERS, "{}"))
    by_test = json.loads(plan.factors.get(TESTS_COVER, "{}"))
    prompts = [
        (each.kind, name)
        for each in declared
        if each.by == "prompt"
        for name in _of_prompts(each, plan)
    ]
    for sample_id in ids:
        names = cover(covers, by_test.get(sample_id, {}))
        for kind, name in _of_names(names, samples.get(sample_id), plan):
            yield kind, name, sample_id
        for kind, name in (*prompts, *_of_row(declared, samples.get(sample_id))):
            yield kind, name, sample_id


def _of_names(
    by_kind: Mapping[str, Iterable[str]], sample: Sample | None, plan: TaskPlan
) -> Iterator[tuple[str, str]]:
    for kind, names in by_kind.items():
        for name in names:
            yield kind, _rendered(name, sample, plan)


def _of_row(
    declared: Sequence[Declared], sample: Sample | None
) -> Iterator[tuple[str, str]]:
    if sample is not None:
        for each in declared:
            yield from ((each.kind, name) for name in _of_sample(each, sample))


def cover(*named: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return names of several places together, each once, by kind."""
    together: dict[str, dict[str, None]] = {}
    for given in named:
        for kind, names in given.items():
            together.setdefault(kind, {}).update(dict.fromkeys(names))
    return {kind: list(names) for kind, names in together.items()}


def _rendered(name: str, sample: Sample | None, plan: TaskPlan) -> str:
    if sample is None or "{" not in name:
        return name
    fields = {"input": sample.input, **sample.metadata}
    where = f"covers of {plan.task} (sample {sample.id})"
    return render(name, fields, where=where).strip()


def _of_sample(declared: Declared, sample: Sample) -> Iterator[str]:
    """Yield what a sample's row or groups name."""
    if declared.by == "group":
        yield from sample.groups
    if declared.field is not None:
        value: Any = sample.metadata.get(declared.field)
        values: list[Json] = value if isinstance(value, list) else [value]
        yield from (str(each) for each in values if each is not None)


def _of_prompts(declared: Declared, plan: TaskPlan) -> Iterator[str]:
    """Yield the files whose text a task asks with, in its prompt or system message."""
    definition = json.loads(plan.factors.get("definition", "{}"))
    asked = [str(definition.get(name) or "") for name in ("prompt", "system")]
    for name, text in declared.items.items():
        if text.strip() and any(text.strip() in each for each in asked):
            yield name


def _count(found: _Exercised, name: str, task: str, sample_id: str) -> None:
    counted = found.setdefault(name, _Counted())
    counted.samples.add((task, sample_id))
    counted.tasks.add(task)


def _count_tools(
    store: Store,
    run_id: str,
    declared: Sequence[Declared],
    found: Mapping[str, _Exercised],
) -> None:
    """Count answers that called a tool."""
    kinds = [each.kind for each in declared if each.by == "tool"]
    for call in store.calls(run_id) if kinds else ():
        for name in {tool.name for tool in call.completion.tool_calls}:
            for kind in kinds:
                counted = found[kind].setdefault(name, _Counted())
                counted.calls += 1
                counted.tasks.add(call.owner)


def _coverage(kind: str, declared: Declared | None, found: _Exercised) -> Coverage:
    names = [] if declared is None else list(declared.items)
    others = sorted(name for name in found if name not in names)
    return Coverage(
        kind=kind,
        items=tuple(
            Covered(
                name=name,
                samples=len(counted.samples) + counted.calls,
                tasks=tuple(sorted(counted.tasks)),
                is_declared=name in names,
            )
            for name in (*names, *others)
            for counted in [found.get(name, _Counted())]
        ),
        at_least=None if declared is None else declared.at_least,
    )
