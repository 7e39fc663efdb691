"""What holds of every scorer: it works in every place and explains a miss."""

import importlib
import sys
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from llmlab_pytest import LlmAssertionError, assert_score, score, score_many
from llmlab_pytest.core import Completion, ConfigError, MissingDependency, ToolCall
from llmlab_pytest.scorers import make_scorer, scorer_registry

OF_LIKELIHOODS = {
    *("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "mc2", "f1", "mcc"),
    *("perplexity", "nats_per_word", "nats_per_byte", "nats_per_token"),
}
"""They judge continuations, not texts: `test_likelihood_scorers.py` has them."""
OF_ROWS_AND_PROGRAMS = {"ifeval", "passes_tests", "runs_python"}
"""They need a row of IFEval, or a sandbox: their own tests have them."""
NEED_SAMPLES = {"hendrycks_math", "minerva_math", "math_verify"}
"""Targets are whole solutions; `test_math_scorers.py` has them."""


class Person(BaseModel):
    """Somebody in an answer."""

    name: str


def calling(name: str) -> Completion:
    """Return a completion that calls a tool."""
    return Completion(text="", model="m", tool_calls=(ToolCall("1", name, {}),))


class Case(NamedTuple):
    """A scorer's options, a text that is right, one that is wrong, and the target."""

    options: dict[str, Any]
    right: str | Completion
    wrong: str | Completion
    target: Any = None
    best: float = 1.0
    explains: bool = True


PARTS: dict[str, Any] = {"scorers": ["exact", {"name": "length", "at_most": 2}]}
STOPPED = Completion(text="x", model="m")
CUT = Completion(text="x", model="m", stop_reason="length")
REFUSAL = "I can't help with that."
CASES: dict[str, Case] = {
    "all_of": Case(PARTS, "Paris", "In Paris it is", "Paris"),
    "any_of": Case(PARTS, "In Lyon", "In Paris it is", "Paris"),
    "bleu": Case({}, "a b c d", "x y", "a b c d", best=100, explains=False),
    "chrf": Case({}, "a b c d", "x y", "a b c d", best=100, explains=False),
    "choice": Case({}, "The answer is B.", "The answer is A.", "B"),
    "citations": Case({"sources": 1}, "True [1].", "True [2]."),
    "contains_all": Case({}, "red, blue", "red", ("red", "blue")),
    "contains_any": Case({}, "In Paris", "In Lyon", "Paris"),
    "contains_none": Case({}, "fine", "sorry", "sorry"),
    "corpus_bleu": Case({}, "a b c d", "x y", "a b c d", best=100, explains=False),
    "date": Case({}, "on 20 July 1969", "in 1969", "1969-07-20"),
    "edit_distance": Case({"max_edits": 1}, "Pariss", "Lyon", "Paris"),
    "edit_similarity": Case({}, "Paris", "Lyon", "Paris"),
    "ends_with": Case({}, "It is Paris", "Paris it is", "Paris"),
    "exact": Case({}, "Paris", "Lyon", "Paris"),
    "exact_match": Case({}, "Paris", "Lyon", "Paris"),
    "gleu": Case({}, "a b c", "x y", "a b c", explains=False),
    "is_html": Case({}, "<p>Hi</p>", "<b>Hi"),
    "is_json": Case({}, "[1]", "[1"),
    "is_python": Case({}, "x = 1", "x = = 1"),
    "is_refusal": Case({}, REFUSAL, "It is 4."),
    "is_sql": Case({}, "select 1", "Paris"),
    "is_xml": Case({}, "<a/>", "<a>"),
    "json_schema": Case({"schema": {"type": "integer"}}, "1", '"a"'),
    "language": Case({"codes": ["en"]}, "This is a long walk.", "Das ist ein Weg."),
    "length": Case({"at_most": 2}, "one two", "one two three"),
    "markdown": Case({"has": ["list"]}, "- one", "one"),
    "meteor": Case(
        {"synonyms": False, "gamma": 0}, "a b", "x y", "a b", explains=False
    ),
    "negate": Case({"scorer": "exact"}, "Lyon", "Paris", "Paris"),
    "no_pii": Case({}, "nobody", "ann@example.com"),
    "no_secrets": Case({}, "nothing", "sk-abcdefghijklmnopqrstuvwx"),
    "no_tool_calls": Case({}, "text", calling("f")),
    "numeric": Case({}, "It is 4.", "It is 5.", 4),
    "one_of": Case({"options": ["yes", "no"]}, "Yes.", "No.", "yes"),
    "polarity": Case({}, "very very very good", "bad", best=0.5768, explains=False),
    "pydantic_model": Case({"model": Person}, '{"name": "Ann"}', "{}"),
    "quantity": Case({}, "5000 m", "5 m", "5 km"),
    "quotes": Case({}, '"a b c"', '"a b d"', "a b c"),
    "readability": Case({}, "Incomprehensibility.", "I am.", best=68.56),
    "regex": Case({}, "born 1969", "born", r"\d{4}"),
    "rouge": Case({}, "a b", "x", "a b", best=100, explains=False),
    "sentiment": Case({}, "good", "bad", "positive"),
    "squad_exact": Case({}, "The Paris!", "Lyon", "paris"),
    "squad_f1": Case({}, "The Paris!", "Lyon", "paris"),
    "starts_with": Case({}, "Paris it is", "It is Paris", "Paris"),
    "stop_reason": Case({}, STOPPED, CUT),
    # Edits per word: here the higher value is that of the text that is less alike.
    "ter": Case({}, "x y z", "a b", "a b", best=150, explains=False),
    "threshold": Case({"scorer": "bleu", "at_least": 50}, "a b c d", "x", "a b c d"),
    "token_ratio": Case({}, "b a", "x", "a b"),
    "tool_calls": Case({"calls": ["f"]}, calling("f"), calling("g")),
    "valid_tool_calls": Case({"tools": [{"name": "f"}]}, calling("f"), calling("g")),
    "weighted": Case(PARTS, "Paris", "In Paris it is", "Paris"),
}


def test_every_scorer_has_a_case() -> None:
    """A new scorer enters this table, or says where else it is tested."""
    elsewhere = OF_LIKELIHOODS | OF_ROWS_AND_PROGRAMS | NEED_SAMPLES
    assert sorted({*CASES, *elsewhere}) == list(scorer_registry())


@pytest.mark.parametrize("name", CASES)
def test_scorer_says_the_same_in_every_place(name: str) -> None:
    """By name in a table, made, alone, called on a text, in a column, asserted."""
    case = CASES[name]
    spec = {"name": name, **case.options}
    title, made = make_scorer(spec, scorer_registry(), where="card")
    found = score(case.right, spec, target=case.target)
    assert title == name
    assert found.value == pytest.approx(case.best, abs=0.01)
    direct: Any = made(case.right, case.target)
    assert direct.value == found.value
    assert score(case.right, made, target=case.target).value == found.value
    many = score_many([case.right, case.wrong], made, targets=[case.target] * 2)
    assert many[0].value == found.value
    bar = case.best - 0.01
    kept = assert_score(case.right, spec, target=case.target, at_least=bar)
    assert kept.value == found.value


@pytest.mark.parametrize("name", CASES)
def test_scorer_tells_a_miss_and_why(name: str) -> None:
    """A wrong text is worth less; where there is a right and wrong, it says why."""
    case = CASES[name]
    found = score(case.wrong, {"name": name, **case.options}, target=case.target)
    assert found.value is not None
    assert found.value < case.best
    if case.explains:
        assert found.explanation
        assert len(found.explanation) < 300
    with pytest.raises(LlmAssertionError, match=f"^{found.scorer}"):
        assert_score(
            case.wrong,
            {"name": name, **case.options},
            target=case.target,
            at_least=case.best,
        )


@pytest.mark.parametrize("name", CASES)
def test_scorer_judges_an_empty_text(name: str) -> None:
    """A model that says nothing gets a score, and no scorer breaks."""
    case = CASES[name]
    found = score("", {"name": name, **case.options}, target=case.target)
    assert found.value is None or found.value == found.value + 0.0


@pytest.mark.parametrize("name", sorted(OF_LIKELIHOODS))
def test_scorer_of_likelihoods_says_that_a_text_has_none(name: str) -> None:
    """Who takes the benchmark's `f1` for words in common is told so, not scored 0."""
    with pytest.raises(ConfigError, match=r"choice|continuations|likelihood"):
        score("a b", name, target="a")


LIBRARIES = {
    "bleu": ("sacrebleu", "benchmarks"),
    "corpus_bleu": ("sacrebleu", "benchmarks"),
    "edit_distance": ("rapidfuzz", "scorers"),
    "gleu": ("nltk", "scorers"),
    "is_sql": ("sqlglot", "scorers"),
    "is_xml": ("defusedxml", "scorers"),
    "language": ("langdetect", "benchmarks"),
    "markdown": ("markdown_it", "scorers"),
    "meteor": ("nltk", "scorers"),
    "no_pii": ("phonenumbers", "scorers"),
    "quantity": ("pint", "scorers"),
    "readability": ("nltk", "benchmarks"),
    "rouge": ("rouge_score", "benchmarks"),
    "sentiment": ("vaderSentiment", "scorers"),
    "token_ratio": ("rapidfuzz", "scorers"),
}


def forget_what_was_loaded() -> None:
    """Clear what scorers keep of their libraries."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("llmlab_pytest.scorers."):
            for attribute in [*vars(module).values()]:
                getattr(attribute, "cache_clear", lambda: None)()


@pytest.mark.parametrize("name", LIBRARIES)
def test_missing_library_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its library a scorer says what to install; a miss it never is."""
    library, extra = LIBRARIES[name]
    for loaded in [*sys.modules]:
        if loaded.partition(".")[0] == library:
            monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, library, None)
    forget_what_was_loaded()
    case = CASES[name]
    with pytest.raises(MissingDependency, match=rf"llmlab-pytest\[{extra}\]"):
        score(case.right, {"name": name, **case.options}, target=case.target)


def test_room_exports_every_factory() -> None:
    """Whatever a card names can be imported from the room by the same name."""
    room = importlib.import_module("llmlab_pytest.scorers")
    assert [name for name in scorer_registry() if name not in room.__all__] == []
