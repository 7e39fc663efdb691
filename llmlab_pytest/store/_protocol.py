"""What the rest of the package may ask of a store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from llmlab_pytest.core import (
    Completion,
    Json,
    Price,
    Sample,
    SampleRecord,
    SampleResult,
    TaskPlan,
    load,
)
from llmlab_pytest.store._catalogue import Catalogue
from llmlab_pytest.store._ledger import Ledger


class RunSummary(NamedTuple):
    """One run, as a list of runs shows it."""

    id: str
    started_at: str
    finished_at: str | None
    """`None` while it runs, or when it was interrupted."""


class Exchange(NamedTuple):
    """A call of a run and its answer."""

    owner: str
    """The task or the test file that asked."""
    model: str
    """The model's alias."""
    request: Mapping[str, Json]
    """The request as JSON, `kind` first."""
    completion: Completion


class Spent(NamedTuple):
    """What one owner asked of one model in one run."""

    run_id: str
    started_at: str
    """ISO 8601, in UTC."""
    owner: str
    """The task, or the test file, that asked."""
    model: str
    """The model's alias; that of a judge, too."""
    calls: int
    kept: int
    """How many of the calls were answered by the cache or a cassette."""
    input_tokens: int
    output_tokens: int
    cost_usd: float
    """Of the calls whose cost is known."""
    unpriced: int
    """How many calls have a cost that nobody knows."""


class KeptCall(NamedTuple):
    """An answered call of a run."""

    owner: str
    model: str
    completion: Completion


class Samples(NamedTuple):
    """How many results a run has of a task on a model."""

    run_id: str
    task: str
    model: str
    results: int


class Store(Protocol):
    """Keeps runs; `_sql_store.SqlStore` documents each method."""

    @property
    def ledger(self) -> Ledger:
        """What was spent and is held for calls, in the same database."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Lists results by what they are."""
        ...

    def start_run(
        self, run_id: str, *, started_at: str, factors: Mapping[str, str]
    ) -> None:
        """Register a run."""

    def add_factors(self, run_id: str, factors: Mapping[str, str]) -> None:
        """Add or replace factors of a run."""

    def finish_run(self, run_id: str, *, finished_at: str) -> None:
        """Note when the run ended by itself."""

    def runs(self, *, limit: int | None = 20) -> list[RunSummary]:
        """Return the latest runs, newest first; all with `None`."""
        ...

    def run_factors(self, run_id: str) -> dict[str, str]:
        """Return a run's factors by name."""
        ...

    def plan_task(self, run_id: str, plan: TaskPlan) -> None:
        """Record what a run set out to do."""

    def plans(self, run_id: str) -> list[TaskPlan]:
        """Return a run's plans, sorted by task and model."""
        ...

    def record_completions(
        self, run_id: str, exchanges: Mapping[str, Exchange]
    ) -> None:
        """Keep completions by the keys of their calls; durable when it returns."""

    def completion(self, run_id: str, key: str) -> Completion | None:
        """Return the completion of a key, if it was recorded."""
        ...

    def record_error(
        self, run_id: str, key: str, *, task: str, model: str, error: str
    ) -> None:
        """Keep why a call failed."""

    def record_result(
        self,
        run_id: str,
        result: SampleResult,
        *,
        sample: Sample | None = None,
        call_key: str | None = None,
        at_once: bool = True,
    ) -> None:
        """Keep a result with its scores, its sample, and which call it judged.

        Durable when it returns if `at_once`; else it may wait for others that come
        within moments, for `settle`, or until results are read through this store.
        """

    def settle(self) -> None:
        """Write the results that wait."""

    def results(
        self, run_id: str, *, task: str | None = None, model: str | None = None
    ) -> list[SampleResult]:
        """Return results in a stable order."""
        ...

    def taken(
        self, run_id: str, *, task: str | None = None, model: str | None = None
    ) -> list[SampleResult]:
        """Return results without their scores, in a stable order."""
        ...

    def samples(self, run_id: str, *, task: str) -> list[Sample]:
        """Return the samples of a task that a run has results of."""
        ...

    def records(
        self, run_id: str, *, task: str, model: str, sample_ids: Sequence[str]
    ) -> list[SampleRecord]:
        """Return everything that is kept of some samples, in a stable order."""
        ...

    def spent(self) -> list[Spent]:
        """Return what every run asked of each model, oldest first."""
        ...

    def sample_counts(self) -> list[Samples]:
        """Return how many results every run has, by task and model."""
        ...

    def calls(self, run_id: str) -> Iterator[KeptCall]:
        """Yield the answered calls of a run in a stable order."""
        ...

    def prices(self, model: str, *, until: str) -> Iterator[tuple[str, Price]]:
        """Yield run and price of a model's calls up to a day, the latest first."""
        ...

    def close(self) -> None:
        """Close every connection."""


def open_store(url: str) -> Store:
    """Open a store, creating or migrating it where needed.

    Args:
        url: the path of an SQLite file, or an SQLAlchemy URL.

    Raises:
        StoreError: it is no store, cannot be written, or is from a newer release.
    """
    store: Store = load("llmlab_pytest.store._sql_store:SqlStore")(url)
    return store
