"""Costs and leaderboard: sums that add up, and scores that are compared fairly."""

import re
from html import unescape
from typing import Any

import pytest

from llmlab_pytest.core import Judgement
from llmlab_pytest.metrics import default_metrics, difference
from llmlab_pytest.stats import holm
from llmlab_pytest.store import open_store


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of each line of the page's table, as texts."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [
        re.findall(r"<td[^>]*>(.*?)</td>", r, re.DOTALL) for r in body.split("<tr>")
    ]
    return [
        [" ".join(unescape(re.sub(r"<[^>]+>", " ", c)).split()) for c in row]
        for row in rows[1:]
    ]


@pytest.fixture
def spent(kept: Any) -> Any:
    """Runs of two days, with judges, an error and an unknown price."""
    for run_id, day in (("r1", 1), ("r2", 1), ("r3", 2)):
        kept.run(run_id, day=day)
        for model, cost_usd in (("dear", 0.5), ("cheap", 0.01)):
            for task in ("quiz", "chat"):
                kept.plan(run_id, task, model, 3)
                for n in range(3):
                    is_odd = run_id == "r3" and model == "cheap" and n == 0
                    judgement = Judgement(
                        judge="j", value=1.0, prompt_hash="h", calls=1, cost_usd=0.25
                    )
                    kept.result(
                        run_id,
                        task,
                        model,
                        f"s{n}",
                        cost_usd=None if is_odd else cost_usd,
                        error="ProviderDown: x" if n == 2 and task == "chat" else None,
                        judgements=(judgement,) if task == "quiz" and n == 1 else (),
                    )
    return kept


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        # Each run: dear 3 + 2 answers of $0.50, cheap 5 of $0.01, two judgements of
        # $0.25; of the third, two answers of the cheap model have no known price.
        (
            "",
            [
                [
                    "2026-11-02",
                    "1",
                    "12",
                    "2",
                    "0",
                    "$2.53",
                    "$0.50",
                    "2",
                    "at least $3.03",
                ],
                ["2026-11-01", "2", "24", "4", "0", "$5.10", "$1.00", "0", "$6.10"],
            ],
        ),
        (
            "?by=model",
            [
                ["dear", "3", "18", "3", "0", "$7.50", "$0.75", "0", "$8.25"],
                ["cheap", "3", "18", "3", "0", "$0.13", "$0.75", "2", "at least $0.88"],
            ],
        ),
        (
            "?by=task&model=dear",
            [
                ["quiz", "3", "9", "0", "0", "$4.50", "$0.75", "0", "$5.25"],
                ["chat", "3", "9", "3", "0", "$3.00", "$0", "0", "$3.00"],
            ],
        ),
        ("?by=run&task=chat&model=none", []),
    ],
)
def test_costs_are_added_up(
    spent: Any, page: Any, query: str, lines: list[list[str]]
) -> None:
    """By day, model, task or run; what is not known makes it at least so much."""
    rows = rows_of(page.get(f"/costs{query}").text)
    assert [[row[0], *row[2:]] for row in rows] == lines


def test_costs_of_no_store_are_none(serve: Any, tmp_path: Any) -> None:
    """And nothing is made by looking."""
    page = serve(url=str(tmp_path / "none.db"))
    assert "Nothing was asked yet" in page.get("/costs").text
    assert "No run is finished yet" in page.get("/leaderboard").text
    assert not (tmp_path / "none.db").exists()


def fill(
    kept: Any, run_id: str, day: int, values: dict[str, list[float]], **more: Any
) -> None:
    kept.run(run_id, day=day, **more)
    for name, own in values.items():
        task, _, model = name.partition("/")
        kept.plan(run_id, task, model, len(own))
        for number, value in enumerate(own):
            kept.result(run_id, task, model, f"s{number:02d}", value=value)


