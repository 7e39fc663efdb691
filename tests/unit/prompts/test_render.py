"""Templates and expressions over a row."""

from typing import Any

import pytest

from llmlab_pytest.core import ConfigError, DataError
from llmlab_pytest.prompts import evaluate, render, variables
from llmlab_pytest.prompts._render import hellaswag_clean


@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("{{ a }} and {{ b }}", {"a": 1, "b": "x"}, "1 and x"),
        ("end\n", {}, "end\n"),
        ("{{ a.strip() }}", {"a": " x "}, "x"),
        ("{{ c[1] }}{{ d.e }}", {"c": [1, 2], "d": {"e": 3}}, "23"),
        (
            "{% for c in cs %}{{ loop.index }}{{ c }} {% endfor %}",
            {"cs": "ab"},
            "1a 2b ",
        ),
        ("{{ a | upper }}", {"a": "<&>"}, "<&>"),
        ("{{ range }}", {"range": "a row's own field"}, "a row's own field"),
    ],
)
def test_template_takes_fields_of_the_row(
    template: str, row: dict[str, Any], text: str
) -> None:
    """Jinja as lm-eval sets it up: no escaping, the last newline kept."""
    assert render(template, row, where="card") == text


@pytest.mark.parametrize(
    ("expression", "row", "value"),
    [
        ("answer", {"answer": 3}, 3),
        ("label | int", {"label": "2"}, 2),
        ("c.text", {"c": {"text": ["a", "b"]}}, ["a", "b"]),
        ("c.label.index(k)", {"c": {"label": ["A", "B"]}, "k": "B"}, 1),
        ("[a, b]", {"a": 1, "b": 2}, [1, 2]),
        ("(a | int) - 1", {"a": "1"}, 0),
        ("value", {"value": "not ours"}, "not ours"),
        ("'all'", {}, "all"),
        ("none_there or 1", {"none_there": None}, 1),
        ("a | truthfulqa_sentences", {"a": [" Yes ", "", "No."]}, ["Yes.", "No."]),
        ("a | truthfulqa_true", {"a": ["No"]}, ["No.", "I have no comment."]),
        (
            "a | truthfulqa_true | length",
            {"a": ["I have no comment", "No", " "]},
            2,
        ),
    ],
)
def test_expression_keeps_its_type(
    expression: str, row: dict[str, Any], value: object
) -> None:
    """An expression gives a value, not its text."""
    assert evaluate(expression, row, where="card") == value


@pytest.mark.parametrize("call", [render, evaluate])
@pytest.mark.parametrize(
    ("template", "row"),
    [("missing", {"there": 1}), ("there.missing", {"there": {}})],
)
def test_undefined_is_an_error_of_the_row(
    call: Any, template: str, row: dict[str, Any]
) -> None:
    """A variable that the row lacks is named with the fields that it has."""
    template = "{{ " + template + " }}" if call is render else template
    with pytest.raises(DataError) as caught:
        call(template, row, where="card.toml (rows.jsonl:3)")
    assert "card.toml (rows.jsonl:3)" in str(caught.value)
    assert "missing" in str(caught.value)
    assert "there" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [(render, "{{ a"), (render, "{% for %}"), (evaluate, "a b"), (evaluate, "")],
)
def test_syntax_error_shows_the_template(call: Any, text: str) -> None:
    """What does not parse is an error of the card, as it was written."""
    with pytest.raises(ConfigError) as caught:
        call(text, {"a": 1}, where="card.toml:2")
    assert repr(text) in str(caught.value)
    assert "card.toml:2" in str(caught.value)


@pytest.mark.parametrize(
    "attack",
    [
        "''.__class__.__mro__[1].__subclasses__()",
        "row.__init__.__globals__",
        "cycler.__init__.__globals__.os.system('true')",
        "lipsum.__globals__['os']",
        "(row | attr('__class__')).__mro__",
    ],
)
def test_cards_of_others_cannot_leave_the_sandbox(attack: str) -> None:
    """A template never reaches Python's internals."""
    with pytest.raises(DataError):
        render("{{ " + attack + " }}", {"row": {}}, where="card")
    with pytest.raises(DataError):
        evaluate(attack, {"row": {}}, where="card")


def test_failing_expression_names_itself() -> None:
    """A type that does not fit is an error of the row or the expression."""
    with pytest.raises(DataError, match=r"c\.index\(k\).*rows\.jsonl:9"):
        evaluate("c.index(k)", {"c": ["A"], "k": "Z"}, where="rows.jsonl:9")


def test_variables_are_those_that_a_row_must_have() -> None:
    """Loop variables and filters are not asked of the row."""
    text = "{{ a.b }}{% for x in xs %}{{ x | upper }}{% endfor %}"
    assert variables(text, where="card") == {"a", "xs"}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (" Bake [title] Mix it. ", "Bake. Mix it."),
        ("[header] How to [substeps] do", " How to do"),
        ("a  b   c", "a b  c"),
        ("plain", "plain"),
    ],
)
def test_hellaswag_markup_is_removed_in_one_pass(raw: str, clean: str) -> None:
    """In lm-eval's order; what a replacement creates is not replaced again."""
    assert hellaswag_clean(raw) == clean
