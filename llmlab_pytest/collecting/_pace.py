"""How far a run is and how long it will still take, reckoned in tokens.

Samples of one task differ tenfold in length, so their number says little. What is left
of a task is the characters that its requests have beyond the request before, times the
tokens that were computed per such character, plus what an answer has had on average.
Seconds per token are those of the task once it has begun, else those of the model; how
many of them pass side by side, or between, is the ratio of clock to work so far.

Left out: the time to load a model that has not begun, and whether its answers will be
as long as another's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_ENOUGH_SAMPLES = 5
"""From so many on, a task's own numbers are used."""
_FIRST_S = 1.0
"""Answers of the first batch, which was begun before anything was counted."""
_ENOUGH_S = 5.0
"""Rates of less time jump."""
_MINUTE_S = 60
_HOUR_S = 3600

TaskOnModel = tuple[str, str]


class Work(NamedTuple):
    """What one finished sample took."""

    item: int
    """Its number among the collected items."""
    task: str
    model: str
    asked_tokens: int = 0
    """What the request has by itself, and the answer."""
    computed_tokens: int = 0
    """Without what was shared with other requests; written ones included."""
    written_tokens: int = 0
    busy_s: float = 0.0
    """Of a local model its compute, of another the time that the call took."""


class WorkPlan(NamedTuple):
    """The samples of a run, by the number of their item."""

    groups: tuple[TaskOnModel, ...]
    group_of: Mapping[int, int]
    new_chars: Mapping[int, int]
    """Characters that the request does not share with the one before."""


@dataclass(slots=True)
class _Tally:
    """Sums over finished samples, or over planned ones."""

    samples: int = 0
    new_chars: int = 0
    asked_tokens: int = 0
    computed_tokens: int = 0
    written_tokens: int = 0
    busy_s: float = 0.0

    def add(self, work: Work) -> None:
        self.samples += 1
        self.asked_tokens += work.asked_tokens
        self.computed_tokens += work.computed_tokens
        self.written_tokens += work.written_tokens
        self.busy_s += work.busy_s


@dataclass(slots=True)
class _Clock:
    """What a model has done since its first answers were there."""

    first_at_s: float
    begun_at_s: float
    latest_at_s: float
    done: _Tally = field(default_factory=_Tally)

    @property
    def elapsed_s(self) -> float:
        return self.latest_at_s - self.begun_at_s

    @property
    def is_settled(self) -> bool:
        return self.elapsed_s >= _ENOUGH_S and self.done.samples > 0


class Pace:
    """Counts finished samples and says how it goes on."""

    def __init__(self) -> None:
        self._works: dict[int, Work] = {}
        self._done: dict[TaskOnModel, _Tally] = {}
        self._planned: dict[TaskOnModel, _Tally] = {}
        self._new_chars: Mapping[int, int] = {}
        self._clocks: dict[str, _Clock] = {}
        self._model = ""

    def plan(self, plan: WorkPlan) -> None:
        """Learn what the run consists of, at any time."""
        self._new_chars = plan.new_chars
        for item, number in plan.group_of.items():
            planned = self._planned.setdefault(plan.groups[number], _Tally())
            planned.samples += 1
            planned.new_chars += plan.new_chars[item]
        for work in self._works.values():
            self._done[work.task, work.model].new_chars += self._chars_of(work)

    def add(self, work: Work, *, at_s: float) -> None:
        """Count a finished sample; one that is run again counts once.

        Args:
            work: what it took.
            at_s: when it ended, by a clock that never goes back.
        """
        if work.item in self._works:
            return
        self._works[work.item] = work
        self._model = work.model
        done = self._done.setdefault((work.task, work.model), _Tally())
        done.add(work)
        done.new_chars += self._chars_of(work)
        clock = self._clocks.setdefault(work.model, _Clock(at_s, at_s, at_s))
        clock.latest_at_s = at_s
        if at_s - clock.first_at_s < _FIRST_S:
            clock.begun_at_s = at_s
        else:
            clock.done.add(work)

    def line(self) -> str:
        """Say how far the latest model is; empty before the first answer."""
        if not self._model:
            return ""
        parts = [f"{self._model} {self._samples()}", *self._rates()]
        left_s = self.left_s(self._model)
        if left_s is not None and self._missing(self._model):
            parts.append(f"{_about(left_s)} left")
        others = {m for _, m in self._planned if m != self._model}
        waiting = {model: self._missing(model) for model in others}
        waiting = {model: count for model, count in sorted(waiting.items()) if count}
        if waiting:
            count = sum(waiting.values())
            parts.append(f"then {count:,} samples of {', '.join(waiting)}")
        return " · ".join(parts)

    def left_s(self, model: str) -> float | None:
        """Return how many seconds a model will still take; `None`: not known yet."""
        clock = self._clocks.get(model)
        if clock is None or not clock.is_settled or not clock.done.busy_s:
            return None
        groups = [group for group in self._planned if group[1] == model]
        if not groups:
            return None
        whole = self._sum(self._done, model)
        busy_s = sum(self._left_busy_s(group, whole) for group in groups)
        return busy_s * clock.elapsed_s / clock.done.busy_s

    def _left_busy_s(self, group: TaskOnModel, whole: _Tally) -> float:
        planned, done = self._planned[group], self._done.get(group, _Tally())
        known = done if done.samples >= _ENOUGH_SAMPLES else whole
        if not known.computed_tokens:
            return 0.0
        read = known.computed_tokens - known.written_tokens
        per_char = read / max(1, known.new_chars)
        per_sample = known.written_tokens / known.samples
        left_tokens = per_char * max(0, planned.new_chars - done.new_chars)
        left_tokens += per_sample * max(0, planned.samples - done.samples)
        return left_tokens * known.busy_s / known.computed_tokens

    def _samples(self) -> str:
        done = self._sum(self._done, self._model).samples
        planned = self._sum(self._planned, self._model).samples
        return f"{done:,}/{planned:,} samples" if planned else f"{done:,} samples"

    def _rates(self) -> list[str]:
        clock = self._clocks[self._model]
        if not clock.is_settled or not clock.done.asked_tokens:
            return []
        asked = clock.done.asked_tokens / clock.elapsed_s
        computed = clock.done.computed_tokens / clock.elapsed_s
        if clock.done.asked_tokens == clock.done.computed_tokens:
            return [f"{asked:,.0f} tokens/s"]
        return [f"{asked:,.0f} tokens/s asked, {computed:,.0f} computed"]

    def _missing(self, model: str) -> int:
        planned = self._sum(self._planned, model).samples
        return planned - self._sum(self._done, model).samples

    def _chars_of(self, work: Work) -> int:
        return self._new_chars.get(work.item, 0)

    @staticmethod
    def _sum(tallies: Mapping[TaskOnModel, _Tally], model: str) -> _Tally:
        total = _Tally()
        for (_, own), tally in tallies.items():
            if own == model:
                total.samples += tally.samples
                total.new_chars += tally.new_chars
                total.computed_tokens += tally.computed_tokens
                total.written_tokens += tally.written_tokens
                total.busy_s += tally.busy_s
        return total


def _about(left_s: float) -> str:
    """Round as one would say it: nothing here is known to the second."""
    if left_s < 2 * _MINUTE_S:
        return f"about {max(10, round(left_s, -1)):.0f} s"
    if left_s < 2 * _HOUR_S:
        return f"about {left_s / _MINUTE_S:.0f} min"
    return f"about {left_s / _HOUR_S:.1f} h"
