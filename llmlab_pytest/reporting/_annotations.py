"""Annotations of GitHub: lines of output that a run's page shows beside the code."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from llmlab_pytest.core import escape_control, redactor, shorten

MOST_ANNOTATIONS = 10
"""GitHub shows ten errors and ten warnings of a step, and no more."""
_LONGEST = 500


class Annotation(NamedTuple):
    """What is said of a place."""

    level: Literal["error", "warning"]
    title: str
    message: str
    file: str | None = None
    """From the root of the repository, with `/`."""
    line: int | None = None


def render_annotations(found: Sequence[Annotation]) -> Iterator[str]:
    """Yield a line for each annotation that GitHub shows, and how many more there are.

    Args:
        found: the most serious first.
    """
    hide = redactor()
    for level in ("error", "warning"):
        own = [each for each in found if each.level == level]
        for each in own[:MOST_ANNOTATIONS]:
            places = {"file": each.file, "line": each.line, "title": each.title}
            told = ",".join(
                f"{name}={_property(hide(str(value)))}"
                for name, value in places.items()
                if value is not None
            )
            message = _data(hide(shorten(each.message, _LONGEST)))
            yield f"::{level} {told}::{message}"
        if (more := len(own) - MOST_ANNOTATIONS) > 0:
            yield f"{more} more {level}s are not annotated: GitHub shows no more"


def _data(text: str) -> str:
    """Return text that neither ends the line nor is unescaped into another one."""
    plain = escape_control(text).replace("%", "%25")
    return plain.replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
