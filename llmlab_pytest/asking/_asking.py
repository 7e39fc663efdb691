"""Models for a command: found by name, loaded when first asked, closed at its end."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

from llmlab_pytest.asking._kept_answers import KeptAnswers
from llmlab_pytest.asking._preview import Preview
from llmlab_pytest.asking._registry_files import registry_files
from llmlab_pytest.budget import LedgerPurse, Limit, standings
from llmlab_pytest.cache import open_cache
from llmlab_pytest.core import Completion, Listener, Model, ModelSpec, Request
from llmlab_pytest.engine import Allowance, Asker, Call, Engine
from llmlab_pytest.judging import ModelJudge, check_judge
from llmlab_pytest.providers import (
    ModelRegistry,
    check_commands,
    effective_request,
    is_free,
    load_model,
    provider_registry,
    worst_cost_usd,
)
from llmlab_pytest.store import open_store

FIRST_SEED = 1234
"""Of the first answer, where no other is chosen."""


class Means(NamedTuple):
    """What may be spent, and what is kept."""

    limits: Sequence[Limit] = ()
    """The worst case of each call is held before it is made; none: nothing is booked,
    also not on the limits that runs keep to."""
    store_url: str = str(Path(".llmlab", "llmlab.db"))
    """Where money is booked: days and months are those of all runs of this store."""
    cache_dir: Path | None = None
    """Where answers are looked up and kept; `None`: nowhere."""


class Asking:
    """Asks models.

    Args:
        registry: the project's models; `None`: `llmlab_models.toml` here, if present.
        may_run_commands: whether keys may come from commands.
        means: what may be spent, and what is kept.

    Raises:
        ConfigError: the registry is missing or wrong.
        StoreError: there is a limit, and the store cannot be opened.
        CacheError: the cache cannot be opened.
    """

    def __init__(
        self,
        registry: Path | None,
        *,
        may_run_commands: bool,
        means: Means | None = None,
    ) -> None:
        means = means or Means()
        self._may_run_commands = may_run_commands
        self._providers = provider_registry()
        files = registry_files(registry)
        self._models = ModelRegistry.load(files, providers=self._providers)
        self._numbers = count()
        with ExitStack() as opened:
            journal = None
            if means.cache_dir is not None:
                journal = KeptAnswers(opened.enter_context(open_cache(means.cache_dir)))
            self._money = _Money(means, opened) if means.limits else None
            purse = None if self._money is None else self._money.purse
            self._engine = Engine(self._load, journal=journal, purse=purse)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self._engine.close()

    def find(self, names: Sequence[str], *, where: str) -> list[ModelSpec]:
        """Return the models of these names, as `--llm` takes them.

        Raises:
            ConfigError: one is unknown.
        """
        return list(self._models.resolve(list(names), where=where))

    def known(self) -> list[ModelSpec]:
        """Return the models of the registry, by name."""
        return list(self._models.values())

    async def ask(
        self,
        spec: ModelSpec,
        request: Request,
        *,
        epoch: int = 1,
        listener: Listener | None = None,
        allowance: Allowance | None = None,
    ) -> Completion:
        """Ask a model.

        Args:
            spec: the model.
            request: what is asked.
            epoch: which of several draws this is.
            listener: hears the answer while it is written, without secrets and control
                characters, on this event loop. Of a remote model that takes a request
                with `stream`.
            allowance: what calls like this one may spend together, of the limits.

        Raises:
            LlmlabError: it cannot be loaded or does not answer, or there is no money.
        """
        whole = effective_request(request, spec, seed=FIRST_SEED)
        key = f"{next(self._numbers)}"
        call = Call(
            key=key,
            spec=spec,
            build=lambda: whole,
            epoch=epoch,
            asker=Asker("", allowance=allowance),
        )
        call.listener = None if listener is None else Preview(listener)
        return await asyncio.wrap_future(self._engine.submit(call))

    async def worst_usd(self, spec: ModelSpec, requests: Sequence[Request]) -> float:
        """Return the most that these calls can cost together, US dollars.

        Raises:
            ConfigError: the price is unknown.
            LlmlabError: the model cannot be loaded, which its price may take.
        """
        if is_free(spec):
            return 0.0
        model = await asyncio.to_thread(self._load, spec)
        try:
            return sum(
                worst_cost_usd(model, effective_request(each, spec, seed=FIRST_SEED))
                for each in requests
            )
        finally:
            model.close()

    def budget_lines(self) -> list[str]:
        """Return how each limit stands now, one a line.

        Raises:
            StoreError: the store cannot be read.
        """
        return [] if self._money is None else self._money.lines()

    def judge(self, spec: ModelSpec, *, where: str) -> ModelJudge:
        """Return a judge with an account of its own.

        Raises:
            ConfigError: the model cannot judge.
        """
        check_judge(spec, where=where)

        async def ask(request: Request) -> Completion:
            return await self.ask(spec, request)

        return ModelJudge(spec, ask)

    def _load(self, spec: ModelSpec) -> Model:
        check_commands(spec, may_run=self._may_run_commands)
        return load_model(spec, self._providers)


class _Money:
    """The purse of one command, and the store where it books.

    Args:
        means: with limits.
        opened: closes both, the store last.
    """

    def __init__(self, means: Means, opened: ExitStack) -> None:
        store = open_store(means.store_url)
        opened.callback(store.close)
        self._ledger = store.ledger
        self._limits = means.limits
        self._id = f"asking-{secrets.token_hex(8)}"
        self.purse = LedgerPurse(
            self._ledger,
            run_id=self._id,
            limits=means.limits,
            way_on="Ask for less (a smaller --max-tokens), or with a larger --budget.",
        )
        opened.callback(self.purse.close)

    def lines(self) -> list[str]:
        return [
            f"budget {standing.limit}: {standing.spent_usd:.4f} usd are spent"
            for standing in standings(self._ledger, self._limits, self._id)
        ]
