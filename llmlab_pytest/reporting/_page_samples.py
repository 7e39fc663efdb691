"""What the result page shows of one sample, as JSON that page.js reads."""

from collections.abc import Callable
from typing import Any

from llmlab_pytest.core import SampleRecord, escape_control
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._samples import (
    Before,
    Hide,
    answer_text,
    asked_of,
    prompt_text,
    right_choices,
    target_text,
    turn_text,
)

_BRIEF = 80


class SampleTexts:
    """Turns records into texts without secrets and control characters."""

    def __init__(self, hide: Hide) -> None:
        self._hide = hide

    def entry(self, record: SampleRecord) -> list[Any]:
        """Return the columns of the list; page.js names them."""
        result, stratum = record.result, record.stratum
        primary = result.scores[0] if result.scores else None
        prediction = (primary and primary.answer) or result.error or ""
        return [
            self._shown(result.sample_id),
            result.epoch,
            result.outcome,
            None if stratum is None else self._shown(stratum),
            _format.score(primary.value if primary else None),
            self._brief(prediction),
            self._brief(target_text(record)),
        ]

    def detail(self, record: SampleRecord, before: str | None = None) -> dict[str, Any]:
        """Return what an opened sample shows.

        Args:
            record: the sample.
            before: the answer of the baseline, where it was asked the same row.
        """
        completion = record.completion
        is_generated = completion is not None and not completion.continuations
        text = answer_text(completion) if completion and is_generated else None
        return {
            "error": self._shown(record.result.error),
            "prompt": self._prompt(record),
            "choices": self._choices(record),
            "completion": None if text is None else self._shown(text),
            "before": None if before is None else self._shown(before),
            "target": self._shown(target_text(record)),
            "scores": [
                [
                    self._shown(score.scorer),
                    _format.score(score.value),
                    self._shown(score.answer),
                    self._shown(score.explanation),
                ]
                for score in record.result.scores
            ],
            "took": _took(record),
        }

    def _shown(self, text: str | None) -> str:
        return escape_control(self._hide(text)) if text else ""

    def _brief(self, text: str) -> str:
        # Cut last: half a secret would not be found.
        line = " ".join(self._shown(text).split())
        return line if len(line) <= _BRIEF else f"{line[: _BRIEF - 1]}…"

    def _prompt(self, record: SampleRecord) -> list[list[str]]:
        """Return pairs of a heading and a text."""
        prompt = asked_of(record.request).prompt
        if prompt is None:
            return []
        if isinstance(prompt, str):
            return [["Prompt", self._shown(prompt)]]
        return [
            [f"Prompt: {self._shown(turn['role'])}", self._shown(turn_text(turn))]
            for turn in prompt
        ]

    def _choices(self, record: SampleRecord) -> list[list[Any]]:
        """Return text, log-likelihood, tokens, greediness, rightness of each choice."""
        parts = asked_of(record.request).continuations
        answered = record.completion.continuations if record.completion else ()
        right = right_choices(record)
        return [
            [
                self._shown(f"{prompt_text(part.get('context', ''))}{part['text']}"),
                f"{scored.loglikelihood:.4f}",
                scored.tokens,
                scored.is_greedy,
                number in right,
            ]
            for number, (part, scored) in enumerate(zip(parts, answered, strict=False))
        ]


def _took(record: SampleRecord) -> str:
    result, completion = record.result, record.completion
    if completion is None:
        return ""
    usage = result.usage
    return " · ".join(
        (
            *([completion.note] if completion.note else []),
            f"{usage.input_tokens} input tokens",
            f"{usage.output_tokens} output tokens",
            f"latency {_format.seconds(result.latency_s)}",
            f"cost {_format.money(result.cost_usd)}",
            f"ended by {completion.stop_reason}",
        )
    )


def answers_before(before: Before | None) -> Callable[[SampleRecord], str | None]:
    """Return what finds the baseline's answer to the same row, for each sample."""
    if before is None:
        return lambda _: None

    def answered(record: SampleRecord) -> str | None:
        name, sample = record.result.sample_id, record.sample
        row = before.rows.get(name)
        if row is not None and sample is not None and row != sample.metadata:
            return None
        return before.answers.get((name, record.result.epoch))

    return answered
