"""The state of one pytest process that uses llmlab: built when first needed."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

import pytest

from llmlab_pytest.budget import (
    BudgetStanding,
    LedgerPurse,
    check_models,
    standings,
)
from llmlab_pytest.cassettes import CassetteFolder
from llmlab_pytest.core import (
    Account,
    Completion,
    Model,
    ModelSpec,
    Report,
    Request,
    SampleResult,
    Score,
    StoreError,
    TaskPlan,
    Verdict,
    set_bench,
)
from llmlab_pytest.engine import Allowance, Asker, Call, Engine
from llmlab_pytest.providers import effective_request, weights_text
from llmlab_pytest.session._baseline import Baselines
from llmlab_pytest.session._case import Case, Group
from llmlab_pytest.session._env_file import load_env_file
from llmlab_pytest.session._factors import (
    check_same_model,
    fact_factors,
    model_factors,
    run_factors,
)
from llmlab_pytest.session._find_run import is_worker, run_id_of
from llmlab_pytest.session._journals import RunJournal, cassettes_of, open_journal
from llmlab_pytest.session._judges import Place
from llmlab_pytest.session._kept_run import KeptRun
from llmlab_pytest.session._keys import CallCounter
from llmlab_pytest.session._loading import load_for_worker
from llmlab_pytest.session._outputs import Outputs, write_outputs
from llmlab_pytest.session._overrides import in_wanted_mode, overridden
from llmlab_pytest.session._property_calls import PropertyCalls
from llmlab_pytest.session._registries import Registries
from llmlab_pytest.session._scoring import Scoring
from llmlab_pytest.session._settings import Settings, read_settings
from llmlab_pytest.store import Store, open_store
from llmlab_pytest.tasks import PlannedTask, Task, build_request, plan_task

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_TICK_S = 0.5

_session_key = pytest.StashKey["LlmlabSession"]()
completions_key = pytest.StashKey[list[Completion]]()
"""The completions that an item received, in order."""
accounts_key = pytest.StashKey[list[Account]]()
"""What an item asked judges, beside the scorers of its task."""


class LlmlabSession:
    """Settings, registries, store and engine of this process.

    Under xdist each worker has one; they share the run id and the store. The
    controller has one too, for gates and the final table.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings: Settings = read_settings(config)
        self.registries = Registries(config, self.settings)
        self.verdicts: list[Verdict] = []
        self.item: pytest.Item | None = None
        """The item that runs now; calls made by `llm(...)` belong to it."""
        self.allowance: Allowance | None = None
        """What that item may spend."""
        self.property_calls: PropertyCalls | None = None
        """The calls of that item, while it is a property test."""
        self.show_news: Callable[[], None] = lambda: None
        """Called in the test's thread while an answer is awaited, and when it came."""
        self._loaded: dict[str, Model] = {}
        self._counter = CallCounter()
        self._planned: dict[str, PlannedTask] = {}
        self.scoring = Scoring(self.registries, self.settings, submit=self._prepared)
        set_bench(self._bench_of_tests)

    @property
    def run_id(self) -> str:
        """The id shared by all processes of this run.

        Raises:
            ConfigError: `--llmlab-resume` names a run that the store does not hold.
        """
        return run_id_of(self.config, self.settings)

    @cached_property
    def models(self) -> tuple[ModelSpec, ...]:
        """The chosen models, in the order of the options."""
        names, where = self.settings.models, self.settings.models_where
        return tuple(self.registries.models.resolve(names, where=where))

    @cached_property
    def store(self) -> Store:
        """The store; opening it starts the run."""
        store = open_store(self.settings.store_url)
        if self.settings.estimate:  # nothing is run
            return store
        store.start_run(
            self.run_id,
            started_at=_now(),
            factors=run_factors(self.config.rootpath, self.settings),
        )
        return store

    @cached_property
    def kept(self) -> KeptRun:
        """What the store holds of this run."""
        return KeptRun(
            self.store,
            self.run_id,
            metrics=self.registries.metrics,
            calibrations=self.settings.calibrations,
            baselines=Baselines(self.settings, self.store, self.run_id),
            coverage=self.settings.coverage,
        )

    @cached_property
    def journal(self) -> RunJournal:
        """Where answers of before are found, and new ones go."""
        return open_journal(
            self.store, self.settings, self.cassettes, run_id=self.run_id
        )

    @cached_property
    def cassettes(self) -> CassetteFolder | None:
        """The folder that this run records to or replays."""
        return cassettes_of(self.settings)

    @cached_property
    def engine(self) -> Engine:
        """The engine; it starts nothing before the first call."""
        return Engine(
            self._load,
            journal=self.journal,
            purse=self.purse,
            look_ahead=self.settings.look_ahead,
        )

    @cached_property
    def purse(self) -> LedgerPurse:
        """What holds money for the calls of this process."""
        return LedgerPurse(
            self.store.ledger,
            run_id=self.run_id,
            limits=self.settings.budget,
            alert_ratio=self.settings.budget_alert_ratio,
        )

    def _prepared(self, call: Call) -> "Future[Completion]":
        self.journal.prepare(call.spec)
        return self.engine.submit(call)

    def _bench_of_tests(self, names: Sequence[str]) -> Sequence[Account]:
        accounts = self.scoring.judges.bench(self._place_of_test)(names)
        if self.item is not None:
            self.item.stash.setdefault(accounts_key, []).extend(accounts)
        return accounts

    def _place_of_test(self) -> Place:
        nodeid = self.item.nodeid if self.item else "outside any test"
        asker = Asker(nodeid, is_test=True, allowance=self.allowance)
        return Place(nodeid, nodeid.partition("::")[0], 1, asker)

    def check_names(self) -> None:
        """Raise `ConfigError` for an unknown judge, or a limit of a model not asked."""
        limits = [limit for limit in self.settings.budget if limit.model is not None]
        judges = self.scoring.judges.chosen()
        if limits:
            aliases = [spec.alias for spec in (*self.models, *judges)]
            check_models(limits, aliases, where=self.settings.budget_where)

    def budget_standings(self) -> tuple[BudgetStanding, ...]:
        """Return how much of each limit of this run is spent, by all processes."""
        return standings(self.store.ledger, self.settings.budget, self.run_id)

    def _load(self, spec: ModelSpec) -> Model:
        if weights := weights_text(spec):
            _LOG.info("loading %s (%s) …", spec.alias, weights)
        may_run = self.settings.may_run_commands
        providers = self.registries.providers
        model = load_for_worker(spec, providers, self.config, may_run_commands=may_run)
        factors = model_factors(spec, model)
        if self.settings.resume is not None:
            check_same_model(spec, factors, self.store.run_factors(self.run_id))
        self.store.add_factors(self.run_id, factors)
        self._loaded[spec.alias] = model
        return model

    def keep_facts(self) -> None:
        """Store what local models found out about themselves and this machine.

        Raises:
            StoreError: the store cannot be written.
        """
        for alias, model in self._loaded.items():
            if facts := fact_factors(alias, model):
                self.store.add_factors(self.run_id, facts)

    def in_mode(self, task: Task, mode: str | None = None) -> Task:
        """Return a task in the compat mode of this run, else in `mode`."""
        return in_wanted_mode(task, self.settings, mode)

    def as_asked(self, task: Task) -> Task:
        """Return a task with what the options of this run change in every task."""
        return overridden(task, self.settings)

    def plan(self, task: Task) -> PlannedTask:
        """Read a task's data and draw its samples, once per process.

        Raises:
            DataUnavailable: no source has the data.
            DataError: the data is not usable.
            Unsupported: the task has not as many demonstrations as were asked for.
        """
        if task.key not in self._planned:
            limit = self.settings.limit
            self._planned[task.key] = plan_task(
                task,
                limit=task.limit if limit is None else limit,
                seed=self.settings.seed,
                data_dir=self.settings.data_dir,
            )
        return self._planned[task.key]

    def call_of(self, case: Case) -> Call:
        """Describe the model call of a case; the prompt is rendered when it starts."""

        def build() -> Request:
            request = build_request(
                case.planned, case.sample, capabilities=case.spec.capabilities
            )
            # Each epoch draws anew; with one seed, all would be the same text.
            seed = self.settings.seed + case.epoch - 1
            return effective_request(request, case.spec, seed=seed)

        return Call(
            key=case.key,
            spec=case.spec,
            build=build,
            owner=case.planned.task.name,
            epoch=case.epoch,
            asker=Asker(case.sample.id, allowance=case.allowance),
        )

    def complete(self, case: Case) -> Completion:
        """Return the completion of a case, prefetched or asked now."""
        future = self._prepared(self.call_of(case))
        return self.observed(case.spec, self._awaited(future))

    def ask(self, spec: ModelSpec, request: Request) -> Completion:
        """Run a call made by a test and wait for it."""
        return self.observed(spec, self._awaited(self.submit(spec, request)))

    def _awaited(self, future: "Future[T]") -> T:
        while not future.done():
            self.store.settle()
            wait([future], timeout=_TICK_S)
            self.show_news()
        return future.result()

    def submit(self, spec: ModelSpec, request: Request) -> "Future[Completion]":
        """Start a call made by a test."""
        request = effective_request(request, spec, seed=self.settings.seed)
        if self.property_calls is None:
            return self._submit(spec, request)
        return self.property_calls.get(spec, request, self._submit)

    def _submit(self, spec: ModelSpec, request: Request) -> "Future[Completion]":
        nodeid = self.item.nodeid if self.item else "outside any test"
        call = self._counter.call(spec, nodeid, request, self.allowance)
        return self._prepared(call)

    def observed(self, spec: ModelSpec, completion: Completion) -> Completion:
        """Show a completion that a test received to the observers, and return it."""
        calls = self.property_calls
        if calls is not None and not calls.is_first_sight(completion):
            return completion
        if self.item is not None:
            self.item.stash.setdefault(completions_key, []).append(completion)
            self.item.ihook.pytest_llmlab_completion(
                item=self.item, model=spec, completion=completion
            )
        return completion

    def score(self, case: Case, completion: Completion) -> tuple[Score, ...]:
        """Apply every scorer of the case's task, primary first."""
        return self.scoring.scores(case, completion, self._awaited)

    def record(
        self, item: pytest.Item, result: SampleResult, *, case: Case | None = None
    ) -> None:
        """Store a result, with what was asked, and tell the observers."""
        self.store.record_result(
            self.run_id,
            result,
            sample=None if case is None else case.sample,
            call_key=None if case is None else case.key,
            at_once=is_worker(self.config),
        )
        item.ihook.pytest_llmlab_sample_scored(item=item, result=result)

    def plan_groups(self, plans: Sequence[TaskPlan]) -> None:
        """Store what this run set out to do; every worker says the same.

        Raises:
            StoreError: the store, or the cache of answers, cannot be used.
        """
        _ = self.journal
        for plan in plans:
            self.store.plan_task(self.run_id, plan)

    def decide(self, group: Group, gate: str) -> Verdict:
        """Judge a group by the results of all workers."""
        plans = self.store.plans(self.run_id)
        plan = next(p for p in plans if (p.task, p.model) == (group.task, group.model))
        self.verdicts.append(self.kept.decide(plan, gate))
        return self.verdicts[-1]

    def report(self) -> Report:
        """Build the final report from the store."""
        return self.kept.report(self.verdicts, predict_by=self.settings.predict)

    def write_outputs(self, report: Report) -> Outputs:
        """Write the files that options ask for."""
        return write_outputs(self.kept, report, self.settings.outputs)

    def look_ahead(self, cases: Sequence[Case]) -> None:
        """Let the engine start the calls of items that run soon, in this order."""
        if self.settings.look_ahead and cases:
            for spec in {case.spec.alias: case.spec for case in cases}.values():
                self.journal.prepare(spec)
            self.engine.look_ahead(map(self._call_ahead, cases))

    def _call_ahead(self, case: Case) -> Call:
        call = self.call_of(case)
        call.then = self.scoring.beginning(case)
        return call

    def discard(self, case: Case) -> None:
        """Forget the call of an item that ended without needing it."""
        self.engine.discard([case.key])
        self.scoring.forget(case)

    def stop(self) -> None:
        """Start no further call; those in flight are cancelled."""
        if "engine" in self.__dict__:
            self.engine.close()
            # What is still held then is booked by whoever needs the room.
            with suppress(StoreError):
                self.purse.close()

    def finish(self) -> None:
        """Mark the run as finished by itself."""
        self.store.finish_run(self.run_id, finished_at=_now())

    def close(self) -> None:
        """Stop the engine and close the store, if they were ever needed."""
        self.stop()
        set_bench(None)
        if "journal" in self.__dict__:
            self.journal.close()
        if "store" in self.__dict__:
            self.store.close()


def session_of(config: pytest.Config) -> LlmlabSession:
    """Return this process's session, created on first use."""
    if _session_key not in config.stash:
        load_env_file(config)
        config.stash[_session_key] = LlmlabSession(config)
    return config.stash[_session_key]


def session_if_used(config: pytest.Config) -> LlmlabSession | None:
    """Return this process's session if any llmlab feature was used."""
    return config.stash.get(_session_key, None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
