"""`--llmlab-annotations` and `--llmlab-badge`: a run where people look at code."""

import json
import re

import pytest

from llmlab_pytest.core import (
    Metric,
    Report,
    TaskPlan,
    TaskRow,
    Usage,
    Verdict,
    VerdictState,
)
from llmlab_pytest.reporting import (
    Annotation,
    render_annotations,
    render_badge,
)

SUITE = """
import pytest
from llmlab_pytest import llm_task

ROWS = [{"id": f"s{n}", "input": "say 4", "target": "5"} for n in range(4)]


@llm_task(data=ROWS, scorers=["numeric"], gate="numeric >= 0.9")
def test_sums(score): ...


@llm_task(data=ROWS, scorers=["numeric"], name="open", gate="numeric >= 0.1")
def test_open(score): ...


def test_trouble(llm):
    llm("100% ::error::, : \\n::set-output name=a::b")
"""
REGISTRY = """
[[model]]
alias = "bot"
provider = "scripted"
id = "./bot.toml"
capabilities = ["chat"]
"""
SCRIPT = """
fallback = "error"

[[reply]]
pattern = "say 4"
text = "4"
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A gate that fails, one that cannot tell, and a test that ends in an error."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "llmlab_models.toml").write_text(REGISTRY, encoding="utf-8")
    (pytester.path / "bot.toml").write_text(SCRIPT, encoding="utf-8")
    return pytester


def annotations_of(pytester: pytest.Pytester, *options: str) -> list[str]:
    result = pytester.runpytest_subprocess("-pno:cacheprovider", "--llm=bot", *options)
    return [line for line in result.outlines if line.startswith("::")]


def test_failed_gates_and_errors_are_annotated_where_they_are_written(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In GitHub Actions, with the file from the root of the checkout."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(suite.path.parent))
    lines = annotations_of(suite, "--llmlab-inconclusive=skip")
    name = f"{suite.path.name}/test_it.py"
    assert [re.sub(r"title=.*?::", "", line)[:60] for line in lines] == [
        line[:60]
        for line in (
            f"::error file={name},line=8,numeric >= 0.9: numeric is 0 over 4",
            f"::error file={name},line=1,test_trouble[bot]: ",
            f"::warning file={name},line=12,numeric >= 0.1: numeric is 0",
        )
    ]
    assert "title=sums on bot%3A gate failed::" in lines[0]
    assert "title=test_it on bot%3A 1 errors::" in lines[1]
    assert all(line.count("::") == 2 for line in lines[:1])


def test_annotations_are_off_elsewhere_unless_asked_for(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inconclusive gate that fails the run is an error."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert annotations_of(suite) == []
    lines = annotations_of(suite, "--llmlab-annotations=on")
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 3
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert annotations_of(suite, "--llmlab-annotations=off") == []


def test_no_text_becomes_a_command_of_github() -> None:
    """Ends of lines, `%`, and in properties `:` and `,` are escaped; ten are shown."""
    found = [
        Annotation("error", "a,b: c", "100%\r\n::set-env name=A::b\x1b[2J", "x,y.py", n)
        for n in range(12)
    ]
    lines = list(render_annotations(found))
    assert lines[0] == (
        "::error file=x%2Cy.py,line=0,title=a%2Cb%3A c::"
        "100%25\\r ::set-env name=A::b\\x1b[2J"
    )
    assert len(lines) == 11
    assert lines[10] == "2 more errors are not annotated: GitHub shows no more"


def report_of(
    *states: VerdictState, values: tuple[float, ...] = (0.5,), errors: int = 0
) -> Report:
    rows = tuple(
        TaskRow(
            plan=TaskPlan(task=f"t{n}", model="m", planned=1, available=1),
            metrics=(Metric(name="exact<&", value=value, n=1),),
            samples=1,
            misses=0,
            errors=errors,
            usage=Usage(),
            cost_usd=0.0,
            latency_p50_s=None,
            latency_p95_s=None,
            tokens_per_s=None,
        )
        for n, value in enumerate(values)
    )
    verdicts = tuple(
        Verdict(gate="g", task="t", model="m", state=state, reason="r")
        for state in states
    )
    return Report(run_id="r", rows=rows, verdicts=verdicts, finished_at="now")


@pytest.mark.parametrize(
    ("report", "message", "color"),
    [
        (report_of("passed", "passed"), "2 gates passed", "#2e7d32"),
        (report_of("passed", "failed"), "1 of 2 gates failed", "#c62828"),
        (report_of("inconclusive"), "1 of 1 gates inconclusive", "#9a6700"),
        (report_of("error"), "1 of 1 gates error", "#c62828"),
        (report_of("passed", errors=2), "2 errors", "#c62828"),
        (report_of(), "exact<& 0.500", "#57606a"),
        (report_of(values=(0.25, 0.75)), "exact<& 0.250 to 0.750", "#57606a"),
        (Report(run_id="r", rows=()), "not finished", "#57606a"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_badge_says_the_most_serious_thing(
    report: Report, message: str, color: str
) -> None:
    """As SVG that is well formed and loads nothing, and as JSON for shields.io."""
    content = json.loads("".join(render_badge(report, is_json=True)))
    assert content == {
        "schemaVersion": 1,
        "label": "evals",
        "message": message,
        "color": color,
    }
    text = "".join(render_badge(report, is_json=False))
    image = pytest.importorskip("defusedxml.ElementTree").fromstring(text)
    assert image.get("aria-label") == f"evals: {message}"
    assert [e.text for e in image.iter() if (e.text or "").strip()] == [
        f"evals: {message}",
        "evals",
        message,
    ]
    assert "href" not in text
    assert color in text


def test_badge_is_written_by_its_ending(suite: pytest.Pytester) -> None:
    """Any other ending is said before anything is asked."""
    for name in ("badge.svg", "badge.json"):
        annotations_of(suite, f"--llmlab-badge={name}")
        assert "1 error" in (suite.path / name).read_text("utf-8")
    result = suite.runpytest_subprocess("-pno:cacheprovider", "--llmlab-badge=a.png")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "--llmlab-badge is 'a.png'. It ends in .svg or .json." in result.stdout.str()
