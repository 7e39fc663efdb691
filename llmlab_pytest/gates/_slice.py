"""Which results belong to the part of a task that a gate judges."""

import json
from collections.abc import Mapping, Sequence

from llmlab_pytest.core import Json, SampleResult, shorten
from llmlab_pytest.gates._grammar import Slice

Rows = Mapping[str, Mapping[str, Json]]
"""The row of each sample, by its id."""

_MOST_NAMES = 6


def part_of(
    results: Sequence[SampleResult], part: Slice, rows: Rows
) -> list[SampleResult]:
    """Return the results of samples whose row has the value in the field.

    Values are compared as text: `2`, `true`. Of a list, one member is enough.
    """
    return [
        result
        for result in results
        if part.value in _texts(rows.get(result.sample_id, {}).get(part.field))
    ]


def why_empty(part: Slice, rows: Rows) -> str:
    """Say that no sample is of a part, and what there is instead."""
    wanted = f"no sample of this run has {part.field} = {part.value!r}"
    values = {text for row in rows.values() for text in _texts(row.get(part.field))}
    if values:
        return f"{wanted}; its values are {_named(sorted(values))}"
    fields = {name for row in rows.values() for name in row}
    if fields:
        return f"{wanted}; the fields of its rows are {_named(sorted(fields))}"
    return f"{wanted}; they have no rows"


def _named(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_NAMES else ""
    return ", ".join(shorten(name, 40) for name in names[:_MOST_NAMES]) + more


def _texts(value: Json) -> list[str]:
    """Return a value, or the members of a list, as one would write it in a gate."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for member in value for text in _texts(member)]
    return [value if isinstance(value, str) else json.dumps(value)]
