"""The playground: what is asked, shown and saved, and what is refused."""

import ast
import http.client
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.prompts import render
from llmlab_pytest.ui._play_view import as_template

TRY = {
    "template": "Capital of {{ land }}?",
    "variables": {"land": "France"},
    "models": ["careful", "hasty"],
}
WAIT_S = 30.0


def events_of(reply: Any, *, pieces: bool = False) -> list[dict[str, Any]]:
    """Return what was streamed, with the pieces of answers or without."""
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    events = [json.loads(line) for line in reply.text.splitlines()]
    return [each for each in events if pieces or each["kind"] != "text"]


def test_answers_come_one_by_one_with_cost_and_scores(page: Any) -> None:
    """First who is asked, then each answer, then what the try cost."""
    tried = {**TRY, "answers": 2, "expect": "Paris", "scorers": ["exact"]}
    tried["target"] = "It is the town of Paris."
    begin, *answers, end = events_of(page.post("/play/ask", tried))
    names = ["careful 1", "careful 2", "hasty 1", "hasty 2"]
    assert [each["name"] for each in begin["answers"]] == names
    assert sorted(each["place"] for each in answers) == [0, 1, 2, 3]
    by_place = {each["place"]: each for each in answers}
    assert by_place[0]["text"] == "It is the town of Paris."
    assert by_place[3]["text"] == "It is the city of Lyon."
    values = {s["scorer"]: s["value"] for s in by_place[0]["scores"]}
    assert values == {"exact": "1.000", "contains_any": "1.000"}
    assert by_place[2]["scores"][0]["is_wrong"]
    assert (end["kind"], end["cost"], end["spent"]) == ("end", "$0", "$0")


def test_answers_are_shown_while_they_are_written(page: Any) -> None:
    """Piece by piece, side by side; a text that starts anew says so."""
    events = events_of(page.post("/play/ask", TRY), pieces=True)
    texts = {}
    for each in events:
        if each["kind"] == "text":
            before = "" if each["fresh"] else texts.get(each["place"], "")
            texts[each["place"]] = before + each["text"]
    assert sum(each["kind"] == "text" for each in events) > 4
    for answer in (each for each in events if each["kind"] == "answer"):
        # The last piece may be held back, since a secret could begin there.
        assert answer["text"].startswith(texts[answer["place"]])
        assert texts[answer["place"]]


def test_judge_decides_by_a_rule_of_ours_where_no_scorer_asks_it(page: Any) -> None:
    """As `llmlab prompt --judge` does."""
    tried = {**TRY, "models": ["careful"], "judges": ["careful"]}
    _, answer, _ = events_of(page.post("/play/ask", tried))
    (given,) = answer["scores"]
    assert (given["scorer"], given["value"], given["why"]) == (
        "rubric",
        "1.000",
        "it says so",
    )


def test_answer_stays_where_its_judge_fails(page: Any) -> None:
    """It was paid; that it is not scored is said, and no score."""
    tried = {**TRY, "models": ["careful"], "judges": ["hasty"]}
    tried["scorers"] = ['{"name": "rubric", "criteria": "It is short."}']
    _, answer, end = events_of(page.post("/play/ask", tried))
    assert answer["text"] == "It is the town of Paris."
    assert "Error" in answer["error"] or "Malformed" in answer["error"]
    assert answer["scores"] == []
    assert end["cost"] == "?"


def test_trouble_of_one_model_is_no_score_and_no_end_of_the_others(page: Any) -> None:
    """It stands where its answer would."""
    tried = {**TRY, "template": "Who?", "variables": {}, "expect": "Who"}
    events = events_of(page.post("/play/ask", tried))
    answers = {each["place"]: each for each in events if each["kind"] == "answer"}
    assert answers[0]["error"] == ""
    assert answers[1]["error"]
    assert answers[1]["text"] is None
    assert answers[1]["scores"] == []
    assert events[-1]["kind"] == "end"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"variables": {}}, "land"),
        ({"template": "{{ land"}, "error"),
        ({"template": " "}, "prompt is empty"),
        ({"models": []}, "No model is chosen"),
        ({"models": ["gpt-none"]}, "not in the registry"),
        ({"models": ["scripted:/etc/passwd"]}, "not in the registry"),
        ({"judges": ["nobody"]}, "not in the registry"),
        ({"scorers": ["rubric"], "judges": ["careful"]}, "criteria"),
        ({"scorers": ["correctness"]}, "none is chosen"),
        ({"scorers": ["exakt"]}, "exakt"),
        ({"scorers": ["{broken"]}, "scorer"),
        ({"answers": 0}, "from 1 to 20"),
        ({"answers": 21}, "from 1 to 20"),
        ({"answers": True}, "from 1 to 20"),
        ({"temperature": 3}, "from 0 to 2"),
        ({"temperature": "hot"}, "from 0 to 2"),
        ({"max_tokens": -1}, "from 1 to"),
        ({"template": 7}, "a text"),
        ({"template": "\ud800"}, "whole characters"),
        ({"models": "careful"}, "a list"),
        ({"variables": ["land"]}, "an object"),
    ],
)
def test_mistakes_are_said_before_anything_is_asked(
    page: Any, change: dict[str, Any], told: str
) -> None:
    """With status 422 and the sentences that a command would say."""
    reply = page.post("/play/ask", {**TRY, **change})
    assert reply.status == 422
    assert told in reply.json["error"]


