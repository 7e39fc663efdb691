"""The table in the terminal and the JSON for machines."""

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from llmlab_pytest.core import (
    Contribution,
    GroupRow,
    Interval,
    Metric,
    Report,
    TaskPlan,
    TaskRow,
    Usage,
    Verdict,
)
from llmlab_pytest.reporting import _format as formats
from llmlab_pytest.reporting import render_json, render_terminal


def metric(name: str, value: float | None, *ends: float) -> Metric:
    interval = Interval(*ends, 0.95, "wilson") if ends else None
    n = 0 if value is None else 20
    return Metric(name=name, value=value, n=n, interval=interval)


def row(task: str, model: str, *metrics: Metric, **fields: Any) -> TaskRow:
    plan = {"planned": 20, "available": 20, **fields.pop("plan", {})}
    values: dict[str, Any] = {
        "samples": plan["planned"],
        "misses": 5,
        "errors": 0,
        "usage": Usage(input_tokens=1500, output_tokens=40),
        "cost_usd": 0.0123,
        "latency_p50_s": 0.5,
        "latency_p95_s": 12.0,
        "tokens_per_s": 321.0,
    }
    return TaskRow(
        plan=TaskPlan(task=task, model=model, **plan),
        metrics=metrics,
        **{**values, **fields},
    )


REPORT = Report(
    run_id="20261123-120000-abc",
    rows=(
        row(
            "zebra",
            "gpt-4o-mini",
            metric("acc", 0.75, 0.531, 0.888),
            metric("acc_norm", 0.8, 0.584, 0.919),
            plan={"planned": 20, "available": 14042},
        ),
        row(
            "apple", "smollm2", metric("mc2", 0.363, 0.1, 0.6), misses=None, cost_usd=0
        ),
        row(
            "apple",
            "cloud",
            metric("accuracy", None),
            samples=3,
            errors=3,
            cost_usd=None,
            latency_p50_s=None,
            latency_p95_s=None,
            tokens_per_s=None,
        ),
        row(
            "a_task_with_a_name_that_is_longer_than_any_table", "m", metric("acc", 1.0)
        ),
    ),
    verdicts=(
        Verdict(
            gate="acc >= 0.8",
            task="zebra",
            model="gpt-4o-mini",
            state="inconclusive",
            reason="acc is 0.75, but \x1b[31mthe interval contains 0.8",
            metric=metric("acc", 0.75, 0.531, 0.888),
        ),
    ),
    factors={"seed": "1234"},
)


@pytest.mark.parametrize("width", [200, 80, 60])
def test_table(width: int, snapshot: SnapshotAssertion) -> None:
    """Wide: one table. Narrow: two, with shorter names; nothing is left out."""
    lines = render_terminal(REPORT, width=width)
    assert lines == snapshot
    if width >= 80:
        table = lines[: lines.index("INCONCLUSIVE  zebra on gpt-4o-mini: acc >= 0.8")]
        assert max(map(len, table)) <= width
    for shown in (
        "0.750",
        "[0.531, 0.888]",
        "20/14042",
        "0 of 20",
        "$0.01",
        "?",
        "321",
    ):
        assert any(shown in line for line in lines), shown
    assert "\x1b" not in "".join(lines)


def test_table_is_sorted_by_task_then_model() -> None:
    """The order of the rows is not that of the workers."""
    lines = render_terminal(REPORT, width=200)
    firsts = [line.split()[:2] for line in lines[1:6]]
    assert [pair[0][:5] for pair in firsts] == [
        "a_tas",
        "apple",
        "apple",
        "zebra",
        "acc_n",
    ]
    assert [pair[1] for pair in firsts[1:3]] == ["cloud", "smollm2"]


GROUPED = Report(
    run_id="r",
    rows=(
        row(
            "mmlu",
            "smollm2",
            metric("acc", 0.25, 0.1, 0.4),
            metric("acc_norm", 0.3, 0.2, 0.5),
            groups=tuple(
                GroupRow(
                    path=path,
                    samples=20,
                    metrics=(metric("acc", value, 0.0, 0.9), metric("acc_norm", 0.1)),
                )
                for path, value in {
                    ("other",): 0.125,
                    ("other", "law"): 0.625,
                    ("stem",): 0.375,
                    ("stem", "anatomy"): 0.875,
                }.items()
            ),
        ),
        row(
            "puzzles",
            "smollm2",
            metric("acc", 0.5),
            groups=(
                GroupRow(path=("sums",), samples=1, metrics=(metric("acc", 1.0),)),
            ),
        ),
    ),
)


@pytest.mark.parametrize("width", [200, 70])
def test_groups_stand_below_their_task(width: int) -> None:
    """A group takes one line with its first metric; parts are left to the JSON."""
    lines = render_terminal(GROUPED, width=width)
    table = [line.split() for line in lines[1:6]]
    assert [cells[0] for cells in table] == [
        "mmlu", "acc_norm", "other", "stem", "puzzles",
    ]  # fmt: skip
    assert table[2] == ["other", "acc", "0.125", "[0.000,", "0.900]", "20"]
    assert lines[3].startswith("  other")
    assert "0.625" not in "".join(lines)
    first = json.loads(render_json(GROUPED))["rows"][0]
    assert [group["path"] for group in first["groups"]] == [
        ["other"], ["other", "law"], ["stem"], ["stem", "anatomy"],
    ]  # fmt: skip
    assert first["groups"][3]["metrics"][0]["value"] == 0.875


