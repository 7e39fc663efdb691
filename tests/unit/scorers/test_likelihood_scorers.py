"""Scorers of likelihoods and of GSM8K, against formulas computed here."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    ContinuationLogprob,
    Sample,
    Score,
    Usage,
)
from llmlab_pytest.scorers import (
    apply_scorer,
    make_scorer,
    scorer_registry,
)


def completion_of(*lls: float, text: str = "") -> Completion:
    return Completion(
        text=text,
        model="m",
        usage=Usage(),
        stop_reason="stop",
        latency_s=0.0,
        continuations=tuple(
            ContinuationLogprob(ll, tokens=1, is_greedy=False) for ll in lls
        ),
    )


def scored(spec: Any, completion: Completion, sample: Sample) -> Score:
    name, scorer = make_scorer(spec, scorer_registry(), where="here")
    return apply_scorer(name, scorer, completion=completion, sample=sample)


@given(
    st.lists(
        st.tuples(st.floats(-100, 0), st.text(min_size=1, max_size=9)),
        min_size=2,
        max_size=5,
    ),
    st.data(),
)
def test_argmax_scorers_follow_their_definition(
    rows: list[tuple[float, str]], data: st.DataObject
) -> None:
    """The first of the highest likelihoods, by text, character or byte, is picked."""
    lls, choices = zip(*rows, strict=True)
    target = data.draw(st.integers(0, len(rows) - 1))
    sample = Sample(id="s", input="", target=target, choices=tuple(choices))
    lengths = {
        "acc": [1] * len(rows),
        "acc_norm": [len(text) for text in choices],
        "acc_bytes": [len(text.encode("utf-8")) for text in choices],
    }
    for name, divisors in lengths.items():
        values = [ll / divisor for ll, divisor in zip(lls, divisors, strict=True)]
        score = scored(name, completion_of(*lls), sample)
        assert score.value == float(values.index(max(values)) == target)
        assert score.scorer == name


def test_ties_go_to_the_first_as_in_numpy() -> None:
    """Equal likelihoods pick the first choice."""
    sample = Sample(id="s", input="", target=0, choices=("a", "b"))
    assert scored("acc", completion_of(-1.0, -1.0), sample).value == 1.0


@given(st.lists(st.tuples(st.floats(-500, 0), st.booleans()), min_size=1, max_size=8))
def test_mc2_is_the_share_of_the_true(rows: list[tuple[float, bool]]) -> None:
    """Equal to the definition, and finite where the naive sum of exponentials is 0."""
    lls, truths = zip(*rows, strict=True)
    sample = Sample(id="s", input="", target=tuple(int(true) for true in truths))
    value = scored("mc2", completion_of(*lls), sample).value
    top = max(lls)
    exact = sum(math.exp(ll - top) for ll, true in rows if true) / sum(
        math.exp(ll - top) for ll in lls
    )
    assert value == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "completion", "sample", "shown"),
    [
        ("acc", completion_of(-1), Sample(id="s", input="", target=0), "0 choices"),
        (
            "acc",
            completion_of(-1),
            Sample(id="s", input="", target="B", choices=("a",)),
            "no index",
        ),
        (
            "acc_norm",
            completion_of(-1),
            Sample(id="s", input="", target=0, choices=("",)),
            "empty choice",
        ),
        ("mc2", completion_of(-1, -2), Sample(id="s", input="", target=(1,)), "label"),
        (
            "acc_mutual_info",
            completion_of(-1, -2),
            Sample(id="s", input="", target=0, choices=("a", "b")),
            "unconditional = true",
        ),
        (
            "nats_per_word",
            completion_of(-1, -2),
            Sample(id="s", input="", target="a b"),
            "kind 'perplexity'",
        ),
        (
            "nats_per_byte",
            completion_of(-1),
            Sample(id="s", input="", target=""),
            "without any byte",
        ),
    ],
)
def test_samples_that_do_not_fit_are_errors(
    name: str, completion: Completion, sample: Sample, shown: str
) -> None:
    """A sample of another kind is never scored 0."""
    with pytest.raises(ConfigError, match=shown):
        scored(name, completion, sample)


def test_mutual_information_is_the_gain_of_the_context() -> None:
    """The highest log P(c | context) - log P(c); acc sees the first half only."""
    sample = Sample(id="s", input="", target=1, choices=("rare", "common", "odd"))
    # Gains 2, 7 and 7: without the second half "rare" would win.
    completion = completion_of(-4, -5, -6, -6, -12, -13)
    score = scored("acc_mutual_info", completion, sample)
    assert (score.value, score.answer) == (1.0, "common")
    assert scored("acc", completion, sample).answer == "rare"
    assert scored("acc_norm", completion, sample).answer == "common"


@pytest.mark.parametrize(
    ("name", "count"),
    [("nats_per_word", 4), ("nats_per_byte", 12), ("nats_per_token", 7)],
)
def test_rates_are_nats_by_units_and_weigh_them(name: str, count: int) -> None:
    """Words are pieces between whitespace, the empty last one too, as in lm-eval."""
    completion = Completion(
        text="",
        model="m",
        continuations=(ContinuationLogprob(-22.0, is_greedy=False, tokens=7),),
    )
    sample = Sample(id="s", input="", target="one \n té 3\n")
    score = scored(name, completion, sample)
    assert score.value == pytest.approx(22 / count)
    assert score.weight == count
    assert score.explanation == f"22.00 nats over {count} {name[9:]}s"


STRICT = {
    "name": "exact_match",
    "as": "strict-match",
    "pattern": r"#### (\-?[0-9\.\,]+)",
    "regexes_to_ignore": [",", r"\$", r"(?s).*#### ", r"\.$"],
    "ignore_case": True,
}
FLEXIBLE = STRICT | {
    "as": "flexible-extract",
    "pattern": r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
    "group_select": -1,
}


# Each pair was computed with lm-eval 0.4.13's own filters and exact_match.
@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("She has 9 * 2 = 18 dollars.\n#### 18", 1.0, 1.0),
        ("The answer is 18.", 0.0, 1.0),
        ("The answer is $18", 0.0, 1.0),
        ("#### 18.", 1.0, 1.0),
        ("#### $18", 0.0, 1.0),
        ("#### 1,8", 1.0, 1.0),
        ("#### 18\n#### 20", 1.0, 0.0),
        ("18 eggs, so 9", 0.0, 0.0),
        ("#### -18", 0.0, 0.0),
        ("nothing", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_gsm8k_filters(text: str, strict: float, flexible: float) -> None:
    """The two scores of GSM8K, on the endings that models write."""
    sample = Sample(id="s", input="", target="He sells 9.\n#### 18")
    found = [
        scored(spec, completion_of(text=text), sample) for spec in (STRICT, FLEXIBLE)
    ]
    assert [score.value for score in found] == [strict, flexible]
    assert [score.scorer for score in found] == ["strict-match", "flexible-extract"]


def test_own_scorers_are_called_by_parameter_names() -> None:
    """A scorer asks for what it needs, in any order, and may return plain values."""
    sample = Sample(id="s1", input="q", target="x")
    completion = completion_of(text="X")

    def call(scorer: Any) -> Score:
        return apply_scorer("own", scorer, completion=completion, sample=sample)

    assert call(lambda completion: completion.text.isupper()).value == 1.0
    assert call(lambda sample, target: (sample.id, target) == ("s1", "x")).value == 1.0
    assert call(lambda target: len(target) / 4).value == 0.25
    assert call(lambda completion: completion.ttft_s).value is None
    assert call(lambda target: Score(scorer=target, value=0.5)).scorer == "own"
    with pytest.raises(ConfigError, match="returned 'X'"):
        call(lambda completion: completion.text)
    with pytest.raises(ConfigError, match=r"'completoin'.*completion"):
        call(lambda completoin: completoin.text)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("exakt", "'exakt'.*exact"),
        ({"name": "exact", "normalize": []}, "'normalize'.*normalise"),
        ({"name": "exact", "normalise": ["casfold"]}, "'casfold'.*casefold"),
        ({"normalise": []}, "has no name"),
        ({"name": "regex", "pattern": "("}, "card.toml:3: scorer 'regex'"),
    ],
)
def test_wrong_scorers_are_named(spec: Any, shown: str) -> None:
    """An unknown scorer or option is an error with its place and a suggestion."""
    with pytest.raises(ConfigError, match=f"(?s){shown}"):
        make_scorer(spec, scorer_registry(), where="card.toml:3")
