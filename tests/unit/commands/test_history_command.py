"""`llmlab history` and `llmlab reprice`: costs and scores of past runs."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmlab_pytest.commands import main
from llmlab_pytest.core import (
    Completion,
    Original,
    Price,
    Sample,
    SampleResult,
    Score,
    TaskPlan,
    Usage,
)
from llmlab_pytest.stats import mcnemar
from llmlab_pytest.store import Exchange, Store, open_store

USAGE = Usage(input_tokens=1_000_000, output_tokens=100_000)
OLD = Price(
    source="litellm 1",
    read_on="2026-03-01",
    usd_per_million_tokens={"input_cost_per_token": 1, "output_cost_per_token": 10},
)
NEW = Price(
    source="litellm 2",
    read_on="2026-06-01",
    usd_per_million_tokens={
        "input_cost_per_token": 0.5,
        "output_cost_per_token": 5,
        "input_cost_per_token_flex": 0.25,
        "output_cost_per_token_flex": 2.5,
    },
)
GOOD = [1.0] * 38 + [0.0] * 2
BAD = [1.0] * 28 + [0.0] * 12


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The default store of an empty project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMLAB_BUDGET", raising=False)
    (tmp_path / ".llmlab").mkdir()
    opened = open_store(".llmlab/llmlab.db")
    yield opened
    opened.close()


def answer(
    cost_usd: float | None, price: Price | None = None, **fields: object
) -> Completion:
    given = {"text": '"original":{', "model": "m", "usage": USAGE} | fields
    return Completion(cost_usd=cost_usd, price=price, **given)


def keep(
    store: Store,
    run_id: str,
    day: str,
    calls: dict[tuple[str, str], Sequence[Completion]],
    *,
    values: Sequence[float] = (1.0, 0.0),
) -> None:
    """Keep a finished run with calls by owner and model."""
    at = f"{day}T10:00:00.000+00:00"
    ids = {m: json.dumps({"provider": "litellm", "id": f"v/{m}"}) for _, m in calls}
    factors = {f"model:{m}": told for m, told in ids.items()}
    store.start_run(run_id, started_at=at, factors=factors)
    store.finish_run(run_id, finished_at=at)
    for (owner, model), completions in calls.items():
        exchanges = {
            f"{owner} {model} {n}": Exchange(owner, model, {"kind": "generate"}, c)
            for n, c in enumerate(completions)
        }
        store.record_completions(run_id, exchanges)
        if model != "judge":
            keep_results(store, run_id, owner, model, values)


def keep_results(
    store: Store, run_id: str, owner: str, model: str, values: Sequence[float]
) -> None:
    task = owner.removesuffix(".py")
    factors = {
        "base": f"evals/{owner}::x[",
        "prompt_hash": "0123456789abcdef",
        "definition": json.dumps({"prompt": "Say {{ it }}"}),
    }
    n = len(values)
    plan = TaskPlan(task=task, model=model, planned=n, available=n, factors=factors)
    store.plan_task(run_id, plan)
    for number, value in enumerate(values):
        result = SampleResult(
            task=task,
            model=model,
            sample_id=f"s{number}",
            scores=(Score(scorer="exact", value=value),),
        )
        sample = Sample(id=result.sample_id, input="q", metadata={"q": number})
        store.record_result(run_id, result, sample=sample)


@pytest.fixture
def three_runs(store: Store) -> Store:
    """Two on one day, one in another week; a judge, a cache, and an unknown price."""
    kept = answer(0.0, original=Original(source="cache", cost_usd=2.0))
    keep(store, "r1", "2026-03-02", {("quiz", "big"): [answer(2.0, OLD)] * 2})
    keep(
        store,
        "r2",
        "2026-03-02",
        {
            ("quiz", "big"): [answer(2.0, OLD), kept],
            ("quiz", "judge"): [answer(0.5), answer(None)],
        },
    )
    keep(store, "r3", "2026-06-05", {("test_a.py", "small"): [answer(1.0, NEW)]})
    return store


def told(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> list[str]:
    assert main(["history", *arguments]) == code
    return capsys.readouterr().out.splitlines()


def test_days_add_up_and_unknown_prices_are_counted_apart(
    three_runs: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that looks like the mark of a kept answer is none."""
    lines = told(capsys)
    assert lines[0].split() == [
        *("day", "runs", "samples", "calls", "kept", "input", "output", "cost")
    ]
    assert lines[1].split() == [
        *("2026-03-02", "2", "4", "6", "1", "6,000,000", "600,000"),
        *("$6.50", "+", "1", "x", "?", "█" * 20),
    ]
    assert lines[2].split()[:8] == [
        *("2026-06-05", "1", "2", "1", "0", "1,000,000", "100,000", "$1.00")
    ]
    assert lines[2].split()[8] == "███" + "▏"
    assert lines[3] == "in all $7.50, and 1 calls whose price nobody knows"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("week", ["2026-W10", "2026-W23"]),
        ("month", ["2026-03", "2026-06"]),
        ("run", ["r1", "r2", "r3"]),
        ("model", ["big", "small", "judge"]),
        ("task", ["quiz", "test_a"]),
        ("file", ["evals/quiz", "evals/test_a.py", "(judges, or no task)"]),
        ("prompt", ["01234567 Say {{ it }}", "(judges, or no task)"]),
    ],
)
def test_lines_are_made_by(
    three_runs: Store,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    names: list[str],
) -> None:
    """In time, or the dearest first; every kind adds up to the same."""
    (text,) = told(capsys, "--by", kind, "--json")
    lines = json.loads(text)["lines"]
    assert [line["name"] for line in lines] == names
    assert sum(line["cost_usd"] for line in lines) == 7.5
    assert sum(line["unpriced_calls"] for line in lines) == 1
    assert sum(line["samples"] for line in lines) == 6


