"""A regular expression of JavaScript as one of Python that matches the same.

Four things differ in what both can read: `$` is the very end, digits and word
characters are ASCII, a named group is `(?<name>...)`, and `[^]` is any character. What
JavaScript alone can read, such as properties of Unicode, is an error.
"""

import re

_TOKEN = re.compile(
    r"""(?P<escape>\\k<\w+>|\\u[0-9a-fA-F]{4}|\\.)
      | (?P<any>\[\^\])
      | (?P<open>\[\^?)
      | (?P<close>\])
      | (?P<group>\(\?<(?=[A-Za-z_]))
      | (?P<end>\$)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_DIGIT, _WORD = "0-9", "A-Za-z0-9_"
_ESCAPES = {"\\d": _DIGIT, "\\w": _WORD}
_NEGATED = {"\\D": _DIGIT, "\\W": _WORD}


def python_pattern(pattern: str) -> str:
    """Return the pattern as Python's `re` reads it."""
    written: list[str] = []
    is_inside = False
    for token in _TOKEN.finditer(pattern):
        kind, text = str(token.lastgroup), token[0]
        if kind == "open" and not is_inside:
            is_inside = True
        elif kind == "close":
            is_inside = False
        elif kind == "escape":
            text = _escape(text, is_inside=is_inside)
        elif not is_inside:
            text = {"any": r"[\s\S]", "group": "(?P<", "end": r"\Z"}.get(kind, text)
        elif text == "[":  # Python warns of sets within sets, which it has not
            text = r"\["
        written.append(text)
    return "".join(written)


def _escape(text: str, *, is_inside: bool) -> str:
    if text.startswith("\\k<"):
        return f"(?P={text[3:-1]})"
    if text in _ESCAPES:
        return _ESCAPES[text] if is_inside else f"[{_ESCAPES[text]}]"
    if text in _NEGATED and not is_inside:
        return f"[^{_NEGATED[text]}]"
    return "/" if text == "\\/" else text
