"""Property tests: functions under hypothesis' `@given` that take the fixture `llm`.

Follows hypothesis 6.140 to 6.170: a plugin may replace `inner_test` of a test's handle,
as pytest-asyncio does, and hypothesis' own pytest plugin sets the same two attributes
for tests with `parametrize` that are set here for tests of several models. What is left
out: state machines, which have no such handle.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from llmlab_pytest.core import ConfigError, LlmlabError, load
from llmlab_pytest.session import CallsSpent, LlmlabSession, PropertyCalls

E = TypeVar("E", bound=BaseException)
CALLS_MARK = "llm_calls"
MOST_CALLS = 500
"""Different requests of a property test without the mark: hypothesis' 100 inputs, and
what shrinking one that fails may take."""
_CODE_DEADLINE = timedelta(milliseconds=200)
"""What hypothesis allows one input, if nobody says anything else."""
_PARENT_SETTINGS = "_hypothesis_internal_use_settings"
_DATABASE_KEY = "_hypothesis_internal_add_digest"
_untraced_key = pytest.StashKey[bool]()


class CallsSpentWarning(UserWarning):
    """A property was tested on fewer inputs than hypothesis would have tried."""


class _Trouble(BaseException):
    """Carries an error past hypothesis, which would try to find a shorter prompt.

    What is no `Exception` goes through hypothesis at once, as an interrupt does.
    """

    def __init__(self, error: LlmlabError) -> None:
        super().__init__()
        self.error = error


class _Inputs:
    """Counts the inputs that a property was tested on to the end.

    As a context it is one of them.
    """

    def __init__(self) -> None:
        self.tested = 0

    def wrap(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Return a test that ends early, as one that holds, when the calls are spent.

        To hypothesis, an input that was not tested is one that does not fail: so it
        neither looks there for a shorter prompt nor calls its own generator too picky.
        """
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def run_async(*args: Any, **keywords: Any) -> Any:
                __tracebackhide__ = True
                with self:
                    return await test(*args, **keywords)

            return run_async

        @functools.wraps(test)
        def run(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            with self:
                return test(*args, **keywords)

        return run

    def __enter__(self) -> None:
        """Begin an input."""

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> bool:
        """End an input; one that was not tested to its end holds.

        Raises:
            _Trouble: a call failed.
        """
        __tracebackhide__ = True
        if error is not None and _within(error, CallsSpent):
            return True
        if error is not None and (trouble := _within(error, LlmlabError)):
            raise _Trouble(trouble) from error
        self.tested += 1
        return False


@contextmanager
def property_of(item: pytest.Function, llmlab: LlmlabSession) -> Iterator[None]:
    """Let a test run as a property, if it is one: with calls that are counted and kept.

    Raises:
        ConfigError: no input could be tested.
        LlmlabError: a call failed; hypothesis does not look for shorter prompts then.
    """
    __tracebackhide__ = True
    if not is_property(item):
        yield
        return
    limit = calls_limit(item)
    calls = llmlab.property_calls = PropertyCalls(
        MOST_CALLS if limit is None else limit
    )
    inputs = _Inputs()
    try:
        with _SpentNote(calls, inputs), _prepared(item, inputs):
            yield
    except _Trouble as trouble:
        raise trouble.error from trouble.error.__cause__
    finally:
        llmlab.property_calls = None
    if calls.is_spent:
        _tell_spent(item, calls, inputs)


class _SpentNote:
    """Adds to a failure that its prompt may not be the shortest."""

    def __init__(self, calls: PropertyCalls, inputs: _Inputs) -> None:
        self._calls = calls
        self._inputs = inputs

    def __enter__(self) -> None:
        """Begin the test."""

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        """End the test."""
        __tracebackhide__ = True
        if error is not None and self._calls.is_spent:
            then = "A shorter prompt may fail, too."
            error.add_note(_told(self._calls, self._inputs, then))


def show_untested(item: pytest.Item, report: pytest.TestReport, error: object) -> None:
    """Show the message only of a property that could not be tested."""
    if report.when == "call" and item.stash.get(_untraced_key, False):
        report.longrepr = f"{type(error).__name__}: {error}"


def is_property(item: pytest.Item) -> bool:
    """Tell whether an item is a function under `@given` that takes `llm`."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    has_llm = "llm" in getattr(item, "fixturenames", ())
    return has_llm and hasattr(handle, "inner_test")


def calls_limit(item: pytest.Item) -> int | None:
    """Return how many different requests the closest mark lets a test make.

    Raises:
        ConfigError: the mark has anything but one whole number above 0, or the test is
            no property.
    """
    mark = item.get_closest_marker(CALLS_MARK)
    if mark is None:
        return None
    if not is_property(item):
        if mark not in item.own_markers:  # that of a class or file is for others
            return None
        raise ConfigError(
            f"{item.nodeid} (@{CALLS_MARK}) is no property test.",
            allowed="The mark is for tests with hypothesis' @given that take llm.",
        )
    limit = mark.args[0] if len(mark.args) == 1 and not mark.kwargs else None
    if type(limit) is not int or limit < 1:
        raise ConfigError(
            f"{item.nodeid} (@{CALLS_MARK}) has {mark.kwargs or mark.args!r}.",
            allowed="It takes the most calls, a whole number above 0.",
            fix=f"For example: @pytest.mark.{CALLS_MARK}(200)",
        )
    return limit


@contextmanager
def _prepared(item: pytest.Function, inputs: _Inputs) -> Iterator[None]:
    __tracebackhide__ = True
    function: Any = getattr(item.obj, "__func__", item.obj)
    handle = item.obj.hypothesis
    with pytest.MonkeyPatch.context() as patch:
        wrapped = inputs.wrap(handle.inner_test)
        # What fails on one model says nothing of another.
        setattr(wrapped, _DATABASE_KEY, item.nodeid.encode())
        patch.setattr(handle, "inner_test", wrapped)
        patch.setattr(function, _PARENT_SETTINGS, _settings(function))
        yield


def _settings(function: Any) -> Any:
    """Return a test's settings, changed where models would make hypothesis err.

    A deadline that is hypothesis' own default is meant for code; models take longer.
    One that the test or the profile chose stays. A method of a class runs on another
    object for each model, which is not another test.
    """
    settings = load("hypothesis:settings")
    health = load("hypothesis:HealthCheck")
    given = getattr(function, _PARENT_SETTINGS)
    return settings(
        parent=given,
        deadline=None if given.deadline == _CODE_DEADLINE else given.deadline,
        suppress_health_check={
            health.differing_executors,
            *given.suppress_health_check,
        },
    )


def _within(error: BaseException, kind: type[E]) -> E | None:
    """Return an error of a kind, also out of the group of a task group."""
    if isinstance(error, BaseExceptionGroup):
        found = (_within(each, kind) for each in error.exceptions)
        return next(filter(None, found), None)
    return error if isinstance(error, kind) else None


def _tell_spent(item: pytest.Item, calls: PropertyCalls, inputs: _Inputs) -> None:
    if not inputs.tested:
        item.stash[_untraced_key] = True
        raise ConfigError(
            f"{item.nodeid} could test no input to its end: one makes more than "
            f"{calls.limit} calls.",
            fix=f"Raise the number of @pytest.mark.{CALLS_MARK}.",
        )
    told = _told(calls, inputs, f"@pytest.mark.{CALLS_MARK} takes another number.")
    warnings.warn(CallsSpentWarning(f"{item.nodeid}: {told}"), stacklevel=1)


def _told(calls: PropertyCalls, inputs: _Inputs, then: str) -> str:
    noun = "input was" if inputs.tested == 1 else "inputs were"
    return (
        f"All {calls.limit} calls of the test are spent; {inputs.tested} {noun} "
        f"tested. {then}"
    )
