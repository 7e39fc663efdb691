"""The judges of a run: who they are, and how scorers come to ask them."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from llmlab_pytest.core import (
    Account,
    Bench,
    Completion,
    ConfigError,
    ModelSpec,
    Request,
    Score,
    digest_of,
    judging,
)
from llmlab_pytest.engine import Asker, Call
from llmlab_pytest.judging import ModelJudge, check_judge
from llmlab_pytest.providers import ModelRegistry, effective_request
from llmlab_pytest.scorers import Scorer, ask_scorer, gathered, score_from
from llmlab_pytest.session._case import Case
from llmlab_pytest.store import request_json

Named = Sequence[tuple[str, Scorer]]
Submit = Callable[[Call], "Future[Completion]"]


class Place(NamedTuple):
    """What is judged: a sample's answer, or something within a test."""

    key: str
    """The same in every run that judges it."""
    owner: str
    epoch: int
    asker: Asker

    @classmethod
    def of(cls, case: Case) -> "Place":
        """Return the place of a sample."""
        asker = Asker(case.sample.id, allowance=case.allowance)
        return cls(case.key, case.planned.task.name, case.epoch, asker)


class Judges:
    """Gives scorers their judges, and lets them begin before a test needs the score.

    Args:
        models: the known ones.
        names: aliases of the run's judges.
        where: where they are named, for messages.
        seed: of sampled answers.
        submit: starts a call.
    """

    def __init__(
        self,
        models: Callable[[], ModelRegistry],
        names: Sequence[str],
        *,
        where: str,
        seed: int,
        submit: Submit,
    ) -> None:
        self._models = models
        self._names = tuple(names)
        self._where = where
        self._seed = seed
        self._submit = submit
        self._specs: dict[tuple[str, ...], tuple[ModelSpec, ...]] = {}
        self._ahead: dict[str, Future[Mapping[str, Score]]] = {}
        self._late: set[str] = set()
        """Cases that their tests score themselves: the answer came with them."""
        self._lock = threading.Lock()

    def bench(self, place: Callable[[], Place]) -> Bench:
        """Return what gives the judges for what is judged there."""

        def accounts(names: Sequence[str]) -> Sequence[Account]:
            where = place()
            return [
                ModelJudge(spec, partial(self._ask, spec, where))
                for spec in self.specs(names)
            ]

        return accounts

    def chosen(self) -> tuple[ModelSpec, ...]:
        """Return the models of the run's judges; none if none is chosen.

        Raises:
            ConfigError: a name is unknown, or a model cannot judge.
        """
        return self.specs() if self._names else ()

    def specs(self, names: Sequence[str] = ()) -> tuple[ModelSpec, ...]:
        """Return the models of judges; without names those of the run.

        Raises:
            ConfigError: none is chosen, a name is unknown, or a model cannot judge.
        """
        chosen = tuple(names) or self._names
        if not chosen:
            raise ConfigError(
                "A scorer asks a judge, and none is chosen.",
                fix="Name one: --llmlab-judge MODEL, or the scorer's option judge.",
            )
        if chosen not in self._specs:
            where = "the option judge of a scorer" if names else self._where
            found = tuple(self._models().resolve(chosen, where=where))
            for spec in found:
                check_judge(spec, where=where)
            self._specs[chosen] = found
        return self._specs[chosen]

    def begin(self, case: Case, named: Named, completion: Completion) -> None:
        """Start to judge an answer; called on the engine's loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if case.key not in self._late:
                scores = self._scores(case, named, completion)
                begun = asyncio.run_coroutine_threadsafe(scores, loop)
                self._ahead[case.key] = begun

    def begun(self, case: Case) -> "Future[Mapping[str, Score]] | None":
        """Hand out the scores that `begin` started, by name; it starts no more."""
        with self._lock:
            begun = self._ahead.pop(case.key, None)
            if begun is None:
                self._late.add(case.key)
            return begun

    def drop(self, case: Case) -> None:
        """Forget what was started for a case."""
        if (begun := self.begun(case)) is not None:
            begun.cancel()

    async def _scores(
        self, case: Case, named: Named, completion: Completion
    ) -> Mapping[str, Score]:
        asked: dict[str, Awaitable[object]] = {}
        with judging(self.bench(lambda: Place.of(case))):
            for name, scorer in named:
                outcome = ask_scorer(
                    scorer, completion=completion, sample=case.sample, name=name
                )
                if inspect.isawaitable(outcome):
                    asked[name] = outcome
            told = await gathered(list(asked.values()))
        pairs = zip(asked, told, strict=True)
        return {name: score_from(outcome, name) for name, outcome in pairs}

    async def _ask(self, spec: ModelSpec, place: Place, request: Request) -> Completion:
        request = effective_request(request, spec, seed=self._seed)
        content = request_json(request)
        call = Call(
            key=digest_of(["judge", spec.fingerprint, place.key, content]),
            spec=spec,
            build=lambda: request,
            owner=place.owner,
            epoch=place.epoch,
            asker=place.asker,
        )
        return await asyncio.wrap_future(self._submit(call))
