"""The purse of one process: holds the worst case in the ledger, settles the cost."""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from llmlab_pytest.budget._limits import Limit, account_of_test, accounts_of
from llmlab_pytest.core import (
    AllowanceExceeded,
    BudgetExceeded,
    Completion,
    LlmlabError,
    Model,
)
from llmlab_pytest.engine import Allowance, Call
from llmlab_pytest.providers import worst_cost_usd
from llmlab_pytest.store import Balance, Hold, HoldAnswer, Ledger, nano_usd, usd_of

_LOG = logging.getLogger(__name__)
_WAIT_S = 0.1
"""Between two looks whether another call has given back what it held."""

_Bound = Limit | Allowance


class LedgerPurse:
    """Lets calls be made while every limit that concerns them has room.

    Without limits it holds nothing and only books what calls cost: a limit of a day
    that is set later must know of them. A model that costs nothing is never refused.

    Args:
        ledger: shared by all processes of all runs of this store.
        run_id: the run.
        limits: what may be spent.
        alert_ratio: the part of a limit from which on a warning is logged, once.
        way_on: what to do when a limit is spent; `{place}` is where it is set.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        run_id: str,
        limits: Sequence[Limit] = (),
        alert_ratio: float = 1.0,
        way_on: str = "Finish the run with --llmlab-resume and a larger {place}.",
    ) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._limits = tuple(limits)
        self._alert_ratio = alert_ratio
        self._way_on = way_on
        self._holds: dict[str, Hold] = {}
        self._spent: dict[_Bound, BudgetExceeded] = {}
        self._alerted: set[Limit] = set()

    async def hold(self, model: Model, calls: Sequence[Call]) -> None:
        """Hold the worst case of each call; waits while others hold what is left.

        Raises:
            BudgetExceeded: the calls do not fit into what is left, or an earlier one
                of the same limit did not: a run that is out of money ends.
            AllowanceExceeded: likewise, of what the test that asks may spend.
            ConfigError: what a call can cost at most is not known.
            StoreError: the store cannot be written.
        """
        alias = model.spec.alias
        limits: list[_Bound] = [
            lim for lim in self._limits if lim.model in (None, alias)
        ]
        limits += {one for call in calls if (one := call.asker.allowance) is not None}
        if not limits:
            return
        worst = self._worst_cases(model, calls)
        if not worst:
            return
        for limit in limits:
            if limit in self._spent:
                raise self._spent[limit]
        while True:
            now = datetime.now(UTC)  # both sides of one booking are of one day
            by_account = {self._account(limit, now): limit for limit in limits}
            holds = {
                call.key: Hold(
                    secrets.token_hex(16), self._accounts(call, now), worst[call.key]
                )
                for call in calls
                if call.key in worst
            }
            answer = self._ledger.hold(
                list(holds.values()),
                {name: nano_usd(limit.usd) for name, limit in by_account.items()},
            )
            self._alert(answer.balances, by_account)
            if answer.refused_by is None:
                self._holds |= holds
                return
            if answer.is_final:
                raise self._refusal(by_account[answer.refused_by], answer, holds)
            await asyncio.sleep(_WAIT_S)

    async def hold_again(self, model: Model, calls: Sequence[Call]) -> None:
        """Book an attempt that failed at its worst case, and hold that of another.

        Raises what `hold` raises.
        """
        for call in calls:
            hold = self._holds.pop(call.key, None)
            if hold is not None:
                self._ledger.settle(hold.id, hold.worst_nano_usd)
        await self.hold(model, calls)

    def settle(self, call: Call, completion: Completion) -> None:
        """Book what an answered call cost; an unknown cost counts as the worst case.

        Raises:
            StoreError: the store cannot be written.
        """
        hold = self._holds.pop(call.key, None)
        cost_usd = completion.cost_usd
        if hold is not None:
            known = hold.worst_nano_usd if cost_usd is None else nano_usd(cost_usd)
            self._ledger.settle(hold.id, known)
        elif cost_usd:
            accounts = accounts_of(self._run_id, call.spec.alias, datetime.now(UTC))
            self._ledger.spend(accounts, nano_usd(cost_usd))

    def fail(self, call: Call, error: LlmlabError) -> None:
        """Book a call that failed: its worst case, if it may be billed.

        Raises:
            StoreError: the store cannot be written.
        """
        hold = self._holds.pop(call.key, None)
        if hold is not None:
            is_billed = error.may_be_billed
            self._ledger.settle(hold.id, hold.worst_nano_usd if is_billed else 0)

    def close(self) -> None:
        """Book calls that were stopped on their way, at their worst case.

        Raises:
            StoreError: the store cannot be written.
        """
        while self._holds:
            _, hold = self._holds.popitem()
            self._ledger.settle(hold.id, hold.worst_nano_usd)

    def _worst_cases(self, model: Model, calls: Sequence[Call]) -> dict[str, int]:
        """Return nano-dollars of each call that may cost something and is not held.

        It is held already if its batch failed and the engine asks one by one.
        """
        worst = {
            call.key: nano_usd(worst_cost_usd(model, call.request))
            for call in calls
            if call.key not in self._holds
        }
        return {key: nano for key, nano in worst.items() if nano}

    def _account(self, limit: _Bound, now: datetime) -> str:
        if isinstance(limit, Allowance):
            return account_of_test(self._run_id, limit.name)
        return limit.account(self._run_id, now)

    def _accounts(self, call: Call, now: datetime) -> tuple[str, ...]:
        accounts = accounts_of(self._run_id, call.spec.alias, now)
        allowance = call.asker.allowance
        if allowance is None:
            return accounts
        return (*accounts, self._account(allowance, now))

    def _refusal(
        self, limit: _Bound, answer: HoldAnswer, holds: Mapping[str, Hold]
    ) -> BudgetExceeded | AllowanceExceeded:
        spent_usd = usd_of(answer.balances[answer.refused_by or ""].spent_nano_usd)
        needed_usd = usd_of(sum(hold.worst_nano_usd for hold in holds.values()))
        seen = (
            f"Of the budget {_named(limit)} {spent_usd:.4f} usd are spent, and the "
            f"next call may cost {needed_usd:.4f} usd."
        )
        if isinstance(limit, Allowance) and not limit.is_shared:
            return AllowanceExceeded(
                seen,
                fix="Ask for less in this test (fewer calls, a smaller "
                "max_tokens), or give it more: @pytest.mark.llm_budget(usd=...)",
            )
        place = "usd in the mark" if isinstance(limit, Allowance) else "--llmlab-budget"
        error = BudgetExceeded(seen, fix=self._way_on.format(place=place))
        if len(holds) == 1:  # of a batch, one call alone may still fit
            self._spent[limit] = error
        return error

    def _alert(
        self, balances: Mapping[str, Balance], by_account: Mapping[str, _Bound]
    ) -> None:
        for name, limit in by_account.items():
            if isinstance(limit, Allowance):
                continue
            spent_usd = usd_of(balances[name].spent_nano_usd)
            if spent_usd < self._alert_ratio * limit.usd or limit in self._alerted:
                continue
            self._alerted.add(limit)
            _LOG.warning("of the budget %s %.4f usd are spent", limit, spent_usd)


def _named(limit: _Bound) -> str:
    if not isinstance(limit, Allowance):
        return str(limit)
    return f"{limit.usd:g}usd of {limit.name}{' together' if limit.is_shared else ''}"
