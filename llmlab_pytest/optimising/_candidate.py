"""A way to ask a task: its prompt, its system text, and what is shown before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from llmlab_pytest.core import Json
from llmlab_pytest.tasks import Demonstrations, PlannedTask, Task

ANSWER_FIELD = "demonstration_answer"
"""The field in which a demonstration's row has the answer to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to ask; two of them differ in nothing else."""

    name: str
    prompt: str
    """The template."""
    system: str | None
    shown: tuple[Mapping[str, Json], ...] | None = None
    """Rows of demonstrations, with their answers; `None`: those of the card."""

    @classmethod
    def of(cls, task: Task) -> "Candidate":
        """Return the way in which a card asks."""
        return cls(name="original", prompt=task.prompt, system=task.system)

    def planned(self, plan: PlannedTask) -> PlannedTask:
        """Return the task as this candidate asks it, with the same samples."""
        task = plan.task.with_changes(prompt=self.prompt, system=self.system)
        if self.shown is None:
            return replace(plan, task=task)
        rows = tuple(map(dict, self.shown))
        how = Demonstrations(rows=self.shown, sampler="first", answer=ANSWER_FIELD)
        task = task.with_changes(shots=len(rows), demonstrations=how)
        shown = {sample.id: rows for sample in plan.samples}
        return replace(plan, task=task, demonstrations=shown)
