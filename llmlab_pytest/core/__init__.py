"""Records, protocols and errors that every other room builds on. Stdlib only.

Names are imported when first used: the plugin's start-up needs the error classes and
`load`, and must not pay for the records (11 of 35 ms, measured).
"""

import importlib
from typing import TYPE_CHECKING

from llmlab_pytest.core._homes import HOME_OF as _HOME_OF

if TYPE_CHECKING:
    from llmlab_pytest.core._coverage import Coverage, Covered
    from llmlab_pytest.core._engine_account import (
        LAYER_FLOP,
        MATRIX_FLOPS,
        EngineAccount,
    )
    from llmlab_pytest.core._errors import (
        AllowanceExceeded,
        AuthError,
        BudgetExceeded,
        CacheError,
        CassetteError,
        CodeExecutionOff,
        ConfigError,
        ContentFiltered,
        ContextOverflow,
        DataError,
        DataUnavailable,
        HashMismatch,
        LlmlabError,
        MalformedJudgement,
        MalformedReply,
        MissingDependency,
        ModelError,
        NotRecorded,
        ProviderDown,
        ProviderError,
        ProviderTimeout,
        ProviderUnavailable,
        RateLimited,
        SandboxError,
        ServerNotReached,
        ServerNotTrusted,
        StoreError,
        Unsupported,
    )
    from llmlab_pytest.core._forecast import Forecast, Prediction, Span
    from llmlab_pytest.core._hashing import canonical_json, digest_of, digest_of_file
    from llmlab_pytest.core._image import Image
    from llmlab_pytest.core._json import Json
    from llmlab_pytest.core._judge import (
        Account,
        Bench,
        Choice,
        Judge,
        Judgement,
        Question,
        judges_here,
        judging,
        set_bench,
    )
    from llmlab_pytest.core._lazy import load
    from llmlab_pytest.core._listening import Listener, listeners_here, listening
    from llmlab_pytest.core._messages import Message, Role, Tool, ToolCall
    from llmlab_pytest.core._model import (
        CAPABILITIES,
        BatchModel,
        Capability,
        Model,
        ModelSpec,
        PricedModel,
        Provider,
        RetryingModel,
    )
    from llmlab_pytest.core._new_files import refuse_existing, write_new
    from llmlab_pytest.core._records import (
        Completion,
        ContinuationLogprob,
        Contribution,
        GroupRow,
        Interval,
        JudgingRow,
        Metric,
        Outcome,
        Report,
        Sample,
        SampleRecord,
        SampleResult,
        Score,
        StopReason,
        Stratum,
        Target,
        TaskPlan,
        TaskRow,
        TokenLogprob,
        Verdict,
        VerdictState,
    )
    from llmlab_pytest.core._registry import Registry, unknown_name
    from llmlab_pytest.core._requests import (
        Continuation,
        GenerateConfig,
        GenerateRequest,
        LoglikelihoodRequest,
        Request,
        RollingRequest,
        batch_kind,
    )
    from llmlab_pytest.core._secret_pieces import RedactedPieces
    from llmlab_pytest.core._secrets import (
        HIDDEN,
        Secret,
        SecretWarning,
        know_password,
        know_secret,
        redact,
        redactor,
        secrets_in,
        value_redactor,
    )
    from llmlab_pytest.core._share import Share
    from llmlab_pytest.core._text import escape_control, open_end, shorten, slug
    from llmlab_pytest.core._toml import (
        AMOUNT,
        COUNT,
        DECODING,
        FLAG,
        NUMBER,
        TABLE,
        TEXT,
        TEXTS,
        WHOLE,
        Kind,
        TomlFile,
        check_value,
    )
    from llmlab_pytest.core._usage import Original, Price, Usage

__all__ = [
    "AMOUNT",
    "CAPABILITIES",
    "COUNT",
    "DECODING",
    "FLAG",
    "HIDDEN",
    "LAYER_FLOP",
    "MATRIX_FLOPS",
    "NUMBER",
    "TABLE",
    "TEXT",
    "TEXTS",
    "WHOLE",
    "Account",
    "AllowanceExceeded",
    "AuthError",
    "BatchModel",
    "Bench",
    "BudgetExceeded",
    "CacheError",
    "Capability",
    "CassetteError",
    "Choice",
    "CodeExecutionOff",
    "Completion",
    "ConfigError",
    "ContentFiltered",
    "ContextOverflow",
    "Continuation",
    "ContinuationLogprob",
    "Contribution",
    "Coverage",
    "Covered",
    "DataError",
    "DataUnavailable",
    "EngineAccount",
    "Forecast",
    "GenerateConfig",
    "GenerateRequest",
    "GroupRow",
    "HashMismatch",
    "Image",
    "Interval",
    "Json",
    "Judge",
    "Judgement",
    "JudgingRow",
    "Kind",
    "Listener",
    "LlmlabError",
    "LoglikelihoodRequest",
    "MalformedJudgement",
    "MalformedReply",
    "Message",
    "Metric",
    "MissingDependency",
    "Model",
    "ModelError",
    "ModelSpec",
    "NotRecorded",
    "Original",
    "Outcome",
    "Prediction",
    "Price",
    "PricedModel",
    "Provider",
    "ProviderDown",
    "ProviderError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "Question",
    "RateLimited",
    "RedactedPieces",
    "Registry",
    "Report",
    "Request",
    "RetryingModel",
    "Role",
    "RollingRequest",
    "Sample",
    "SampleRecord",
    "SampleResult",
    "SandboxError",
    "Score",
    "Secret",
    "SecretWarning",
    "ServerNotReached",
    "ServerNotTrusted",
    "Share",
    "Span",
    "StopReason",
    "StoreError",
    "Stratum",
    "Target",
    "TaskPlan",
    "TaskRow",
    "TokenLogprob",
    "TomlFile",
    "Tool",
    "ToolCall",
    "Unsupported",
    "Usage",
    "Verdict",
    "VerdictState",
    "batch_kind",
    "canonical_json",
    "check_value",
    "digest_of",
    "digest_of_file",
    "escape_control",
    "judges_here",
    "judging",
    "know_password",
    "know_secret",
    "listeners_here",
    "listening",
    "load",
    "open_end",
    "redact",
    "redactor",
    "refuse_existing",
    "secrets_in",
    "set_bench",
    "shorten",
    "slug",
    "unknown_name",
    "value_redactor",
    "write_new",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = importlib.import_module(f"{__name__}.{_HOME_OF[name]}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return __all__
