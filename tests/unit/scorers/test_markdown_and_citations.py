"""Markdown elements, markers of sources, and quotations word by word."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import citations, markdown, quotes, score

PAGE = """\
# Title

Some *italic*, **bold** and `code`, a [link](https://a.test), ![alt](b.png).

- one
- two

1. first

> said

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1
```

---

<div>html</div>
"""
ELEMENTS = [
    "heading",
    "list",
    "bullet_list",
    "numbered_list",
    "table",
    "code_block",
    "code",
    "quote",
    "link",
    "image",
    "bold",
    "italic",
    "rule",
    "html",
]


@pytest.mark.parametrize("element", ELEMENTS)
def test_each_element_is_found_and_missed(element: str) -> None:
    """A page with all elements has each, and plain prose has none."""
    assert score(PAGE, markdown(has=[element])).value == 1.0
    assert score(PAGE, markdown(lacks=[element])).explanation == f"it has a {element}"
    prose = score("Only words.", markdown(has=[element]))
    assert prose.explanation == f"it has 0 of at least 1 {element}"
    assert score("Only words.", markdown(lacks=[element])).value == 1.0


def test_elements_are_counted() -> None:
    """A table of elements states how many of each there must be."""
    assert score("# a\n\n## b\n", markdown(has={"heading": 2})).value == 1.0
    found = score("# a\n", markdown(has={"heading": 2, "list": 1}))
    assert found.explanation == ("it has 1 of at least 2 heading, 0 of at least 1 list")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("```\ncode\n```", 1.0),
        ("````\n```\n````", 1.0),
        ("> ```\n> code\n> ```\n\nend", 1.0),
        ("- ~~~\n  code\n  ~~~\n", 1.0),
        ("```\ncode", 0.0),
        ("```\ncode\n~~~", 0.0),
        ("```", 0.0),
        ("```\r\ncode\r\n```\r\n", 1.0),
    ],
)
def test_open_fence_is_a_fault(text: str, value: float) -> None:
    """A fence that is cut off swallows the rest of the page."""
    found = score(text, markdown())
    assert found.value == value
    assert value or found.explanation == "it has a fence that is not closed"


@given(text=st.text("`~ >-\n#a|*[]()", max_size=60))
def test_any_text_is_markdown(text: str) -> None:
    """No text breaks the parser or the look for open fences."""
    assert score(text, markdown()).value in (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "options", "fault"),
    [
        ("True [1].", {}, None),
        ("True [1, 3]; also [^2].", {"sources": 3, "at_least": 3}, None),
        ("True [4].", {"sources": 3}, "no source is called '4'"),
        ("True.", {}, "0 sources cited, at least 1 asked for"),
        ("Twice [1] the same [1].", {"at_least": 2}, "1 sources cited, at least 2"),
        (
            "As [@smith; @li2020] say.",
            {"style": "key", "sources": ["smith", "li2020"]},
            None,
        ),
        ("As [@smith] says.", {"style": "key", "sources": ["li"]}, "called 'smith'"),
        ("See (doc 7).", {"style": r"\(doc (\d+)\)", "sources": ["7"]}, None),
        ("One [1].\n\nTwo [2].", {"every_paragraph": True}, None),
        ("One [1].\n\nTwo.", {"every_paragraph": True}, "no source for 'Two.'"),
        ("a[1] is an item", {"at_least": 0, "sources": ["2"]}, "called '1'"),
    ],
)
def test_citations(text: str, options: Any, fault: str | None) -> None:
    """Markers name sources that exist, as many as asked, everywhere where asked."""
    found = score(text, citations(**options))
    assert (found.value == 1.0) == (fault is None)
    assert found.explanation is None if fault is None else fault in found.explanation


SOURCE = "The quick brown fox\njumps over the lazy dog. It was not amused, at all."


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('It says "the quick brown fox".', None),
        ("It says \u201cThe Quick   brown fox jumps.\u201d", None),
        ('It says "the quick … lazy dog".', None),
        ('A "fox" is no quotation.', None),
        ("No quotation at all.", None),
        ('It says "the quick red fox".', "no source says 'the quick red fox'"),
        ('It says "the quick … lazy cat".', "no source says"),
    ],
)
def test_quotations_stand_in_the_source(text: str, fault: str | None) -> None:
    """What is in quotation marks was said so, but for case, space and omissions."""
    found = score(text, quotes(), target=SOURCE)
    assert (found.value == 1.0) == (fault is None)
    assert found.explanation is None if fault is None else fault in found.explanation


@given(data=st.data())
def test_every_passage_of_the_source_is_a_quotation(data: Any) -> None:
    """Any run of words of the source passes, and one word more does not."""
    words = SOURCE.split()
    start = data.draw(st.integers(0, len(words) - 3))
    end = data.draw(st.integers(start + 3, len(words)))
    passage = " ".join(words[start:end])
    assert score(f'"{passage}"', quotes(sources=[SOURCE], at_least=1)).value == 1.0
    assert score(f'"{passage} zebra"', quotes(sources=[SOURCE])).value == 0.0


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: markdown(has=["headline"]), "'headline'"),
        (lambda: markdown(has="heading"), "a list or a table"),
        (lambda: markdown(has={"heading": 0}), "above 0"),
        (lambda: citations(sources=0), "At least one"),
        (lambda: citations(sources=[]), "at least one"),
        (lambda: citations(style="[0-9]+"), "first group"),
        (lambda: citations(style="("), "number, key, or a pattern"),
        (lambda: quotes(sources="text"), "list of texts"),
    ],
    ids=["name", "text", "count", "none", "empty", "group", "pattern", "sources"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What cannot be checked is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