def test_what_counts_can_be_chosen(
    three_runs: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """By first day, model and task; nothing chosen is said."""
    assert [line.split(",")[0] for line in told(capsys, "--csv")] == [
        *("day", "2026-03-02", "2026-06-05")
    ]
    rows = list(csv.DictReader(told(capsys, "--csv", "--since", "2026-03-03")))
    assert [row["day"] for row in rows] == ["2026-06-05"]
    rows = list(csv.DictReader(told(capsys, "--csv", "--model=judge", "--task=quiz")))
    assert [(row["calls"], row["cost_usd"]) for row in rows] == [("2", "0.5")]
    assert told(capsys, "--task=none") == ["no run, or none that is chosen"]
    assert main(["history", "--since", "monday"]) == 2
    assert "--since is 'monday'." in capsys.readouterr().err


def test_budget_of_today_says_what_is_left_and_alerts(
    three_runs: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the ledger that the budget itself uses; exit code 1 from a share on."""
    today = datetime.now(UTC).date().isoformat()
    three_runs.ledger.spend([f"day:{today}", f"day:{today}|big"], 8_000_000_000)
    budget = "--budget=10usd/day,big=8usd/day,5usd"
    lines = told(capsys, budget)
    assert lines[-2:] == [
        "budget 10usd/day: $8.00 spent (80%), $2.00 left",
        "budget big=8usd/day: $8.00 spent (100%), $0 left",
    ]
    told(capsys, "--budget=10usd/day", "--alert=81%")
    told(capsys, "--budget=10usd/day", "--alert=80%", code=1)
    monkeypatch.setenv("LLMLAB_BUDGET", "10usd/day")
    (text,) = told(capsys, "--json", "--alert=80%", code=1)
    assert json.loads(text)["budgets"] == [
        {"limit": "10usd/day", "limit_usd": 10, "spent_usd": 8, "left_usd": 2}
    ]


def test_scores_say_which_run_changed(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Corrected for all steps and the last against the first, by McNemar and Holm."""
    for number, values in enumerate((GOOD, GOOD, BAD)):
        day = f"2026-03-0{number + 1}"
        keep(store, f"r{number}", day, {("quiz", "big"): []}, values=values)
    lines = told(capsys, "--scores")
    assert lines[0] == "quiz on big"
    points = [line.split() for line in lines[2:5]]
    assert [point[:4] for point in points] == [
        ["2026-03-01", "10:00", "r0", "exact"],
        ["2026-03-02", "10:00", "r1", "exact"],
        ["2026-03-03", "10:00", "r2", "exact"],
    ]
    p = mcnemar(0, 10)
    assert points[2][-4:] == ["-0.250", f"{3 * p:.4f}", "lower", "(worse)"]
    assert points[1][-2:] == ["+0.000", "1.0000"]
    assert lines[5] == "  lower (worse) than r0, the first of these"
    (text,) = told(capsys, "--scores", "--json", "--alert=1%", code=1)
    assert [row["is_changed"] for row in json.loads(text)] == [False, False, True]
    assert told(capsys, "--scores", "--runs=1", "--alert=1%")[0] == "quiz on big"


def test_slow_drift_is_found_by_the_last_against_the_first(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no single step is a find."""
    for number in range(5):
        values = [1.0] * (40 - 3 * number) + [0.0] * 3 * number
        day = f"2026-03-0{number + 1}"
        keep(store, f"r{number}", day, {("quiz", "big"): []}, values=values)
    lines = told(capsys, "--scores")
    assert not any(line.endswith("(worse)") for line in lines)
    assert "  lower (worse) than r0, the first of these" in lines
    told(capsys, "--scores", "--alert=1%", code=1)


Reprice = Callable[..., list[str]]


@pytest.fixture
def repriced(three_runs: Store, capsys: pytest.CaptureFixture[str]) -> Reprice:
    def lines(*arguments: str) -> list[str]:
        assert main(["reprice", *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return lines


def test_run_is_repriced_by_the_prices_that_the_store_kept(
    three_runs: Store, repriced: Reprice
) -> None:
    """Those of the last run of the day or before it that asked the same model."""
    keep(three_runs, "r4", "2026-06-10", {("quiz", "big"): [answer(1.0, NEW)]})
    lines = repriced("r1", "--date", "2026-06-11")
    assert lines[0] == "run r1"
    assert lines[2].split() == ["big", "2", "2", "$4.00", "$2.00", "-50.0%"]
    assert lines[3] == "re-priced in all: $4.00 then, $2.00 at these prices"
    assert lines[4] == "big: prices of litellm 2, read on 2026-06-01"
    lines = repriced("r4", "--date", "2026-06-09")
    assert lines[2].split() == ["big", "1", "1", "$1.00", "$2.00", "+100.0%"]
    lines = repriced("r1", "--date", "2026-02-01")
    assert lines[2].split() == ["big", "2", "0", "-", "-"]
    why = "the store has no price of it from 2026-02-01 or before"
    assert lines[4:] == [
        f"big: 2 calls cannot be re-priced: {why}",
        "big: those cost $4.00",
    ]


def test_run_is_repriced_by_a_list(
    tmp_path: Path, three_runs: Store, repriced: Reprice
) -> None:
    """Calls of a cache cost nothing; an unknown price is known now; names are given."""
    content = {
        name: {
            "litellm_provider": "v",
            "input_cost_per_token": 3e-6,
            "output_cost_per_token": 0,
        }
        for name in ("v/big", "other")
    }
    (tmp_path / "prices.json").write_text(json.dumps(content), encoding="utf-8")
    lines = repriced("r2", "--prices=prices.json", "--as=judge=other")
    assert lines[2].split() == ["big", "1", "1", "$2.00", "$3.00", "+50.0%"]
    assert lines[3].split() == ["judge", "2", "2", "$0.50", "+", "1", "x", "?", "$6.00"]
    lines = repriced("r2", "--prices=prices.json")
    assert (
        "judge: 2 calls cannot be re-priced: prices.json has no price of v/judge"
        in lines
    )


def test_what_tokens_do_not_explain_is_not_repriced(
    store: Store, repriced: Reprice
) -> None:
    """A search that was billed too, sound without a rate, a tier that is not there."""
    flex = Price(
        source="litellm 2",
        read_on="2026-06-01",
        usd_per_million_tokens=NEW.usd_per_million_tokens,
        tier="flex",
    )
    heard = Usage(input_tokens=10, input_audio_tokens=5)
    keep(
        store,
        "r5",
        "2026-07-01",
        {
            ("quiz", "odd"): [
                answer(1.01, NEW),
                answer(0.5, flex),
                answer(None, None, usage=heard),
                answer(0.0, None),
            ]
        },
    )
    keep(store, "r6", "2026-08-01", {("quiz", "odd"): [answer(2.0, OLD)]})
    lines = repriced("r5", "--date=2026-08-02")
    assert lines[2].split() == ["odd", "4", "0", "-", "-"]
    assert lines[4:] == [
        "odd: 1 calls of this machine stay free",
        "odd: 1 calls cannot be re-priced: its tokens do not explain what it cost",
        "odd: 1 calls cannot be re-priced: the price has no rates for the tier flex",
        "odd: 1 calls cannot be re-priced: the price lacks a rate for its tokens",
        "odd: those cost $1.51",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["r9"], "The run 'r9' is asked for"),
        (["r1", "--date", "today"], "--date is 'today'"),
        (["r1", "--as", "a=b"], "--as is 'a=b', and there is no list"),
        (["r1", "--prices", "none.json"], "none.json"),
    ],
    ids=["run", "date", "as", "list"],
)
def test_wrong_use_is_said(
    three_runs: Store,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """By exit code 2."""
    assert main(["reprice", *arguments]) == 2
    assert message in capsys.readouterr().err
