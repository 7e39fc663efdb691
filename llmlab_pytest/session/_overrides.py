"""What the options of a run change in every task, before anything is planned."""

from llmlab_pytest.session._settings import Settings
from llmlab_pytest.tasks import Task, in_mode


def in_wanted_mode(task: Task, settings: Settings, mode: str | None) -> Task:
    """Return a benchmark in the compat mode of the run, else in that of its mark."""
    wanted = settings.compat or mode
    if wanted is None or task.data.split is None:
        return task
    return in_mode(task, wanted)


def overridden(task: Task, settings: Settings) -> Task:
    """Return the task as this run asks it.

    Shots are those of benchmarks: a task over rows of one's own has no pool to draw
    demonstrations from. Whether a benchmark has one is seen when it is planned.
    """
    given = {
        "chat": settings.chat,
        "system": settings.system,
        "shots": None if task.data.split is None else settings.shots,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return task.with_changes(**changes) if changes else task
