"""The result page: complete, escaped, and closed to everything but its own script.

How it looks and how fast it is was seen in Chromium; docs/results.md has the figures.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from llmlab_pytest.core import (
    Contribution,
    Interval,
    Report,
    SampleRecord,
    SampleResult,
    Score,
    Stratum,
    Verdict,
)
from llmlab_pytest.reporting import Before, TaskSamples, render_page

HOSTILE = "</script><script>alert(1)</script><!-- \x1b[31m \u202e \0 \ud800 '\"&"
ROWS = [
    {
        "id": name,
        "question": f"Which {name} floats?",
        "choices": {"text": ["stone", "cork"], "label": ["A", "B"]},
        "answerKey": "B",
    }
    for name in ("first", "second")
]


class Elements(HTMLParser):
    """Collects elements, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


@pytest.fixture
def table(card: Callable[..., Any], judged: Callable[..., Any]) -> TaskSamples:
    """A hit and a miss, each a stratum of its own."""
    answers = [[(-2.0, False), (-1.0, True)], [(-1.0, True), (-2.5, False)]]
    plain: TaskSamples = judged(card("arc_easy", ROWS), answers)
    strata = (Stratum("algebra", plain.row), Stratum("law", plain.row))
    return replace(plain, stratified_by="subject", strata=strata)


def page(report: Report, *tables: TaskSamples) -> str:
    return "".join(render_page(report, tables))


def blocks(text: str) -> dict[str, Any]:
    """Return the JSON blocks by id."""
    pattern = r'<script type="application/json" id="([\w-]+)">(.*?)</script>'
    return {
        name: json.loads(body) for name, body in re.findall(pattern, text, re.DOTALL)
    }


VERDICT = Verdict(
    gate="acc >= 0.8",
    task="arc_easy",
    model="m",
    state="inconclusive",
    reason="acc is 0.5, but the interval contains 0.8",
)


def test_page_of_a_small_run(
    table: TaskSamples, report: Callable[..., Report], snapshot: SnapshotAssertion
) -> None:
    """Table, chart, gates, strata, factors and samples; script and style apart."""
    text = page(report(table, verdicts=(VERDICT,)), table)
    text = re.sub(r"sha256-[\w+/=]+", "sha256-…", text)
    text = re.sub(r"<style>.*?</style>", "<style>…</style>", text, flags=re.DOTALL)
    text = re.sub(r"<script>.*?</script>", "<script>…</script>", text, flags=re.DOTALL)
    factors = re.compile(r"<dt>definition</dt><dd>.*?</dd>", re.DOTALL)
    assert factors.sub("<dt>definition</dt><dd>…</dd>", text).split("\n") == snapshot


