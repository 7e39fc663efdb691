"""The purse around real calls of the engine, with a store of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.budget import LedgerPurse, parse_limits, standings
from llmlab_pytest.core import (
    BudgetExceeded,
    Completion,
    ConfigError,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    ModelSpec,
    ProviderTimeout,
    RateLimited,
)
from llmlab_pytest.engine import Call, Engine
from llmlab_pytest.store import Store, open_store
from llmlab_pytest.testing import FailingModel, ScriptedModel

PAID = ModelSpec(
    alias="paid",
    provider="scripted",
    id="x",
    capabilities=frozenset({"completion"}),
    input_usd_per_million_tokens=1000.0,
    output_usd_per_million_tokens=1000.0,
)
FREE = replace(
    PAID,
    alias="free",
    input_usd_per_million_tokens=None,
    output_usd_per_million_tokens=None,
)
WORST_USD = (2 + 32 + 6) * 1000 / 1e6
"""Two bytes, room for one turn, six tokens."""
COST_USD = (1 + 2) * 1000 / 1e6
"""One word asked, two answered."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file."""
    opened = open_store(str(tmp_path / "store.db"))
    yield opened
    opened.close()


@pytest.fixture
def bench(store: Store) -> Iterator[Callable[..., Any]]:
    """Make an engine that pays from a purse; limits as they are written."""
    open_engines = []

    def make(limits: str, model: Any = None, **options: Any) -> Any:
        purse = LedgerPurse(
            store.ledger,
            run_id="r",
            limits=parse_limits(limits, where="the test"),
            **options,
        )
        engine = Engine(
            lambda spec: model or ScriptedModel(fallback=lambda _: "a b", spec=spec),
            purse=purse,
        )
        open_engines.append(engine)
        return engine, purse

    yield make
    for engine in open_engines:
        engine.close()


def call(key: str = "k", spec: ModelSpec = PAID, **config: Any) -> Call:
    settings = GenerateConfig(**{"max_tokens": 6, **config})
    return Call(key=key, spec=spec, build=lambda: GenerateRequest("Hi", settings))


def spent_usd(store: Store, limit: str = "9usd") -> tuple[float, float]:
    (standing,) = standings(store.ledger, parse_limits(limit, where="x"), "r")
    return standing.spent_usd, standing.balance.held_nano_usd / 1e9


def test_answered_call_costs_what_it_cost(
    bench: Callable[..., Any], store: Store
) -> None:
    """The worst case is given back when the answer is there."""
    engine, _ = bench("1usd")
    assert engine.run(call()).cost_usd == pytest.approx(COST_USD)
    for limit in ("9usd", "9usd/day", "9usd/month", "paid=9usd", "paid=9usd/day"):
        assert spent_usd(store, limit) == (pytest.approx(COST_USD), 0)
    assert spent_usd(store, "free=9usd") == (0, 0)


def test_calls_end_where_the_worst_case_does_not_fit(
    bench: Callable[..., Any], store: Store
) -> None:
    """What is left is told; further calls are refused without a look at the price."""
    limit_usd = WORST_USD + COST_USD
    engine, _ = bench(f"{limit_usd}usd")
    answered = [engine.run(call(f"k{n}")) for n in range(2)]
    with pytest.raises(BudgetExceeded, match=r"0\.0060 usd are spent") as caught:
        engine.run(call("k2"))
    assert len(answered) == 2
    assert "0.0400 usd" in str(caught.value)
    with pytest.raises(BudgetExceeded):
        engine.run(call("k3", max_tokens=1))
    assert spent_usd(store) == (pytest.approx(2 * COST_USD), 0)


def test_limit_of_a_model_leaves_others_alone(bench: Callable[..., Any]) -> None:
    """The other model goes on, and one that is free needs no budget at all."""
    engine, _ = bench("paid=0.001usd,1usd")
    other = replace(PAID, alias="other")
    with pytest.raises(BudgetExceeded, match=r"paid=0\.001usd"):
        engine.run(call())
    assert engine.run(call("o", other)).text == "a b"
    engine, _ = bench("0usd")
    assert engine.run(call("f", FREE)).text == "a b"


