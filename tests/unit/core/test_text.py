"""Text that is safe to show, and ids that are safe to type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import escape_control, shorten, slug


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mercury_417466", "Mercury_417466"),
        ("a/b c", "a-b-c"),
        ("  spaced  ", "spaced"),
        ("gpt-4o+x.1", "gpt-4o+x.1"),
        ("Zürich", "Zurich"),
        ("", "-"),
        ("!?", "-"),
        ("北京", "68c77e"),
        ("上海 3", "3-69f06f"),
    ],
)
def test_slug_is_readable(text: str, name: str) -> None:
    """Accents go, other scripts are told apart by a digest."""
    assert slug(text) == name


@given(st.text())
def test_slug_never_needs_quoting(text: str) -> None:
    """Whatever the text, a shell and `-k` take its id."""
    assert set(slug(text)) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
    )
    assert slug(slug(text)) == slug(text)


def test_control_characters_are_shown_not_sent() -> None:
    """A completion cannot rewrite the terminal."""
    assert escape_control("a\x1b[31mb\r\x00\u202e") == ("a\\x1b[31mb\\r\\x00\\u202e")
    assert escape_control("tab\tline\nümlaut 🙂") == "tab\tline\nümlaut 🙂"


@given(st.text(), st.integers(1, 100))
def test_shortened_text_fits_on_one_line(text: str, limit: int) -> None:
    """Never longer than asked, never two lines."""
    short = shorten(text, limit)
    assert len(short) <= limit
    assert len(short.splitlines()) <= 1


def test_short_text_is_only_put_on_one_line() -> None:
    """What fits is kept; what does not loses its middle."""
    assert shorten("a\n  b") == "a b"
    assert shorten("abcdefghij", 7) == "abcd…ij"
