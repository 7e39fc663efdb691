"""Scorers of formats that a parser decides: JSON, XML, HTML, Python; `_sql` has SQL.

All take the answer whole, or what a Markdown fence in it holds (`fenced`). Left out:
whether what was parsed is true or useful, and whether code runs (`runs_python`).
"""

import ast
import re
import warnings
from collections.abc import Sequence
from html.parser import HTMLParser

from llmlab_pytest.core import load, shorten
from llmlab_pytest.scorers._fences import body_of
from llmlab_pytest.scorers._judgement import Finding, check_texts, text_scorer
from llmlab_pytest.scorers._protocol import Scorer
from llmlab_pytest.scorers._schema import json_values

_EXTRA = "scorers"
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_CLOSED_BY_OTHERS = frozenset(
    [
        "li",
        "dt",
        "dd",
        "p",
        "rt",
        "rp",
        "optgroup",
        "option",
        "colgroup",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
    ]
)
_ELEMENT = re.compile(r"<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?(?:/>|>.*</\1\s*>)", re.DOTALL)
"""From an element's beginning to the last end of its name."""
_HTML = (
    _VOID
    | _CLOSED_BY_OTHERS
    | frozenset(
        [
            "a",
            "abbr",
            "address",
            "article",
            "aside",
            "audio",
            "b",
            "bdi",
            "bdo",
            "blockquote",
            "body",
            "button",
            "canvas",
            "caption",
            "cite",
            "code",
            "data",
            "datalist",
            "del",
            "details",
            "dfn",
            "dialog",
            "div",
            "dl",
            "em",
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "head",
            "header",
            "hgroup",
            "html",
            "i",
            "iframe",
            "ins",
            "kbd",
            "label",
            "legend",
            "main",
            "map",
            "mark",
            "menu",
            "meter",
            "nav",
            "noscript",
            "object",
            "ol",
            "output",
            "picture",
            "pre",
            "progress",
            "q",
            "ruby",
            "s",
            "samp",
            "script",
            "search",
            "section",
            "select",
            "slot",
            "small",
            "span",
            "strong",
            "style",
            "sub",
            "summary",
            "sup",
            "svg",
            "math",
            "table",
            "template",
            "textarea",
            "time",
            "title",
            "u",
            "ul",
            "var",
            "video",
        ]
    )
)
"""The elements of HTML's living standard."""


def is_json(*, fenced: bool = True, anywhere: bool = False) -> Scorer:
    """Score 1 if the text is JSON (RFC 8259), so without NaN and Infinity.

    Args:
        fenced: also accept JSON in a Markdown code fence, with prose around it.
        anywhere: also accept an object or array that stands in prose.
    """

    def look(text: str) -> Finding:
        found = json_values(text, fenced=fenced, anywhere=anywhere)
        if found.values:
            return Finding(None, found.bodies[0])
        return Finding(f"not JSON: {found.fault}", shorten(found.bodies[0]))

    return text_scorer("is_json", look)


def is_xml(
    *,
    root: str | None = None,
    elements: Sequence[str] = (),
    fenced: bool = True,
    anywhere: bool = False,
) -> Scorer:
    """Score 1 if the text is a well-formed XML document.

    Entities that a document declares itself are refused, as they can fill the memory.

    Args:
        root: name that the root element must have.
        elements: paths below the root that must be there, such as `item/price`.
        fenced: also accept XML in a Markdown code fence, with prose around it.
        anywhere: also accept an element that stands in prose, with all that is in it.

    Raises:
        MissingDependency: defusedxml is not installed.
    """
    if elements:
        check_texts("elements", elements)
    parse = load(
        "defusedxml.ElementTree:fromstring", extra=_EXTRA, needed_by="the scorer is_xml"
    )

    def look(text: str) -> Finding:
        body = body_of(text, ("xml", "svg", "html"), fenced=fenced)
        inside = _ELEMENT.search(body) if anywhere else None
        try:
            document = parse(inside[0] if inside else body)
        except (SyntaxError, ValueError) as error:  # ParseError; entities, encodings
            return Finding(f"not XML: {error}", shorten(body))
        if root is not None and document.tag != root:
            return Finding(f"the root is {document.tag!r}, expected {root!r}", body)
        missing = [path for path in elements if document.find(path) is None]
        fault = f"missing {', '.join(map(repr, missing))}" if missing else None
        return Finding(fault, body)

    return text_scorer("is_xml", look)


def is_html(*, fenced: bool = True) -> Scorer:
    """Score 1 if the text is HTML: elements of the standard that close in order.

    End tags that the standard lets one leave out, as `</p>`, may be missing. Custom
    elements have a dash in their name; the inside of `svg` and `math` is not looked at.

    Args:
        fenced: also accept HTML in a Markdown code fence, with prose around it.
    """

    def look(text: str) -> Finding:
        body = body_of(text, ("html", "htm", "xhtml"), fenced=fenced)
        page = _Page()
        try:
            page.feed(body)
            page.close()
        except AssertionError as error:  # html.parser's way to refuse a declaration
            return Finding(f"not HTML: {error}", shorten(body))
        return Finding(page.verdict(), shorten(body))

    return text_scorer("is_html", look)


def is_python(*, fenced: bool = True) -> Scorer:
    """Score 1 if the text is Python that this interpreter's version parses.

    Nothing is run; `runs_python` runs it.

    Args:
        fenced: also accept Python in a Markdown code fence, with prose around it.
    """

    def look(text: str) -> Finding:
        body = body_of(text, ("python", "py", "python3"), fenced=fenced)
        if not body:
            return Finding("there is no code")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the model's code, e.g. "\d"
                ast.parse(body)
        except SyntaxError as error:
            return Finding(f"line {error.lineno}: {error.msg}", body)
        except ValueError as error:  # a null character
            return Finding(f"not Python: {error}", body)
        except (MemoryError, RecursionError):
            return Finding("not Python: nested too deeply", body)
        return Finding(None, body)

    return text_scorer("is_python", look)


class _Page(HTMLParser):
    """Follows the elements of a page and keeps the first thing that is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._fault: str | None = None
        self._has_element = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Open an element that has an end."""
        del attrs
        if self._is_foreign():
            if tag == self._open[-1]:
                self._open.append(tag)
            return
        self._has_element = True
        if tag not in _HTML and "-" not in tag:
            self._complain(f"no element is called {tag!r}")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Take `<br/>` as `<br>`; inside `svg` it opens nothing."""
        if not self._is_foreign():
            self.handle_starttag(tag, attrs)
            if tag in ("svg", "math"):
                self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close an element, with those inside whose end may be left out."""
        if self._is_foreign() and tag != self._open[-1]:
            return
        while self._open and self._open[-1] != tag:
            if tag not in self._open or self._open[-1] not in _CLOSED_BY_OTHERS:
                self._complain(f"</{tag}> closes nothing that is open")
                return
            self._open.pop()
        if self._open:
            self._open.pop()
        elif tag not in _VOID:
            self._complain(f"</{tag}> closes nothing that is open")

    def verdict(self) -> str | None:
        """Return what is wrong, at the end of the page."""
        left = [tag for tag in self._open if tag not in _CLOSED_BY_OTHERS]
        if left:
            self._complain(f"<{left[-1]}> is not closed")
        return self._fault if self._has_element else "there is no element"

    def _is_foreign(self) -> bool:
        return bool(self._open) and self._open[-1] in ("svg", "math")

    def _complain(self, fault: str) -> None:
        line, _ = self.getpos()
        self._fault = self._fault or f"line {line}: {fault}"
