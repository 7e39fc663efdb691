"""`--llmlab-estimate`, and the estimate of every run that may cost money."""

from collections.abc import Sequence

import pytest

from llmlab_pytest.collecting._groups import case_of, group_of
from llmlab_pytest.collecting._terminal_width import width_of
from llmlab_pytest.core import Forecast, TaskPlan
from llmlab_pytest.forecast import ESTIMATE, forecasts_text
from llmlab_pytest.reporting import render_estimate, render_estimate_line
from llmlab_pytest.session import (
    Case,
    Group,
    LlmlabSession,
    estimate,
    may_cost,
)

_NAME = "llmlab-estimate"
_JUDGES = "judges that tests ask themselves are not in it"
_MOST_PROMPTS = 30
"""Of each task and model, where the run should not wait for its estimate."""


class EstimateOnly:
    """Takes the place of running the tests: asks nothing, shows what they would take.

    Registered when the option is given, so that a suite without llmlab is not run
    either.
    """

    def __init__(self) -> None:
        self._forecasts: tuple[Forecast, ...] = ()
        self._tests_judge = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run nothing; errors of the collection are pytest's to show."""
        options = session.config.option
        is_broken = session.testsfailed and not options.continue_on_collection_errors
        return None if is_broken else True

    def keep(self, forecasts: tuple[Forecast, ...], *, tests_judge: bool) -> None:
        """Take what is to be shown at the end."""
        self._forecasts = forecasts
        self._tests_judge = tests_judge

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Show the estimate."""
        terminalreporter.section("llmlab estimate")
        if not self._forecasts:
            terminalreporter.write_line("No test asks a model.")
            return
        width = width_of(terminalreporter).columns
        for line in render_estimate(self._forecasts, width=width):
            terminalreporter.write_line(line)
        if self._tests_judge:
            terminalreporter.write_line(_JUDGES)


def estimate_only(config: pytest.Config) -> EstimateOnly | None:
    """Return what shows the estimate, if nothing else is asked for."""
    found = config.pluginmanager.get_plugin(_NAME)
    return found if isinstance(found, EstimateOnly) else None


def register_estimate(config: pytest.Config) -> None:
    """Let nothing run, here and in no worker."""
    config.option.dist = "no"
    config.option.tx = []
    config.pluginmanager.register(EstimateOnly(), _NAME)


def estimate_all(
    items: Sequence[pytest.Item], plans: Sequence[TaskPlan], llmlab: LlmlabSession
) -> tuple[Forecast, ...]:
    """Estimate a run from all of its prompts.

    Raises:
        StoreError: the store cannot be read.
    """
    return estimate(llmlab, plans, _cases(items), most_prompts=None)


def estimate_ahead(
    items: Sequence[pytest.Item], plans: Sequence[TaskPlan], llmlab: LlmlabSession
) -> str | None:
    """Estimate a run that may cost money, keep it with the run, and return a line.

    A run that is resumed keeps the estimate that it began with.

    Raises:
        StoreError: the store cannot be used.
    """
    if not plans or llmlab.settings.resume is not None or not may_cost(llmlab):
        return None
    forecasts = estimate(llmlab, plans, _cases(items), most_prompts=_MOST_PROMPTS)
    llmlab.store.add_factors(llmlab.run_id, {ESTIMATE: forecasts_text(forecasts)})
    line = render_estimate_line(forecasts)
    return f"{line}; {_JUDGES}" if may_judge(items, plans, llmlab) else line


def may_judge(
    items: Sequence[pytest.Item], plans: Sequence[TaskPlan], llmlab: LlmlabSession
) -> bool:
    """Whether tests that are no samples may ask judges, which nobody can foresee."""
    cases = _cases(items)
    has_tests = any(Group(plan.task, plan.model) not in cases for plan in plans)
    return has_tests and bool(llmlab.settings.judges)


def _cases(items: Sequence[pytest.Item]) -> dict[Group, list[Case]]:
    cases: dict[Group, list[Case]] = {}
    for item in items:
        if (case := case_of(item)) is not None:
            cases.setdefault(group_of(item, case), []).append(case)
    return cases
