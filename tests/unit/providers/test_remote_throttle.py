"""How much is sent to one server at once, on a clock of the tests'."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from llmlab_pytest.core import (
    AuthError,
    ContextOverflow,
    LlmlabError,
    ProviderDown,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from llmlab_pytest.providers._remote_retry import Failed
from llmlab_pytest.providers._remote_room import OwnTime
from llmlab_pytest.providers._remote_server import Breaker
from llmlab_pytest.providers._remote_throttle import Rate, Throttle

T = TypeVar("T")
TOO_MANY = RateLimited("Slow down.")


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def run(main: Callable[[], Awaitable[T]]) -> T:
    return asyncio.run(main())  # type: ignore[arg-type] # an async function


async def answer(throttle: Throttle, clock: Clock, *, latency_s: float = 1.0) -> None:
    """Fill every place in flight, then let all of them be answered."""
    await _round(throttle, clock, latency_s=latency_s, failed=None)


async def fail(throttle: Throttle, clock: Clock, failed: Failed) -> None:
    """Fill every place in flight, then let all of them fail."""
    await _round(throttle, clock, latency_s=0.1, failed=failed)


async def _round(
    throttle: Throttle, clock: Clock, *, latency_s: float, failed: Failed | None
) -> None:
    count = int(throttle.limit)
    gate = asyncio.Event()

    async def one() -> None:
        try:
            async with throttle.turn(1):
                await gate.wait()
                if failed is not None:
                    raise failed
        except Failed:
            pass

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    for _ in range(count):  # each begins, and waits at the gate
        await asyncio.sleep(0)
    clock.now += latency_s
    gate.set()
    await asyncio.gather(*tasks)


def test_it_begins_moderate_and_doubles_with_each_round() -> None:
    """From 16 to the most in as many rounds as that takes, and no further."""

    async def main() -> list[float]:
        clock = Clock()
        throttle = Throttle(100, clock=clock)
        limits = [throttle.limit]
        for _ in range(4):
            await answer(throttle, clock)
            limits.append(throttle.limit)
        return limits

    limits = run(main)
    assert (limits[0], limits[-1]) == (16, 100)
    assert limits == sorted(limits)
    assert limits[2] >= 2 * limits[0]


def test_a_small_limit_is_kept_from_the_start() -> None:
    """A model that may have two calls in flight never has three."""
    assert Throttle(2).limit == 2


def test_failures_of_one_round_halve_once() -> None:
    """Sixteen refusals of requests that were sent together say one thing."""

    async def main() -> float:
        clock = Clock()
        throttle = Throttle(64, clock=clock)
        await fail(throttle, clock, Failed(TOO_MANY, None))
        return throttle.limit

    assert run(main) == 8


def test_after_a_refusal_growth_is_slow() -> None:
    """By one per round, as long as nothing is refused."""

    async def main() -> list[float]:
        clock = Clock()
        throttle = Throttle(64, clock=clock)
        await fail(throttle, clock, Failed(TOO_MANY, None))
        await answer(throttle, clock)
        first = throttle.limit
        await answer(throttle, clock)
        return [first, throttle.limit]

    first, second = run(main)
    assert 8 < first < second <= 10.1


@pytest.mark.parametrize("error", [AuthError("No."), ProviderError("Bad request.")])
def test_an_error_of_one_request_is_no_overload(error: LlmlabError) -> None:
    """A wrong key or a bad request says nothing of the server's pace."""

    async def main() -> float:
        clock = Clock()
        throttle = Throttle(64, clock=clock)
        await fail(throttle, clock, Failed(error, None))
        return throttle.limit

    assert run(main) == 16


def test_growth_stops_while_answers_take_long() -> None:
    """A server that answers four times as slowly is given no more."""

    async def main() -> list[float]:
        clock = Clock()
        throttle = Throttle(1000, clock=clock)
        await answer(throttle, clock, latency_s=1)
        before = throttle.limit
        for _ in range(4):
            await answer(throttle, clock, latency_s=8)
        return [before, throttle.limit]

    before, after = run(main)
    assert after < 2 * before


def test_retry_after_holds_up_everybody() -> None:
    """What one request was told, all requests to the server keep to."""

    async def main() -> tuple[bool, bool]:
        clock = Clock()
        throttle = Throttle(4, clock=clock)
        with pytest.raises(Failed):
            async with throttle.turn(1):
                raise Failed(TOO_MANY, 0.05)
        entered = asyncio.Event()

        async def other() -> None:
            async with throttle.turn(1):
                entered.set()

        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        early = entered.is_set()
        clock.now += 0.05
        await asyncio.wait_for(task, 5)
        return early, entered.is_set()

    assert run(main) == (False, True)