def test_calls_wait_while_others_hold_the_rest(
    bench: Callable[..., Any], store: Store
) -> None:
    """Room for one worst case: eight calls at once are answered one after another."""
    limit_usd = WORST_USD + 7 * COST_USD
    slow = ScriptedModel(fallback=lambda _: "a b", latency_s=0.01, spec=PAID)
    engine, _ = bench(f"{limit_usd}usd", slow)
    futures = [engine.submit(call(f"k{n}")) for n in range(8)]
    assert [future.result(timeout=30).text for future in futures] == ["a b"] * 8
    assert spent_usd(store) == (pytest.approx(8 * COST_USD), 0)


@pytest.mark.parametrize(
    ("error", "cost_usd"),
    [(RateLimited("later"), 0.0), (ProviderTimeout("nothing came"), WORST_USD)],
    ids=["rejected", "perhaps-billed"],
)
def test_failed_call_counts_if_it_may_be_billed(
    bench: Callable[..., Any], store: Store, error: LlmlabError, cost_usd: float
) -> None:
    """A rejected request is free; one that timed out may have been computed."""
    engine, _ = bench("1usd", FailingModel(error, spec=PAID))
    with pytest.raises(type(error)):
        engine.run(call())
    assert spent_usd(store) == (pytest.approx(cost_usd), 0)


class _TriesAgain(ScriptedModel):
    """Loses its first attempt after it may have been billed, as over a bad line."""

    async def run_retrying(
        self, requests: Any, pay_again: Callable[[], Any]
    ) -> list[Completion]:
        await pay_again()
        return await self.run(requests)


def test_a_lost_attempt_that_may_be_billed_counts_too(
    bench: Callable[..., Any], store: Store
) -> None:
    """Its worst case stays spent, beside what the answer cost."""
    engine, _ = bench("1usd", _TriesAgain(["a b"], spec=PAID))
    assert engine.run(call()).text == "a b"
    assert spent_usd(store) == (pytest.approx(WORST_USD + COST_USD), 0)


def test_no_second_attempt_that_could_pass_the_limit(
    bench: Callable[..., Any], store: Store
) -> None:
    """Room for one and a half: the first may be billed, so the second is not sent."""
    model = _TriesAgain(["a b"], spec=PAID)
    engine, _ = bench(f"{1.5 * WORST_USD}usd", model)
    with pytest.raises(BudgetExceeded):
        engine.run(call())
    assert model.requests == []
    assert spent_usd(store) == (pytest.approx(WORST_USD), 0)


class _SaysNoUsage(ScriptedModel):
    """Answers as servers do that report no usage."""

    async def run(self, requests: Any) -> list[Completion]:
        return [replace(c, cost_usd=None) for c in await super().run(requests)]


def test_answer_of_unknown_cost_counts_as_the_worst_case(
    bench: Callable[..., Any], store: Store
) -> None:
    """Unknown is never nothing."""
    engine, _ = bench("1usd", _SaysNoUsage(["Yes"], spec=PAID))
    assert engine.run(call()).text == "Yes"
    assert spent_usd(store) == (pytest.approx(WORST_USD), 0)


def test_call_of_unknown_price_is_refused_with_a_budget_only(
    bench: Callable[..., Any], store: Store
) -> None:
    """The message says where a price is written; without a budget nothing changes."""
    stranger = replace(FREE, provider="theirs")
    engine, _ = bench("1usd")
    with pytest.raises(ConfigError, match="input_usd_per_million_tokens"):
        engine.run(call(spec=stranger))
    engine, _ = bench("")
    assert engine.run(call(spec=stranger)).text == "a b"
    assert engine.run(call("p")).text == "a b"
    assert spent_usd(store) == (pytest.approx(COST_USD), 0)


def test_stopped_call_counts_as_the_worst_case(
    bench: Callable[..., Any], store: Store
) -> None:
    """It was on its way when the run ended: the vendor may bill it."""
    slow = ScriptedModel(["Yes"], latency_s=60.0, spec=PAID)
    engine, purse = bench("1usd", slow)
    future = engine.submit(call())
    while not spent_usd(store)[1]:
        assert not future.done()
    engine.close()
    purse.close()
    assert spent_usd(store) == (pytest.approx(WORST_USD), 0)


def test_alert_comes_once(
    bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """From the agreed part of a budget on, before it is spent."""
    engine, _ = bench("0.1usd", alert_ratio=0.05)
    for number in range(5):
        engine.run(call(f"k{number}"))
    alerts = [r.getMessage() for r in caplog.records if "0.1usd" in r.getMessage()]
    assert alerts == ["of the budget 0.1usd 0.0060 usd are spent"]
