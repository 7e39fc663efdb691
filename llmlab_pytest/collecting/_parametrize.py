"""Turning marked functions into items: one per model, or model, sample and epoch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from llmlab_pytest.collecting._groups import CASE_FIXTURE
from llmlab_pytest.collecting._limit_marks import (
    allowance_of,
    check_behaviour_gates,
    check_marks,
    marked_gates,
)
from llmlab_pytest.collecting._outcomes import (
    complete_case,
    completion_of,
    scores_of,
)
from llmlab_pytest.collecting._properties import calls_limit
from llmlab_pytest.collecting._task_mark import MARK, tasks_of
from llmlab_pytest.core import (
    CAPABILITIES,
    Capability,
    CodeExecutionOff,
    Completion,
    ConfigError,
    DataUnavailable,
    LlmlabError,
    ModelSpec,
    Sample,
    SandboxError,
    Score,
    Unsupported,
    unknown_name,
)
from llmlab_pytest.session import Case, LlmlabSession, session_of
from llmlab_pytest.tasks import Task, needed_capability

TASK_FIXTURES = frozenset({"sample", "completion", "score"})
REQUIRES_MARK = "llm_requires"
MODELS_MARK = "llm_models"
_offered_key = pytest.StashKey[bool]()


def register_task_fixtures(collector: pytest.Collector, function: object) -> None:
    """Offer `sample`, `completion` and `score` where a task mark is, nowhere else.

    Plugin-wide fixtures of such common names would silently replace, or be replaced
    by, those of other plugins (pytest#3966).
    """
    marks = getattr(function, "pytestmark", [])
    if _offered_key in collector.stash or not any(m.name == MARK for m in marks):
        return
    collector.stash[_offered_key] = True
    for name, fixture in _FIXTURES.items():
        pytest.register_fixture(name=name, func=fixture, node=collector)


def _case(request: pytest.FixtureRequest, llm: object) -> Case:  # noqa: ARG001 -- requested so that the item depends on its model
    """Get the completion of this item, or raise what makes it impossible."""
    __tracebackhide__ = True
    if isinstance(request.param, LlmlabError):
        raise request.param
    case: Case = request.param
    complete_case(request.node, case)
    return case


def _sample(_llmlab_case: Case) -> Sample:
    return _llmlab_case.sample


def _completion(request: pytest.FixtureRequest, _llmlab_case: Case) -> Completion:
    return completion_of(request.node)


def _score(request: pytest.FixtureRequest, _llmlab_case: Case) -> Score:
    __tracebackhide__ = True
    return scores_of(request.node)[0]


_FIXTURES: dict[str, Callable[..., object]] = {
    CASE_FIXTURE: _case,
    "sample": _sample,
    "completion": _completion,
    "score": _score,
}


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Parametrise a function that uses `llm` or is bound to a task.

    Raises:
        pytest.Collector.CollectError: a mark, card or dataset is wrong.
        pytest.UsageError: a model option is wrong.
    """
    marks = list(metafunc.definition.iter_markers(MARK))
    uses_llm = "llm" in metafunc.fixturenames
    if not marks and not uses_llm:
        return
    session = session_of(metafunc.config)
    try:
        models = _models_of(metafunc.definition, session)
        check_marks(metafunc.definition)
        calls_limit(metafunc.definition)
        if marks:
            _parametrize_task(metafunc, marks, models, session)
        else:
            check_behaviour_gates(metafunc.definition, session.registries.metrics)
            params = [_model_param(spec, metafunc.definition) for spec in models]
            metafunc.parametrize("llm", params, indirect=True, scope="session")
    except LlmlabError as error:
        raise pytest.Collector.CollectError(str(error)) from error


def _models_of(
    definition: pytest.Function, session: LlmlabSession
) -> tuple[ModelSpec, ...]:
    mark = definition.get_closest_marker(MODELS_MARK)
    if mark is None:
        return session.models
    wanted = session.registries.models.resolve(
        mark.args, where=f"{definition.nodeid} (@llm_models)"
    )
    return tuple(spec for spec in session.models if spec in wanted)


def required_by(definition: pytest.Function) -> Iterator[Capability]:
    """Yield the capabilities that `llm_requires` marks name.

    Raises:
        ConfigError: a capability does not exist.
    """
    for mark in definition.iter_markers(REQUIRES_MARK):
        for capability in mark.args:
            if capability not in CAPABILITIES:
                where = f"{definition.nodeid} (@llm_requires)"
                raise unknown_name(
                    "capability", capability, list(CAPABILITIES), where=where
                )
            yield capability


def _model_param(spec: ModelSpec, definition: pytest.Function) -> object:
    missing = [c for c in required_by(definition) if c not in spec.capabilities]
    marks = [pytest.mark.skip(reason=_lacks(spec, missing[0]))] if missing else []
    return pytest.param(spec, id=spec.alias, marks=marks)


def _lacks(spec: ModelSpec, capability: str) -> str:
    return f"{spec.alias} ({spec.provider}) has no {capability}"


def _parametrize_task(
    metafunc: pytest.Metafunc,
    marks: Sequence[pytest.Mark],
    models: Sequence[ModelSpec],
    session: LlmlabSession,
) -> None:
    definition = metafunc.definition
    if CASE_FIXTURE not in metafunc.fixturenames:
        raise ConfigError(
            f"{definition.nodeid} is bound to a task and takes "
            f"{', '.join(definition.fixturenames) or 'no argument'}.",
            allowed="A task test takes sample, completion or score.",
        )
    tasks = [
        (task, bool(mark.kwargs.get("skip_unsupported")))
        for mark in marks
        for task in tasks_of(mark, definition, session)
    ]
    params = [
        param
        for task, skip in tasks
        for spec in models
        for param in _params(
            task,
            spec,
            definition,
            session,
            prefix=f"{task.name}-" if len(tasks) > 1 else "",
            skip=skip,
        )
    ]
    metafunc.parametrize(("llm", CASE_FIXTURE), params, indirect=True)


def _params(
    task: Task,
    spec: ModelSpec,
    definition: pytest.Function,
    session: LlmlabSession,
    *,
    prefix: str,
    skip: bool,
) -> list[object]:
    whole = f"{prefix}{spec.alias}"
    needed = needed_capability(task, spec.capabilities)
    try:
        session.scoring.scorers_of(task)
        session.scoring.check_gates(task, *marked_gates(definition))
        if needed not in spec.capabilities and skip:
            why = f"{_lacks(spec, needed)}: {task.name} needs it"
            return [_skipped(spec, whole, why)]
        spec.require(needed, needed_by=f"The task {task.name!r}")
        cases = [
            replace(case, allowance=allowance_of(definition, prefix + case.id))
            for case in cases_of(task, spec, session)
        ]
    except (CodeExecutionOff, DataUnavailable) as error:
        return [_skipped(spec, whole, str(error))]
    except (SandboxError, Unsupported) as error:
        return [pytest.param(spec, error, id=whole)]
    return [pytest.param(spec, case, id=f"{prefix}{case.id}") for case in cases]


def _skipped(spec: ModelSpec, name: str, reason: str) -> object:
    return pytest.param(spec, None, id=name, marks=pytest.mark.skip(reason=reason))


def cases_of(task: Task, spec: ModelSpec, session: LlmlabSession) -> list[Case]:
    """Return every case of a task on a model, in dataset order."""
    planned = session.plan(task)
    return [
        Case(planned=planned, sample=sample, epoch=epoch, spec=spec)
        for sample in planned.samples
        for epoch in range(1, task.epochs + 1)
    ]
