"""Rules that ruff cannot state: who may catch everything, how much is excused."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Any

MAX_TYPE_IGNORES = 10
MAX_NOQA = 10

BOUNDARIES: dict[str, str] = {
    "engine/_lane.py _explained": "a provider of others may raise anything",
    "engine/_lane.py _guard": "on the engine's thread: the test must hear of it",
    "engine/_pool.py _loaded": "loading runs native and third-party code",
    "sandbox/_candidate.py attempt": "what a model's program raises is its verdict",
}
"""`room/_file.py function` -> why it may catch every `Exception` (at most four)."""

MAX_BOUNDARIES = 4


def _comments(source: Any) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _excuses(sources: list[Any], word: str) -> list[str]:
    return [
        f"{source.short}:{line} {comment}"
        for source in sources
        for line, comment in _comments(source)
        if re.search(rf"#\s*{word}", comment)
    ]


def _calls_and_asserts(sources: list[Any]) -> Iterator[str]:
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Assert):
                yield f"{source.place(node)} assert"
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                yield f"{source.place(node)} print"


def _broad_handlers(sources: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield (`file function`, place) of handlers that catch every `Exception`."""
    for source in sources:
        for function in ast.walk(source.tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
                    yield f"{source.short} {function.name}", source.place(node)


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    if isinstance(caught, ast.Tuple):
        return any(map(_is_broad, caught.elts))
    return getattr(caught, "id", "") in {"Exception", "BaseException"}


def test_nothing_is_printed_or_asserted(sources: list[Any]) -> None:
    """Output goes through pytest, and checks survive `python -O`."""
    assert list(_calls_and_asserts(sources)) == []


def test_every_exception_is_caught_only_at_named_boundaries(
    sources: list[Any],
) -> None:
    """`except Exception` turns trouble into silence; each place has a reason."""
    found = dict(_broad_handlers(sources))
    unnamed = {name: place for name, place in found.items() if name not in BOUNDARIES}
    assert unnamed == {}
    assert sorted(BOUNDARIES.keys() - found.keys()) == [], "stale entries"
    assert len(BOUNDARIES) <= MAX_BOUNDARIES


def test_type_ignores_are_few_and_explained(sources: list[Any]) -> None:
    """At most ten `type: ignore`, each with a code and a reason."""
    found = _excuses(sources, "type: *ignore")
    assert len(found) <= MAX_TYPE_IGNORES, "\n".join(found)
    pattern = re.compile(r"# type: ignore\[[a-z, -]+\] # \w.{10,}")
    assert [excuse for excuse in found if not pattern.search(excuse)] == []


def test_lint_excuses_are_few_and_explained(sources: list[Any]) -> None:
    """At most ten `noqa`, each with a code and a reason; file-wide ones count."""
    found = _excuses(sources, r"(noqa|ruff: *noqa)")
    assert len(found) <= MAX_NOQA, "\n".join(found)
    bare = re.compile(r"noqa(?!: [A-Z]+\d+)")
    assert [excuse for excuse in found if bare.search(excuse)] == []
    inline = [excuse for excuse in found if "ruff: noqa" not in excuse]
    assert [excuse for excuse in inline if not re.search(r"-- \w.{10,}", excuse)] == []


def test_no_global_state_is_rebound(sources: list[Any]) -> None:
    """No `global` statement: state lives in pytest's stash or in objects."""
    rebound = [
        source.place(node)
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Global)
    ]
    assert rebound == []


def test_imports_are_at_the_top(sources: list[Any]) -> None:
    """No import inside a function: lazy code is addressed by string (style.md 3.3)."""
    late = [
        source.place(node)
        for source in sources
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []
