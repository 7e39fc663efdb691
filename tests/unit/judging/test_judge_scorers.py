"""What judges are asked, and what becomes of their answers."""

from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Completion, ConfigError, Sample, ToolCall
from llmlab_pytest.judging import (
    JUDGE_SCORERS,
    RULES,
    answer_relevancy,
    average_precision,
    closed_qa,
    context_precision,
    context_recall,
    correctness,
    factuality,
    faithfulness,
    g_eval,
    hallucination,
    pairwise,
    rubric,
    task_completion,
)
from llmlab_pytest.scorers import names_one_of

from .conftest import LIKELY, Bench, items, verdict

ROW: dict[str, Any] = {
    "context": ["Paris is the capital of France.", "It has two million inhabitants."],
    "messages": [
        {"role": "user", "content": "Book a table."},
        {"role": "assistant", "tool_calls": [{"name": "book", "arguments": {"n": 2}}]},
        {"role": "tool", "content": "booked"},
    ],
    "rival": "It is Lyon.",
}
SAMPLE = Sample(
    id="s", input="What is the capital of France?", target="Paris", metadata=ROW
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_reads_what_it_judges_and_says_what_its_words_mean(
    bench: Bench, rule: Any
) -> None:
    """The last choice and the first are the ends of the value."""
    choices = ("yes", "no") if rule.scale == "boolean" else ("5", "1")
    bench.add([verdict(choice) for choice in choices])
    values = [bench.score(rule(), "Paris", sample=SAMPLE).value for _ in choices]
    assert values == ([0.0, 1.0] if rule.is_turned else [1.0, 0.0])
    asked, _ = bench.asked()
    for name in rule.material:
        assert f"[{name} " in asked["user"]
    meaning = ["yes: ", "no: "] if rule.scale == "boolean" else ["1: not at all."]
    assert all(words in asked["system"] for words in meaning)


@pytest.mark.parametrize(
    ("scorer", "given", "missing"),
    [
        (correctness(), {"sample": Sample(id="s", input="Hi")}, "reference"),
        (hallucination(), {"target": "Paris"}, "context"),
        (closed_qa(criterion="It is short."), {"target": "Paris"}, "question"),
        (task_completion(), {"sample": Sample(id="s", input="Hi")}, "conversation"),
    ],
    ids=["reference", "context", "question", "conversation"],
)
def test_a_text_that_is_not_there_is_an_error(
    bench: Bench, scorer: Any, given: Any, missing: str
) -> None:
    """It is never judged as if it were empty."""
    bench.add([verdict("yes")])
    with pytest.raises(ConfigError, match=f"read the {missing}, and there is none"):
        bench.score(scorer, "Paris", **given)
    assert bench.asked() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criteria": " "}, "criteria is empty"),
        ({"criteria": "x", "scale": "1-7"}, "boolean, 1-5, 0-1"),
        ({"criteria": "x", "material": "answer"}, "takes a list of question"),
        ({"criteria": "x", "material": ["answers"]}, "takes a list of question"),
        ({"criteria": "x", "jury": "loudest"}, "mean, majority, lowest"),
    ],
)
def test_wrong_options_are_named(options: Any, message: str) -> None:
    """When the scorer is made, not when it is used."""
    with pytest.raises(ConfigError, match=message):
        rubric(**options)


def test_g_eval_weighs_by_probability(bench: Bench) -> None:
    """Two grades as likely as each other give the value between them."""
    bench.add(can=LIKELY, loglikelihoods={r"(?:4|5)$": -0.7, r"[123]$": -99.0})
    scorer = g_eval(criteria="Coherence", steps=["Read it.", "Find breaks."])
    score = bench.score(scorer, "Paris", sample=SAMPLE)
    assert score.value == pytest.approx((0.75 + 1.0) / 2)
    assert "1. Read it.\n2. Find breaks." in bench.asked()[0]["system"]
    with pytest.raises(ConfigError, match="at least one step"):
        g_eval(criteria="Coherence", steps=[])


@pytest.mark.parametrize(
    ("scorer", "texts"),
    [
        (faithfulness(), ["context", "statement"]),
        (context_recall(), ["context", "statement"]),
        (answer_relevancy(), ["question", "statement"]),
    ],
    ids=["faithfulness", "context_recall", "answer_relevancy"],
)
def test_each_statement_is_judged_by_itself(
    bench: Bench, scorer: Any, texts: list[str]
) -> None:
    """The value is the part that holds; what does not hold is named."""
    claims = ["Paris is the capital.", "It is old.", "It is large."]
    replies = [verdict("yes"), verdict("no"), verdict("yes")]
    bench.add([items(*claims), *replies])
    score = bench.score(scorer, "Paris, old and large.", sample=SAMPLE)
    assert score.value == pytest.approx(2 / 3)
    assert score.answer == "2 of 3"
    assert score.explanation is not None
    assert "It is old." in score.explanation
    split, *each = bench.asked()
    assert "List every statement" in split["system"]
    for asked, claim in zip(each, claims, strict=True):
        assert all(f"[{name} " in asked["user"] for name in texts)
        assert claim in asked["user"]
        assert sum(other in asked["user"] for other in claims) == 1
    assert score.judgements[0].calls == 4


@pytest.mark.parametrize("text", ["", "Well."])
def test_an_answer_without_statements_is_unscored(bench: Bench, text: str) -> None:
    """It is neither faithful nor not."""
    bench.add([items()] if text else [])
    score = bench.score(faithfulness(), text, sample=SAMPLE)
    assert (score.value, score.explanation) == (None, "no statement to judge")


