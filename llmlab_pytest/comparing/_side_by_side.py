"""Everything that is known of models side by side, task by task and over tasks."""

from collections.abc import Sequence
from dataclasses import replace

from llmlab_pytest.comparing._advice import Bar, advise
from llmlab_pytest.comparing._agreement import (
    all_right,
    consistencies_of,
    matches_of,
    none_right,
    separating_of,
)
from llmlab_pytest.comparing._cascades import cascades_of
from llmlab_pytest.comparing._pairs import Compared
from llmlab_pytest.comparing._panel import Panel, panel_of
from llmlab_pytest.comparing._routers import routers_of
from llmlab_pytest.comparing._sides import Side, names_of
from llmlab_pytest.comparing._standings import draws_for, standings_of
from llmlab_pytest.reporting import SideBySide, TaskSide, Win

_ALL = "all tasks"
_BAR = Bar()


def side_by_side(
    sides: Sequence[Side],
    compared: Sequence[Compared],
    bar: Bar = _BAR,
    *,
    signals: Sequence[str] = (),
) -> SideBySide | None:
    """Set models side by side; `None` where no task has two of them.

    Args:
        sides: tasks on models, of one run or several.
        compared: pairs of them.
        bar: what is asked of the cheapest model to be advised.
        signals: names of scorers that need no target and say how sure an answer is.
    """
    by_task: dict[str, list[Side]] = {}
    for side in sides:
        by_task.setdefault(side.task, []).append(side)
    found = [panel_of(own) for own in by_task.values() if len(own) > 1]
    if not found:
        return None
    panels = [panel for panel in found if isinstance(panel, Panel)]
    draws = draws_for(panels) if panels else 0
    sides_of_tasks = [
        replace(
            _task_side(panel, bar, draws),
            wins=_wins(panel, compared),
            cascades=cascades_of(panel, signals=signals, margin=bar.margin),
            routers=routers_of(panel, margin=bar.margin),
        )
        for panel in panels
    ]
    return SideBySide(
        tasks=tuple(sides_of_tasks),
        overall=_overall([own for own in panels if own.of == "model"], bar, draws),
        notes=tuple(reason for reason in found if isinstance(reason, str)),
    )


def _task_side(panel: Panel, bar: Bar, draws: int) -> TaskSide:
    is_right_or_wrong = panel.is_right_or_wrong
    return TaskSide(
        task=panel.task,
        metric=panel.metric,
        n=len(panel.sample_ids),
        left_out=panel.left_out,
        standings=standings_of([panel], draws=draws),
        advice=advise([panel], bar),
        matches=matches_of(panel),
        separating=separating_of(panel) if is_right_or_wrong else (),
        none_right=none_right(panel),
        all_right=all_right(panel),
        consistencies=consistencies_of(panel),
    )


def _wins(panel: Panel, compared: Sequence[Compared]) -> tuple[Win, ...]:
    own = (each for each in compared if each.pair.second.task == panel.task)
    return tuple(map(_win, own))


def _win(each: Compared) -> Win:
    found = each.found
    first, second = names_of(each.pair)
    return Win(
        first=first,
        second=second,
        difference=found.value,
        interval=found.interval,
        higher=len(found.wins),
        lower=len(found.losses),
        same=found.ties,
        p=found.p,
        corrected_p=each.corrected_p,
    )


def _overall(panels: Sequence[Panel], bar: Bar, draws: int) -> TaskSide | None:
    """Return the mean over tasks, where several have the same models."""
    names = [[seat.name for seat in panel.seats] for panel in panels]
    if len(panels) <= 1 or any(own != names[0] for own in names):
        return None
    metrics = dict.fromkeys(panel.metric for panel in panels)
    return TaskSide(
        task=_ALL,
        metric=", ".join(metrics),
        n=sum(len(panel.sample_ids) for panel in panels),
        left_out=sum(panel.left_out for panel in panels),
        standings=standings_of(panels, draws=draws),
        advice=advise(panels, bar),
    )
