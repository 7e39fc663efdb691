"""Every error llmlab-pytest raises, as one tree.

LlmlabError
├── ConfigError            an option, ini value, mark, card or registry entry is wrong
├── MissingDependency      an optional package is needed and not installed
├── Unsupported            model or task cannot do what was asked for
├── DataError              a dataset, sample or downloaded file is unusable
│   ├── DataUnavailable    no source could provide the data (the caller may skip)
│   └── HashMismatch       bytes or rows differ from the pinned digest
├── ModelError             a model cannot be loaded (missing or corrupt file)
├── ProviderError          a call to a model failed; never a score
│   ├── AuthError          the key is missing, wrong or lacks permission
│   ├── RateLimited        the provider asks to slow down
│   ├── ProviderTimeout    no answer within the time limit
│   ├── ProviderUnavailable  the provider cannot be reached or answers 5xx
│   │   ├── ServerNotReached  no connection came about
│   │   └── ServerNotTrusted  its certificate is not signed by a known authority
│   ├── ProviderDown       it answered none of the last calls; no more are sent
│   ├── ContextOverflow    the prompt is longer than the model's context
│   ├── ContentFiltered    the provider refused to process the content
│   ├── MalformedReply     the answer does not follow the protocol
│   ├── MalformedJudgement  a judge answered something that is no judgement
│   └── NotRecorded        the answer was to be a kept one, and none is kept
├── BudgetExceeded         the agreed amount is spent
├── AllowanceExceeded      likewise the amount of one test; the others go on
├── CodeExecutionOff       a task runs code that a model writes (the caller may skip)
├── SandboxError           code cannot be confined here, or its sandbox broke
└── StoreError             the store cannot be opened, read or written
    ├── CacheError         likewise the cache of answers
    └── CassetteError      likewise a file of recorded answers

Each message has up to three sentences: what was seen, what is allowed, what to do.
`AssertionError` subclasses for the `assert_*` functions live in `asserting`.
"""


class LlmlabError(Exception):
    """Base class: `except LlmlabError` catches whatever this package raises.

    Args:
        seen: what was found, with its value and place (option, file:line).
        allowed: what would have been accepted.
        fix: the command, flag or edit that mends it.
    """

    may_be_billed = False
    """Whether a call that ends so may have to be paid for all the same."""

    def __init__(self, seen: str, *, allowed: str = "", fix: str = "") -> None:
        self.seen = seen
        self.allowed = allowed
        self.fix = fix
        super().__init__(" ".join(part for part in (seen, allowed, fix) if part))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by parts, so an error survives a process boundary whole."""
        return (_rebuild, (type(self), self.seen, self.allowed, self.fix))


def _rebuild(kind: type[LlmlabError], seen: str, allowed: str, fix: str) -> LlmlabError:
    return kind(seen, allowed=allowed, fix=fix)


class ConfigError(LlmlabError):
    """An option, ini value, mark, task card or registry entry is wrong."""


class MissingDependency(LlmlabError):
    """An optional package is needed and not installed; names the pip line."""


class Unsupported(LlmlabError):
    """The model lacks a capability, or the task demonstrations, that are asked for."""


class DataError(LlmlabError):
    """A dataset, sample or downloaded file is unusable; names file and line."""


class DataUnavailable(DataError):
    """No source could provide the data; says every way to get it."""


class HashMismatch(DataError):
    """Bytes or rows differ from the digest pinned in the task card."""


class ModelError(LlmlabError):
    """A model cannot be loaded: the file is missing, corrupt or of another kind."""


class ProviderError(LlmlabError):
    """A call to a model failed. It is recorded as an error, never as a score.

    A vendor may bill what it did not deliver, unless it rejected the request before the
    model read it.
    """

    retryable = False
    may_be_billed = True


class AuthError(ProviderError):
    """The key is missing, wrong or lacks permission."""

    may_be_billed = False


class RateLimited(ProviderError):
    """The provider asks to slow down."""

    retryable = True
    may_be_billed = False


class ProviderTimeout(ProviderError):
    """No answer arrived within the time limit."""

    retryable = True


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached or answers with a server error."""

    retryable = True


class ServerNotReached(ProviderUnavailable):
    """No connection to the server came about; nothing was sent."""

    may_be_billed = False


class ServerNotTrusted(ProviderUnavailable):
    """The certificate of the server does not prove whose it is; nothing was sent."""

    retryable = False
    may_be_billed = False


class ProviderDown(ProviderError):
    """The provider answered none of the last calls, so no more are sent for now."""

    may_be_billed = False


class ContextOverflow(ProviderError):
    """The prompt is longer than the model's context."""

    may_be_billed = False


class ContentFiltered(ProviderError):
    """The provider refused to process the content."""


class MalformedReply(ProviderError):
    """The answer does not follow the protocol."""


class MalformedJudgement(ProviderError):
    """A judge answered something that is no judgement; never a score."""


class NotRecorded(ProviderError):
    """No model may be asked, and neither cache nor cassette holds the answer."""

    may_be_billed = False


class BudgetExceeded(LlmlabError):
    """The agreed amount of money or calls is spent."""


class AllowanceExceeded(LlmlabError):
    """The amount that one test may spend is spent; the run goes on without it."""


class CodeExecutionOff(LlmlabError):
    """A task runs code that a model writes, which was not allowed."""


class SandboxError(LlmlabError):
    """Code cannot be confined on this machine, or its sandbox broke; never a score."""


class StoreError(LlmlabError):
    """The store cannot be opened, read or written."""


class CacheError(StoreError):
    """The cache of answers cannot be opened, read or written."""


class CassetteError(StoreError):
    """A file of recorded answers is wrong or cannot be written; names file and line."""
