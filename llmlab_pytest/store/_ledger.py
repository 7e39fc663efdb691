"""What a ledger keeps: money that is spent, and money that is held for calls.

An account is a name with two sums, e.g. `run:R`, `day:2026-11-25` or one of those with
a model. A call is held on several accounts at once, at its worst case, and settled at
what it cost. All sums are whole nano-dollars: adding them is exact.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

_NANO = 1_000_000_000


def nano_usd(usd: float) -> int:
    """Return US dollars as whole nano-dollars, rounded up: never below the cost."""
    # 0.1 + 0.2 must not become a nano-dollar more: a tenth of one is noise.
    return math.ceil(round(usd * _NANO, 1))


def usd_of(nano: int) -> float:
    """Return nano-dollars as US dollars."""
    return nano / _NANO


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that is set aside for one call until it is settled."""

    id: str
    """Unique in the store."""
    accounts: tuple[str, ...]
    worst_nano_usd: int


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums of one account, nano-dollars."""

    spent_nano_usd: int = 0
    held_nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """Whether money could be held, and how the limited accounts stand."""

    refused_by: str | None
    """The account that has no room; `None`: it is held."""
    is_final: bool
    """Whether it has no room even when everything that is held is given back."""
    balances: Mapping[str, Balance]
    """By account, before the hold."""


class Ledger(Protocol):
    """Keeps accounts; `_sql_ledger.SqlLedger` documents each method."""

    def hold(self, holds: Sequence[Hold], limits: Mapping[str, int]) -> HoldAnswer:
        """Hold money for all of these calls, or for none."""
        ...

    def settle(self, hold_id: str, spent_nano_usd: int) -> None:
        """Put what a call cost in the place of what was held for it."""

    def spend(self, accounts: Sequence[str], spent_nano_usd: int) -> None:
        """Book a cost for which nothing was held."""

    def balance(self, account: str) -> Balance:
        """Return how an account stands."""
        ...
