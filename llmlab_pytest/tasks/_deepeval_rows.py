"""Rows of DeepEval's datasets: what is asked, what is right, and texts to rest on.

As `EvaluationDataset` saves them, in JSON with names of either spelling, or in CSV with
texts parted by `|`. Left out: rows of conversations that a simulator is to hold.
"""

import re
from collections.abc import Mapping, Sequence

from llmlab_pytest.core import DataError, Json, shorten
from llmlab_pytest.tasks._foreign_fields import metadata_in, value_in, wrong_row
from llmlab_pytest.tasks._rows import Row

_DELIMITER = "|"
_UPPER = re.compile(r"(?<!^)(?=[A-Z])")
_OWN = ("input", "expected_output", "context", "retrieval_context", "expected_tools")
_MERGED = ("additional_metadata", "custom_column_key_values")


def deepeval_row(row: Row, where: str) -> Row:
    """Return the row in the form of this package.

    `expected_output` becomes the target, `expected_tools` the field `tool_calls`;
    `context` and `retrieval_context` stay, as lists of texts.

    Raises:
        DataError: it has no input, or is a scenario.
    """
    given = {_UPPER.sub("_", name).lower(): value for name, value in row.items()}
    if given.get("scenario"):
        raise DataError(
            f"{where}: the row is a scenario, whose user is simulated.",
            allowed="Rows have an input.",
            fix="Keep the conversation that was held as turns: messages of a card.",
        )
    if not given.get("input"):
        raise wrong_row(
            where,
            f"the row {shorten(repr(row))} has no input",
            "A row of deepeval has input and expected_output.",
        )
    told = {name: value for name, value in given.items() if value not in (None, "", [])}
    made: Row = {}
    for name in _MERGED:
        made |= metadata_in(told.pop(name, None), where)
    made |= {name: value for name, value in told.items() if name not in _OWN}
    made["input"] = told["input"]
    if "expected_output" in told:
        made["target"] = told["expected_output"]
    for name in ("context", "retrieval_context"):
        if name in told:
            made[name] = _texts(told[name], where)
    if "expected_tools" in told:
        made["tool_calls"] = _calls(told["expected_tools"], where)
    return made


def _texts(given: Json, where: str) -> list[Json]:
    value = value_in(given, where)
    if isinstance(value, str):
        return list(value.split(_DELIMITER))
    if not isinstance(value, Sequence):
        raise wrong_row(
            where, f"the context is {shorten(repr(value))}", "It is a list of texts."
        )
    return [each["context"] if isinstance(each, Mapping) else each for each in value]


def _calls(given: Json, where: str) -> list[Json]:
    value = value_in(given, where)
    if isinstance(value, str):
        return [{"name": name.strip()} for name in value.split(";")]
    calls: list[Json] = []
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict) or "name" not in each:
            raise wrong_row(
                where, f"{shorten(repr(each))} where a tool stands", "It has a name."
            )
        arguments = each.get("input_parameters") or each.get("inputParameters")
        named: dict[str, Json] = {"arguments": arguments} if arguments else {}
        calls.append({"name": each["name"], **named})
    return calls
