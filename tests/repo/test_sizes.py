"""Readable by measure: short functions, files that fit in one's head (style.md 2.1)."""

import ast
from collections.abc import Iterator
from typing import Any

FUNCTION_P90_LINES = 28
FUNCTION_MAX_LINES = 60
FILE_MAX_LINES = 400
START_UP_PLUGIN_MAX_LINES = 200


def _functions(sources: list[Any]) -> Iterator[tuple[int, str]]:
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield lines, f"{source.place(node)} {node.name}"


def _worst(measured: list[tuple[int, str]], count: int = 10) -> str:
    ranked = sorted(measured, reverse=True)[:count]
    return "\n".join(f"{lines:5d}  {place}" for lines, place in ranked)


def test_functions_are_short(sources: list[Any]) -> None:
    """Nine of ten functions have at most 28 lines, and none has more than 60."""
    measured = sorted(_functions(sources))
    p90 = measured[len(measured) * 9 // 10][0]
    assert p90 <= FUNCTION_P90_LINES, f"p90 is {p90}:\n{_worst(measured)}"
    assert measured[-1][0] <= FUNCTION_MAX_LINES, _worst(measured)


def test_files_are_short(sources: list[Any]) -> None:
    """No source file has more than 400 lines."""
    measured = [(source.text.count("\n"), source.short) for source in sources]
    assert max(measured)[0] <= FILE_MAX_LINES, _worst(measured)


def test_the_plugin_delegates(sources: list[Any]) -> None:
    """The entry point stays one screenful or two: its hooks hand on."""
    lines = {source.module: source.text.count("\n") for source in sources}
    assert lines["llmlab_pytest.plugin"] <= START_UP_PLUGIN_MAX_LINES