@pytest.mark.parametrize(("pause_s", "waits"), [(0.05, True), (3600.0, False)])
def test_an_answer_that_used_up_a_limit_holds_up_everybody(
    pause_s: float, waits: bool
) -> None:
    """Until it is full again; but for hours nobody waits, and the vendor says no."""

    async def main() -> bool:
        throttle = Throttle(4, clock=Clock())
        async with throttle.turn(1) as turn:
            turn.pause_s = pause_s
        task = asyncio.create_task(throttle.turn(1).__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        is_waiting = not task.done()
        task.cancel()
        return is_waiting

    assert run(main) is waits


def test_a_cancelled_request_gives_its_place_back() -> None:
    """Nothing leaks, whether it waited, was just let in, or was in flight."""

    async def main() -> int:
        throttle = Throttle(1)

        async def one() -> None:
            async with throttle.turn(1):
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # waits
        await asyncio.sleep(0)
        tasks[0].cancel()  # in flight; the third is let in
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with throttle.turn(1):
            return throttle.in_flight

    assert run(main) == 1


def test_requests_per_minute_are_spread() -> None:
    """Sixty a minute is one a second, after the first second's worth."""
    rate = Rate(60, OwnTime(0.0))
    waits = []
    for _ in range(4):
        waits.append(rate.wait_s(now=10.0))
        rate.take(1, now=10.0)
    assert waits == [0.0, 0.0, 1.0, 2.0]
    assert rate.wait_s(now=13.0) == 0.0


def test_tokens_that_were_not_used_are_given_back() -> None:
    """A guess is corrected when the answer says what it used."""

    async def main() -> list[float]:
        clock = Clock()
        throttle = Throttle(8, tokens_per_minute=6000, clock=clock)
        tokens = Rate(6000, throttle._room.tokens_due)  # a hundred a second
        async with throttle.turn(500) as turn:
            guessed = tokens.wait_s(now=clock.now)
            turn.used_tokens = 150
        return [guessed, tokens.wait_s(now=clock.now)]

    assert run(main) == [4.0, 0.5]


def test_a_server_that_answers_nothing_is_left_alone() -> None:
    """After ten calls without an answer no more are sent; the message says all."""
    breaker = Breaker(clock=Clock())
    for _ in range(9):
        breaker.failed(ProviderUnavailable("503: Overloaded.", fix="Try later."))
    breaker.check("http://here/v1")
    breaker.failed(ProviderUnavailable("503: Overloaded.", fix="Try later."))
    with pytest.raises(ProviderDown) as caught:
        breaker.check("http://here/v1")
    assert str(caught.value) == (
        "http://here/v1 answered none of the last 10 calls; no more are made for "
        "now. The last said: 503: Overloaded. Try later. Then finish the run with "
        "--llmlab-resume."
    )


def test_a_refusal_of_one_request_is_an_answer() -> None:
    """A prompt that is too long says that somebody is there."""
    breaker = Breaker(clock=Clock())
    for _ in range(9):
        breaker.failed(ProviderUnavailable("503."))
    breaker.failed(ContextOverflow("Too long."))
    breaker.failed(ProviderUnavailable("503."))
    breaker.check("s")


def test_a_pause_that_nobody_waits_for_holds_up_nobody() -> None:
    """Asked to wait for an hour, all give up at once instead of waiting in line."""

    async def main() -> int:
        clock = Clock()
        throttle = Throttle(4, clock=clock)
        with pytest.raises(Failed):
            async with throttle.turn(1):
                raise Failed(TOO_MANY, 3600)
        async with asyncio.timeout(5), throttle.turn(1):
            return throttle.in_flight

    assert run(main) == 1


def test_one_answer_makes_a_server_well_again() -> None:
    """Failures count only in a row."""
    breaker = Breaker(clock=Clock())
    for _ in range(3):
        for _ in range(9):
            breaker.failed(ProviderUnavailable("503."))
        breaker.answered()
    breaker.check("s")


def test_a_server_that_is_down_is_tried_again_after_a_while() -> None:
    """One call in half a minute; when it is answered, all go through."""
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(10):
        breaker.failed(ProviderUnavailable("503."))
    clock.now += 31
    breaker.check("s")
    with pytest.raises(ProviderDown):
        breaker.check("s")
    breaker.answered()
    breaker.check("s")
