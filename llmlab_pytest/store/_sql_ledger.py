"""The ledger in the store's database: one transaction decides and holds.

SQLite takes the write lock when a transaction begins, PostgreSQL an advisory lock of
ours: of all workers, processes and machines one at a time reads the sums, compares
them with the limits and adds to them. So spent plus held never passes a limit, unless
a call costs more than its worst case; then what it cost is booked all the same.

A process that dies leaves its holds. They are never given back, since nobody knows
whether its calls were billed: whoever finds one turns it into money spent, at the worst
case, which leaves the sum as it is. If its owner was only slow, it settles later and
the difference is returned. This is why a hold may safely be taken for abandoned.
"""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._database import Database
from llmlab_pytest.store._ledger import Balance, Hold, HoldAnswer
from llmlab_pytest.store._prepared import insert_of

_LOCK = 0x6C6564676572
"""Any number that nobody else locks: "ledger" in ASCII."""
LEASE_S = 1800.0
"""A hold of another machine, where no process can be looked at, is taken for abandoned
after this: eight attempts of two minutes with their waits take less."""
_DEAD = ("Z", "X")
"""States of a process that was killed and not yet waited for."""


class SqlLedger:
    """Accounts and holds. Safe for several threads, processes and machines at a time.

    Every method is one transaction and raises `StoreError` when the database cannot
    do it; what a method wrote is durable when it returns.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = insert_of(database.dialect)

    def hold(self, holds: Sequence[Hold], limits: Mapping[str, int]) -> HoldAnswer:
        """Hold money for all of these calls, or for none.

        Args:
            holds: one per call.
            limits: nano-dollars that spent and held may reach, by account.
        """
        needs = _sums(holds)
        with self._transaction() as connection:
            answer = _decide(connection, needs, limits)
            if answer.refused_by is not None and not answer.is_final:
                self._charge_abandoned(connection)
                answer = _decide(connection, needs, limits)
            if answer.refused_by is None and holds:
                connection.execute(insert(schema.holds), [_hold_row(h) for h in holds])
                self._book(
                    connection, {name: (0, need) for name, need in needs.items()}
                )
        return answer

    def settle(self, hold_id: str, spent_nano_usd: int) -> None:
        """Put what a call cost in the place of what was held for it.

        Settling a second time does nothing.
        """
        table = schema.holds
        with self._transaction() as connection:
            found = connection.execute(select(table).where(table.c.hold_id == hold_id))
            row = found.mappings().first()
            if row is None:
                return
            worst = row["worst_nano_usd"]
            is_charged = bool(row["is_charged"])
            spent = spent_nano_usd - (worst if is_charged else 0)
            held = 0 if is_charged else -worst
            accounts = json.loads(row["accounts"])
            self._book(connection, dict.fromkeys(accounts, (spent, held)))
            connection.execute(delete(table).where(table.c.hold_id == hold_id))

    def spend(self, accounts: Sequence[str], spent_nano_usd: int) -> None:
        """Book a cost for which nothing was held."""
        with self._transaction() as connection:
            self._book(connection, dict.fromkeys(accounts, (spent_nano_usd, 0)))

    def balance(self, account: str) -> Balance:
        """Return how an account stands; one that was never used stands at 0."""
        with self._database.reading() as connection:
            return _balances(connection, [account])[account]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def _book(
        self, connection: Connection, changes: Mapping[str, tuple[int, int]]
    ) -> None:
        """Add (spent, held) to each account."""
        table = schema.accounts
        for name, (spent, held) in sorted(changes.items()):
            row = {"account": name, "spent_nano_usd": spent, "held_nano_usd": held}
            statement = self._insert(table).values(row)
            added = {
                column: table.c[column] + statement.excluded[column]
                for column in ("spent_nano_usd", "held_nano_usd")
            }
            connection.execute(
                statement.on_conflict_do_update(index_elements=["account"], set_=added)
            )

    def _charge_abandoned(self, connection: Connection) -> None:
        """Turn the holds of processes that are gone into money spent."""
        table = schema.holds
        rows = connection.execute(select(table).where(table.c.is_charged == 0))
        for row in rows.mappings().all():
            if not _is_abandoned(row["owner"], row["held_at_s"]):
                continue
            worst = row["worst_nano_usd"]
            accounts = json.loads(row["accounts"])
            self._book(connection, dict.fromkeys(accounts, (worst, -worst)))
            charged = update(table).where(table.c.hold_id == row["hold_id"])
            connection.execute(charged.values(is_charged=1))


def _decide(
    connection: Connection, needs: Mapping[str, int], limits: Mapping[str, int]
) -> HoldAnswer:
    """Compare needs with what the limits leave; a final refusal comes first."""
    balances = _balances(connection, limits)
    refused_by = None
    for name, limit in limits.items():
        balance, need = balances[name], needs.get(name, 0)
        if balance.spent_nano_usd + need > limit:
            return HoldAnswer(name, is_final=True, balances=balances)
        if balance.spent_nano_usd + balance.held_nano_usd + need > limit:
            refused_by = refused_by or name
    return HoldAnswer(refused_by, is_final=False, balances=balances)


def _balances(connection: Connection, names: Iterable[str]) -> dict[str, Balance]:
    table = schema.accounts
    wanted = list(names)
    rows = connection.execute(select(table).where(table.c.account.in_(wanted)))
    found = {
        row["account"]: Balance(row["spent_nano_usd"], row["held_nano_usd"])
        for row in rows.mappings()
    }
    return {name: found.get(name, Balance()) for name in wanted}


def _sums(holds: Sequence[Hold]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for hold in holds:
        for name in hold.accounts:
            sums[name] = sums.get(name, 0) + hold.worst_nano_usd
    return sums


def _hold_row(hold: Hold) -> dict[str, Any]:
    return {
        "hold_id": hold.id,
        "accounts": json.dumps(hold.accounts),
        "worst_nano_usd": hold.worst_nano_usd,
        "is_charged": 0,
        "owner": json.dumps(_owner(os.getpid())),
        "held_at_s": time.time(),
    }


@cache
def _owner(pid: int) -> tuple[str, int, str | None]:
    """Return host, process id and start of a process: ids are used again."""
    return socket.gethostname(), pid, _started(pid)


def _is_abandoned(owner: str, held_at_s: float) -> bool:
    """Whether the process that holds money is gone, as far as can be seen from here."""
    host, pid, started = json.loads(owner)
    if host == socket.gethostname() and started is not None:
        return bool(_started(pid) != started)
    return time.time() - held_at_s > LEASE_S


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; `None` if it is gone.

    Also `None` where there is no /proc: there the lease decides.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program stands in parentheses and may hold anything.
    fields = text.rpartition(")")[2].split()
    state, start = fields[0], fields[19]
    return None if state in _DEAD else start
