"""JSON, XML, HTML, SQL and Python: what parses, where it is found, what is allowed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import (
    is_html,
    is_json,
    is_python,
    is_sql,
    is_xml,
    json_schema,
    pydantic_model,
    score,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def told(text: str, scorer: Any) -> str | None:
    """Return what is wrong with a text; the value agrees with it."""
    found = score(text, scorer)
    assert (found.value == 1.0) == (found.explanation is None)
    return found.explanation


@given(value=JSON)
def test_all_json_is_json(value: Any) -> None:
    """What Python writes as JSON passes plain, fenced, and in prose where asked."""
    text = json.dumps(value)
    assert told(text, is_json(fenced=False)) is None
    assert told(f"Here:\n```json\n{text}\n```\nDone.", is_json()) is None
    if isinstance(value, (dict, list)):
        assert told(f"It is {text}, I think.", is_json(anywhere=True)) is None


@pytest.mark.parametrize(
    ("text", "scorer", "shown"),
    [
        ("{'a': 1}", is_json(), "not JSON: Expecting property name"),
        ("NaN", is_json(), "not JSON: NaN is no JSON"),
        ("[Infinity]", is_json(anywhere=True), "Infinity is no JSON"),
        ("```json\n[1]\n```", is_json(fenced=False), "not JSON"),
        ("It is [1].", is_json(), "not JSON"),
        ("none", is_json(anywhere=True), "not JSON"),
        ("", is_json(), "not JSON"),
        ("[" * 100_000, is_json(anywhere=True), "nested too deeply"),
    ],
    ids=["quotes", "nan", "infinity", "fence", "prose", "word", "empty", "deep"],
)
def test_what_is_no_json_says_why(text: str, scorer: Any, shown: str) -> None:
    """The parser's complaint is the explanation."""
    assert shown in str(told(text, scorer))


def test_fence_of_the_right_name_is_read_first() -> None:
    """Of several fences the one that is called so counts, then one without a name."""
    answer = "```python\nx = 1\n```\nand\n~~~ json\n[2]\n~~~\n```\n3\n```\n"
    assert score(answer, is_json()).answer == "[2]"
    assert score(answer, is_python()).answer == "x = 1"
    assert score("```\n4\n```", is_json()).answer == "4"
    assert score("````json\n[5]\n```\n````", is_json(fenced=True)).value == 0.0


AGE = {"type": "object", "properties": {"age": {"type": "integer"}}}


def test_schema_is_looked_for_in_prose_where_asked() -> None:
    """Of several values the one counts that comes closest to the schema."""
    answer = 'See [1]: {"age": "x"} or rather {"age": 3}.'
    found = score(answer, json_schema(schema=AGE, anywhere=True))
    assert (found.value, found.answer) == (1.0, '{"age": 3}')
    assert score(answer, json_schema(schema=AGE)).value == 0.0


class Person(BaseModel):
    """Somebody in an answer."""

    name: str
    age: int = Field(ge=0)
    friends: list["Person"] = []


def test_pydantic_model_accepts_or_places_each_fault() -> None:
    """What the model refuses is told with its place in the JSON."""
    scorer = pydantic_model(model=Person)
    assert told('```json\n{"name": "Ann", "age": 3}\n```', scorer) is None
    wrong = '{"name": "Ann", "age": -3, "friends": [{"name": 1, "age": 2}]}'
    assert told(wrong, scorer) == (
        "$.age: Input should be greater than or equal to 0; "
        "$.friends[0].name: Input should be a valid string"
    )
    assert "not JSON" in str(told("Ann", scorer))
    with pytest.raises(ConfigError, match=r"subclass of pydantic\.BaseModel"):
        pydantic_model(model="package:Person")


@pytest.mark.parametrize(
    ("text", "options", "fault"),
    [
        ("<a><b>1</b></a>", {}, None),
        ("Sure:\n```xml\n<a/>\n```", {}, None),
        ("<a><b>1</a>", {}, "not XML: mismatched tag: line 1, column 9"),
        ("<a/><b/>", {}, "not XML: junk after document element: line 1, column 4"),
        ("plain", {}, "not XML: syntax error: line 1, column 0"),
        ("So: <a><b/></a>, or so", {"anywhere": True, "elements": ["b"]}, None),
        ("So: <a/>.", {"anywhere": True}, None),
        ("So: <a>.", {"anywhere": True}, "not XML: syntax error: line 1, column 0"),
        ("<a/>", {"root": "a"}, None),
        ("<a/>", {"root": "b"}, "the root is 'a', expected 'b'"),
        ("<a><b><c/></b></a>", {"elements": ["b/c"]}, None),
        ("<a><b/></a>", {"elements": ["b", "b/c"]}, "missing 'b/c'"),
    ],
)
def test_xml(text: str, options: Any, fault: str | None) -> None:
    """Documents are well-formed, with the root and the elements asked for."""
    assert told(text, is_xml(**options)) == fault


