"""Trouble that concerns a whole collection, reported as pytest reports such trouble."""

import pytest

from llmlab_pytest.core import LlmlabError, redact


def refuse(session: pytest.Session, error: LlmlabError, *, nodeid: str = "") -> None:
    """Report a collection error, which ends the run before its first test.

    Raising is no way: xdist has no answer to a worker that ends while it collects.

    Args:
        session: of this process; a worker's reports reach the controller.
        error: what is wrong.
        nodeid: of the file it is in, if it is in one.
    """
    report = pytest.CollectReport(
        nodeid=nodeid, outcome="failed", longrepr=redact(str(error)), result=None
    )
    session.config.hook.pytest_collectreport(report=report)