BEST = [1.0] * 36 + [0.0] * 4
CLOSE = [1.0] * 33 + [0.0] * 4 + [1.0] * 1 + [0.0] * 2
POOR = [0.0] * 20 + [1.0] * 18 + [0.0] * 2


def test_best_is_marked_with_those_not_told_from_it(kept: Any, page: Any) -> None:
    """As the paired test says, corrected for the models of the task."""
    fill(kept, "r1", 1, {"quiz/best": BEST, "quiz/close": CLOSE, "quiz/poor": POOR})
    store = open_store(kept.url)
    results = {m: store.results("r1", model=m) for m in ("best", "close", "poor")}
    store.close()
    p = [
        difference("exact", results["best"], results[m], default_metrics()).p or 0.0
        for m in ("close", "poor")
    ]
    corrected = holm(p)
    assert corrected[0] > 0.05 > corrected[1], "or this test shows nothing"
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    assert list(rows) == ["best", "close", "poor"]
    assert ["★" in text for text in rows.values()] == [True, True, False]
    assert rows["best"].startswith("0.900 best, or not told from it ★ [0.769, 0.960]")


def test_latest_finished_run_counts(kept: Any, page: Any) -> None:
    """An older score stands until a newer run is finished."""
    fill(kept, "r1", 1, {"quiz/a": POOR, "quiz/b": POOR})
    fill(kept, "r2", 2, {"quiz/a": BEST})
    fill(kept, "r3", 3, {"quiz/b": BEST}, is_finished=False)
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    assert rows["a"].startswith("0.900")
    assert rows["b"].startswith("0.450")
    kept.store.finish_run("r3", finished_at="2026-11-03T11:00:00+00:00")
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    assert rows["b"].startswith("0.900")


@pytest.mark.parametrize("kind", ["fewer", "row", "version", "metric"])
def test_score_of_other_samples_is_said_and_not_ranked(
    kept: Any, page: Any, kind: str
) -> None:
    """Fewer samples, changed rows, another version of the task, another metric."""
    fill(kept, "r1", 1, {"quiz/a": POOR, "quiz/b": POOR, "quiz/odd": BEST})
    if kind == "fewer":
        fill(kept, "r2", 2, {"quiz/odd": BEST[:30]})
    if kind == "row":
        kept.result("r1", "quiz", "odd", "s01", value=1.0, row={"q": "moved"})
    if kind == "version":
        kept.plan("r1", "quiz", "odd", 40, factors={"task_hash": "other"})
    if kind == "metric":
        kept.plan("r1", "quiz", "odd", 40, metrics=("error_rate",))
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    told = {
        "fewer": "other samples",
        "row": "other samples",
        "version": "another version of the task",
        "metric": "scored by error_rate",
    }
    assert told[kind] in rows["odd"]
    assert "★" not in rows["odd"]
    assert "★" in rows["a"]
    assert "★" in rows["b"]


def test_mean_needs_every_task_on_the_same_samples(kept: Any, page: Any) -> None:
    """A model that was not asked everything, or something else, has none."""
    fill(
        kept,
        "r1",
        1,
        {
            "quiz/a": BEST,
            "chat/a": POOR,
            "quiz/b": POOR,
            "chat/b": POOR,
            "quiz/part": BEST,
        },
    )
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    assert rows == {"a": "0.675", "b": "0.450", "part": "-"}
    text = page.get("/leaderboard?task=quiz").text
    assert 'data-name="mean"' not in text


def test_low_is_best_where_less_is_better(kept: Any, page: Any) -> None:
    """An error rate, a perplexity; and it has no mean."""
    fill(kept, "r1", 1, {"quiz/a": BEST, "quiz/b": BEST})
    for model in ("a", "b"):
        kept.plan("r1", "quiz", model, 40, metrics=("error_rate",))
    kept.result("r1", "quiz", "a", "s00", error="ProviderDown: x")
    rows = {row[0]: row[1] for row in rows_of(page.get("/leaderboard").text)}
    assert "★" in rows["b"]
