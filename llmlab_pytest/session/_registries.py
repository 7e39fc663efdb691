"""The registries of a run: what ships, then what plugins add through hooks."""

from functools import cached_property, partial
from pathlib import Path

import pytest

from llmlab_pytest.core import ModelSpec
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.metrics import MetricRegistry, default_metrics
from llmlab_pytest.promptfoo import PROMPTFOO_SCORERS
from llmlab_pytest.providers import (
    PROJECT_REGISTRY,
    ModelRegistry,
    ProviderRegistry,
    provider_registry,
    shipped_registry_files,
)
from llmlab_pytest.scorers import ScorerRegistry, scorer_registry
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.tasks import shipped_card_folders


class Registries:
    """Everything that users refer to by name; each is built when first needed."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings

    @cached_property
    def providers(self) -> ProviderRegistry:
        """Providers by name."""
        registry = provider_registry()
        self._config.hook.pytest_llmlab_register_providers(
            config=self._config, register=partial(registry.register, source="a hook")
        )
        return registry

    @cached_property
    def models(self) -> ModelRegistry:
        """Registered models by alias."""
        registry = ModelRegistry.load(self._model_files(), providers=self.providers)

        def register(spec: ModelSpec) -> None:
            registry.register(spec)

        self._config.hook.pytest_llmlab_register_models(
            config=self._config, register=register
        )
        return registry

    @cached_property
    def scorers(self) -> ScorerRegistry:
        """Scorer factories by name."""
        registry = scorer_registry(may_run_code=self._settings.may_run_code)
        for room in (JUDGE_SCORERS, MEANING_SCORERS, PROMPTFOO_SCORERS):
            for name, factory in room.items():
                registry.register(name, factory, source="llmlab-pytest")
        self._config.hook.pytest_llmlab_register_scorers(
            config=self._config, register=partial(registry.register, source="a hook")
        )
        return registry

    @cached_property
    def metrics(self) -> MetricRegistry:
        """Metric functions by name."""
        registry = default_metrics()
        self._config.hook.pytest_llmlab_register_metrics(
            config=self._config, register=partial(registry.register, source="a hook")
        )
        return registry

    @cached_property
    def card_folders(self) -> tuple[Path, ...]:
        """Folders with task cards: the project's, plugins', then the shipped ones."""
        added: list[Path] = []
        self._config.hook.pytest_llmlab_register_tasks(
            config=self._config, register=added.append
        )
        own = self._config.rootpath / "benchmarks"
        return (own, *added, *shipped_card_folders())

    def _model_files(self) -> list[Path]:
        own = self._settings.registry or self._config.rootpath / PROJECT_REGISTRY
        return [*shipped_registry_files(), *([own] if own.is_file() else [])]
