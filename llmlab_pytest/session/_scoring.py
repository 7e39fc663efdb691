"""How the samples of a run are scored: which scorers, by which judges, and when."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from llmlab_pytest.core import Completion, Score, judging
from llmlab_pytest.gates import parse_gate
from llmlab_pytest.judging import JUDGE_SCORERS, JudgeScorer
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.metrics import check_epochs, reducer_of
from llmlab_pytest.scorers import Scorer, apply_scorer, make_scorer, names_one_of
from llmlab_pytest.session._case import Case
from llmlab_pytest.session._judges import Judges, Named, Place, Submit
from llmlab_pytest.session._registries import Registries
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.tasks import Task

_BEGUN_AHEAD = frozenset({*JUDGE_SCORERS, *MEANING_SCORERS})
"""Scorers that ask models, which answer many at once sooner than one after another."""
Begun = Future[Mapping[str, Score]]


class Scoring:
    """Makes the scorers of each task, and applies them.

    Args:
        registries: the known scorers, metrics and models.
        settings: of this run; who judges.
        submit: starts a call to a judge.
    """

    def __init__(
        self, registries: Registries, settings: Settings, *, submit: Submit
    ) -> None:
        self._registries = registries
        self._scorers: dict[str, tuple[tuple[str, Scorer], ...]] = {}
        self._judge_scorers: dict[str, Named] = {}
        self.judges = Judges(
            lambda: registries.models,
            settings.judges,
            where=settings.judges_where,
            seed=settings.seed,
            submit=submit,
        )

    def scorers_of(self, task: Task) -> tuple[tuple[str, Scorer], ...]:
        """Return the task's scorers by name, built once.

        Raises:
            ConfigError: a scorer or one of its options is unknown.
        """
        if task.key not in self._scorers:
            self._scorers[task.key] = tuple(
                make_scorer(spec, self._registries.scorers, where=task.where)
                for spec in task.scorers
            )
        return self._scorers[task.key]

    def check_gates(self, task: Task, *more: str) -> None:
        """Raise `ConfigError` for a gate that does not parse or names no metric.

        Of the task, and of `more` that marks add. Also for a reducer such as
        `pass@k`, in a gate or among the metrics, with fewer epochs than it takes.
        """
        known = {name for name, _ in self.scorers_of(task)} | set(task.metrics)
        for name in task.metrics:
            check_epochs(name, epochs=task.epochs, where=task.where)
        for text in (*task.gates, *more):
            gate = parse_gate(text, where=task.where)
            check_epochs(gate.metric, epochs=task.epochs, where=task.where)
            if gate.metric not in known and not reducer_of(gate.metric):
                self._registries.metrics.get_or_raise(gate.metric, where=task.where)

    def judges_of(self, task: Task) -> tuple[str, ...]:
        """Return the aliases of all that the scorers of a task will ask.

        Raises:
            ConfigError: a scorer is wrong, or asks a judge, and none is chosen.
        """
        named: dict[str, None] = {}
        pairs = zip(task.scorers, self.scorers_of(task), strict=True)
        for spec, (_, scorer) in pairs:
            if isinstance(scorer, JudgeScorer):
                found = self.judges.specs(scorer.panel.names)
            elif names_one_of(spec, JUDGE_SCORERS):  # a part of it asks
                found = self.judges.chosen()
            else:
                continue
            named |= dict.fromkeys(judge.alias for judge in found)
        return tuple(named)

    def scores(
        self,
        case: Case,
        completion: Completion,
        awaited: Callable[[Begun], Mapping[str, Score]],
    ) -> tuple[Score, ...]:
        """Apply every scorer of the case's task, primary first.

        Args:
            case: the sample.
            completion: its answer.
            awaited: waits for what was begun ahead.
        """
        begun = self.judges.begun(case) if self._judged(case) else None
        known = {} if begun is None else awaited(begun)
        with judging(self.judges.bench(lambda: Place.of(case))):
            return tuple(
                known.get(name)
                or apply_scorer(name, each, completion=completion, sample=case.sample)
                for name, each in self.scorers_of(case.planned.task)
            )

    def beginning(self, case: Case) -> Callable[[Completion], None] | None:
        """Return what begins to score an answer ahead: where models are asked."""
        judged = self._judged(case)
        return partial(self.judges.begin, case, judged) if judged else None

    def forget(self, case: Case) -> None:
        """Drop what was begun for a case whose test does not need it."""
        if self._judged(case):
            self.judges.drop(case)

    def _judged(self, case: Case) -> Named:
        """Return the scorers that ask models, or have a part that does."""
        task = case.planned.task
        if task.key not in self._judge_scorers:
            pairs = zip(task.scorers, self.scorers_of(task), strict=True)
            self._judge_scorers[task.key] = [
                (name, scorer)
                for spec, (name, scorer) in pairs
                if isinstance(scorer, JudgeScorer) or names_one_of(spec, _BEGUN_AHEAD)
            ]
        return self._judge_scorers[task.key]
