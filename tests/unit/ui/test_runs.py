"""Views of runs and samples: complete, filtered, paged, and safe to look at."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from llmlab_pytest.core import Judgement
from llmlab_pytest.stats import wilson


class Elements(HTMLParser):
    """Collects elements with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
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


def cells_of(text: str, name: str) -> list[str]:
    """Return the texts of a column's cells."""
    pattern = rf'<td class="[^"]*" data-name="{re.escape(name)}">(.*?)</td>'
    return [
        re.sub(r"<[^>]+>", "", cell).strip()
        for cell in re.findall(pattern, text, re.DOTALL)
    ]


@pytest.fixture
def filled(kept: Any) -> Any:
    """Two runs of a quiz on two models; the later one was interrupted."""
    for number, run_id in enumerate(("r1", "r2"), start=1):
        kept.run(run_id, day=number, is_finished=number == 1)
        for model in ("a", "b"):
            gates = ("exact >= 0.5", "exact >= baseline")
            kept.plan(run_id, "quiz", model, 130, gates=gates)
            for n in range(130):
                is_right = n % 10 != 3 if model == "a" else n % 2 == 0
                kept.result(
                    run_id,
                    "quiz",
                    model,
                    f"s{n:03d}",
                    value=float(is_right),
                    said="Paris" if is_right else "Lyon",
                    error="ProviderDown: on fire" if n == 129 else None,
                )
    return kept


def test_runs_are_listed_newest_first(filled: Any, page: Any) -> None:
    """With state, tasks, models, results, errors and cost."""
    text = page.get("/runs").text
    assert cells_of(text, "run") == ["r2", "r1"]
    assert cells_of(text, "begun") == ["2026-11-02 10:00", "2026-11-01 10:00"]
    assert cells_of(text, "state") == ["not finished", "finished"]
    assert cells_of(text, "models") == ["a, b", "a, b"]
    assert cells_of(text, "samples") == ["260", "260"]
    assert cells_of(text, "err") == ["2", "2"]
    assert cells_of(text, "cost") == ["$2.58", "$2.58"]


def test_unknown_price_is_never_shown_as_a_cost(kept: Any, page: Any) -> None:
    """One result without a price makes the sum unknown."""
    kept.run("r1")
    kept.plan("r1", "quiz", "a", 2)
    kept.result("r1", "quiz", "a", "s1")
    kept.result("r1", "quiz", "a", "s2", cost_usd=None)
    assert cells_of(page.get("/runs").text, "cost") == ["?"]


def test_page_without_a_store_says_what_to_do(
    serve: Callable[..., Any], tmp_path: Any
) -> None:
    """No store is made by looking; one that appears is read."""
    path = tmp_path / "none.db"
    page = serve(url=str(path))
    assert "No run yet" in page.get("/runs").text
    assert page.get("/runs/r1").status == 404
    assert not path.exists()


def test_run_shows_metrics_gates_and_how_it_was_run(filled: Any, page: Any) -> None:
    """Gates that need a baseline are named and not decided."""
    text = page.get("/runs/r1").text
    assert cells_of(text, "value") == ["0.899", "0.504"]
    ends = [wilson(116, 129), wilson(65, 129)]
    wanted = [f"[{each.low:.3f}, {each.high:.3f}]" for each in ends]
    assert cells_of(text, "95% interval") == wanted
    assert cells_of(text, "verdict") == ["error", "error"], "a sample has one"
    assert text.count("exact &gt;= baseline (quiz on") == 2
    assert "<dt>seed</dt><dd>1234</dd>" in text


def test_finished_run_is_computed_once_and_others_each_time(
    filled: Any, page: Any
) -> None:
    """A run that goes on shows what was added since."""
    before = [
        cells_of(page.get(f"/runs/{run}").text, "value")[0] for run in ("r1", "r2")
    ]
    for run in ("r1", "r2"):
        for n in range(130):
            filled.result(run, "quiz", "a", f"s{n:03d}", value=1.0)
    after = [
        cells_of(page.get(f"/runs/{run}").text, "value")[0] for run in ("r1", "r2")
    ]
    assert before == ["0.899", "0.899"]
    assert after == ["0.899", "1.000"]


def test_metric_of_a_plugin_is_said_to_be_unknown(kept: Any, page: Any) -> None:
    """The scorers' own metrics stand in its place."""
    kept.run("r1")
    kept.plan("r1", "quiz", "a", 1, metrics=("acme_quality",))
    kept.result("r1", "quiz", "a", "s1")
    text = page.get("/runs/r1").text
    assert "acme_quality" in text
    assert cells_of(text, "metric") == ["exact"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 260),
        ("?task=quiz&model=a", 130),
        ("?model=a&outcome=miss", 13),
        ("?model=b&outcome=hit", 65),
        ("?outcome=error", 2),
        ("?text=LYON&model=a", 13),
        ("?text=on+fire", 2),
        ("?text=%25", 0),
        ("?outcome=nonsense", 260),
        ("?task=other", 0),
    ],
)
def test_samples_are_filtered(filled: Any, page: Any, query: str, count: int) -> None:
    """By task, model, outcome and text, alone and together."""
    text = page.get(f"/runs/r1/samples{query}").text
    wanted = f"of {count} samples" if count else "No samples."
    assert wanted in text
    assert len(cells_of(text, "outcome")) == min(count, 50)


