"""Models side by side: tables for a terminal, Markdown and JSON, and the page."""

import json
import re
from dataclasses import replace

import pytest

from llmlab_pytest.core import Interval, Report
from llmlab_pytest.reporting import (
    Advice,
    Consistency,
    Match,
    RightTogether,
    Separating,
    SideBySide,
    Standing,
    TaskSide,
    Win,
    dollars,
    render_json,
    render_markdown,
    render_page,
    render_side_by_side,
    render_side_json,
    render_side_markdown,
    render_side_page,
    render_side_summary,
)

HOSTILE = 'x<script>alert("1")</script>|y'


def standing(model: str, quality: float, cost_usd: float | None) -> Standing:
    has_price = cost_usd is not None
    price = cost_usd or 0.0
    return Standing(
        model=model,
        quality=quality,
        quality_interval=Interval(quality - 0.1, quality + 0.05),
        cost_usd=cost_usd,
        cost_interval=Interval(price * 0.9, price * 1.1) if has_price else None,
        cost_per_correct_usd=price / quality if has_price else None,
        cost_per_correct_interval=None,
        usd_per_1000_tokens=price * 10 if has_price else None,
        latency_s=quality * 2,
        latency_interval=Interval(quality, quality * 3),
        latency_p50_s=quality,
        latency_p50_interval=None,
        latency_p95_s=quality * 4,
        latency_p95_interval=None,
        compute_s=1.5 if cost_usd == 0 else None,
        is_on_cost_frontier=True if has_price else None,
        cost_frontier_chance=0.875 if has_price else None,
        is_on_latency_frontier=model != "b",
        latency_frontier_chance=0.03 if model == "b" else 1.0,
    )


MATCH = Match(
    first="a",
    second="b",
    alike=0.8,
    alike_interval=Interval(0.7, 0.9),
    together=RightTogether(
        both=30,
        only_first=6,
        only_second=2,
        neither=12,
        kappa=0.64,
        kappa_interval=None,
        error_overlap=0.6,
        same_wrong=0.25,
    ),
)
TASK = TaskSide(
    task="quiz",
    metric="exact",
    n=50,
    left_out=2,
    standings=(
        standing("a", 0.9, 0.02),
        standing("b", 0.8, 0.001),
        standing(HOSTILE, 0.7, None),
        standing("local", 0.6, 0.0),
    ),
    wins=(
        Win(
            first="a",
            second="b",
            difference=-0.1,
            interval=Interval(-0.2, 0.01),
            higher=2,
            lower=6,
            same=42,
            p=0.29,
            corrected_p=0.87,
        ),
    ),
    matches=(
        MATCH,
        replace(MATCH, second=HOSTILE),
        replace(MATCH, first="b", second="local", together=None),
    ),
    separating=(
        *(
            Separating(
                sample_id=f"s{n}",
                right=("a",),
                wrong=("b", "local"),
                discrimination=0.5,
            )
            for n in range(9)
        ),
        Separating(
            sample_id="odd", right=("b", "local"), wrong=("a",), discrimination=-1.0
        ),
    ),
    none_right=("hard",),
    all_right=20,
    consistencies=(
        Consistency(
            over="epochs", model="a", alike=0.9, alike_interval=None, n=50, alpha=None
        ),
    ),
    advice=Advice(
        model=None,
        margin=0.02,
        confidence=0.95,
        reason="not enough evidence; run about 100 more samples",
    ),
)
OVERALL = replace(
    TASK, task="all tasks", wins=(), matches=(), separating=(), consistencies=()
)
FOUND = SideBySide(tasks=(TASK,), overall=None, notes=("ter: lower may be better",))


def test_terminal_shows_what_each_model_takes() -> None:
    """Quality, dollars, seconds and places on the frontiers; unknown is no zero."""
    lines = render_side_by_side(FOUND)
    assert lines[0] == (
        "quiz: exact on 50 samples that all have; 2 others are left out"
    )
    costs = [re.split(" {2,}", line) for line in lines[4:8]]
    assert costs[0] == [
        *("a", "0.900", "[0.800, 0.950]", "$0.0200", "[$0.0180, $0.0220]", "$0.0222"),
        *("-", "$0.200", "yes 88%"),
    ]
    assert costs[2][3:] == ["?", "-", "?", "-", "?", "?"]
    assert costs[3][3] == "$0 + 1.50s"
    assert "not side by side: ter: lower may be better" in lines
    assert not any(line.startswith("pairs") for line in lines)  # they stand above


def test_terminal_names_the_samples_that_tell_models_apart() -> None:
    """The few who are right or wrong; targets are doubted where the worse are right."""
    lines = render_side_by_side(FOUND)
    assert "only a right: 9 samples: s0, s1, s2, s3, s4, s5, s6, s7, …" in lines
    assert "only a wrong: odd" in lines
    assert "rather the worse ones right, check targets: odd" in lines
    assert "none right: hard" in lines
    assert "not enough evidence; run about 100 more samples" in lines


def test_matrix_holds_answers_above_and_kappa_below_the_diagonal() -> None:
    """Models in the order of their quality."""
    lines = render_side_by_side(FOUND)
    start = lines.index("agreement matrix")
    first, second = (re.split(" {2,}", line) for line in lines[start + 2 : start + 4])
    assert first[:3] == ["a", "80%", "80%"]
    assert second[:2] == ["b", "+0.640"]