@pytest.mark.parametrize("path", ["ask", "save", "needs", "differ"])
def test_what_is_no_object_is_refused(page: Any, path: str) -> None:
    """Lists, texts and forms of another page."""
    for content in ([], "x", None, 7, {}):
        assert page.post(f"/play/{path}", content).status == 422
    headers = {"Origin": page.url, "Content-Type": "text/plain"}
    assert page.ask("POST", f"/play/{path}", headers, b"{}").status == 422
    headers["Content-Type"] = "application/json"
    for body in (b"{", b"\xff", b'{"a":' * 50_000):
        reply = page.ask("POST", f"/play/{path}", headers, body)
        assert reply.status in {400, 422}
    assert page.ask("POST", f"/play/{path}", headers, b"9" * 2_000_000).status == 413


def test_looking_costs_nothing(page: Any) -> None:
    """No GET asks a model, whatever stands in the address."""
    query = "template=Capital+of+France&model=careful&var=land&var_land=x"
    text = page.get(f"/play?{query}").text
    assert "Capital of France" in text
    for path in ("/play/ask", "/play/save", "/play/needs"):
        assert page.get(path).status in {404, 405}


def test_variables_are_named_at_once(page: Any) -> None:
    """Those that are not given, and what is wrong with a template."""
    asked = {"template": "{{ a }} {{ b.c }} {% for x in d %}{{ x }}{% endfor %}"}
    found = page.post("/play/needs", {**asked, "given": ["a"]}).json
    assert found == {"variables": ["a", "b", "d"], "missing": ["b", "d"], "trouble": ""}
    found = page.post("/play/needs", {"template": "{{ a", "given": []}).json
    assert "error" in found["trouble"]


def test_words_of_two_answers_are_compared(page: Any) -> None:
    """Pieces with their kinds."""
    texts = {"first": "It is the town of Paris.", "second": "It is the city of Lyon."}
    pieces = page.post("/play/differ", texts).json
    assert ["gone", "town "] in pieces
    assert ["new", "city "] in pieces
    assert "".join(text for kind, text in pieces if kind != "new") == texts["first"]


def test_hostile_answer_is_shown_without_what_could_run_or_hide(page: Any) -> None:
    """Control characters are escaped on the way."""
    tried = {"template": "hostile", "models": ["careful"]}
    _, answer, _ = events_of(page.post("/play/ask", tried))
    assert "<script>" in answer["text"]
    assert not set("\x1b\u202e\0") & set(answer["text"])