def test_xml_that_would_fill_the_memory_is_refused() -> None:
    """Entities of a document's own are no content (the billion laughs)."""
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
    assert "not XML: EntitiesForbidden" in str(told(bomb, is_xml()))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<p>Hello <b>you</b></p>", None),
        ("<!DOCTYPE html><html><body><ul><li>a<li>b</ul><br></body></html>", None),
        ("<p>one<p>two", None),
        ("<my-part>x</my-part>", None),
        ("<svg viewBox='0 0 1 1'><path d='M0'/><g></g></svg>", None),
        ("<script>if (a < b && c > d) {}</script>", None),
        ("```html\n<h1>Hi</h1>\n```", None),
        ("plain text, 1 < 2", "there is no element"),
        ("<div><p>x</p>", "line 1: <div> is not closed"),
        ("<b><i>x</b></i>", "line 1: </b> closes nothing that is open"),
        ("ok\n</div><p>", "line 2: </div> closes nothing that is open"),
        ("<blink>x</blink>", "line 1: no element is called 'blink'"),
    ],
)
def test_html(text: str, fault: str | None) -> None:
    """Elements are those of the standard and close in order, but for optional ends."""
    assert told(text, is_html()) == fault


@pytest.mark.parametrize(
    ("text", "options", "shown"),
    [
        ("SELECT a, b FROM t WHERE a > 1", {}, None),
        ("```sql\nselect 1;\nselect 2\n```", {}, None),
        ("select * from t where", {}, "not SQL: line 1: Required keyword"),
        ("SELECT FROM", {}, "not SQL"),
        ("The answer is 42.", {}, "not SQL"),
        ("Paris", {}, "not SQL: no statement that is known"),
        ("hello world", {}, "not SQL: no statement that is known"),
        ("", {}, "not SQL: no statement that is known"),
        ("-- nothing", {}, "not SQL: no statement that is known"),
        ("select 'a' ilike 'b'", {"dialect": "postgres"}, None),
        ("drop table t", {"statements": ["select"]}, "not allowed: a drop statement"),
        ("(select 1) union (select 2)", {"statements": ["select"]}, None),
        ("delete from t", {"statements": ["select", "delete"]}, None),
        ("select * from T join u on 1 = 1", {"tables": ["t", "u"]}, None),
        ("with w as (select 1) select * from w, t", {"tables": ["t"]}, None),
        (
            "select * from secrets, t",
            {"tables": ["t"]},
            "not allowed: the table 'secrets'",
        ),
        ("select (select max(x) from u) from t", {"tables": ["t"]}, "the table 'u'"),
    ],
)
def test_sql(text: str, options: Any, shown: str | None) -> None:
    """Statements parse, are of the allowed kinds, and use the allowed tables."""
    fault = told(text, is_sql(**options))
    assert fault is None if shown is None else shown in str(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\nprint(x)", None),
        ("Here:\n```python\nx = 1\n```", None),
        ("```py\nx = '\\d'\n```", None),
        ("x = = 1", "line 1: invalid syntax"),
        ("def f():\nreturn 1", "line 2: expected an indented block"),
        ("", "there is no code"),
        ("x = 1\0", "null"),
        ("(" * 1000 + ")" * 1000, "too many nested parentheses"),
        ("-" * 100_000 + "1", "nested too deeply"),
    ],
    ids=[
        "plain",
        "fence",
        "warning",
        "syntax",
        "indent",
        "empty",
        "null",
        "many",
        "deep",
    ],
)
def test_python(text: str, fault: str | None) -> None:
    """Code parses, without a warning of ours; the fault names its line."""
    found = told(text, is_python())
    assert found is None if fault is None else fault in str(found)


@given(text=st.text() | st.text("<>!?/[](){}-=*'\"&;,. \nabc", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    """No parser is broken by a text; each says yes or no."""
    for scorer in (
        is_json(anywhere=True),
        is_xml(),
        is_html(),
        is_sql(),
        is_python(),
        pydantic_model(model=Person, anywhere=True),
    ):
        assert score(text, scorer).value in (0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: is_sql(dialect="klingon"), "sqlglot's dialects"),
        (lambda: is_sql(statements=["selct"]), "Known: .*select"),
        (lambda: is_sql(tables="t"), "list of texts"),
        (lambda: is_xml(elements="a"), "list of texts"),
    ],
    ids=["dialect", "statement", "tables", "elements"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What cannot be checked is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
