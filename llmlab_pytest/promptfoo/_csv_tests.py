"""A row of a table as a test: columns are variables, `__expected` what is asserted."""

import re
from collections.abc import Mapping

from llmlab_pytest.core import ConfigError, Json
from llmlab_pytest.promptfoo._files import split_list
from llmlab_pytest.promptfoo._mapped import MAPPED
from llmlab_pytest.promptfoo._refused import REFUSED
from llmlab_pytest.yaml_files import Placed

_KINDS = sorted({*MAPPED, *REFUSED}, key=len, reverse=True)
_WRITTEN = re.compile(
    rf"(not-)?({'|'.join(map(re.escape, _KINDS))})(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?",
    re.DOTALL,
)
_CODE = re.compile(r"(javascript|fn|eval|python):|file://.*\.(js|cjs|mjs|ts|py)\b")
_LISTS = frozenset(["contains-all", "contains-any", "icontains-all", "icontains-any"])
_BOUNDED: Mapping[str, float] = {
    **dict.fromkeys(
        [
            "answer-relevance",
            "classifier",
            "context-faithfulness",
            "context-recall",
            "context-relevance",
            "cost",
            "latency",
            "levenshtein",
            "perplexity",
            "perplexity-score",
            "rouge-n",
        ],
        0.75,
    ),
    "similar": 0.8,
}
"""The threshold where a cell gives none, which is promptfoo's for cells."""
_OPTIONS = {"__prefix": "prefix", "__suffix": "suffix"}
_NUMBERED = re.compile(r"__config:__expected(\d*):(\w+)")


def test_from_row(row: Mapping[str, str], where: str) -> Placed:
    """Return a row of a table in the form that a test has in YAML.

    Raises:
        ConfigError: a column has a name that begins with `__` and is not known, or a
            cell asserts what cannot be read.
    """
    read = _Row(where)
    for name, cell in row.items():
        read.take(name.strip(), cell)
    return read.test()


class _Row:
    """Sorts the cells of a row."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._variables: dict[str, Json] = {}
        self._asserted: list[dict[str, Json]] = []
        self._options: dict[str, Json] = {}
        self._metadata: dict[str, Json] = {}
        self._whole: dict[str, Json] = {}
        self._bounds: dict[int, float] = {}

    def take(self, column: str, cell: str) -> None:
        """Keep one cell."""
        if not column.startswith("__"):
            self._variables[column] = cell
        elif column in _OPTIONS:
            self._options[_OPTIONS[column]] = cell
        elif numbered := _NUMBERED.fullmatch(column):
            bound = _number(cell, column, self._where)
            self._bounds[int(numbered[1] or 1) - 1] = bound
        elif cell.strip():
            self._take_own(column, cell)

    def test(self) -> Placed:
        """Return all cells as a test."""
        for number, bound in self._bounds.items():
            if number < len(self._asserted):
                self._asserted[number]["threshold"] = bound
        metric = self._whole.pop("metric", None)
        named: dict[str, Json] = {} if metric is None else {"metric": metric}
        return Placed(
            {
                "vars": self._variables,
                "assert": [{**one, **named} for one in self._asserted],
                "options": self._options,
                "metadata": self._metadata,
                **self._whole,
            },
            self._where,
        )

    def _take_own(self, column: str, cell: str) -> None:
        if column.startswith("__expected"):
            self._asserted.append(assertion_from_text(cell.strip(), self._where))
        elif column.startswith("__metadata:"):
            name = column.removeprefix("__metadata:")
            self._metadata[name.removesuffix("[]")] = _metadata(name, cell)
        elif column == "__threshold":
            self._whole["threshold"] = _number(cell, column, self._where)
        elif column in ("__description", "__metric", "__providerOutput"):
            self._whole[column.removeprefix("__")] = cell
        else:
            raise ConfigError(
                f"{self._where}: the column {column!r} is unknown.",
                allowed="Columns of promptfoo are __expected, __prefix, __suffix, "
                "__description, __metric, __threshold, __metadata:NAME and "
                "__config:__expected:threshold.",
            )


def assertion_from_text(cell: str, where: str) -> dict[str, Json]:
    """Return what a cell asserts: `contains: Paris`, or a text that is to be equal.

    Raises:
        ConfigError: it is code.
    """
    if _CODE.match(cell):
        raise ConfigError(
            f"{where}: the cell {cell!r} asserts by code.",
            fix="Write the check as a function and name it in @llm_task.",
        )
    if cell.startswith("grade:"):
        return {"type": "llm-rubric", "value": cell.removeprefix("grade:")}
    found = _WRITTEN.fullmatch(cell)
    if found is None:
        return {"type": "equals", "value": cell}
    negation, kind, bound, value = found.groups()
    told: dict[str, Json] = {"type": f"{negation or ''}{kind}"}
    if kind in _LISTS and value:
        told["value"] = list(split_list(value, where=where))
    elif value is not None:
        told["value"] = value if kind in ("contains-json", "is-json") else value.strip()
    if kind in _BOUNDED:
        told["threshold"] = float(bound) if bound else _BOUNDED[kind]
    return told


def _metadata(name: str, cell: str) -> Json:
    if not name.endswith("[]"):
        return cell
    parts = re.split(r"(?<!\\),", cell)
    return [part.strip().replace("\\,", ",") for part in parts]


def _number(cell: str, column: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ConfigError(
            f"{where}: {column} is {cell!r}.", allowed="It is a number."
        ) from error