def test_secret_in_an_answer_is_hidden(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere."""
    monkeypatch.setenv("SOME_TOKEN", "town of Paris")
    _, answer, _ = events_of(page.post("/play/ask", {**TRY, "models": ["careful"]}))
    assert answer["text"] == "It is the [redacted]."


@pytest.mark.parametrize(
    ("name", "kind", "made"),
    [
        ("capitals", "card", ["capitals.task.toml", "capitals.jsonl"]),
        ("capitals", "test", ["test_capitals.py"]),
        ("test_towns", "test", ["test_towns.py"]),
        ("evals/towns", "card", ["evals/towns.task.toml", "evals/towns.jsonl"]),
    ],
)
def test_try_is_saved_in_the_project(
    page: Any, project: Path, name: str, kind: str, made: list[str]
) -> None:
    """As a card with its row, or a test; never over another file."""
    (project / "evals").mkdir()
    content = {"try": {**TRY, "expect": "Paris"}, "name": name, "as": kind}
    reply = page.post("/play/save", content)
    assert reply.json == {"path": made[0]}
    before = {path: (project / path).read_text("utf-8") for path in made}
    assert "Paris" in "".join(before.values())
    again = page.post("/play/save", {**content, "try": {**TRY, "expect": "Lyon"}})
    assert again.status == 422
    assert "exists" in again.json["error"]
    assert {path: (project / path).read_text("utf-8") for path in made} == before


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "/etc/out",
        "evals/../../out",
        "..",
        ".hidden",
        "a b",
        "a\0b",
        "a\nb",
        "",
        "C:\\out",
        "none/out",
        "link/out",
        "a" * 300,
    ],
)
@pytest.mark.parametrize("kind", ["card", "test"])
def test_nothing_is_saved_outside_of_the_project(
    page: Any, project: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """Neither by dots, nor by a link that leads out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (project / "link").symlink_to(outside)
    before = sorted(project.rglob("*"))
    reply = page.post("/play/save", {"try": TRY, "name": name, "as": kind})
    assert reply.status == 422
    assert sorted(project.rglob("*")) == before
    assert list(outside.iterdir()) == []


def test_link_in_the_way_is_not_followed(
    page: Any, project: Path, tmp_path: Path
) -> None:
    """A dangling link is a name that is taken."""
    target = tmp_path / "victim.py"
    (project / "test_x.py").symlink_to(target)
    reply = page.post("/play/save", {"try": TRY, "name": "x", "as": "test"})
    assert reply.status == 422
    assert not target.exists()


def test_saved_test_holds_hostile_texts_as_texts(
    page: Any, project: Path, hostile: str
) -> None:
    """Nothing in a prompt becomes code, and what is saved can be read again."""
    text = f'""" + exit() + """ {hostile} \x7f'
    tried = {
        **TRY,
        "template": "{{ land }}",
        "variables": {"land": text},
        "system": text,
        "scorers": [json.dumps({"name": "contains_any", "keywords": [text]})],
    }
    for kind in ("card", "test"):
        content = {"try": tried, "name": "hostile", "as": kind}
        assert page.post("/play/save", content).status == 200
    tree = ast.parse((project / "test_hostile.py").read_text("utf-8"))
    kinds = {type(node) for node in tree.body}
    assert kinds == {ast.ImportFrom, ast.Assign, ast.FunctionDef}
    (prompt,) = [n for n in tree.body if ast.unparse(n).startswith("PROMPT = ")]
    assert ast.literal_eval(prompt.value) == text
    card = tomllib.loads((project / "hostile.task.toml").read_text("utf-8"))
    assert card["system"] == text
    assert card["scorers"][0]["keywords"] == [text]


def test_scorer_with_odd_keys_is_saved_as_it_is(page: Any, project: Path) -> None:
    """Keys of a JSON Schema are no bare keys of TOML."""
    schema = {"type": "object", "properties": {"a b": {"$ref": "#/x"}}, "x": {}}
    scorer = {"name": "json_schema", "schema": schema}
    content = {
        "try": {**TRY, "scorers": [json.dumps(scorer)]},
        "name": "s",
        "as": "card",
    }
    assert page.post("/play/save", content).status == 200
    card = tomllib.loads((project / "s.task.toml").read_text("utf-8"))
    assert card["scorers"] == [scorer]


@given(st.text(st.sampled_from("{}%#'\\ ab\n"), max_size=30))
def test_prompt_of_a_run_becomes_a_template_of_itself(text: str) -> None:
    """Whatever braces it holds, asking it again asks the same."""
    assert render(as_template(text), {}, where="here") == text


def test_sample_of_a_run_opens_in_the_playground(kept: Any, page: Any) -> None:
    """With its prompt as a template and its system message."""
    kept.run("r1")
    kept.plan("r1", "quiz", "a", 1)
    kept.result("r1", "quiz", "a", "s1", asked="What is {{ x }}?")
    text = page.get("/runs/r1/sample?task=quiz&model=a&id=s1").text
    link = text.partition('href="/play?')[2].partition('"')[0].replace("&amp;", "&")
    form = page.get(f"/play?{link}").text
    assert "What is {{ &#39;{{&#39; }} x }}?</textarea>" in form
    assert "Be brief.</textarea>" in form


def test_cost_of_a_try_is_told_and_added_up(remote: Any) -> None:
    """At the entry's price; a call that failed and may be billed makes it unknown."""
    page = remote("echo")
    tried = {**TRY, "models": ["remote"], "answers": 2}
    *_, end = events_of(page.post("/play/ask", tried))
    # Three words asked, six answered: 3 * 0.001 + 6 * 0.002 dollars, twice.
    assert (end["cost"], end["spent"]) == ("$0.03", "$0.03")
    *_, end = events_of(page.post("/play/ask", tried))
    assert (end["cost"], end["spent"]) == ("$0.03", "$0.06")
    assert "$0.06" in page.get("/play").text


def test_unknown_cost_is_never_told_as_none(remote: Any) -> None:
    """An answer that failed on the way may be billed."""
    page = remote("error-in-stream")
    *_, end = events_of(page.post("/play/ask", {**TRY, "models": ["remote"]}))
    assert (end["cost"], end["spent"]) == ("?", "$0 and more")


def test_budget_is_kept_to(remote: Any) -> None:
    """The worst case of a call is held first; what is refused costs nothing."""
    page = remote("echo", budget="0.001usd")
    _, answer, end = events_of(page.post("/play/ask", {**TRY, "models": ["remote"]}))
    assert "BudgetExceeded" in answer["error"]
    assert (answer["text"], end["cost"], end["spent"]) == (None, "$0", "$0")
    assert remote.server.bodies == []


def test_visitor_who_leaves_ends_the_try(remote: Any) -> None:
    """No further answer is asked for, and the page goes on for others."""
    page = remote("hang")
    body = json.dumps({**TRY, "models": ["remote"]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=WAIT_S)
    headers = {"Origin": page.url, "Content-Type": "application/json"}
    connection.request("POST", "/play/ask", body, headers)
    reply = connection.getresponse()
    assert b"begin" in reply.readline()
    reply.close()
    connection.close()
    *_, end = events_of(page.post("/play/ask", TRY))
    assert end["kind"] == "end"
