"""From items to what the progress line counts: planned requests, finished samples.

Both travel on pytest's own reports, as plain values: under xdist the controller shows
the line, and only workers know the requests.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from llmlab_pytest.collecting._groups import case_of, group_of
from llmlab_pytest.collecting._outcomes import finished_completion
from llmlab_pytest.collecting._pace import Work, WorkPlan
from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    LlmlabError,
    LoglikelihoodRequest,
    Message,
    Request,
)
from llmlab_pytest.session import LlmlabSession

WORK = "llmlab_work"
"""Attribute of a report: the fields of `Work`."""
PLAN = "llmlab_work_plan"
"""Attribute of one report of a run: groups, and (item, group, characters) by turns."""


class WorkReporter:
    """Puts onto reports what the progress line needs; one process tells the plan.

    Args:
        items: those of the run, in the order that every process has.
        llmlab: builds the requests.
        tells_plan: whether this process measures the requests, in a thread. It begins
            with the first answer, which must not wait for it.
    """

    def __init__(
        self, items: Sequence[pytest.Item], llmlab: LlmlabSession, *, tells_plan: bool
    ) -> None:
        self._numbers = {item: number for number, item in enumerate(items)}
        self._llmlab = llmlab
        self._is_untold = tells_plan
        self._plan: dict[str, Any] | None = None
        self._planner = threading.Thread(
            target=self._measure, name="llmlab-plan", daemon=True
        )

    def note(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Add the work to the report that ends a sample, and the plan when it is there.

        A sample ends with its test function, or with a setup that failed.
        """
        case = case_of(item)
        is_end = report.when == "call" or (report.when == "setup" and report.failed)
        if case is None or item not in self._numbers or not is_end:
            return
        group = group_of(item, case)
        completion = finished_completion(item)
        setattr(report, WORK, _work(self._numbers[item], *_key(group), completion))
        if self._plan is not None and self._is_untold:
            self._is_untold = False
            setattr(report, PLAN, self._plan)
        elif self._is_untold and self._planner.ident is None:
            self._planner.start()

    def _measure(self) -> None:
        groups: dict[tuple[str, str], int] = {}
        rows: list[int] = []
        before = ""
        for item, number in self._numbers.items():
            if (case := case_of(item)) is None:
                continue
            group = groups.setdefault(_key(group_of(item, case)), len(groups))
            chars = 0
            try:
                for text in _texts(self._llmlab.call_of(case).request):
                    chars += len(text) - common_length(before, text)
                    before = text
            except LlmlabError:  # its item says so when it is run
                chars = 0
            rows += (number, group, chars)
        self._plan = {"groups": [list(group) for group in groups], "rows": rows}


def work_of(report: object) -> Work | None:
    """Return the finished sample that a report tells of."""
    fields = getattr(report, WORK, None)
    return None if fields is None else Work(*fields)


def work_plan_of(report: object) -> WorkPlan | None:
    """Return the plan, if this report brings it."""
    told = getattr(report, PLAN, None)
    if told is None:
        return None
    items, groups, chars = (told["rows"][start::3] for start in range(3))
    return WorkPlan(
        groups=tuple((task, model) for task, model in told["groups"]),
        group_of=dict(zip(items, groups, strict=True)),
        new_chars=dict(zip(items, chars, strict=True)),
    )


def _key(group: Any) -> tuple[str, str]:
    return group.task, group.model


def _work(
    item: int, task: str, model: str, completion: Completion | None
) -> list[int | float | str]:
    """Return the fields of `Work`; a kept answer took nothing now."""
    if completion is None or completion.resumed or completion.original:
        return [item, task, model]
    usage = completion.usage
    asked = usage.input_tokens + usage.output_tokens
    busy_s = completion.compute_s
    return [
        item,
        task,
        model,
        asked,
        asked - usage.cached_input_tokens,
        usage.output_tokens,
        completion.latency_s if busy_s is None else busy_s,
    ]


def _texts(request: Request) -> Iterator[str]:
    if isinstance(request, GenerateRequest):
        yield _text(request.prompt)
    elif isinstance(request, LoglikelihoodRequest):
        for part in request.continuations:
            yield _text(part.context) + part.text
    else:
        yield request.text


def _text(prompt: str | tuple[Message, ...]) -> str:
    if isinstance(prompt, str):
        return prompt
    return "".join(turn.text for turn in prompt)


def common_length(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common, by bisection."""
    same, most = 0, min(len(one), len(other))
    while same < most:
        middle = (same + most + 1) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            most = middle - 1
    return same
