"""What the renderers of single samples take, and how they read a stored request."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from llmlab_pytest.core import Completion, Json, SampleRecord, Stratum, TaskRow

MASS_SCORER = "mc2"
"""Its target has a 0 or 1 per choice, where others have indices."""
SEVERAL = " | "
_SHOWN_DIGITS = 12
Hide = Callable[[str], str]
"""Replaces the secrets in a text; from `core.redactor`."""


class Before(NamedTuple):
    """What was answered in an earlier run."""

    name: str
    """The run, or the file."""
    rows: Mapping[str, Mapping[str, Json]]
    """The row of each sample by its id, as far as they are known."""
    answers: Mapping[tuple[str, int], str]
    """By sample and epoch."""


@dataclass(frozen=True, slots=True)
class TaskSamples:
    """The samples of one task on one model."""

    row: TaskRow
    """The line of the table that the samples add up to."""
    stratified_by: str
    """The expression that groups the samples; empty where there is none."""
    strata: tuple[Stratum, ...]
    """The same numbers by group; empty where all samples are in one."""
    records: Iterable[SampleRecord]
    """In the order of the dataset. Read from the store while it is iterated over."""
    before: Callable[[], Before | None] | None = None
    """Reads the same task and model in the baseline, for who shows it; `None` where
    none was chosen."""


class Asked(NamedTuple):
    """A stored request, with what its continuations have in common told once."""

    prompt: str | list[dict[str, Any]] | None
    """Raw text, or messages with `role` and `content`; `None` if contexts differ."""
    continuations: list[dict[str, Any]]
    """For each its `text`, and its own `context` where contexts differ."""
    config: Mapping[str, Json] | None
    """How it was decoded; `None` where nothing was generated."""


def asked_of(request: Mapping[str, Json] | None) -> Asked:
    """Read a request as the store holds it; without one nothing was asked."""
    stored: Mapping[str, Any] = request or {}
    if is_whole_text(request):
        return Asked(None, [{"context": "", "text": stored["text"]}], None)
    if "continuations" not in stored:
        return Asked(stored.get("prompt"), [], stored.get("config"))
    parts: list[dict[str, Any]] = stored["continuations"]
    contexts = [part["context"] for part in parts]
    if all(context == contexts[0] for context in contexts):
        return Asked(contexts[0], [{"text": part["text"]} for part in parts], None)
    return Asked(None, [dict(part) for part in parts], None)


def is_whole_text(request: Mapping[str, Json] | None) -> bool:
    """Whether a stored request asks how likely a text is, without any context."""
    return request is not None and request.get("kind") == "rolling"


def prompt_text(prompt: str | list[dict[str, Any]]) -> str:
    """Return what a model was asked as people read it: each turn after its role."""
    if isinstance(prompt, str):
        return prompt
    return "\n\n".join(f"{turn['role']}: {turn_text(turn)}" for turn in prompt)


def turn_text(turn: Mapping[str, Any]) -> str:
    """Return what a stored turn says: texts, images by name, and calls, one a line."""
    content = turn["content"]
    parts = [{"text": content}] if isinstance(content, str) else content
    lines = [_part_text(part) for part in parts]
    lines += [call_text(c["name"], c["arguments"]) for c in turn.get("tool_calls", ())]
    return "\n".join(line for line in lines if line)


def answer_text(completion: Completion) -> str:
    """Return what a model answered: its text, and the calls that it asks for."""
    calls = [call_text(call.name, call.arguments) for call in completion.tool_calls]
    return "\n".join([completion.text, *calls] if completion.text else calls)


def _part_text(part: Mapping[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    image = part["image"]
    if "url" in image:
        return f"[image at {image['url']}]"
    kind, size_bytes, digest = (
        image[name] for name in ("media_type", "size_bytes", "sha256")
    )
    return f"[{kind}, {size_bytes:,} bytes, sha256 {digest[:_SHOWN_DIGITS]}…]"


def call_text(name: str, arguments: object) -> str:
    """Return a call of a tool as people read it."""
    told = arguments
    if not isinstance(told, str):
        told = json.dumps(told, ensure_ascii=False)
    return f"{name}({told})"


def redacted(value: Any, hide: Hide) -> Any:
    """Return JSON with the secrets of every text replaced, keys included."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(str(key)): redacted(part, hide) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(part, hide) for part in value]
    return value


def right_choices(record: SampleRecord) -> tuple[int, ...]:
    """Return the indices of the choices that are right; empty without choices."""
    sample = record.sample
    if sample is None or not sample.choices:
        return ()
    target = sample.target
    if isinstance(target, int):
        return (target,)
    if not isinstance(target, tuple):
        return ()
    indices = [part for part in target if isinstance(part, int)]
    if any(score.scorer == MASS_SCORER for score in record.result.scores):
        return tuple(n for n, is_true in enumerate(indices) if is_true)
    return tuple(indices)


def target_text(record: SampleRecord) -> str:
    """Return the target as people read it: the texts of right choices, or itself."""
    sample = record.sample
    if sample is None or sample.target is None:
        return ""
    count = len(sample.choices)
    if right := [n for n in right_choices(record) if 0 <= n < count]:
        return SEVERAL.join(sample.choices[n] for n in right)
    target = sample.target
    return SEVERAL.join(map(str, target if isinstance(target, tuple) else (target,)))
