"""The providers that ship, as addresses: naming one imports nothing heavy."""

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

_MODEL_PARTS = ("spec", "digest", "concurrency", "batch_size", "run", "close")
_LOCAL: frozenset[Capability] = frozenset(CAPABILITIES) - {"streaming"}
_DECLARED_BY_DEFAULT: dict[str, frozenset[Capability]] = {
    "litellm": frozenset({"chat", "streaming"}),
    "llamacpp": frozenset(CAPABILITIES),
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
    ) -> None:
        """Add a provider: a callable `(ModelSpec) -> Model` or its address.

        Raises:
            ConfigError: the name is taken and `replace` is false, or `entry` is
                neither a callable nor an address.
        """
        if isinstance(entry, str) and ":" in entry:
            entry = LazyProvider(entry)
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
    leaves = "llmlab_pytest.providers"
    shipped = {
        "litellm": LazyProvider(f"{leaves}._litellm:LiteLLM"),
        "llamacpp": LazyProvider(f"{leaves}._llamacpp:LlamaCpp", extra="local"),
        "scripted": LazyProvider(f"{leaves}._script_file:load_script"),
        "transformers": LazyProvider(f"{leaves}._transformers:Transformers", "local"),
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
