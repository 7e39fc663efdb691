"""The scorer of Markdown: which elements a text has, by CommonMark's parser.

Every text is Markdown, so there is no "valid": a table, a heading or a list is there or
it is not, and a fence is closed or open. Tables are those of GitHub.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from llmlab_pytest.core import ConfigError, load, unknown_name
from llmlab_pytest.scorers._judgement import Finding, text_scorer
from llmlab_pytest.scorers._protocol import Scorer

_EXTRA = "scorers"
_TOKENS: Mapping[str, tuple[str, ...]] = {
    "heading": ("heading_open",),
    "list": ("bullet_list_open", "ordered_list_open"),
    "bullet_list": ("bullet_list_open",),
    "numbered_list": ("ordered_list_open",),
    "table": ("table_open",),
    "code_block": ("fence", "code_block"),
    "code": ("code_inline",),
    "quote": ("blockquote_open",),
    "link": ("link_open",),
    "image": ("image",),
    "bold": ("strong_open",),
    "italic": ("em_open",),
    "rule": ("hr",),
    "html": ("html_block", "html_inline"),
}
"""Our names of elements, and the tokens that markdown-it-py opens them with."""


def markdown(
    *,
    has: Sequence[str] | Mapping[str, int] = (),
    lacks: Sequence[str] = (),
) -> Scorer:
    """Score 1 if the text has the Markdown elements asked for, and no open fence.

    Args:
        has: elements that must be there: `heading`, `list` (of either kind),
            `bullet_list`, `numbered_list`, `table`, `code_block`, `code`, `quote`,
            `link`, `image`, `bold`, `italic`, `rule`, `html`; or a table of them with
            the least number of each.
        lacks: elements that must not be there.

    Raises:
        ConfigError: an element is unknown, or a number is no count.
        MissingDependency: markdown-it-py is not installed.
    """
    least = _least(has)
    for name in (*least, *lacks):
        if name not in _TOKENS:
            raise unknown_name("element", name, list(_TOKENS), where="markdown")
    parser = _parser()

    def look(text: str) -> Finding:
        tokens = list(_flat(parser.parse(text)))
        found = Counter(token.type for token in tokens)
        faults = []
        for name, count in least.items():
            present = _count(found, name)
            if present < count:
                faults.append(f"{present} of at least {count} {name}")
        faults += [f"a {name}" for name in lacks if _count(found, name)]
        if any(_is_open(token, text) for token in tokens):
            faults.append("a fence that is not closed")
        return Finding(f"it has {', '.join(faults)}" if faults else None)

    return text_scorer("markdown", look)


def _least(has: Any) -> Mapping[str, int]:
    if isinstance(has, str):
        raise ConfigError(f"has is {has!r}.", allowed="It takes a list or a table.")
    counts = dict(has) if isinstance(has, Mapping) else dict.fromkeys(has, 1)
    for name, count in counts.items():
        if type(count) is not int or count < 1:
            raise ConfigError(
                f"has asks for {count!r} {name}.", allowed="A whole number above 0."
            )
    return counts


@cache
def _parser() -> Any:
    made = load("markdown_it:MarkdownIt", extra=_EXTRA, needed_by="the scorer markdown")
    return made("commonmark").enable("table")


def _flat(tokens: Sequence[Any]) -> Any:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def _count(found: Counter[str], name: str) -> int:
    return sum(found[kind] for kind in _TOKENS[name])


def _is_open(token: Any, text: str) -> bool:
    """Whether a fence goes on to the end of what holds it, without its own end."""
    if token.type != "fence":
        return False
    last = text.replace("\r\n", "\n").split("\n")[token.map[0] : token.map[1]][-1:]
    mark = token.markup
    is_closed = token.map[1] - token.map[0] > 1 and last[0].strip(" >").startswith(mark)
    return not is_closed
