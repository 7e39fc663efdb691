"""The hooks of a run that uses llmlab; registered when the first use is collected.

A foreign suite never loads this module: the entry-point plugin only watches for a
mark, a fixture or a card, and then calls `activate`.
"""

from collections.abc import Generator
from contextlib import suppress

import pytest

from llmlab_pytest.collecting._allure import finish_allure
from llmlab_pytest.collecting._annotations import show_annotations
from llmlab_pytest.collecting._cassettes import (
    show_cassettes,
    used_cassettes,
)
from llmlab_pytest.collecting._covers_mark import refuse_wrong_covers
from llmlab_pytest.collecting._error_report import leave_trace_out, show_message
from llmlab_pytest.collecting._estimate import (
    estimate_ahead,
    estimate_all,
    estimate_only,
    may_judge,
)
from llmlab_pytest.collecting._garbage import GarbagePause
from llmlab_pytest.collecting._gate_item import GateItem, run_gates
from llmlab_pytest.collecting._groups import case_of
from llmlab_pytest.collecting._junit import finish_junit, make_printable
from llmlab_pytest.collecting._limit_marks import (
    allowance_of,
    check_item_limits,
    show_limits,
)
from llmlab_pytest.collecting._live_line import show_live_line
from llmlab_pytest.collecting._outcomes import (
    OUTCOME,
    case_key,
    finish_case,
    is_behaviour,
    record_trouble,
)
from llmlab_pytest.collecting._plans import add_gates, cases_of_items, plans_of
from llmlab_pytest.collecting._progress import show_progress, speaks_for_all
from llmlab_pytest.collecting._properties import property_of, show_untested
from llmlab_pytest.collecting._refuse import refuse
from llmlab_pytest.collecting._report_command import show_report
from llmlab_pytest.collecting._sequential import SequentialPlugin
from llmlab_pytest.collecting._unasked import (
    BUDGET_SPENT,
    show_budget,
    show_down,
    skip_unasked,
    skipped_for_budget,
    skipped_while_down,
)
from llmlab_pytest.collecting._work import WorkReporter
from llmlab_pytest.core import LlmlabError, StoreError, TaskPlan
from llmlab_pytest.session import (
    LlmlabSession,
    check_baseline,
    is_worker,
    session_of,
    warn_of_exposed_secrets,
)

_NAME = "llmlab-run"


def activate(
    config: pytest.Config, *, refusal: type[Exception] = pytest.UsageError
) -> LlmlabSession:
    """Make this a run that uses llmlab; does nothing the second time.

    Args:
        config: of the run.
        refusal: what to raise if an option is wrong; pytest shows another class
            without a trace while it collects than otherwise.
    """
    manager = config.pluginmanager
    if not manager.has_plugin(_NAME):
        try:
            llmlab = session_of(config)
            _ = llmlab.run_id  # checks --llmlab-resume before anything is collected
            llmlab.check_names()
            check_baseline(llmlab.settings, llmlab.run_id)
            # The controller of xdist collects nothing and runs gates only.
            is_controller = manager.has_plugin("dsession")
            if speaks_for_all(config) and not is_controller:
                warn_of_exposed_secrets(llmlab)
            pause = None if is_controller else GarbagePause(config)
            line = None
            if not (is_controller or is_worker(config)):
                line = show_live_line(config)
            llmlab.show_news = show_progress(config, above=line).show
            manager.register(RunPlugin(llmlab, pause), _NAME)
            if llmlab.settings.is_sequential:
                manager.register(SequentialPlugin(llmlab), f"{_NAME}-sequential")
        except LlmlabError as error:
            raise refusal(str(error)) from error
    return session_of(config)


