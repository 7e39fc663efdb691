"""Pieces of a text show what the whole text shows, and never a part of a secret."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import HIDDEN, RedactedPieces, _secrets, open_end, redact

KNOWN = "blue horse-battery 42"
REPEATED = "ababababab"
SHAPED = (
    "sk-proj-0123456789abcdef",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM",
    "Bearer abcdefghijklmnop",
    "https://me:letmein@host/x",
)


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    """Set two secrets, one of which overlaps itself; those of other tests are none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_secrets, "_known", {})
        patch.setenv("OF_MINE_KEY", KNOWN)
        patch.setenv("OTHER_TOKEN", REPEATED)
        yield


words = st.one_of(
    st.sampled_from([KNOWN, REPEATED, REPEATED + "ab", KNOWN[:9], "sk-", "s", *SHAPED]),
    st.sampled_from([" ", "\n", ", ", "://", "Bearer ", "AKIA", "é", "🦋"]),
    st.text(alphabet="absk-:/@.\n ", max_size=5),
)


@given(parts=st.lists(words, max_size=8), cuts=st.lists(st.integers(0, 120)))
def test_pieces_joined_are_the_redacted_text(parts: list[str], cuts: list[int]) -> None:
    """However the text is cut, and whatever is next to what."""
    text = "".join(parts)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = RedactedPieces()
    shown = [pieces.add(text[start:end]) for start, end in pairwise(places)]
    assert "".join([*shown, pieces.rest()]) == redact(text)


@pytest.mark.parametrize("secret", [KNOWN, *SHAPED[:3]])
def test_no_part_of_a_secret_is_shown_before_it_is_whole(secret: str) -> None:
    """Not even one character by one."""
    pieces = RedactedPieces()
    shown = [pieces.add(char) for char in f"It is {secret}"]
    assert "".join(shown) in ("It is ", f"It is {HIDDEN}")
    assert pieces.add(" indeed") + pieces.rest() in (f"{HIDDEN} indeed", " indeed")


def test_plain_text_is_shown_at_once() -> None:
    """What cannot become a secret is not held."""
    pieces = RedactedPieces()
    assert [pieces.add(word) for word in ("It", " costs", " 3 €", ".\n")] == [
        "It",
        " costs",
        " 3 €",
        ".\n",
    ]


@given(text=st.text("ab", max_size=8), wanted=st.lists(st.text("ab", max_size=6)))
def test_open_end_is_the_longest_beginning(text: str, wanted: list[str]) -> None:
    """As found by trying every length of every text."""
    found = [
        count
        for one in wanted
        for count in range(1, len(one))
        if count <= len(text) and text.endswith(one[:count])
    ]
    assert open_end(text, wanted) == max(found, default=0)
