"""What a model is to the rest of the package: a spec, capabilities, one method.

A provider turns a `ModelSpec` into a `Model`. The engine decides how many `run`
calls are in flight and how many requests go into each; the model only says how many
it can take. The shape follows what both kinds of backend need: a remote model runs
many single requests at once, a local one runs batches, one at a time.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, get_args, runtime_checkable

from llmlab_pytest.core._errors import Unsupported
from llmlab_pytest.core._hashing import digest_of
from llmlab_pytest.core._json import Json
from llmlab_pytest.core._records import Completion
from llmlab_pytest.core._requests import Request

Capability = Literal[
    "chat",
    "completion",
    "loglikelihood",
    "token_logprobs",
    "top_logprobs",
    "streaming",
    "seed",
    "tools",
    "images",
    "json_schema",
]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One entry of the model registry: everything known without loading it."""

    alias: str
    """The name used by `--llm`, in test ids and in tables."""
    provider: str
    """Name of a registered provider, e.g. `litellm` or `transformers`."""
    id: str
    """What the provider calls it: `gpt-4o-mini`, a path, `package:name/file.gguf`."""
    capabilities: frozenset[Capability] = frozenset({"chat"})
    defaults: Mapping[str, Json] = field(default_factory=dict)
    """Generation defaults: keys are fields of `GenerateConfig`."""
    options: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Provider options: `base_url`, `api_key_env`, `dtype`, `threads`, … An address or
    a header among them may hold a secret, so tracebacks do not show them."""
    groups: tuple[str, ...] = ()
    """`--llm @name` selects every model of the group."""
    input_usd_per_million_tokens: float | None = None
    """Own price, for self-hosted models; overrides the provider's price map."""
    output_usd_per_million_tokens: float | None = None
    cached_input_usd_per_million_tokens: float | None = None
    """Of the part of the input that was billed as cached; `None`: as other input."""
    context_tokens: int | None = None
    licence: str | None = None
    card: str | None = None
    """Path of the model card, relative to the registry file."""
    source: str = ""
    """File and line, or plugin, that registered it; shown in errors."""
    members: tuple["ModelSpec", ...] = ()
    """Of an ensemble: each model that it asks, once."""

    def require(self, capability: Capability, *, needed_by: str) -> None:
        """Raise `Unsupported` unless the model declares `capability`.

        Args:
            capability: the one that is needed.
            needed_by: what asks for it, as the message should name it.

        Raises:
            Unsupported: names model, capability, what it has and what to do.
        """
        if capability in self.capabilities:
            return
        declared = ", ".join(sorted(self.capabilities)) or "none"
        msg = f"{needed_by} needs the capability {capability!r} of {self.alias!r}."
        raise Unsupported(
            msg,
            allowed=f"{self.alias!r} ({self.provider}) declares: {declared}.",
            fix="Choose another model with --llm, or mark the test "
            f"@pytest.mark.llm_requires({capability!r}) to skip it there.",
        )

    @cached_property
    def fingerprint(self) -> str:
        """Digest of every field that can change an answer (not of the weights)."""
        parts = [self.provider, self.id, dict(self.defaults), dict(self.options)]
        return digest_of([*parts, *(member.fingerprint for member in self.members)])


@runtime_checkable
class Model(Protocol):
    """One loaded model; created by a provider, owned by the engine's model pool."""

    spec: ModelSpec
    digest: str
    """Identifies the weights: sha256 of the file, or provider and id if remote."""
    concurrency: int
    """How many `run` calls may be in flight at once; 1 for a local model."""
    batch_size: int
    """How many requests one `run` takes at most; 1 for a remote model."""

    async def run(self, requests: Sequence[Request]) -> Sequence[Completion]:
        """Answer every request, in order. Requests of one call have one kind.

        Raises:
            ProviderError: the whole call failed; the engine then retries a batch of
                several one by one, so that one bad request spoils no other.
            Unsupported: a capability is missing.
        """
        ...

    def close(self) -> None:
        """Release memory, files and connections; the model is not used again."""
        ...


@runtime_checkable
class BatchModel(Model, Protocol):
    """A model that hands out each answer of a batch as soon as it has it.

    A local model takes many requests at once to share work between them; the first of
    them should not wait for the last.
    """

    async def run_each(
        self, requests: Sequence[Request], deliver: Callable[[int, Completion], None]
    ) -> None:
        """Answer every request; `deliver(index, completion)` each of them once.

        `deliver` is called on the event loop, before this returns. Raises what `run`
        raises; what was delivered stays valid.
        """
        ...


@runtime_checkable
class RetryingModel(Model, Protocol):
    """A model that may send a request again, and be billed for both."""

    async def run_retrying(
        self, requests: Sequence[Request], pay_again: Callable[[], Awaitable[None]]
    ) -> Sequence[Completion]:
        """Answer every request, in order, like `run`.

        Args:
            requests: of one kind.
            pay_again: awaited before a request is sent again whose last attempt may
                be billed; it raises `BudgetExceeded` or `AllowanceExceeded` if that is
                more than may be spent.

        Raises what `run` and `pay_again` raise.
        """
        ...


@runtime_checkable
class PricedModel(Model, Protocol):
    """A model that says what a call can cost at most, before it is made."""

    def worst_cost_usd(self, request: Request) -> float:
        """Return the most that a call can cost, US dollars; 0.0 on this machine.

        Raises:
            ConfigError: the price is unknown, or the answer has no longest length.
        """
        ...


class Provider(Protocol):
    """Loads models of one kind; registered under a name, by object or address."""

    def __call__(self, spec: ModelSpec) -> Model:
        """Load the model (may take long: it is called once per process and model).

        Raises:
            ModelError: the file is missing, corrupt or of another kind.
            ConfigError: an option of the spec is unknown or wrong.
            MissingDependency: the provider's package is not installed.
        """
        ...
