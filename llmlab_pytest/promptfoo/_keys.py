"""The keys of promptfoo's files: taken over, of no matter here, or refused."""

from collections.abc import Mapping
from typing import NamedTuple

from llmlab_pytest.core import ConfigError, unknown_name
from llmlab_pytest.yaml_files import Placed


class _Keys(NamedTuple):
    taken: frozenset[str]
    idle: frozenset[str]
    """They say how promptfoo itself runs or shows results; no verdict depends on it."""
    refused: Mapping[str, str]
    """What does it here."""


_CODE = "Write the test in Python."
_MODELS = "Name the models with --llm."
_KEYS: Mapping[str, _Keys] = {
    "configuration": _Keys(
        frozenset(
            [
                "prompts",
                "tests",
                "defaultTest",
                "scenarios",
                "providers",
                "targets",
                "description",
                "evaluateOptions",
            ]
        ),
        frozenset(
            [
                "$schema",
                "tags",
                "metadata",
                "outputPath",
                "sharing",
                "writeLatestResults",
                "commandLineOptions",
            ]
        ),
        {
            "env": "Set variables of the environment, or use --llmlab-env-file.",
            "extensions": _CODE,
            "nunjucksFilters": "Write what the filter gives into the variables.",
            "derivedMetrics": "Register a metric in conftest.py: docs/extending.md.",
            "redteam": "Write the tests that it made: promptfoo redteam generate.",
            "tracing": "Remove it.",
            "$ref": "Write what it refers to, or use a YAML alias.",
        },
    ),
    "evaluateOptions": _Keys(
        frozenset(["repeat"]),
        frozenset(
            [
                "cache",
                "delay",
                "eventSource",
                "generateSuggestions",
                "interactiveProviders",
                "maxConcurrency",
                "maxEvalTimeMs",
                "showProgressBar",
                "silent",
                "timeoutMs",
            ]
        ),
        {},
    ),
    "test": _Keys(
        frozenset(
            [
                "vars",
                "assert",
                "options",
                "threshold",
                "prompts",
                "description",
                "metadata",
            ]
        ),
        frozenset(),
        {
            "provider": _MODELS,
            "providers": _MODELS,
            "providerOutput": "To score answers that you have: score_many, "
            "docs/scorers.md.",
            "assertScoringFunction": "Use weights and a threshold.",
            "$ref": "Write what it refers to, or use a YAML alias.",
        },
    ),
    "options": _Keys(
        frozenset(
            [
                "prefix",
                "suffix",
                "provider",
                "disableVarExpansion",
                "disableDefaultAsserts",
            ]
        ),
        frozenset(["runSerially", "disableConversationVar"]),
        {
            "repeat": "Give evaluateOptions a repeat: it holds for all tests.",
            "transform": _CODE,
            "transformVars": _CODE,
            "postprocess": _CODE,
            "storeOutputAs": _CODE,
            "rubricPrompt": "Write the rule into the value of llm-rubric.",
            "factuality": "Leave it out: only a contradiction is wrong.",
            "response_format": "Write a test in Python: llm(…, response_schema=…).",
            "tools": "Write a test in Python: llm(…, tools=[…]).",
        },
    ),
    "scenario": _Keys(frozenset(["config", "tests"]), frozenset(["description"]), {}),
    "assertion": _Keys(
        frozenset(["type", "value", "threshold", "weight", "metric", "provider"]),
        frozenset(),
        {
            "transform": _CODE,
            "contextTransform": "Give the test a variable context.",
            "rubricPrompt": "Write the rule into the value.",
            "config": "Leave it out: it is for assertions that are code.",
        },
    ),
    "assert-set": _Keys(
        frozenset(["type", "assert", "threshold", "weight", "metric"]),
        frozenset(),
        {"config": "Leave it out: it is for assertions that are code."},
    ),
    "prompt": _Keys(
        frozenset(["id", "label", "raw"]),
        frozenset(["display"]),
        {
            "config": "Write an entry in llmlab_models.toml.",
            "function": _CODE,
        },
    ),
    "provider": _Keys(
        frozenset(["id", "config"]),
        frozenset(["label"]),
        {
            "prompts": "Write a file for each provider.",
            "transform": _CODE,
            "delay": "Give the entry in llmlab_models.toml requests_per_minute.",
            "env": "Set variables of the environment, or use --llmlab-env-file.",
        },
    ),
}


def check_keys(given: Placed, kind: str) -> None:
    """Check the keys of a mapping.

    Args:
        given: the mapping.
        kind: what it is: `configuration`, `test`, `options`, `assertion`…

    Raises:
        ConfigError: a key is unknown, or not taken over; names file and line.
    """
    known = _KEYS[kind]
    for name, value in given.fields().items():
        if name in known.taken or name in known.idle:
            continue
        if name in known.refused:
            if not value.value:  # false, null or empty: it asks for nothing
                continue
            raise ConfigError(
                f"{value.where}: {name!r} of a promptfoo {kind} is not taken over.",
                fix=known.refused[name],
            )
        listed = sorted({*known.taken, *known.idle})
        raise unknown_name("key", name, listed, where=value.where)
