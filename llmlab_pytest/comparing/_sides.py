"""What `llmlab compare` sets side by side: a task on a model, in a run or a file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from llmlab_pytest.comparing._find_run import run_id_of
from llmlab_pytest.core import ConfigError, Json, SampleResult
from llmlab_pytest.metrics import Clusters
from llmlab_pytest.reporting import ReadResult, read_jsonl
from llmlab_pytest.store import RunSummary, Store, open_store
from llmlab_pytest.tasks import clusters_of

_SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The results of a task on a model."""

    source: str
    """The run's id, or the file's name."""
    task: str
    model: str
    metric: str
    """The metric that its table shows first."""
    results: Sequence[SampleResult]
    rows: Mapping[str, Mapping[str, Json]]
    """The row of each sample by its id, as far as they are known."""
    clusters: Clusters
    """The cluster of each sample by its id, where the task declares any."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """The smallest declared group of each sample by its id, where there are any."""
    of: Literal["model", "prompt"] = "model"
    """What `model` names: there are prompts side by side, too."""
    place: str = ""
    """Path or URL of the store, or the path of the file, where its texts are."""
    planned: int | None = None
    """How many results there should be; `None` where nothing says so."""
    factors: Mapping[str, str] = field(default_factory=dict)
    """Of the run, and of its plan of the task; a file has none."""

    @property
    def origin(self) -> tuple[str, str]:
        """The task and model that its results are kept under.

        They are others than its own where prompts are side by side.
        """
        for result in self.results:
            return result.task, result.model
        return self.task, self.model


def sides_of(
    sources: Sequence[str], *, store: str, but_not: Collection[str] = ()
) -> list[Side]:
    """Read everything that runs and files hold, in the order they are named.

    Args:
        sources: runs, as `run_id_of` takes them, or `.jsonl` files.
        store: path or URL of the store that holds the runs.
        but_not: ids of runs that a branch or commit does not mean.

    Raises:
        ConfigError: there is no such store or run.
        DataError: a file is no file of results.
        StoreError: the store cannot be read.
    """
    sides: list[Side] = []
    for source in dict.fromkeys(sources):
        if is_file(source):
            sides += _of_file(Path(source))
        else:
            with closing(open_runs(store)) as opened:
                run_id = run_id_of(source, opened, store, but_not=but_not)
                sides += sides_of_run(opened, run_id, place=store)
    return sides


def is_file(source: str) -> bool:
    """Tell a file of samples from a run of the store."""
    return source.endswith(_SUFFIX)


def open_runs(store: str) -> Store:
    """Open a store that exists: one that does not is not created.

    Raises:
        ConfigError: there is no such file.
        StoreError: it is no store.
    """
    path = store.removeprefix("sqlite:///")
    if "://" not in path and not Path(path).expanduser().is_file():
        raise ConfigError(
            f"The store {path!r} does not exist.",
            fix="Run your evals first, or name their store with --store.",
        )
    return open_store(store)


def names_of(sides: Sequence[Side]) -> list[str]:
    """Return what tells sides apart: the model, and the run where there are several."""
    if len({side.source for side in sides}) == 1:
        return [side.model for side in sides]
    return [f"{side.model} @ {side.source}" for side in sides]


def run_lines(store: str) -> list[str]:
    """Return a line per run of a store, newest first."""
    with closing(open_runs(store)) as opened:
        runs = opened.runs()
    return [f"runs of {store}, newest first", *map(_run_line, runs)]


def _run_line(run: RunSummary) -> str:
    return f"{run.id}  {run.started_at}  {'' if run.finished_at else 'not finished'}"


def sides_of_run(store: Store, run_id: str, *, place: str = "") -> Iterator[Side]:
    """Yield every task of a run on each of its models.

    Args:
        store: that holds the run.
        run_id: of the run.
        place: path or URL of the store, for messages.

    Raises:
        StoreError: the store cannot be read.
    """
    factors = store.run_factors(run_id)
    for plan in store.plans(run_id):
        results = store.results(run_id, task=plan.task, model=plan.model)
        samples = store.samples(run_id, task=plan.task)
        yield Side(
            source=run_id,
            place=place,
            task=plan.task,
            model=plan.model,
            metric=plan.metrics[0] if plan.metrics else _first_scorer(results),
            results=results,
            rows={sample.id: sample.metadata for sample in samples},
            clusters=clusters_of(plan, samples),
            groups={each.id: each.groups[-1] for each in samples if each.groups},
            planned=plan.planned,
            factors={**factors, **plan.factors},
        )


def _of_file(path: Path) -> Iterator[Side]:
    groups: dict[tuple[str, str], list[ReadResult]] = {}
    for read in read_jsonl(path):
        groups.setdefault((read.result.task, read.result.model), []).append(read)
    for (task, model), reads in groups.items():
        results = [read.result for read in reads]
        yield Side(
            source=path.name,
            place=str(path),
            task=task,
            model=model,
            metric=_first_scorer(results),
            results=results,
            rows={r.result.sample_id: r.row for r in reads if r.row is not None},
            clusters={},
        )


def _first_scorer(results: Sequence[SampleResult]) -> str:
    scorers = (result.scores[0].scorer for result in results if result.scores)
    return next(scorers, "accuracy")