class RunPlugin:
    """Plans after collection, looks ahead, records outcomes, shows the report."""

    def __init__(self, llmlab: LlmlabSession, pause: GarbagePause | None) -> None:
        self._llmlab = llmlab
        self._pause = pause
        self._config = llmlab.config
        self._session: pytest.Session | None = None
        self._work: WorkReporter | None = None
        self._estimate: str | None = None
        self._is_collected = False
        self._seen: set[pytest.Item] = set()
        """Items of this worker whose calls were planned."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Add the gates before `-k` and others select."""
        refuse_wrong_covers(session, items)
        add_gates(session, items)
        result = yield
        self._is_collected = True
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Store the plan of the selected items and start asking ahead.

        Raises:
            pytest.UsageError: the store cannot be used.
        """
        if self._pause is not None:
            self._pause.end()
        if self._config.option.collectonly or not self._will_run(session):
            return
        plans = plans_of(session.items, self._llmlab)
        if (only := estimate_only(self._config)) is not None:
            found = estimate_all(session.items, plans, self._llmlab)
            judge = may_judge(session.items, plans, self._llmlab)
            only.keep(found, tests_judge=judge)
            return
        self._keep_plans(session, plans)
        if self._config.getoption("verbose", 0) >= 0:  # else nobody would see it
            self._work = WorkReporter(
                session.items, self._llmlab, tells_plan=speaks_for_all(self._config)
            )
        if is_worker(self._config):
            session.items[:] = [i for i in session.items if not isinstance(i, GateItem)]
        else:
            self._llmlab.look_ahead(cases_of_items(session.items))

    def _keep_plans(self, session: pytest.Session, plans: list[TaskPlan]) -> None:
        try:
            self._llmlab.plan_groups(plans)
            if speaks_for_all(self._config):
                self._estimate = estimate_ahead(session.items, plans, self._llmlab)
        except StoreError as error:
            if not is_worker(self._config):
                raise pytest.UsageError(str(error)) from error
            session.items.clear()
            refuse(session, error)

    def pytest_report_collectionfinish(self) -> list[str]:
        """Show what the run is expected to take, before anything is asked."""
        return [] if self._estimate is None else [self._estimate]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        """Know which item the calls belong to; under xdist, what comes next."""
        self._llmlab.item = item
        self._llmlab.allowance = allowance_of(item) if is_behaviour(item) else None
        if is_worker(self._config):
            self._llmlab.look_ahead(cases_of_items(self._newly_upcoming(item)))
        try:
            return (yield)
        finally:
            self._llmlab.item = None
            if (case := case_of(item)) is not None and case_key not in item.stash:
                self._llmlab.discard(case)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, object, object]:
        """Judge what answers took; a failed assertion of a task test is a miss."""
        __tracebackhide__ = True
        if case_key not in pyfuncitem.stash:
            with property_of(pyfuncitem, self._llmlab):
                result = yield
            check_item_limits(pyfuncitem)
            return result
        failure = None
        try:
            yield
            check_item_limits(pyfuncitem)
        except AssertionError as error:
            failure = error
        finish_case(pyfuncitem, failure=failure)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record errors of samples and the ends of behaviour tests."""
        leave_trace_out(call)
        report = yield
        skip_unasked(item, call, report)
        try:
            record_trouble(item, call, report)
        except StoreError as lost:
            # A full disk, say: asking on would pay for answers that are lost.
            report.outcome = "failed"
            report.longrepr = f"StoreError: {lost}"
            item.user_properties.append((OUTCOME, "error"))
            item.session.shouldstop = f"llmlab cannot keep results: {lost}"
        if call.excinfo:
            show_limits(item, report, call.excinfo.value)
            show_untested(item, report, call.excinfo.value)
        show_message(call, report)
        make_printable(report)
        report.user_properties = [*item.user_properties]
        if self._work is not None:
            self._work.note(item, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int | pytest.ExitCode
    ) -> None:
        """Stop asking; tell the controller that there is something to report."""
        self._session = session
        self._llmlab.stop()
        with suppress(StoreError):  # the summary reads the same store and says it
            self._llmlab.keep_facts()
        if is_worker(self._config):
            told = {"llmlab_used": True, **used_cassettes(self._llmlab)}
            self._config.workeroutput.update(told)  # type: ignore[attr-defined] # xdist's channel to the controller
        elif not self._asks_nothing:
            with suppress(LlmlabError):  # likewise
                finish_junit(self._llmlab)
            cut = session.shouldstop or session.shouldfail
            is_whole = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            if cut or not is_whole:
                return
            if skipped_for_budget(self._config):
                session.exitstatus = BUDGET_SPENT
            elif skipped_while_down(self._config):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            else:
                self._finish(session)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print the final table and write the files that are asked for."""
        if is_worker(self._config) or self._asks_nothing:
            return
        try:
            report = self._llmlab.report()
        except StoreError as error:
            terminalreporter.section("llmlab")
            terminalreporter.write_line(f"StoreError: {error}", red=True)
            return
        finish_allure(self._config, report)
        outputs = self._llmlab.write_outputs(report)
        for trouble in outputs.troubles:
            terminalreporter.write_line(trouble, red=True)
        if outputs.troubles and self._session is not None:
            # A run whose report cannot be written is no success.
            self._session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if any(each.is_short for each in report.coverage) and self._session is not None:
            self._session.exitstatus = (
                self._session.exitstatus or pytest.ExitCode.TESTS_FAILED
            )
        if not report.rows:
            return
        self._config.hook.pytest_llmlab_run_finished(config=self._config, report=report)
        show_annotations(terminalreporter, self._llmlab, report)
        if self._config.getoption("no_summary", default=False):
            return
        show_report(terminalreporter, report, outputs)
        show_budget(terminalreporter, self._llmlab)
        show_down(terminalreporter, self._llmlab)
        show_cassettes(terminalreporter, self._llmlab)

    @property
    def _asks_nothing(self) -> bool:
        return self._llmlab.settings.estimate or self._config.option.collectonly

    def _will_run(self, session: pytest.Session) -> bool:
        """Whether tests follow: not so after a wrong `-k` or a collection error."""
        if is_worker(self._config):  # xdist runs what could be collected
            return self._is_collected
        options = self._config.option
        is_stopped = session.testsfailed and not options.continue_on_collection_errors
        return self._is_collected and not is_stopped

    def _finish(self, session: pytest.Session) -> None:
        try:
            self._llmlab.finish()
        except StoreError:  # the summary reads the same store and says it
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.INTERRUPTED

    def pytest_unconfigure(self) -> None:
        """Release models, threads and the store."""
        with suppress(StoreError):  # results that it does not take: the summary said it
            self._llmlab.close()

    def _newly_upcoming(self, item: pytest.Item) -> list[pytest.Item]:
        """Return what xdist has sent to this worker since the last item, in order.

        xdist has no public view of a worker's queue; without one, look-ahead in
        workers covers the current item only.
        """
        queue = None
        for plugin in self._config.pluginmanager.get_plugins():
            queue = getattr(plugin, "torun", None) or queue
        if queue is None:
            return [item]
        with queue.lock() as locked:
            indices = [index for index in locked if isinstance(index, int)]
        items = item.session.items
        following = [items[index] for index in indices if index < len(items)]
        new = [one for one in (item, *following) if one not in self._seen]
        self._seen.update(new)
        return new


def finish_controller(session: pytest.Session) -> None:
    """Run the gates after all workers are done."""
    llmlab = activate(session.config)
    try:
        run_gates(session, llmlab)
    except StoreError as error:
        if not session.testsfailed:  # else a worker has said it
            refuse(session, error)
