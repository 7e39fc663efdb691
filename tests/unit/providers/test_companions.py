"""Workers that share a server: places, pauses and limits, in files as under xdist."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.providers._remote_retry import Failed
from llmlab_pytest.providers._remote_room import Alone, Row, room_of
from llmlab_pytest.providers._remote_throttle import Rate, Throttle

if os.name != "posix":
    pytest.skip("the locks are those of Unix", allow_module_level=True)

from llmlab_pytest.core import RateLimited
from llmlab_pytest.providers._companions import Companions

Join: TypeAlias = Any

ELSEWHERE = """
import sys, time
from pathlib import Path
from llmlab_pytest.providers._companions import Companions

one = Companions(Path(sys.argv[1]), most=4)
one.note(in_flight=3, waiting=1)
print("joined", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for the table whose path is short enough, gone after the test."""
    with tempfile.TemporaryDirectory() as parent:
        yield Path(parent, "shared")


@pytest.fixture
def join(folder: Path) -> Iterator[Join]:
    """Let one more worker join."""
    joined = []

    def one(most: int = 4) -> Companions:
        joined.append(Companions(folder, most=most))
        return joined[-1]

    yield one
    for companions in joined:
        companions.close()
    assert not folder.exists()


def takes(one: Companions, *, in_flight: int, waiting: int = 9) -> int:
    """Return how many places a worker has after it has taken all it can."""
    while one.take(in_flight=in_flight, waiting=waiting, now=1.0):
        in_flight, waiting = in_flight + 1, waiting - 1
        if not waiting:
            break
    return in_flight


def test_what_nobody_else_wants_is_free(join: Join) -> None:
    """One worker that is alone, or whose companions rest, may have all places."""
    one, other = join(), join()
    assert takes(one, in_flight=0) == 4
    one.note(in_flight=1, waiting=0)
    assert takes(other, in_flight=0) == 3


def test_each_has_its_part_where_others_wait(join: Join) -> None:
    """Who has more than that gets nothing until it has given back."""
    one, other = join(), join()
    assert takes(one, in_flight=0) == 4
    assert takes(other, in_flight=0) == 0
    assert takes(one, in_flight=3) == 3
    assert takes(other, in_flight=0) == 1
    assert takes(one, in_flight=2) == 2
    assert takes(other, in_flight=1) == 2


def test_what_a_killed_worker_had_is_free(join: Join, folder: Path) -> None:
    """Its row is seen to have no owner as soon as somebody needs the place."""
    one = join()
    killed = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(folder)], stdout=subprocess.PIPE
    )
    with killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        assert takes(one, in_flight=0) == 1
        killed.send_signal(signal.SIGKILL)
    assert takes(one, in_flight=1) == 4


def test_a_limit_per_minute_is_one_for_all(join: Join) -> None:
    """What one takes, the other waits for."""
    rates = [Rate(60, join().requests_due) for _ in range(2)]
    rates[0].take(1, now=10.0)
    rates[1].take(1, now=10.0)
    assert [rate.wait_s(now=10.0) for rate in rates] == [1.0, 1.0]


def test_a_server_that_had_too_much_slows_all(join: Join) -> None:
    """A 429 of one worker halves what all may send, and all keep its pause."""
    now = [100.0]
    throttles = [Throttle(16, room=join(16), clock=lambda: now[0]) for _ in range(2)]

    async def main() -> list[float]:
        with pytest.raises(Failed):
            async with throttles[0].turn(1):
                raise Failed(RateLimited("Slow down."), 5.0)
        waiting = asyncio.create_task(throttles[1]._enter(1))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        now[0] += 6.0
        throttles[1]._wake()
        await waiting
        return [throttle.limit for throttle in throttles]

    assert asyncio.run(main()) == [8.0, 8.0]


def test_one_place_goes_round(join: Join) -> None:
    """With room for a single request, two busy workers take turns."""

    async def main() -> list[int]:
        order: list[int] = []

        async def work(number: int, throttle: Throttle) -> None:
            for _ in range(4):
                async with throttle.turn(1):
                    order.append(number)
                    await asyncio.sleep(0.002)

        throttles = [Throttle(1, room=join(1)) for _ in range(2)]
        workers = [work(n, t) for n, t in enumerate(throttles) for _ in range(2)]
        await asyncio.gather(*workers)
        return order

    order = asyncio.run(main())
    assert sorted(order) == [0] * 8 + [1] * 8
    alone = [len(list(group)) for _, group in groupby(order)]
    assert max(alone) <= 4


@settings(max_examples=100, deadline=None)
@given(
    most=st.integers(1, 12),
    todo=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    chance=st.randoms(use_true_random=False),
)
def test_all_get_in_and_never_too_many(
    most: int, todo: list[int], chance: random.Random
) -> None:
    """Whoever looks when: the sum keeps to the limit, and all work is done."""
    rows = [Row(0, count, 0.0) for count in todo]
    for step in range(1, 100 * (sum(todo) + 1)):
        number = chance.randrange(len(rows))
        mine = rows[number]
        others = [row for at, row in enumerate(rows) if at != number]
        if mine.in_flight and chance.random() < 0.5:  # an answer
            mine = mine._replace(in_flight=mine.in_flight - 1)
        if mine.waiting and room_of(mine, others, most=most) > mine.in_flight:
            mine = Row(mine.in_flight + 1, mine.waiting - 1, 0.0)
        elif mine.waiting and not mine.since:
            mine = mine._replace(since=float(step))
        rows[number] = mine
        assert sum(row.in_flight for row in rows) <= most
        if not any(row.waiting for row in rows):
            return
    pytest.fail(f"still waiting: {rows}")


def test_alone_all_places_are_free() -> None:
    """Without xdist there is nobody to share with."""
    assert Alone().take(in_flight=6, waiting=100, now=0.0)
