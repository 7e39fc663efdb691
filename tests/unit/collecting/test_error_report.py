"""Errors of ours are reported by their message, and cost no drawing of a trace."""

from typing import Literal

import pytest

from llmlab_pytest.collecting._error_report import leave_trace_out
from llmlab_pytest.core import ProviderUnavailable


def fail() -> None:
    """Raise an error of ours that has a cause."""
    try:
        int("many")
    except ValueError as error:
        raise ProviderUnavailable("It is down.", fix="Wait.") from error


def failed(when: Literal["setup", "call"]) -> pytest.CallInfo[None]:
    """Return what pytest knows of a phase that failed so."""
    return pytest.CallInfo.from_call(fail, when=when)


def test_an_error_of_a_setup_has_no_source_to_draw() -> None:
    """Neither its own nor that of its cause; the exception keeps its trace for pdb."""
    call = failed("setup")
    assert call.excinfo is not None
    trace = call.excinfo.value.__traceback__
    leave_trace_out(call)
    drawn = str(call.excinfo.getrepr(style="long"))
    assert "It is down" in drawn
    assert "def fail" not in drawn
    assert 'int("many")' not in drawn
    assert call.excinfo.value.__traceback__ is trace


def test_an_error_of_a_test_keeps_its_trace() -> None:
    """There the lines are the user's own."""
    call = failed("call")
    assert call.excinfo is not None
    leave_trace_out(call)
    drawn = str(call.excinfo.getrepr(style="long"))
    assert "def fail" in drawn
    assert 'int("many")' in drawn
