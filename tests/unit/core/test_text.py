"""Text that is safe to show, and ids that are safe to type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import escape_control, redact, shorten, slug


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


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop",
        "sk-proj-abc_defghijklmnop",
        "hf_abcdefghijklmnopq",
        "ghp_0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "gsk_0123456789abcdef",
    ],
)
def test_known_key_shapes_are_hidden(secret: str) -> None:
    """A key that came from nowhere we know is recognised by its shape."""
    assert redact(f"wrong key {secret}, sorry") == "wrong key [redacted], sorry"


def test_bearer_tokens_and_passwords_in_addresses_are_hidden() -> None:
    """The words around them stay."""
    assert redact("Authorization: Bearer abcdefghijklmno") == (
        "Authorization: Bearer [redacted]"
    )
    assert redact("https://me:pass@host/x") == "https://[redacted]@host/x"


def test_values_of_secret_variables_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any shape of key is hidden while its variable holds it; short values are not."""
    monkeypatch.setenv("ACME_API_KEY", "plain words as a key")
    monkeypatch.setenv("ACME_TOKEN", "short")
    monkeypatch.setenv("ACME_NAME", "not a secret at all")
    assert redact("got: plain words as a key") == "got: [redacted]"
    assert redact("short, not a secret at all") == "short, not a secret at all"


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
