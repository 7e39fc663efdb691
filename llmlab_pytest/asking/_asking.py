"""Models for a command: found by name, loaded when first asked, closed at its end."""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Self

from llmlab_pytest.asking._registry_files import registry_files
from llmlab_pytest.core import Completion, Listener, Model, ModelSpec, Request
from llmlab_pytest.engine import Call, Engine
from llmlab_pytest.judging import ModelJudge, check_judge
from llmlab_pytest.providers import (
    ModelRegistry,
    check_commands,
    load_model,
    provider_registry,
)


class Asking:
    """Asks models.

    Args:
        registry: the project's models; `None`: `llmlab_models.toml` here, if present.
        may_run_commands: whether keys may come from commands.

    Raises:
        ConfigError: the registry is missing or wrong.
    """

    def __init__(self, registry: Path | None, *, may_run_commands: bool) -> None:
        self._may_run_commands = may_run_commands
        self._providers = provider_registry()
        files = registry_files(registry)
        self._models = ModelRegistry.load(files, providers=self._providers)
        self._engine = Engine(self._load)
        self._numbers = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def find(self, names: Sequence[str], *, where: str) -> list[ModelSpec]:
        """Return the models of these names, as `--llm` takes them.

        Raises:
            ConfigError: one is unknown.
        """
        return list(self._models.resolve(list(names), where=where))

    async def ask(
        self, spec: ModelSpec, request: Request, *, listener: Listener | None = None
    ) -> Completion:
        """Ask a model.

        Args:
            spec: the model.
            request: what is asked.
            listener: hears the answer while it is written, on the engine's thread. Of
                a remote model that takes a request with `stream`.

        Raises:
            LlmlabError: it cannot be loaded or does not answer.
        """
        call = Call(key=f"{next(self._numbers)}", spec=spec, build=lambda: request)
        call.listener = listener
        return await asyncio.wrap_future(self._engine.submit(call))

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
