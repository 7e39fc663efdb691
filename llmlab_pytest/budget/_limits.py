"""Limits as people write them, the accounts they stand for, and how those stand.

Every paid call is booked on six accounts: its run, day and month, each in all and for
its model. So a limit of a day can be set at noon and knows what the morning cost.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from llmlab_pytest.core import ConfigError, unknown_name
from llmlab_pytest.store import Balance, Ledger, usd_of

Period = Literal["run", "day", "month"]
_LIMIT = re.compile(
    r"(?:(?P<model>[^=\s]+)\s*=\s*)?(?P<usd>\d+(?:\.\d+)?|\.\d+)\s*usd"
    r"(?:\s*/\s*(?P<period>\w+))?",
    re.IGNORECASE,
)
_SHARE = re.compile(r"(?P<percent>\d+(?:\.\d+)?)\s*%")
_ALL_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that may be spent, by one model or all, in a run, a day or a month."""

    usd: float
    period: Period = "run"
    model: str | None = None
    """The alias; `None`: all models together."""

    def account(self, run_id: str, now: datetime) -> str:
        """Return the account that is limited."""
        period = _periods(run_id, now)[self.period]
        return period if self.model is None else _of_model(period, self.model)

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        model = "" if self.model is None else f"{self.model}="
        period = "" if self.period == "run" else f"/{self.period}"
        return f"{model}{self.usd:g}usd{period}"


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A limit and what has been spent of it."""

    limit: Limit
    balance: Balance

    @property
    def spent_usd(self) -> float:
        """What was spent, US dollars; of calls without an answer the worst case."""
        return usd_of(self.balance.spent_nano_usd)

    @property
    def spent_ratio(self) -> float:
        """The part of the limit that is spent; 1.0 for a limit of nothing."""
        return self.spent_usd / self.limit.usd if self.limit.usd else 1.0


def parse_limits(text: str, *, where: str) -> tuple[Limit, ...]:
    """Read limits: `5usd`, `MODEL=1usd`, `20usd/day`; separated by commas or lines.

    Raises:
        ConfigError: one of them cannot be read, or there are two for the same thing.
    """
    parts = [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
    limits = [_limit(part, where) for part in parts]
    seen: dict[tuple[str | None, str], Limit] = {}
    for limit in limits:
        first = seen.setdefault((limit.model, limit.period), limit)
        if first is not limit:
            raise ConfigError(
                f"{where} has two limits for the same: {first} and {limit}.",
                fix="Keep one of them.",
            )
    return tuple(limits)


def parse_share(text: str, *, where: str) -> float:
    """Read a percentage, e.g. `80%`, as a ratio.

    Raises:
        ConfigError: it is no percentage between 0 and 100.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None or float(match["percent"]) > _ALL_PERCENT:
        raise ConfigError(
            f"{where} is {text!r}.", allowed="It takes a percentage, as 80%."
        )
    return float(match["percent"]) / _ALL_PERCENT


def check_models(
    limits: Sequence[Limit], aliases: Sequence[str], *, where: str
) -> None:
    """Raise `ConfigError` for a limit of a model that this run does not ask."""
    for limit in limits:
        if limit.model is not None and limit.model not in aliases:
            raise unknown_name(
                "model of this run", limit.model, list(aliases), where=where
            )


def accounts_of(run_id: str, model: str, now: datetime) -> tuple[str, ...]:
    """Return every account that a call of a model is booked on."""
    periods = _periods(run_id, now).values()
    return (*periods, *(_of_model(period, model) for period in periods))


def account_of_test(run_id: str, name: str) -> str:
    """Return the account of what a test, or several together, spend in a run."""
    return f"test:{run_id}:{name}"


def standings(
    ledger: Ledger, limits: Sequence[Limit], run_id: str
) -> tuple[BudgetStanding, ...]:
    """Return how each limit stands now.

    Raises:
        StoreError: the store cannot be read.
    """
    now = datetime.now(UTC)
    return tuple(
        BudgetStanding(limit, ledger.balance(limit.account(run_id, now)))
        for limit in limits
    )


def _limit(text: str, where: str) -> Limit:
    match = _LIMIT.fullmatch(text)
    periods: dict[str, Period] = {name: name for name in get_args(Period)}
    period = periods.get((match["period"] or "run").lower()) if match else None
    if match is None or period is None:
        raise ConfigError(
            f"The budget {text!r} in {where} cannot be read.",
            allowed="A budget is AMOUNTusd or MODEL=AMOUNTusd, and may end in /day or "
            "/month; without it holds for the run.",
            fix="For example: 5usd, gpt-4o-mini=1usd, 20usd/month",
        )
    return Limit(float(match["usd"]), period, match["model"])


def _periods(run_id: str, now: datetime) -> dict[str, str]:
    """Return the account of each period; days and months are those of UTC."""
    day = now.astimezone(UTC).date().isoformat()
    return {"run": f"run:{run_id}", "day": f"day:{day}", "month": f"month:{day[:7]}"}


def _of_model(account: str, model: str) -> str:
    return f"{account}|{model}"
