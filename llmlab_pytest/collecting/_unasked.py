"""Items whose models were not asked: the budget is spent, or a provider is down."""

from collections.abc import Sequence

import pytest

from llmlab_pytest.budget import BudgetStanding
from llmlab_pytest.collecting._outcomes import OUTCOME
from llmlab_pytest.core import BudgetExceeded, ProviderDown
from llmlab_pytest.session import LlmlabSession

BUDGET_SPENT = 10
"""Exit code of a run that its budget ended; pytest's own are 0 to 5."""
_BUDGET = "budget"
_DOWN = "provider down"


def skip_unasked(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Turn the failure of an item whose model was not asked into a skip.

    A thousand times the same error would hide the one that says why.
    """
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, BudgetExceeded):
        why = _BUDGET
    elif isinstance(error, ProviderDown):
        why = _DOWN
    else:
        return
    path, line, _ = item.location
    report.outcome = "skipped"
    report.longrepr = (path, (line or 0) + 1, f"Skipped: {why}: {error.seen}")
    item.user_properties.append((OUTCOME, why))


def skipped_for_budget(config: pytest.Config) -> int:
    """Count the items of all workers that were skipped for lack of money."""
    return _skipped(config, _BUDGET)


def skipped_while_down(config: pytest.Config) -> int:
    """Count the items of all workers whose provider was down."""
    return _skipped(config, _DOWN)


def _skipped(config: pytest.Config, why: str) -> int:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    stats: dict[str, Sequence[object]] = getattr(terminal, "stats", {})
    return sum(
        (OUTCOME, why) in map(tuple, getattr(report, "user_properties", ()))
        for report in stats.get("skipped", ())
    )


def show_down(terminal: pytest.TerminalReporter, llmlab: LlmlabSession) -> None:
    """Print how many items were not asked because a provider is down."""
    if left := skipped_while_down(llmlab.config):
        noun = "item was" if left == 1 else "items were"
        terminal.write_line(
            f"PROVIDER DOWN  {left} {noun} not asked. To finish them, repeat your "
            f"command with --llmlab-resume={llmlab.run_id}.",
            red=True,
        )


def show_budget(terminal: pytest.TerminalReporter, llmlab: LlmlabSession) -> None:
    """Print what is spent of each limit, and how to go on if one is used up.

    Raises:
        StoreError: the store cannot be read.
    """
    alert_ratio = llmlab.settings.budget_alert_ratio
    for standing in llmlab.budget_standings():
        is_alert = standing.spent_ratio >= alert_ratio
        terminal.write_line(_line(standing, is_alert=is_alert), yellow=is_alert)
    if left := skipped_for_budget(llmlab.config):
        noun = "item is" if left == 1 else "items are"
        terminal.write_line(
            f"BUDGET SPENT  {left} {noun} left. To finish them, repeat your command "
            f"with --llmlab-resume={llmlab.run_id} and a larger budget.",
            red=True,
        )


def _line(standing: BudgetStanding, *, is_alert: bool) -> str:
    mark = "  ALERT" if is_alert else ""
    return (
        f"budget {standing.limit}: ${standing.spent_usd:.4f} spent "
        f"({standing.spent_ratio:.0%}){mark}"
    )