@pytest.mark.parametrize(
    ("useful", "value"),
    [
        ([True, False], 1.0),
        ([False, True], 0.5),
        ([True, False, True], (1 + 2 / 3) / 2),
        ([False, False], 0.0),
        ([], 0.0),
    ],
)
def test_average_precision(useful: list[bool], value: float) -> None:
    """As information retrieval defines it."""
    assert average_precision(useful) == pytest.approx(value)


def test_each_retrieved_text_is_judged_by_itself(bench: Bench) -> None:
    """The order in which they were retrieved counts."""
    bench.add([verdict("no"), verdict("yes")])
    score = bench.score(context_precision(), "Paris", sample=SAMPLE)
    assert (score.value, score.answer) == (0.5, "-+")


@pytest.mark.parametrize(
    ("letter", "value"), [("A", 0.4), ("B", 0.6), ("C", 1.0), ("D", 0.0), ("E", 1.0)]
)
def test_factuality_has_the_values_of_autoevals(
    bench: Bench, letter: str, value: float
) -> None:
    """And says what the class means."""
    bench.add([verdict(letter, "look")])
    score = bench.score(factuality(), "Paris", sample=SAMPLE)
    assert (score.value, score.answer) == (value, letter)
    assert score.explanation is not None
    assert score.explanation.endswith("(look)")


@pytest.mark.parametrize(
    ("straight", "turned", "value", "word"),
    [
        ("first", "second", 1.0, "better"),
        ("second", "first", 0.0, "worse"),
        ("tie", "tie", 0.5, "tie"),
        ("first", "tie", 0.75, "better"),
        ("tie", "first", 0.25, "worse"),
        ("first", "first", 0.5, "tie"),
        ("second", "second", 0.5, "tie"),
    ],
)
def test_a_pair_is_seen_in_both_orders(
    bench: Bench, straight: str, turned: str, value: float, word: str
) -> None:
    """A judge that prefers a place prefers nothing."""
    bench.add([verdict(straight), verdict(turned)])
    scorer = pairwise(against="rival")
    score = bench.score(scorer, "It is Paris.", sample=SAMPLE)
    assert (score.value, score.answer) == (value, word)
    is_placed = straight == turned != "tie"
    assert ("its place decided" in (score.explanation or "")) is is_placed
    one, two = (asked["user"] for asked in bench.asked())
    assert one.index("Paris") < one.index("Lyon")
    assert two.index("Lyon") < two.index("Paris")


def test_a_rival_that_is_not_there_is_an_error(bench: Bench) -> None:
    """The field is named."""
    bench.add([])
    with pytest.raises(ConfigError, match="'rivals', which the row does not have"):
        bench.score(pairwise(against="rivals"), "Paris", sample=SAMPLE)


def test_tools_are_part_of_what_was_said_and_done(bench: Bench) -> None:
    """Calls, arguments and results stand in the conversation."""
    bench.add([verdict("yes")])
    call = ToolCall("1", "confirm", {"table": 7})
    done = Completion(text="Done.", model="m", tool_calls=(call,))
    bench_score = bench.score(task_completion(), done, sample=SAMPLE)  # type: ignore[arg-type] # a completion is a text, too
    assert bench_score.value == 1.0
    (asked,) = bench.asked()
    for line in (
        "user: Book a table.",
        'calls {"name": "book", "arguments": {"n": 2}}',
        "tool: booked",
        'assistant: Done.\ncalls confirm({"table": 7})',
    ):
        assert line in asked["user"]


@pytest.mark.parametrize(
    ("jury", "value"), [("mean", 2 / 3), ("majority", 1.0), ("lowest", 0.0)]
)
def test_a_jury_decides_as_it_is_told(bench: Bench, jury: Any, value: float) -> None:
    """Each judge's own value is kept; reasons have names."""
    for name, choice in [("a", "yes"), ("b", "no"), ("c", "yes")]:
        bench.add([verdict(choice, f"so says {name}")], name=name)
    polite = rubric(criteria="Polite?", material=["answer"], jury=jury)
    score = bench.score(polite, "Hello")
    assert score.value == pytest.approx(value)
    assert [(j.judge, j.value) for j in score.judgements] == [
        ("a", 1.0),
        ("b", 0.0),
        ("c", 1.0),
    ]
    assert score.answer == "a: yes; b: no; c: yes"
    assert score.explanation == "a: so says a; b: so says b; c: so says c"


def test_a_scorer_may_name_its_judges(bench: Bench) -> None:
    """Only these are asked."""
    bench.add([verdict("yes")], name="a").add([verdict("no")], name="b")
    polite = rubric(criteria="Polite?", material=["answer"], judge="b")
    score = bench.score(polite, "Hello")
    assert [judgement.judge for judgement in score.judgements] == ["b"]


@pytest.mark.parametrize(
    ("spec", "is_judged"),
    [
        ("exact", False),
        ("toxicity", True),
        ({"name": "rubric", "criteria": "x"}, True),
        (
            {
                "name": "all_of",
                "scorers": ["exact", {"name": "negate", "scorer": "bias"}],
            },
            True,
        ),
        ({"name": "all_of", "scorers": ["exact", "regex"]}, False),
    ],
)
def test_what_asks_a_judge_is_known_before_it_is_made(
    spec: Any, is_judged: bool
) -> None:
    """Also within compositions."""
    assert names_one_of(spec, JUDGE_SCORERS) is is_judged


def test_names_are_their_functions() -> None:
    """A card and Python say the same."""
    assert JUDGE_SCORERS["rubric"] is rubric
    assert len(JUDGE_SCORERS) == 9 + len(RULES)


def test_the_page_names_every_scorer(repository: Path) -> None:
    """Whoever looks for one finds it."""
    page = (repository / "docs" / "judges.md").read_text("utf-8")
    assert [name for name in JUDGE_SCORERS if f"`{name}`" not in page] == []