def test_page_shows_what_moves_the_scores(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Each factor of an explanation has its points, or a dash; none, no section."""
    named = {"explanation": "shots", "model": "m", "n": 2}
    moved = (
        Contribution(
            factor="chat", points=-12.25, interval=Interval(-20.0, 3.5), **named
        ),
        Contribution(factor="total", points=None, interval=None, **named),
    )
    text = page(replace(report(table), contributions=moved), table)
    rows = re.findall(r"<tr>(.*?)</tr>", text.partition('id="moved"')[2])
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows[:3]]
    assert cells == [
        ["explanation", "model", "changed alone", "points", "95% interval", "n"],
        ["shots", "m", "chat", "-12.2", "[-20.0, +3.5]", "2"],
        ["shots", "m", "total", "-", "-", "2"],
    ]
    assert "What moves the scores" not in page(report(table), table)


def test_page_lists_samples_that_disagree_with_themselves(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Below the table, as the terminal does; markup in an id is text."""
    row = replace(table.row, flaky=("a<b",))
    text = page(replace(report(table), rows=(row,)), table)
    assert (
        "flaky: 1 of 2 samples of arc_easy on m, whose epochs disagree: a&lt;b" in text
    )


def test_policy_allows_only_the_pages_own_script_and_style(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Their hashes stand in the policy; nothing is fetched, sent or framed."""
    text = page(report(table), table)
    found = Elements(text).found
    policy = next(a["content"] for tag, a in found if tag == "meta" and "content" in a)
    for tag in ("script", "style"):
        (own,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    assert "unsafe" not in str(policy)
    attributes = {name for _, attrs in found for name in attrs}
    assert not attributes & {"src", "href", "style", "srcdoc", "action"}
    assert not [name for name in attributes if name.startswith("on")]


def test_hostile_text_is_text(
    table: TaskSamples, report: Callable[..., Report], card: Callable[..., Any]
) -> None:
    """No element, no control character and no secret comes from what a run holds."""
    (record, *_) = table.records
    score = Score(scorer=HOSTILE, value=0.5, answer=HOSTILE, explanation=HOSTILE)
    assert record.sample is not None
    assert record.completion is not None
    hostile = SampleRecord(
        result=replace(record.result, sample_id=HOSTILE, scores=(score,)),
        sample=replace(record.sample, target=HOSTILE, choices=()),
        request={"kind": "generate", "prompt": [{"role": HOSTILE, "content": HOSTILE}]},
        completion=replace(record.completion, text=HOSTILE, continuations=()),
        stratum=HOSTILE,
    )
    broken = replace(
        hostile, result=SampleResult(task="t", model="m", sample_id="e", error=HOSTILE)
    )
    plan = replace(table.row.plan, task=HOSTILE, model=HOSTILE, factors={"x": HOSTILE})
    row = replace(table.row, plan=plan)
    odd = replace(
        table,
        row=row,
        stratified_by=HOSTILE,
        strata=(Stratum(HOSTILE, row), Stratum("other", row)),
        records=[hostile, broken],
    )
    verdict = replace(VERDICT, gate=HOSTILE, task=HOSTILE, reason=HOSTILE)
    whole = replace(report(odd, verdicts=(verdict,)), run_id=HOSTILE)
    text = page(replace(whole, factors={HOSTILE: HOSTILE}), odd)
    tags = [tag for tag, _ in Elements(text).found]
    assert tags.count("script") == 3, "part, index and our own"
    assert "<!--" not in text
    assert not set("\x1b\u202e\0\ud800") & set(text)
    escaped = HOSTILE.encode("unicode_escape").decode().replace("\\'", "'")
    assert blocks(text)["part-0-0"][0]["completion"] == escaped
    assert html.escape(escaped, quote=False)[:40] in text


def test_secrets_are_hidden_before_text_is_cut(
    table: TaskSamples, report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list shows 80 characters; half a key would not be recognised as one."""
    secret = "hunter2" * 4
    monkeypatch.setenv("SOME_TOKEN", secret)
    (record, *_) = table.records
    answer = "x" * 60 + secret
    score = Score(scorer="acc", value=1.0, answer=answer)
    odd = replace(record, result=replace(record.result, scores=(score,)))
    text = page(report(table), replace(table, records=[odd]))
    assert "hunter2" not in text
    assert blocks(text)["index"][0]["rows"][0][5] == "x" * 60 + "[redacted]"


def test_every_sample_is_found_in_its_part(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Sample n of a table is entry n % 100 of part n // 100."""
    (record, *_) = table.records
    results = [replace(record.result, sample_id=f"s{n}") for n in range(250)]
    texts = [f"answer {n}" for n in range(250)]
    assert record.completion is not None
    completion = replace(record.completion, continuations=())
    many = [
        replace(
            record,
            result=result,
            request={"kind": "generate", "prompt": text},
            completion=replace(completion, text=text),
        )
        for result, text in zip(results, texts, strict=True)
    ]
    found = blocks(page(report(table), replace(table, records=many)))
    (index,) = found["index"]
    assert [row[0] for row in index["rows"]] == [f"s{n}" for n in range(250)]
    parts = [found[f"part-0-{n // 100}"][n % 100]["completion"] for n in range(250)]
    assert parts == texts


def test_run_without_samples_and_unfinished_run_have_a_page(
    report: Callable[..., Report],
) -> None:
    """An interrupted run says so; nothing else is shown than what is known."""
    text = page(replace(report(), finished_at=None))
    assert "not finished: interrupted or still running" in text
    assert blocks(text) == {"index": []}


def test_page_has_the_answers_of_the_baseline(
    judged: Callable[..., Any], card: Callable[..., Any], report: Callable[..., Report]
) -> None:
    """Only those to the same row; they are read when they are shown."""
    rows = [
        {"question": f"What is {n}+1?", "answer": f"so\n#### {n + 1}"} for n in range(3)
    ]
    plain = judged(card("gsm8k", rows), ["2", "3", "4"])
    ids = [record.result.sample_id for record in plain.records]
    known = {
        record.result.sample_id: record.sample.metadata for record in plain.records
    }
    answers = {(ids[0], 1): "1 </script>", (ids[1], 1): "of another row"}
    before = Before("main.jsonl", {**known, ids[1]: {"question": "?"}}, answers)
    table = replace(plain, before=lambda: before)
    found = blocks(page(report(table), table))
    assert found["index"][0]["before"] == "main.jsonl"
    details = found["part-0-0"]
    assert [each["before"] for each in details] == ["1 </script>", None, None]
