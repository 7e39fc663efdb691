"""What a sample looks like in an Allure report: what was asked, answered and judged.

allure-pytest makes the results themselves, since every sample is an item. Figures that
differ in every run are parameters that do not count for the history.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    LlmlabError,
    Message,
    Report,
    Request,
    RollingRequest,
    SampleResult,
    escape_control,
    load,
    redact,
)

_LISTENER = "allure_listener"
"""The name under which allure-pytest registers, when results are asked for."""
_FOLDER = "allure_report_dir"
_CATEGORIES = (
    {
        "name": "Wrong where it was asserted",
        "matchedStatuses": ["failed"],
        "messageRegex": r"(?s).*LlmAssertionError.*",
    },
    {
        "name": "Gates",
        "matchedStatuses": ["failed"],
        "messageRegex": r"(?s).*(FAILED|INCONCLUSIVE).*",
    },
    {
        "name": "Trouble with a model, never a score",
        "matchedStatuses": ["broken"],
        "messageRegex": r"(?s).*(Error|Limited|Timeout|Unavailable|Down|Reply|"
        r"Judgement|Overflow|Filtered|Exceeded).*",
    },
)
"""Allure's groups of what went wrong; by status and message."""


def makes_allure(config: pytest.Config) -> bool:
    """Whether results for Allure are asked for."""
    return bool(config.pluginmanager.has_plugin(_LISTENER))


def show_in_allure(
    result: SampleResult,
    *,
    request: Request | None,
    completion: Completion | None,
) -> None:
    """Add a sample's texts and figures to its result."""
    allure = load("allure", needed_by="--alluredir")
    allure.dynamic.parent_suite(result.task)
    allure.dynamic.suite(result.model)
    allure.dynamic.tag(result.outcome)
    # By these Allure tells one sample from another; without them all of a task would be
    # taken for retries of one test.
    tell_apart(model=result.model, sample=result.sample_id, epoch=result.epoch)
    for name, value in _figures(result).items():
        allure.dynamic.parameter(name, value, excluded=True)
    text = allure.attachment_type.TEXT
    if request is not None:
        allure.attach(_shown(_asked_text(request)), "prompt", text)
    if completion is not None:
        allure.attach(_shown(completion.text), "completion", text)
    if result.scores:
        scores = json.dumps([asdict(score) for score in result.scores], indent=1)
        allure.attach(redact(scores), "scores", allure.attachment_type.JSON)


def tell_apart(**names: str | int) -> None:
    """Add parameters that make the item that runs now one of its own in the history."""
    allure = load("allure", needed_by="--alluredir")
    for name, value in names.items():
        allure.dynamic.parameter(name, value)


def finish_allure(config: pytest.Config, report: Report) -> None:
    """Write what groups the results, and what they were made with."""
    if not makes_allure(config):
        return
    folder = Path(config.getoption(_FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    categories = json.dumps(_CATEGORIES, indent=1)
    (folder / "categories.json").write_text(categories, encoding="utf-8")
    facts = {"run": report.run_id, **report.factors}
    lines = [f"{_key(name)}={_line(value)}\n" for name, value in facts.items()]
    (folder / "environment.properties").write_text("".join(lines), encoding="utf-8")


def _figures(result: SampleResult) -> Mapping[str, float]:
    """Return what a sample took and was worth, by name."""
    figures: dict[str, float | None] = {
        "cost_usd": result.cost_usd,
        "latency_s": result.latency_s,
        "ttft_s": result.ttft_s,
        "input_tokens": result.usage.input_tokens,
        "output_tokens": result.usage.output_tokens,
        **{score.scorer: score.value for score in result.scores},
    }
    told = {name: value for name, value in figures.items() if value is not None}
    return {name: float(f"{value:.6g}") for name, value in told.items()}


def _asked_text(request: Request) -> str:
    """Return what was asked, as people read it: turns with their roles."""
    if isinstance(request, GenerateRequest):
        return _prompt_text(request.prompt)
    if isinstance(request, RollingRequest):
        return request.text
    contexts = dict.fromkeys(_prompt_text(c.context) for c in request.continuations)
    texts = [f"→ {continuation.text}" for continuation in request.continuations]
    return "\n".join([*contexts, *texts])


def _prompt_text(prompt: str | tuple[Message, ...]) -> str:
    if isinstance(prompt, str):
        return prompt
    return "\n\n".join(f"[{turn.role}]\n{turn.text}" for turn in prompt)


def _shown(text: str) -> str:
    return escape_control(redact(text))


def _key(name: str) -> str:
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in name)


def _line(value: str) -> str:
    return _shown(value).replace("\\", "\\\\").replace("\n", " ")


def asked(call: Any) -> Request | None:
    """Return the request of a call; `None` where it cannot be built."""
    try:
        request: Request = call.request
    except LlmlabError:
        return None
    return request