def test_contributions_have_a_table_of_their_own() -> None:
    """Points with their sign, in the order given; what is unknown is a dash."""
    interval = Interval(-4.25, 12.5, 0.95, "student-t")
    fields: dict[str, Any] = {"explanation": "why", "model": "smollm2", "n": 20}
    found = (
        Contribution(factor="shots", points=4.12, interval=interval, **fields),
        Contribution(factor="chat", points=None, interval=None, **fields),
    )
    report = Report(run_id="r", rows=(), contributions=found)
    lines = render_terminal(report, width=80)
    start = next(n for n, line in enumerate(lines) if line.startswith("explanation"))
    assert lines[start : start + 3] == [
        "explanation  model    changed alone  points   95% interval   n",
        "why          smollm2  shots            +4.1  [-4.2, +12.5]  20",
        "why          smollm2  chat                -              -  20",
    ]
    assert json.loads(render_json(report))["contributions"][0]["points"] == 4.12


def test_samples_that_disagree_with_themselves_are_listed() -> None:
    """Samples are counted, not answers; the first eight are named, JSON has all."""
    ids = tuple(f"s{n}\x1b" for n in range(9))
    plan = {"planned": 60, "available": 60, "epochs": 3}
    report = Report(
        run_id="r", rows=(row("t", "m", flaky=ids, plan=plan), row("u", "m"))
    )
    lines = [line for line in render_terminal(report, width=200) if "flaky" in line]
    (line,) = lines
    assert line.startswith("flaky: 9 of 20 samples of t on m, ")
    assert line.endswith("s7\\x1b, …")
    assert json.loads(render_json(report))["rows"][0]["flaky"] == list(ids)


def test_footer_says_what_was_overridden() -> None:
    """Options left to the tasks are not named, a long text is cut."""
    factors = {"shots": "5", "chat": "task", "system": repr("x" * 99)}
    (footer,) = render_terminal(Report(run_id="r", rows=(), factors=factors), width=80)[
        -1:
    ]
    assert footer.startswith("run r · shots 5 · system 'xxx")
    assert len(footer) < 70


def test_json_holds_everything_in_a_stable_order() -> None:
    """Two runs can be compared line by line; unknown stays null."""
    text = render_json(REPORT)
    content = json.loads(text)
    assert [(r["plan"]["task"][:5], r["plan"]["model"]) for r in content["rows"]] == [
        ("a_tas", "m"),
        ("apple", "cloud"),
        ("apple", "smollm2"),
        ("zebra", "gpt-4o-mini"),
    ]
    cloud = content["rows"][1]
    assert cloud["cost_usd"] is None
    assert cloud["metrics"][0]["value"] is None
    assert content["verdicts"][0]["state"] == "inconclusive"
    assert content["run_id"] == REPORT.run_id
    assert text.endswith("}\n")
    assert render_json(Report(**{**vars_of(REPORT), "rows": REPORT.rows[::-1]})) == text


def vars_of(report: Report) -> dict[str, Any]:
    return {name: getattr(report, name) for name in Report.__dataclass_fields__}


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (formats.score, None, "-"),
        (formats.score, 0.12345, "0.123"),
        (formats.score, 12345.6, "12,346"),
        (formats.score, 1.5e300, "1.50e+300"),
        (formats.money, None, "?"),
        (formats.money, 0, "$0"),
        (formats.money, 0.00012345, "$0.00012"),
        (formats.money, 1234.5, "$1,234.50"),
        (formats.tokens, 950, "950"),
        (formats.tokens, 12_345, "12.3k"),
        (formats.tokens, 4_600_000, "4.6M"),
        (formats.seconds, None, "-"),
        (formats.seconds, 0.0031, "3ms"),
        (formats.seconds, 1.254, "1.25s"),
        (formats.seconds, 42.3, "42s"),
        (formats.rate, None, "-"),
        (formats.count, None, "-"),
        (formats.count, 0, "0"),
    ],
)
def test_numbers_are_short_and_have_units(function: Any, value: Any, text: str) -> None:
    """People read a few digits and a unit; unknown is never 0."""
    assert function(value) == text


@pytest.mark.parametrize(
    ("plan", "counts", "n", "shown"),
    [
        ({}, {}, 20, "20"),
        ({"available": 50}, {}, 20, "20/50"),
        ({"epochs": 2}, {}, 10, "10 x2"),
        ({"epochs": 2, "available": 40}, {}, 10, "10/20 x2"),
        ({}, {"errors": 3}, 17, "17 of 20"),
        ({"available": 50}, {"samples": 4}, 4, "4 of 20/50"),
        ({"planned": 3, "epochs": 2}, {}, 2, "2/10 x2"),
    ],
)
def test_samples_are_counted_not_answers(
    plan: dict[str, Any], counts: dict[str, int], n: int, shown: str
) -> None:
    """Repeats of a sample are one sample; errors and missing ones are taken off."""
    whole = row("t", "m", plan=plan, **counts)
    assert formats.samples(whole, Metric(name="acc", value=1.0, n=n)) == shown
