"""The difference of two texts, word by word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.reporting import marked


@pytest.mark.parametrize(
    ("kept", "text", "shown"),
    [
        ("It is Paris.", "It is Lyon.", ["It is [-Paris.-]{+Lyon.+}"]),
        ("", "New text", ["{+New text+}"]),
        ("Old text", "", ["[-Old text-]"]),
        ("a b c", "a c", ["a [-b -]c"]),
        ("a\nb", "a\nc", ["a", "[-b-]{+c+}"]),
        ("a b", "a\nb", ["[-a -]{+a↵+}b"]),
        ("same", "same", ["same"]),
    ],
    ids=["word", "new", "gone", "left-out", "lines", "break", "same"],
)
def test_words_that_differ_are_marked(kept: str, text: str, shown: list[str]) -> None:
    """What is equal stands once, what differs in marks."""
    assert marked(kept, text) == shown


def test_words_far_from_a_difference_are_left_out() -> None:
    """Eight words stay before and after; the rest is told by a sign."""
    words = [f"w{number}" for number in range(60)]
    changed = [*words[:30], "X", *words[31:]]
    (line,) = marked(" ".join(words), " ".join(changed))
    before, after = line.split("[-w30 -]{+X +}")
    assert before == "… w22 w23 w24 w25 w26 w27 w28 w29 "
    assert after == "w31 w32 w33 w34 w35 w36 w37 w38 … "


@given(st.text("ab \n", max_size=12), st.text("ab \n", max_size=12))
def test_both_texts_can_be_read_from_the_marks(kept: str, text: str) -> None:
    """Without the one kind of marks, or the other, either text is there."""
    shown = "\n".join(marked(kept, text))
    before = re.sub(r"\{\+.*?\+\}", "", shown).replace("[-", "").replace("-]", "")
    after = re.sub(r"\[-.*?-\]", "", shown).replace("{+", "").replace("+}", "")
    assert before.replace("↵", "\n").rstrip("\n") == kept.rstrip("\n")
    assert after.replace("↵", "\n").rstrip("\n") == text.rstrip("\n")
