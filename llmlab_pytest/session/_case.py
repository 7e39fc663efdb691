"""A case: one sample of one task on one model in one epoch; one pytest item."""

from dataclasses import dataclass
from functools import cached_property

from llmlab_pytest.core import ModelSpec, Sample
from llmlab_pytest.engine import Allowance
from llmlab_pytest.session._keys import sample_key
from llmlab_pytest.tasks import PlannedTask


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a sample item runs."""

    planned: PlannedTask
    sample: Sample
    epoch: int
    spec: ModelSpec
    allowance: Allowance | None = None
    """What its item may spend; `None`: as much as the run."""

    @property
    def id(self) -> str:
        """The item's id within its task, e.g. `smollm2-fr` or `smollm2-fr-e2`."""
        suffix = f"-e{self.epoch}" if self.planned.task.epochs > 1 else ""
        return f"{self.spec.alias}-{self.sample.id}{suffix}"

    @cached_property
    def key(self) -> str:
        """The address of its model call, the same in every process and run."""
        return sample_key(
            self.spec,
            task_hash=self.planned.task.hash,
            data_hash=self.planned.data_hash,
            sample_id=self.sample.id,
            epoch=self.epoch,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """The cases that one gate judges: a task on a model."""

    task: str
    model: str
