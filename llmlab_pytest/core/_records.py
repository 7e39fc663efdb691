"""The frozen records that flow through llmlab-pytest, in the order they flow.

Sample -> Request -> Completion -> Score -> Metric -> Verdict -> Report.

Records hold plain JSON-able values only, so they can be stored and sent between
processes unchanged. Units are in the names: `_s`, `_usd`, `_tokens`. Rendering,
arithmetic and input/output live elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llmlab_pytest.core._coverage import Coverage
from llmlab_pytest.core._engine_account import EngineAccount
from llmlab_pytest.core._forecast import Forecast, Prediction
from llmlab_pytest.core._json import Json
from llmlab_pytest.core._judge import Judgement
from llmlab_pytest.core._messages import Message, ToolCall
from llmlab_pytest.core._share import Share
from llmlab_pytest.core._usage import Original, Price, Usage

Target = str | int | float | tuple[str, ...] | tuple[int, ...] | None
StopReason = Literal["stop", "length", "content_filter", "tool_calls", "unknown"]
VerdictState = Literal["passed", "failed", "inconclusive", "error"]
Outcome = Literal["hit", "partial", "miss", "unscored", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One evaluation item."""

    id: str
    """Unique within its task, stable across runs and machines."""
    input: str
    """What is asked; the prompt template may use every field of `metadata` too."""
    target: Target = None
    """The reference answer or the index into `choices`; several: a tuple."""
    choices: tuple[str, ...] = ()
    """The answers to choose from, without label or leading space."""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    """Every field of the source row, as read."""
    groups: tuple[str, ...] = ()
    """The groups of its task that it belongs to, widest first, as ("stem", "anatomy");
    the last is its part of the task."""
    position: int | None = None
    """Number of the row in its split or file, from 0; lm-eval's `doc_id`."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One output token and its natural-log probability."""

    token: str
    logprob: float
    top: tuple["TokenLogprob", ...] = ()
    """The likeliest tokens at its place, the likeliest first, where they were asked
    for; its own may be missing."""


