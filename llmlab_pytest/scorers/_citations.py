"""Scorers of what a text leans on: markers of sources, and passages in quotes.

Both compare with the sources that were given. Left out: whether a source says what it
is cited for; that takes a judge.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target, shorten
from llmlab_pytest.scorers._judgement import Finding, check_texts, judged, target_scorer
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_PARAGRAPHS = re.compile(r"\n\s*\n")
_SPLIT = re.compile(r"\s*[,;]\s*")
_MARKERS: Mapping[str, re.Pattern[str]] = {
    "number": re.compile(r"\[(\^?\d+(?:\s*[,;]\s*\d+)*)\]"),
    "key": re.compile(r"\[(@[\w:.-]+(?:\s*[,;]\s*@[\w:.-]+)*)\]"),
}
_QUOTED = re.compile(r"\"([^\"]+)\"|\u201c([^\u201d]+)\u201d|\u00ab([^\u00bb]+)\u00bb")
_ELLIPSIS = re.compile(r"\[?(?:\u2026|\.\.\.)\]?")


def citations(
    *,
    sources: int | Sequence[str] | None = None,
    at_least: int = 1,
    style: str = "number",
    every_paragraph: bool = False,
) -> Scorer:
    """Score 1 if the text cites, and only sources that there are.

    Args:
        sources: the keys of the sources, or how many are numbered from 1; without it
            any source may be cited.
        at_least: how many different sources must be cited.
        style: `number` for `[1]`, `[1, 2]` and `[^1]`; `key` for Pandoc's `[@smith]`;
            or a regular expression whose first group is the key.
        every_paragraph: whether each paragraph must cite something.

    Raises:
        ConfigError: `sources` is empty, or `style` is no pattern with a group.
    """
    marker = _marker(style)
    keys = _keys(sources)

    def cited(text: str) -> Iterator[str]:
        for match in marker.finditer(text):
            yield from (key.lstrip("^@") for key in _SPLIT.split(match[1]) if key)

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        text = text_of(completion)
        found = list(dict.fromkeys(cited(text)))
        faults = []
        if keys is not None and (unknown := [key for key in found if key not in keys]):
            faults.append(f"no source is called {', '.join(map(repr, unknown))}")
        if len(found) < at_least:
            faults.append(f"{len(found)} sources cited, at least {at_least} asked for")
        if every_paragraph:
            blocks = [part for part in _PARAGRAPHS.split(text) if part.strip()]
            bare = [part for part in blocks if not any(cited(part))]
            faults += [f"no source for {shorten(part)!r}" for part in bare]
        finding = Finding("; ".join(faults) or None, ", ".join(found) or None)
        return judged("citations", finding)

    return score


def quotes(
    *, sources: Sequence[str] | None = None, at_least: int = 0, min_words: int = 3
) -> Scorer:
    """Score 1 if every passage in quotation marks stands in a source word by word.

    White space, case and the kind of quotation marks do not count; an ellipsis parts a
    quotation, and each part must be there.

    Args:
        sources: texts that may be quoted; by default the target.
        at_least: how many quotations there must be.
        min_words: what has fewer words is no quotation but a name, or irony.
    """
    check_texts("sources", sources)

    def look(text: str, target: Target) -> Finding:
        given = targets_of(target) if sources is None else tuple(sources)
        plain = [_plain(source) for source in given]
        quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(text)]
        passages = [each for each in quoted if len(each.split()) >= min_words]
        wrong = [each for each in passages if not _stands_in(each, plain)]
        faults = [f"no source says {shorten(each)!r}" for each in wrong]
        if len(passages) < at_least:
            faults.append(f"{len(passages)} quotations, at least {at_least} asked for")
        return Finding("; ".join(faults) or None, " | ".join(passages) or None)

    return target_scorer("quotes", look)


def _marker(style: str) -> re.Pattern[str]:
    if style in _MARKERS:
        return _MARKERS[style]
    try:
        pattern = re.compile(style)
    except re.error as error:
        raise ConfigError(
            f"style is {style!r}: {error}.", allowed="number, key, or a pattern."
        ) from error
    if pattern.groups < 1:
        raise ConfigError(
            f"style is {style!r}.",
            allowed="number, key, or a pattern whose first group is the key.",
        )
    return pattern


def _keys(sources: int | Sequence[str] | None) -> frozenset[str] | None:
    if isinstance(sources, int):
        if sources < 1:
            raise ConfigError(f"sources is {sources!r}.", allowed="At least one.")
        return frozenset(map(str, range(1, sources + 1)))
    check_texts("sources", sources)
    return None if sources is None else frozenset(sources)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _stands_in(passage: str, sources: Sequence[str]) -> bool:
    parts = [_plain(part).strip(" .,;:!?") for part in _ELLIPSIS.split(passage)]
    return any(all(part in source for part in parts) for source in sources)
