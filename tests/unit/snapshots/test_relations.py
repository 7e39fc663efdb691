"""What counts as the same text, by value."""

import pytest

from llmlab_pytest import Completion, ConfigError, Usage
from llmlab_pytest.snapshots import AnswerSnapshots, Exact, Normalised, Semantic


def test_exact_is_every_character() -> None:
    """White space counts, too."""
    assert Exact().fault("a b", "a b") is None
    assert Exact().fault("a  b", "a b") == "the text is another one"


def test_normalised_applies_its_normalisers() -> None:
    """Only what the names say is made alike."""
    assert Normalised().fault("PARIS, france", "Paris  France!") is None
    assert Normalised(("casefold",)).fault("paris!", "Paris") == (
        "the text is another one after casefold"
    )


def test_wrong_options_are_refused() -> None:
    """They are said when a comparison is made up, not when it fails."""
    with pytest.raises(ConfigError, match="at_least is 80"):
        Semantic(at_least=80)
    with pytest.raises(ConfigError, match="upper"):
        Normalised(("upper",))


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        ("a\r\nb\rc", "a\nb\nc\n"),
        ("red \x1b[31m", "red \\x1b[31m\n"),
        ("zero\u200bwidth", "zero\\u200bwidth\n"),
        ("\ud800", "\\ud800\n"),
        ("", "\n"),
        ("ends\n", "ends\n\n"),
    ],
    ids=["newlines", "escape", "invisible", "surrogate", "empty", "newline"],
)
def test_stored_texts_are_plain_lines(answer: str, stored: str) -> None:
    """Whatever a model says, a file can hold it, and a reviewer can read it."""
    completion = Completion(model="m", text=answer, usage=Usage(), latency_s=0.0)
    assert AnswerSnapshots().serialize(completion) == stored
    assert stored.encode().decode() == stored
