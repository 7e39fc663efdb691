"""HTML of the page: templates that escape whatever they show."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from llmlab_pytest.core import escape_control, redact
from llmlab_pytest.ui._links import address

_FOLDER = Path(__file__).with_name("page")
ASSETS = {
    "icon.svg": "image/svg+xml",
    "ui.css": "text/css",
    "play.js": "text/javascript",
}
"""Media type by name of the files that the page loads."""
NAVIGATION = (
    ("Runs", "/runs"),
    ("Playground", "/play"),
    ("Costs", "/costs"),
    ("Leaderboard", "/leaderboard"),
)


class Head(NamedTuple):
    """The heading of a column."""

    text: str
    kind: str = ""
    """A class: `number`, `title`, `wide`, …"""


class Cell(NamedTuple):
    """One cell of a table."""

    text: str
    href: str = ""
    kind: str = ""
    span: tuple[float, float, float] | None = None
    """Value and ends of an interval from 0 to 1, to be drawn."""


class Pager(NamedTuple):
    """Which part of a long list is shown."""

    first: int
    last: int
    total: int
    earlier: str
    """Address of the page before; empty on the first."""
    later: str


def render(name: str, **content: Any) -> str:
    """Return the HTML of a view.

    Args:
        name: of the template, without its ending.
        content: what it shows; texts are hidden secrets and escaped on their way.
    """
    template = _environment().get_template(f"{name}.html.j2")
    text: str = template.render(**content, navigation=NAVIGATION)
    return text


def shown(text: str | None) -> str:
    """Return text that is safe to show: without secrets and control characters."""
    return escape_control(redact(text)) if text else ""


def asset(name: str) -> str:
    """Return the text of a file of `ASSETS`."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def pager_of(
    count: int, place: int, by: int, link: Callable[[int], str]
) -> tuple[Pager, slice]:
    """Return where a page of a list stands, and which items are on it.

    Args:
        count: of all items.
        place: number of the page, from 1; beyond the last it is the last.
        by: how many items a page has.
        link: returns the address of a page by its number.
    """
    last_place = max(1, -(-count // by))
    place = min(place, last_place)
    start = (place - 1) * by
    end = min(count, start + by)
    pager = Pager(
        first=min(start + 1, count),
        last=end,
        total=count,
        earlier=link(place - 1) if place > 1 else "",
        later=link(place + 1) if place < last_place else "",
    )
    return pager, slice(start, end)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["breakable"] = _breakable
    environment.globals["address"] = address
    environment.globals["percent"] = _percent
    return environment


def _breakable(text: str) -> Markup:
    """Return text, escaped, whose names may be broken after a low line."""
    return Markup("_<wbr>").join(map(escape, shown(text).split("_")))


def _percent(value: float) -> str:
    """Return a place on an axis whose ends leave room for a circle."""
    return f"{2 + min(max(value, 0.0), 1.0) * 96:.2f}%"