def test_pages_hold_every_sample_once(filled: Any, page: Any) -> None:
    """Following `later` from the first page passes all of them, the filter kept."""
    path, seen = "/runs/r1/samples?model=a&text=i", []
    while path:
        text = page.get(path).text
        seen += cells_of(text, "sample")
        found = re.search(r'rel="next" href="([^"]+)"', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"s{n:03d}" for n in range(130)]


@pytest.mark.parametrize("number", ["0", "-3", "999999999", "99999999999999", "x", ""])
def test_page_numbers_that_are_none_do_no_harm(
    filled: Any, page: Any, number: str
) -> None:
    """Too large is the last page; what is no number is the first."""
    reply = page.get(f"/runs/r1/samples?page={number}")
    assert reply.status == 200
    assert cells_of(reply.text, "sample")


def test_sample_shows_prompt_answer_scores_and_judges(kept: Any, page: Any) -> None:
    """What was asked and answered, how it was scored, what it took."""
    kept.run("r1")
    kept.plan("r1", "quiz", "a", 1)
    judgement = Judgement(judge="j", value=1.0, prompt_hash="h", calls=2, cost_usd=0.5)
    kept.result("r1", "quiz", "a", "s1", judgements=(judgement,))
    text = page.get("/runs/r1/sample?task=quiz&model=a&id=s1").text
    told = [" ".join(part.split()) for part in Elements(text).texts]
    for part in ("Be brief.", "Capital of France?", "Paris", "it is 1.0", "$0.50"):
        assert part in told
    assert re.search(r"<dt>latency</dt><dd>500ms</dd>", text)
    assert re.search(r"<dt>input tokens</dt><dd>11</dd>", text)
    assert cells_of(text, "calls") == ["2"]


def test_sample_leads_to_its_neighbours_in_the_list(filled: Any, page: Any) -> None:
    """Within the filter it was opened from."""
    text = page.get("/runs/r1/samples?model=a&outcome=miss").text
    links = re.findall(r'<a href="(/runs/r1/sample\?[^"]+)"', text)
    text = page.get(links[1].replace("&amp;", "&")).text
    assert "2 of 13" in text
    later = re.search(r'rel="next" href="([^"]+)"', text)
    assert later
    assert "<h1>s023" in page.get(later[1].replace("&amp;", "&")).text


@pytest.mark.parametrize(
    "path",
    [
        "/runs/r9",
        "/runs/r9/samples",
        "/runs/r1/sample?task=quiz&model=a&id=s999",
        "/runs/r1/sample?task=quiz&model=z&id=s001",
        "/runs/r1/sample",
        "/nothing",
    ],
)
def test_what_is_not_there_is_said(filled: Any, page: Any, path: str) -> None:
    """With status 404 and a page that leads back."""
    reply = page.get(path)
    assert reply.status == 404
    assert 'href="/runs"' in reply.text


def test_hostile_texts_are_texts(kept: Any, page: Any, hostile: str) -> None:
    """Names, prompts, answers and explanations become no element or attribute."""
    kept.run(hostile)
    kept.plan(hostile, hostile, hostile, 1)
    kept.result(hostile, hostile, hostile, hostile, said=hostile, asked=hostile)
    paths = re.findall(r'<a href="(/runs/[^"]+)"', page.get("/runs").text)
    todo, seen = [*paths, "/runs"], set()
    while todo:
        path = todo.pop().replace("&amp;", "&")
        if path in seen:
            continue
        seen.add(path)
        reply = page.get(path)
        assert reply.status == 200, path
        elements = Elements(reply.text)
        tags = [tag for tag, _ in elements.found]
        assert "img" not in tags
        assert tags.count("script") == 0
        assert not [n for _, attrs in elements.found for n in attrs if n[:2] == "on"]
        assert not set("\x1b\u202e\0") & set("".join(elements.texts))
        todo += re.findall(r'<a (?:class="button" )?href="(/runs/[^"]+)"', reply.text)
    assert len(seen) >= 4
    assert any("document.title" in text for text in elements.texts)


def test_secrets_are_hidden(
    kept: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lists and transcripts, wherever a run kept them."""
    secret = "hunter2" * 4
    kept.run("r1")
    kept.plan("r1", "quiz", "a", 1)
    kept.result("r1", "quiz", "a", "s1", said=f"it is {secret}", asked=secret)
    monkeypatch.setenv("SOME_TOKEN", secret)
    for path in ("samples", "sample?task=quiz&model=a&id=s1"):
        text = page.get(f"/runs/r1/{path}").text
        assert "hunter2" not in text
        assert "[redacted]" in text
