"""How likely each choice was, from the likeliest tokens where the verdict begins."""

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import TokenLogprob
from llmlab_pytest.judging._shares import shares_of

SCALE = ("1", "2", "3", "4", "5")


def told(text: str, **shares: float) -> TokenLogprob:
    """Return a token with the probabilities of what could stand in its place."""
    top = tuple(TokenLogprob(name, math.log(share)) for name, share in shares.items())
    return TokenLogprob(text, math.log(shares.get(text, 0.01)), top)


def answer(*verdict: TokenLogprob, reason: str = "so") -> list[TokenLogprob]:
    """Return the tokens of an answer with this verdict."""
    head = f'{{"reason": {json.dumps(reason)}, "verdict": '
    return [TokenLogprob(head, -0.1), *verdict, TokenLogprob("}", -0.1)]


def test_each_choice_has_its_share_of_those_that_could_stand_there() -> None:
    """What begins no choice has no part in it: of 0.8, three quarters are for 4."""
    place = told("4", **{"4": 0.6, "3": 0.2, " ": 0.1, "n": 0.1})
    quote = TokenLogprob('"', 0.0, (TokenLogprob('"', 0.0),))
    shares = shares_of(answer(quote, place, quote), SCALE)
    assert shares == pytest.approx((0, 0, 0.25, 0.75, 0))


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ('"', ""), ("", '"'), ('"', '"')]
)
def test_quotes_may_be_part_of_the_token(before: str, after: str) -> None:
    """Tokens end where a vendor's tokenizer has them end."""
    names = {
        f"{before}{word}{after}": share for word, share in (("yes", 0.9), ("no", 0.1))
    }
    place = told(f"{before}yes{after}", **names)
    around = (
        [] if before else [TokenLogprob('"', -0.1)],
        [] if after else [TokenLogprob('"', -0.1)],
    )
    tokens = answer(*around[0], place, *around[1])
    assert shares_of(tokens, ("yes", "no")) == pytest.approx((0.9, 0.1))


def test_a_choice_may_take_several_tokens() -> None:
    """Its first one tells it apart."""
    place = told("unc", unc=0.5, cor=0.25, corr=0.25)
    tokens = answer(TokenLogprob('"', -0.1), place, TokenLogprob('lear"', -0.1))
    assert shares_of(tokens, ("correct", "unclear")) == pytest.approx((0.5, 0.5))


def test_a_reason_that_quotes_a_verdict_is_none() -> None:
    """Its quotes have backslashes; those of the answer's own key have none."""
    place = told("2", **{"2": 0.5, "5": 0.5})
    quote = TokenLogprob('"', -0.1)
    tokens = answer(quote, place, quote, reason='the text says {"verdict": "5"}')
    assert shares_of(tokens, SCALE) == pytest.approx((0, 0.5, 0, 0, 0.5))


@pytest.mark.parametrize(
    ("tokens", "choices"),
    [
        ([], SCALE),
        ([TokenLogprob("yes", -0.1, (TokenLogprob("yes", -0.1),))], ("yes", "no")),
        (answer(TokenLogprob('"4"', -0.1)), SCALE),
        (answer(told("1", **{"1": 0.6, "2": 0.4})), ("1", "10", "2")),
    ],
    ids=["none", "no verdict", "no alternatives", "two choices begin alike"],
)
def test_tokens_that_do_not_tell_give_no_shares(
    tokens: list[TokenLogprob], choices: tuple[str, ...]
) -> None:
    """The judge's word stands then, unweighted: nothing is guessed."""
    assert shares_of(tokens, choices) is None


@given(
    st.text(max_size=30),
    st.sets(st.integers(min_value=1, max_value=60)),
    st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
)
def test_wherever_tokens_are_cut_the_shares_are_the_same(
    reason: str, cuts: set[int], weights: list[float]
) -> None:
    """The place is found by the text, not by how it is cut."""
    head = f'{{"reason": {json.dumps(reason)}, "verdict": "'
    text = f'{head}3"}}'
    ends = sorted({0, len(head), len(text), *(n for n in cuts if n < len(text))})
    tokens = [TokenLogprob(text[a:b], -0.5) for a, b in pairwise(ends)]
    number = ends.index(len(head))
    rest = tokens[number].token[1:]
    top = tuple(
        TokenLogprob(f"{choice}{rest}", math.log(weight / 5))
        for choice, weight in zip(SCALE, weights, strict=True)
    )
    tokens[number] = TokenLogprob(f"3{rest}", math.log(weights[2] / 5), top)
    total = sum(weights)
    assert shares_of(tokens, SCALE) == pytest.approx([w / total for w in weights])
