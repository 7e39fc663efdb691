"""The providers that ship, as addresses: naming one imports nothing heavy."""

import os
from dataclasses import dataclass

from llmlab_pytest.core import (
    CAPABILITIES,
    Capability,
    ConfigError,
    Model,
    ModelSpec,
    Provider,
    Registry,
    load,
)

_LEAVES = "llmlab_pytest.providers"
ENSEMBLE = "ensemble"
"""The provider of models that are several: they are loaded with their members."""
_MODEL_PARTS = ("spec", "digest", "concurrency", "batch_size", "run", "close")
_LOCAL: frozenset[Capability] = frozenset(
    {"chat", "completion", "loglikelihood", "seed", "streaming", "token_logprobs"}
)
_DECLARED_BY_DEFAULT: dict[str, frozenset[Capability]] = {
    "litellm": frozenset({"chat", "streaming"}),
    "llamacpp": _LOCAL,
    "scripted": frozenset(CAPABILITIES),
    "transformers": _LOCAL,
}


@dataclass(frozen=True, slots=True)
class LazyProvider:
    """A provider that is imported when it loads its first model."""

    address: str
    """`"package.module:Name"` of a callable `(ModelSpec) -> Model`."""
    extra: str = ""
    """The extra of llmlab-pytest that installs what it needs."""
    is_shared: bool = False
    """Whether its models are worth a process that all xdist workers share."""

    def __call__(self, spec: ModelSpec) -> Model:
        """Import the provider and load the model.

        Raises:
            MissingDependency: the provider's package is not installed.
            ModelError: the model's file is missing, corrupt or of another kind.
            ConfigError: an option of the spec is unknown or wrong.
        """
        needed_by = f"The model {spec.alias!r} (provider {spec.provider!r})"
        provider: Provider = load(self.address, extra=self.extra, needed_by=needed_by)
        return provider(spec)


class ProviderRegistry(Registry[Provider]):
    """Providers by name; an address is accepted wherever a provider is."""

    def __init__(self) -> None:
        super().__init__("provider")

    def register(
        self,
        name: str,
        entry: Provider | str,
        *,
        source: str = "",
        replace: bool = False,
        is_shared: bool = False,
    ) -> None:
        """Add a provider: a callable `(ModelSpec) -> Model` or its address.

        With `is_shared`, which needs an address, the xdist workers of a run load each
        of its models once, in a process of its own: for models that are large, take
        batches and have `concurrency` 1.

        Raises:
            ConfigError: the name is taken and `replace` is false, or `entry` is
                neither a callable nor an address.
        """
        if isinstance(entry, str) and ":" in entry:
            entry = LazyProvider(entry, is_shared=is_shared)
        elif is_shared and not isinstance(entry, LazyProvider):
            msg = f"The provider {name!r} of {source or 'a plugin'} cannot be shared."
            raise ConfigError(
                msg,
                allowed='With is_shared=True it is an address "package.module:Name", '
                "which another process can import.",
            )
        if not callable(entry):
            msg = f"The provider {name!r} of {source or 'a plugin'} is {entry!r}."
            raise ConfigError(
                msg,
                allowed='It takes a callable (ModelSpec) -> Model, or its address "'
                'package.module:Name".',
            )
        super().register(name, entry, source=source, replace=replace)


def provider_registry() -> ProviderRegistry:
    """Return the shipped providers; hooks add theirs to it."""
    shipped = {
        ENSEMBLE: LazyProvider(f"{_LEAVES}._ensemble:Ensemble"),
        "litellm": LazyProvider(f"{_LEAVES}._remote:connect"),
        "llamacpp": LazyProvider(
            f"{_LEAVES}._llamacpp:LlamaCpp", "local", is_shared=True
        ),
        "scripted": LazyProvider(f"{_LEAVES}._script_file:load_script"),
        "transformers": LazyProvider(
            f"{_LEAVES}._transformers:Transformers", "local", is_shared=True
        ),
    }
    registry = ProviderRegistry()
    for name, provider in shipped.items():
        registry.register(name, provider, source="llmlab-pytest")
    return registry


def capabilities_by_default(provider: str) -> frozenset[Capability]:
    """Return what a model of this provider can do unless its entry says otherwise."""
    return _DECLARED_BY_DEFAULT.get(provider, frozenset({"chat"}))


def load_model(spec: ModelSpec, providers: ProviderRegistry) -> Model:
    """Load a model; this may take long and is done once per process and model.

    Raises:
        ConfigError: the provider is unknown, an option of the spec is wrong, or the
            provider returned something that is no model.
        ModelError: the model's file is missing, corrupt or of another kind.
        MissingDependency: the provider's package is not installed.
    """
    if spec.members:
        return _ensemble(spec, lambda member: load_model(member, providers))
    where = spec.source or f"the model {spec.alias!r}"
    model = providers.get_or_raise(spec.provider, where=where)(spec)
    missing = [part for part in _MODEL_PARTS if not hasattr(model, part)]
    if missing:
        msg = (
            f"The provider {spec.provider!r} returned {type(model).__name__!r} "
            f"for {spec.alias!r}, which lacks {', '.join(missing)}."
        )
        raise ConfigError(msg, allowed="A provider returns a llmlab_pytest.Model.")
    return model


def share_model(spec: ModelSpec, providers: ProviderRegistry, *, run: str) -> Model:
    """Load a model once for all xdist workers of a run, if its provider is shared.

    Where there are no Unix sockets, and for all other providers, each worker loads it.

    Args:
        spec: the model.
        providers: the known ones.
        run: what xdist calls the run; the same in all its workers.

    Raises:
        LlmlabError: as `load_model`; also if the process that loads it keeps dying.
    """
    if spec.members:
        return _ensemble(spec, lambda one: share_model(one, providers, run=run))
    provider = providers.get(spec.provider)
    is_shared = isinstance(provider, LazyProvider) and provider.is_shared
    if not is_shared or os.name != "posix":
        return load_model(spec, providers)
    model: Model = load(f"{_LEAVES}._shared_model:connect")(spec, provider, run=run)
    return model


def _ensemble(spec: ModelSpec, load_member: Provider) -> Model:
    model: Model = load(f"{_LEAVES}._ensemble:Ensemble")(spec, load_member)
    return model
