"""Evaluate language models the way Python people test software.

Everything public is here and is imported when it is first used: importing this
package imports nothing else (PEP 562).
"""

from typing import TYPE_CHECKING

from llmlab_pytest.core._lazy import load as _load

if TYPE_CHECKING:
    from llmlab_pytest.asserting import (
        LlmAssertionError,
        assert_choice,
        assert_contains_all,
        assert_contains_any,
        assert_contains_none,
        assert_exact,
        assert_json_schema,
        assert_limits,
        assert_numeric,
        assert_regex,
        assert_score,
    )
    from llmlab_pytest.collecting import llm_task
    from llmlab_pytest.core import (
        AuthError,
        Completion,
        ConfigError,
        ContentFiltered,
        ContextOverflow,
        Continuation,
        ContinuationLogprob,
        DataError,
        GenerateConfig,
        GenerateRequest,
        GroupRow,
        Image,
        Interval,
        LlmlabError,
        LoglikelihoodRequest,
        MalformedReply,
        Message,
        Metric,
        Model,
        ModelSpec,
        ProviderDown,
        ProviderError,
        ProviderTimeout,
        ProviderUnavailable,
        RateLimited,
        Report,
        Request,
        RollingRequest,
        Sample,
        SampleResult,
        Score,
        SecretWarning,
        ServerNotTrusted,
        TaskPlan,
        TaskRow,
        TokenLogprob,
        Tool,
        ToolCall,
        Unsupported,
        Usage,
        Verdict,
    )
    from llmlab_pytest.fixtures import Llm
    from llmlab_pytest.scorers import ascore, score, score_many

_CORE = "llmlab_pytest.core"
_ASSERTING = "llmlab_pytest.asserting"
_SCORERS = "llmlab_pytest.scorers"
_ADDRESSES = {
    "AuthError": _CORE,
    "Completion": _CORE,
    "ConfigError": _CORE,
    "ContentFiltered": _CORE,
    "ContextOverflow": _CORE,
    "Continuation": _CORE,
    "ContinuationLogprob": _CORE,
    "DataError": _CORE,
    "GenerateConfig": _CORE,
    "GenerateRequest": _CORE,
    "GroupRow": _CORE,
    "Image": _CORE,
    "Interval": _CORE,
    "Llm": "llmlab_pytest.fixtures",
    "LlmAssertionError": _ASSERTING,
    "LlmlabError": _CORE,
    "LoglikelihoodRequest": _CORE,
    "MalformedReply": _CORE,
    "Message": _CORE,
    "Metric": _CORE,
    "Model": _CORE,
    "ModelSpec": _CORE,
    "ProviderDown": _CORE,
    "ProviderError": _CORE,
    "ProviderTimeout": _CORE,
    "ProviderUnavailable": _CORE,
    "RateLimited": _CORE,
    "Report": _CORE,
    "Request": _CORE,
    "RollingRequest": _CORE,
    "Sample": _CORE,
    "SampleResult": _CORE,
    "Score": _CORE,
    "SecretWarning": _CORE,
    "ServerNotTrusted": _CORE,
    "TaskPlan": _CORE,
    "TaskRow": _CORE,
    "TokenLogprob": _CORE,
    "Tool": _CORE,
    "ToolCall": _CORE,
    "Unsupported": _CORE,
    "Usage": _CORE,
    "Verdict": _CORE,
    "ascore": _SCORERS,
    "assert_choice": _ASSERTING,
    "assert_contains_all": _ASSERTING,
    "assert_contains_any": _ASSERTING,
    "assert_contains_none": _ASSERTING,
    "assert_exact": _ASSERTING,
    "assert_json_schema": _ASSERTING,
    "assert_limits": _ASSERTING,
    "assert_numeric": _ASSERTING,
    "assert_regex": _ASSERTING,
    "assert_score": _ASSERTING,
    "llm_task": "llmlab_pytest.collecting",
    "score": _SCORERS,
    "score_many": _SCORERS,
}

__all__ = [
    "AuthError",
    "Completion",
    "ConfigError",
    "ContentFiltered",
    "ContextOverflow",
    "Continuation",
    "ContinuationLogprob",
    "DataError",
    "GenerateConfig",
    "GenerateRequest",
    "GroupRow",
    "Image",
    "Interval",
    "Llm",
    "LlmAssertionError",
    "LlmlabError",
    "LoglikelihoodRequest",
    "MalformedReply",
    "Message",
    "Metric",
    "Model",
    "ModelSpec",
    "ProviderDown",
    "ProviderError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "RateLimited",
    "Report",
    "Request",
    "RollingRequest",
    "Sample",
    "SampleResult",
    "Score",
    "SecretWarning",
    "ServerNotTrusted",
    "TaskPlan",
    "TaskRow",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "Unsupported",
    "Usage",
    "Verdict",
    "ascore",
    "assert_choice",
    "assert_contains_all",
    "assert_contains_any",
    "assert_contains_none",
    "assert_exact",
    "assert_json_schema",
    "assert_limits",
    "assert_numeric",
    "assert_regex",
    "assert_score",
    "llm_task",
    "score",
    "score_many",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _load("importlib.metadata:version")("llmlab-pytest")
    if name not in _ADDRESSES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = _load(f"{_ADDRESSES[name]}:{name}")
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