@pytest.mark.parametrize("width", [80, 100])
def test_summary_fits_the_terminal(width: int) -> None:
    """Names are shortened before a line is too long."""
    long = replace(TASK, task="a_task_with_a_long_name", advice=None)
    found = replace(FOUND, tasks=(long,))
    table = render_side_summary(found, width=width)[:5]
    assert max(map(len, table)) <= width
    assert table[1].split()[2:4] == ["0.900", "$0.0200"]


def test_summary_of_many_tasks_is_what_is_over_them() -> None:
    """Six tasks are one line per model; the advice names what it is about."""
    tasks = tuple(replace(TASK, task=f"t{n}") for n in range(6))
    found = SideBySide(tasks=tasks, overall=OVERALL)
    lines = render_side_summary(found, width=100)
    assert sum(line.startswith("all tasks ") for line in lines) == 4
    assert not any(line.startswith("t0") for line in lines)
    assert lines[-1] == f"all tasks: {TASK.advice.reason if TASK.advice else ''}"
    assert render_side_summary(replace(found, overall=None), width=100) == []


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "?"),
        (0.0, "$0"),
        (0.0000123, "$0.0000123"),
        (0.00345, "$0.00345"),
        (0.5, "$0.500"),
        (12.345, "$12.35"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars_keep_three_digits(usd: float | None, text: str) -> None:
    """A sample costs parts of a cent, without exponents."""
    assert dollars(usd) == text


def test_markdown_escapes_names_and_holds_every_table() -> None:
    """A name ends no cell and starts no element."""
    text = "".join(render_side_markdown(FOUND))
    assert "<script" not in text.replace("`x<script>", "")
    assert "| `b` | `a` | -0.100 | \\[-0.200, +0.010\\] | 2 | 6 | 42 |" in text
    assert "- none right: hard" in text
    rows = [line for line in text.splitlines() if line.startswith("| `x<script>")]
    assert rows
    assert all("\\|y" in row for row in rows)


def test_markdown_of_a_run_has_models_side_by_side() -> None:
    """Only where there are several: without them the report is as before."""
    report = Report(run_id="r1", rows=())
    assert "Side by side" not in "".join(render_markdown(report, []))
    text = "".join(render_markdown(report, [], FOUND))
    assert "#### Side by side: `quiz: exact on 50 samples" in text
    assert "quality against cost" in text
    assert "which answer alike" not in text  # a comment holds 65,536 characters


def test_json_holds_the_records() -> None:
    """A run's report has them under one key, and no such key without them."""
    assert json.loads(render_side_json(FOUND))["tasks"][0]["standings"][2] == {
        **json.loads(render_side_json(FOUND))["tasks"][0]["standings"][2],
        "cost_usd": None,
        "is_on_cost_frontier": None,
    }
    report = Report(run_id="r1", rows=())
    kept = json.loads(render_json(report, FOUND))
    assert kept["side_by_side"]["tasks"][0]["advice"]["margin"] == 0.02
    assert "side_by_side" not in json.loads(render_json(report))


def page_of(found: SideBySide) -> str:
    return "".join(render_side_page(found, title="llmlab compare last"))


def test_page_draws_quality_against_cost_and_latency() -> None:
    """A point per model whose price is known, filled on the frontier, with bars."""
    page = page_of(FOUND)
    charts = re.findall(r"<svg width.*?</svg>\n</svg>", page, re.DOTALL)
    assert len(charts) == 2
    circles = [
        re.findall(r'<circle(.*?) cx="(.*?)%".*?<title>(.*?):', c) for c in charts
    ]
    assert [len(own) for own in circles] == [3, 4]  # one model has no price
    assert [look.strip() for look, _, _ in circles[1]] == [
        *('class="on"', "", 'class="on"', 'class="on"')
    ]
    across = {name: float(x) for _, x, name in circles[0]}
    assert 9.0 == across["local"] < across["b"] < across["a"]  # 0 is at the edge
    assert 'class="frontier"' in charts[0]
    assert charts[0].count('class="interval"') == 6


def test_page_escapes_what_models_are_called() -> None:
    """No name becomes an element, and the page runs no script."""
    page = page_of(FOUND)
    assert "<script" not in page
    assert "x&lt;script&gt;" in page
    assert "script-src" not in page
    assert "default-src 'none'" in page


def test_page_of_several_tasks_opens_what_is_over_them() -> None:
    """Each task is folded; all of them come first and are open."""
    page = page_of(SideBySide(tasks=(TASK, TASK), overall=OVERALL))
    assert page.count("<details") == 3
    assert page.index("<details open>") < page.index("all tasks: exact")
    assert page.index("all tasks: exact") < page.index("quiz: exact")


def test_result_page_has_the_section_only_with_several_models() -> None:
    """Its own script and style stay the only ones."""
    report = Report(run_id="r1", rows=())
    assert 'id="beside"' not in "".join(render_page(report, []))
    page = "".join(render_page(report, [], FOUND))
    assert 'id="beside"' in page
    assert 'id="beside"' in page


def test_charts_of_equal_prices_and_of_one_model_are_drawn_or_left_out() -> None:
    """Two models of one price share a place across; one known price has no chart."""
    same = replace(
        TASK, matches=(), standings=(standing("a", 0.9, 0.02), standing("c", 0.5, 0.02))
    )
    page = page_of(SideBySide(tasks=(same,), overall=None))
    assert "Quality against cost" in page
    one = replace(
        TASK, matches=(), standings=(standing("a", 0.9, 0.02), standing("c", 0.5, None))
    )
    page = page_of(SideBySide(tasks=(one,), overall=None))
    assert "Quality against cost" not in page
    assert "Quality against latency" in page
