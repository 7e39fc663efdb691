"""Gates as items of their own: judged after every sample of every worker.

In one process they are ordinary items at the end. Under xdist no worker can know when
the others have finished, so workers only say which gates were selected, and the
controller runs the gate items after all workers are done. Either way pytest's own
protocol runs them: terminal, JUnit, Allure and the exit code see a normal test.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from llmlab_pytest.collecting._allure import makes_allure, tell_apart
from llmlab_pytest.collecting._unasked import (
    skipped_for_budget,
    skipped_while_down,
)
from llmlab_pytest.core import LlmlabError, Verdict
from llmlab_pytest.session import Group, LlmlabSession, session_of

VERDICT = "llmlab_verdict"


class GateFailed(AssertionError):
    """The gate does not hold, or cannot be shown to hold."""


class GateError(LlmlabError):
    """The gate cannot be judged, because samples ended in an error."""


class GateItem(pytest.Item):
    """One gate of one task on one model."""

    def __init__(self, *, group: Group, gate: str, **keywords: object) -> None:
        super().__init__(**keywords)  # type: ignore[arg-type] # pytest's own keywords
        self.group = group
        self.gate = gate
        self.extra_keyword_matches.update((group.task, group.model, "gate"))
        self._verdict: Verdict | None = None

    @classmethod
    def build(
        cls, parent: pytest.Session, *, base: str, group: Group, gate: str
    ) -> "GateItem":
        """Create the item; its id extends that of the group's samples.

        Args:
            parent: the session, in the controller the only node there is.
            base: what the ids of the group's samples start with, up to the model.
            group: task and model.
            gate: as written.
        """
        nodeid = f"{base}-gate {' '.join(gate.split())}]"
        name = nodeid.rpartition("::")[2]
        item: GateItem = cls.from_parent(
            parent, name=name, nodeid=nodeid, group=group, gate=gate
        )
        item.path = parent.config.rootpath / nodeid.partition("::")[0]
        return item

    def setup(self) -> None:
        """Judge; samples that ended in an error make the gate an error too."""
        if makes_allure(self.config):
            tell_apart(task=self.group.task, model=self.group.model, gate=self.gate)
        verdict = session_of(self.config).decide(self.group, self.gate)
        self._verdict = verdict
        self.user_properties.append((VERDICT, verdict.state))
        if verdict.state == "error":
            raise GateError(f"{verdict.gate}: {verdict.reason}")

    def runtest(self) -> None:
        """Pass, fail, or do what `--llmlab-inconclusive` says."""
        verdict = self._verdict
        if verdict is None or verdict.state == "passed":
            return
        message = f"{verdict.task} on {verdict.model}: {verdict.gate}: {verdict.reason}"
        settings = session_of(self.config).settings
        if verdict.state == "inconclusive" and skipped_for_budget(self.config):
            pytest.skip(f"budget: {message}")
        if verdict.state == "inconclusive" and skipped_while_down(self.config):
            pytest.skip(f"provider down: {message}")
        if verdict.state == "inconclusive" and settings.inconclusive == "skip":
            pytest.skip(f"inconclusive: {message}")
        raise GateFailed(message)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point reports at the file of the samples."""
        return self.path, None, self.name

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: object = None,  # noqa: ARG002 -- pytest's signature
    ) -> str:
        """Show the verdict only: the trace would be ours."""
        if isinstance(excinfo.value, (GateFailed, LlmlabError)):
            state = self._verdict.state.upper() if self._verdict else "ERROR"
            return f"{state}: {excinfo.value}"
        return str(super().repr_failure(excinfo))


def run_gates(session: pytest.Session, llmlab: LlmlabSession) -> None:
    """Run every gate that the workers selected, in the controller."""
    plans = llmlab.store.plans(llmlab.run_id)
    items = [
        GateItem.build(
            session,
            base=plan.factors["base"],
            group=Group(plan.task, plan.model),
            gate=gate,
        )
        for plan in plans
        for gate in plan.gates
    ]
    session.testscollected += len(items)
    _run(items)


def _run(items: Iterable[GateItem]) -> None:
    queue = list(items)
    for index, item in enumerate(queue):
        following = queue[index + 1] if index + 1 < len(queue) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