@dataclass(frozen=True, slots=True)
class ContinuationLogprob:
    """What the model thinks of one continuation."""

    loglikelihood: float
    """Sum of the natural-log probabilities of the continuation's tokens, ≤ 0."""
    is_greedy: bool
    """Whether greedy decoding would have produced exactly these tokens."""
    tokens: int
    """How many tokens the continuation has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model returns for one request."""

    text: str
    """The generated text; empty where tools are called, or likelihoods asked for."""
    model: str
    """The model's alias, as chosen by `--llm`."""
    continuations: tuple[ContinuationLogprob, ...] = ()
    """One entry per continuation of a `LoglikelihoodRequest`, in its order; one for
    the whole text of a `RollingRequest`."""
    usage: Usage = field(default_factory=Usage)
    stop_reason: StopReason = "stop"
    latency_s: float = 0.0
    """Wall time of the call, ≥ 0; for a batch its share, by its tokens."""
    ttft_s: float | None = None
    """Time to the first token; `None` unless it was measured by streaming."""
    cost_usd: float | None = None
    """`None` when no price is known, 0.0 for a model on this machine."""
    price: Price | None = None
    """The rates that gave `cost_usd`; `None` where nothing is paid or known."""
    compute_s: float | None = None
    """Seconds of this machine's compute for a local model, else `None`."""
    token_logprobs: tuple[TokenLogprob, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    """What the model wants to have called, in its order."""
    attempts: int = 1
    """How many tries the call took."""
    prefetched: bool = False
    """Whether the engine had started this call before the test asked for it."""
    resumed: bool = False
    """Whether it was read from an earlier, interrupted run."""
    original: Original | None = None
    """What the answer took when a model gave it, if it was read from the cache or a
    cassette. Then it costs nothing, and `latency_s` and `ttft_s` are not measured."""
    note: str | None = None
    """What the provider says of it for people, as the votes of an ensemble."""

    def __str__(self) -> str:
        """Return the text, so that a completion can be printed and formatted."""
        return self.text

    @property
    def message(self) -> Message:
        """The answer as a turn, to go on with the conversation."""
        return Message("assistant", self.text, tool_calls=self.tool_calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The judgement of one scorer on one completion."""

    scorer: str
    """Name of the scorer, e.g. `exact` or `acc_norm`; also its metric's name."""
    value: float | None
    """1.0 is right and 0.0 wrong; `None` means unscored and is never averaged."""
    weight: float = 1.0
    """How much the value counts in the mean, > 0: of how many parts it is the mean."""
    answer: str | None = None
    """The part of the completion that was judged."""
    explanation: str | None = None
    """Why; shown to people."""
    share: Share | None = None
    """Where the metric is no mean of the values."""
    judgements: tuple[Judgement, ...] = ()
    """Who gave it, and what that took: one per judge."""

    @property
    def is_miss(self) -> bool:
        """Whether the answer is plainly wrong (a partial credit is no miss)."""
        return self.value == 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """One (task, model, sample, epoch) after scoring, or the error that stopped it."""

    task: str
    model: str
    sample_id: str
    epoch: int = 1
    scores: tuple[Score, ...] = ()
    """The first score is the primary one: it decides hit or miss."""
    error: str | None = None
    """Class and message of the infrastructure error; then `scores` is empty."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    latency_s: float | None = None
    """`None` also for a kept answer: reading it says nothing about the model."""
    ttft_s: float | None = None
    """Time to the first token, of several answers the longest; `None` unless one was
    streamed."""
    compute_s: float | None = None
    original: Original | None = None
    """What its kept answers took once, those of the cache or a cassette."""

    @property
    def is_miss(self) -> bool:
        """Whether the primary score is a miss."""
        return bool(self.scores) and self.scores[0].is_miss

    @property
    def outcome(self) -> Outcome:
        """What became of it, by the primary score: 1 is a hit, between is partial."""
        if self.error is not None:
            return "error"
        value = self.scores[0].value if self.scores else None
        if value is None:
            return "unscored"
        if value in (0.0, 1.0):
            return "hit" if value else "miss"
        return "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """Everything that a run keeps of one (task, model, sample, epoch)."""

    result: SampleResult
    sample: Sample | None = None
    """What was asked about; `None` for a behaviour test."""
    request: Mapping[str, Json] | None = None
    """The request as JSON, `kind` first; `None` before it was answered."""
    completion: Completion | None = None
    stratum: str | None = None
    """The sample's group by the task's `stratify`, e.g. MMLU's subject."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval."""

    low: float
    high: float
    confidence: float = 0.95
    method: str = ""
    """Name of the formula, e.g. `wilson` or `student-t`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """An aggregate over the scores of one task and model."""

    name: str
    value: float | None
    """`None` when no sample has a value."""
    n: int
    """How many samples it is computed from."""
    stderr: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate decided."""

    gate: str
    """The gate as written, e.g. `accuracy >= 0.8`."""
    task: str
    model: str
    state: VerdictState
    reason: str
    """One sentence with the numbers that decided."""
    metric: Metric | None = None
    more_samples: int | None = None
    """How many more would decide an inconclusive gate, if what was observed stays."""
    more_cost_usd: float | None = None
    """What those would cost; `None` where the cost of a sample is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """What a run set out to do for one task and model; known after collection."""

    task: str
    model: str
    planned: int
    """How many (sample, epoch) items were selected."""
    available: int
    """How many items all samples would make; `planned` < `available` is a subset."""
    epochs: int = 1
    """How often each sample is asked."""
    gates: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    """Names of the metrics to show, primary first; empty: one per scorer."""
    factors: Mapping[str, str] = field(default_factory=dict)
    """Hashes and settings: model_digest, task_hash, data_hash, seed, limit, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """What a task on a model gave for some of its samples, e.g. one subject."""

    path: tuple[str, ...]
    """Its name, after those of the groups around it: ("stem", "anatomy")."""
    samples: int
    """How many planned items of it have a result, errors included."""
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRow:
    """What one judge said of a task on a model for one scorer, and what that took."""

    scorer: str
    judge: str
    """The judge's alias."""
    metric: Metric
    """The mean of this judge's own values."""
    prompt_hashes: tuple[str, ...]
    """Digests of what it was told: several where a scorer asks several things."""
    calls: int
    usage: Usage
    cost_usd: float | None
    """Not part of the cost of the tested model; `None` when a price is unknown."""
    agreement: float | None = None
    """Krippendorff's alpha of all who judged for this scorer; `None` for one judge."""
    corrected: Metric | None = None
    """The mean that people would have given, where a calibration of this judge and
    prompt says how wrong it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One line of the final table: a task on a model."""

    plan: TaskPlan
    metrics: tuple[Metric, ...]
    samples: int
    """How many planned items have a result, errors included."""
    misses: int | None
    """`None` where the scores have no wrong/right notion."""
    errors: int
    usage: Usage
    cost_usd: float | None
    """`None` when the price of any completion is unknown."""
    latency_p50_s: float | None
    latency_p95_s: float | None
    tokens_per_s: float | None
    """Input and output tokens per second of call time."""
    compute_s: float | None = None
    """Seconds of this machine's compute, by all workers; `None` for a remote model."""
    kept: int = 0
    """How many results rest on answers of the cache or a cassette."""
    original: Original | None = None
    """What these answers took once; not part of the fields above."""
    groups: tuple[GroupRow, ...] = ()
    """By path: each group is followed by its parts."""
    flaky: tuple[str, ...] = ()
    """Ids of the samples whose epochs have different primary scores."""
    judges: tuple[JudgingRow, ...] = ()
    """One per scorer and judge."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """The part of a task's samples that agree in `stratify`, on one model."""

    name: str
    row: TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """How far one factor moves a score, when it alone is changed."""

    explanation: str
    """Name of the two settings that are compared."""
    model: str
    factor: str
    """A key of the settings, `interactions`, or `total`."""
    points: float | None
    """Percentage points of the first scorer; `None` where a setting has no score."""
    interval: Interval | None
    """Of the points, by sample; `None` where the settings ask other samples."""
    n: int
    """How many samples the changed setting scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a renderer needs to show a run."""

    run_id: str
    rows: tuple[TaskRow, ...]
    verdicts: tuple[Verdict, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    """By kind, where a list of `--llmlab-coverage`, a card or a mark names any."""
    engines: tuple[EngineAccount, ...] = ()
    """One per local model, by name."""
    estimate: tuple[Forecast, ...] = ()
    """What was expected before the run, where anything may cost money."""
    predictions: tuple[Prediction, ...] = ()
    """What larger workloads will take, where `--llmlab-predict` asks."""
    factors: Mapping[str, str] = field(default_factory=dict)
    started_at: str | None = None
    """When the run began, ISO 8601 in UTC."""
    finished_at: str | None = None
    """`None` while it runs, or when it was interrupted."""
