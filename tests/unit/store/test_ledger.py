"""Money in the store: held, settled, never more than the limit, whoever is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from llmlab_pytest.store import (
    Balance,
    Exchange,
    Hold,
    Store,
    nano_usd,
    open_store,
    usd_of,
)
from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._sql_ledger import LEASE_S

RUN = ("run:r",)
LIMIT = {"run:r": 100}
SPENDER = """
import json, random, sys, time
from llmlab_pytest.store import Hold, open_store

url, name, seed, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
store = open_store(url)
print("ready", flush=True)
number = 0
while True:
    number += 1
    worst = rng.randint(1, limit // 20)
    hold = Hold(f"{name}-{number}", ("run:r", f"run:r|{name}"), worst)
    answer = store.ledger.hold([hold], {"run:r": limit})
    seen = answer.balances["run:r"]
    assert seen.spent_nano_usd + seen.held_nano_usd <= limit, seen
    if answer.is_final:
        break
    if answer.refused_by is None:
        time.sleep(rng.random() / 500)  # the call
        store.ledger.settle(hold.id, rng.randint(0, worst))
store.close()
print("ended", number, flush=True)
"""


def hold(name: str, worst: int, *accounts: str) -> Hold:
    return Hold(name, accounts or RUN, worst)


def balance(store: Store, account: str = "run:r") -> tuple[int, int]:
    found = store.ledger.balance(account)
    return found.spent_nano_usd, found.held_nano_usd


@pytest.mark.parametrize(
    ("usd", "nano"),
    [(0.0, 0), (1.0, 10**9), (0.1 + 0.2, 300_000_000), (2.5e-9, 3), (1e-12, 0)],
    ids=["nothing", "dollar", "binary-noise", "rounded-up", "noise"],
)
def test_dollars_become_whole_nano_dollars(usd: float, nano: int) -> None:
    """Rounded up, so that a thousand small costs are never booked as nothing."""
    assert nano_usd(usd) == nano
    assert usd_of(nano) == pytest.approx(usd, abs=1e-9)


def test_call_is_held_then_settled_at_its_cost(store: Store) -> None:
    """On every account of the call; settling again changes nothing."""
    both = hold("a", 60, "run:r", "day:d")
    assert store.ledger.hold([both], LIMIT).refused_by is None
    assert (balance(store), balance(store, "day:d")) == ((0, 60), (0, 60))
    for _ in range(2):
        store.ledger.settle("a", 25)
    assert (balance(store), balance(store, "day:d")) == ((25, 0), (25, 0))
    assert store.ledger.balance("never:used") == Balance()


def test_hold_that_only_others_block_is_not_refused_for_good(store: Store) -> None:
    """What is held may come back: waiting makes sense, until too much is spent."""
    store.ledger.hold([hold("a", 60)], LIMIT)
    answer = store.ledger.hold([hold("b", 60)], LIMIT)
    assert (answer.refused_by, answer.is_final) == ("run:r", False)
    store.ledger.settle("a", 50)
    answer = store.ledger.hold([hold("b", 60)], LIMIT)
    assert (answer.refused_by, answer.is_final) == ("run:r", True)
    assert answer.balances == {"run:r": Balance(50, 0)}
    assert store.ledger.hold([hold("c", 50)], LIMIT).refused_by is None


def test_holds_of_a_batch_are_all_or_none(store: Store) -> None:
    """A batch that does not fit leaves no trace on any account."""
    batch = [hold("a", 60), hold("b", 60)]
    assert store.ledger.hold(batch, LIMIT).refused_by == "run:r"
    assert balance(store) == (0, 0)
    assert store.ledger.hold(batch, {"run:r": 120}).refused_by is None
    assert balance(store) == (0, 120)


def test_cost_without_a_hold_counts(store: Store) -> None:
    """What was spent before anyone set a limit is known to it."""
    store.ledger.spend(("run:r", "day:d"), 70)
    assert store.ledger.hold([hold("a", 31)], LIMIT).is_final
    assert store.ledger.hold([hold("b", 30)], LIMIT).refused_by is None


def test_cost_above_the_worst_case_is_booked_as_it_is(store: Store) -> None:
    """A vendor that bills more than was possible is not hidden."""
    store.ledger.hold([hold("a", 60)], LIMIT)
    store.ledger.settle("a", 130)
    assert balance(store) == (130, 0)


def _let_go_by(store: Any, **values: Any) -> None:
    with store._database.writing() as connection:
        connection.execute(update(schema.holds).values(**values))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_hold_of_a_process_that_is_gone_is_spent(store: Store, where: str) -> None:
    """Its call may have been billed: the room does not come back, the waiting ends."""
    import socket

    store.ledger.hold([hold("a", 60)], LIMIT)
    host = socket.gethostname() if where == "here" else "another"
    gone = json.dumps([host, 2**22 + 1, "1"])
    _let_go_by(store, owner=gone, held_at_s=time.time() - LEASE_S - 1)
    assert store.ledger.hold([hold("b", 60)], LIMIT).is_final
    assert balance(store) == (60, 0)
    store.ledger.settle("a", 10)  # it was only slow
    assert balance(store) == (10, 0)


def test_hold_of_a_machine_that_may_be_slow_is_kept(store: Store) -> None:
    """Within the lease nobody can tell, so it stays held."""
    store.ledger.hold([hold("a", 60)], LIMIT)
    _let_go_by(store, owner=json.dumps(["another", 1, "1"]))
    assert not store.ledger.hold([hold("b", 60)], LIMIT).is_final
    assert balance(store) == (0, 60)


def _spender(url: str, number: int, seed: int, limit: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SPENDER, url, f"p{number}", str(seed), str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_processes_that_are_killed_never_overspend(
    store_url: str, seed: int, store: Store
) -> None:
    """Four processes hold and settle, two die by kill -9: the limit holds throughout.

    Each of them asserts it at every answer, and so does a fifth that only looks. At the
    end the accounts of the processes add up to that of the run, to the nano-dollar.
    """
    limit, rng = 200_000, random.Random(seed)
    spenders = [_spender(store_url, n, seed * 10 + n, limit) for n in range(4)]
    for process in spenders:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    deaths = {0: rng.uniform(0.0, 0.2), 1: rng.uniform(0.0, 0.4)}
    started = time.monotonic()
    seen = []
    while any(process.poll() is None for process in spenders):
        for number, after_s in deaths.items():
            is_due = time.monotonic() - started > after_s
            if is_due and spenders[number].poll() is None:
                os.kill(spenders[number].pid, signal.SIGKILL)
        seen.append(sum(balance(store)))
        assert time.monotonic() - started < 120
    ends = [process.communicate() for process in spenders]
    assert max(seen) <= limit
    assert [spenders[n].returncode for n in (2, 3)] == [0, 0], ends
    spent, held = balance(store)
    parts = [balance(store, f"run:r|p{number}") for number in range(4)]
    assert (spent, held) == tuple(map(sum, zip(*parts, strict=True)))
    # The survivors went on until no call of theirs fitted: nothing waits for the dead.
    assert limit - limit // 20 < spent + held <= limit


def test_older_store_gets_a_ledger(
    store: Store, store_url: str, completion: Callable[..., Any]
) -> None:
    """A store of before has accounts that stand at 0, and loses nothing."""
    store.record_completions("r", {"k": Exchange("t", "m", {}, completion())})
    with store._database.writing() as connection:  # type: ignore[attr-defined]
        schema.metadata.drop_all(connection, tables=[schema.accounts, schema.holds])
        connection.execute(update(schema.versions).values(version=3))
    store.close()
    again = open_store(store_url)
    assert balance(again) == (0, 0)
    assert again.completion("r", "k") == completion()
    again.close()
