"""How an error of ours is reported: by its message, which says what to do.

Its trace would be of our code. pytest draws one by reading the syntax tree of every
file in it, 0.1 s for each error, before anybody can say that it is not wanted: when a
provider is down, that is minutes for a few thousand samples.
"""

from collections.abc import Iterator

import pytest

from llmlab_pytest.core import LlmlabError


def leave_trace_out(call: pytest.CallInfo[None]) -> None:
    """Give pytest nothing to draw for an error of a sample's setup.

    What `--pdb` shows, the trace of the error itself, stays; those of its causes do
    not.
    """
    if not _is_ours(call) or call.excinfo is None:
        return
    call.excinfo.traceback = type(call.excinfo.traceback)(())
    for cause in _causes(call.excinfo.value):
        cause.__traceback__ = None


def show_message(call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Let the report be the message."""
    if _is_ours(call) and call.excinfo is not None and report.failed:
        error = call.excinfo.value
        report.longrepr = f"{type(error).__name__}: {error}"


def _is_ours(call: pytest.CallInfo[None]) -> bool:
    error = call.excinfo.value if call.excinfo else None
    return call.when == "setup" and isinstance(error, LlmlabError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
