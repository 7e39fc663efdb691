"""Answers that people have rated, from a file of JSON lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.core import DataError, Sample, Target, shorten

_WORDS: Mapping[object, float] = {
    True: 1.0,
    False: 0.0,
    "yes": 1.0,
    "no": 0.0,
    "true": 1.0,
    "false": 0.0,
}


class Rating(NamedTuple):
    """An answer, and what people say of it."""

    where: str
    """File and line."""
    answer: str
    sample: Sample
    value: float
    """From 0, wrong, to 1, right."""


def read_ratings(path: Path, *, field: str, least: float, most: float) -> list[Rating]:
    """Read rated answers: a JSON object a line.

    `answer` is the text that was rated, `input` what was asked, `target` the reference;
    all fields are those of the sample that a scorer sees.

    Args:
        path: the file.
        field: the one that holds the rating: true, false, yes, no, or a number.
        least: the number that means wrong.
        most: the number that means right.

    Raises:
        DataError: a line is wrong; names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read: {error}.", fix="Correct the path."
        ) from error
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise DataError(f"{str(path)!r} is empty.", allowed="It has a row a line.")
    return [
        _rating(_row(line, f"{path}:{n}"), f"{path}:{n}", field, (least, most))
        for n, line in numbered
    ]


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(
            f"{where}: not JSON: {error}.", allowed="A line is a JSON object."
        ) from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: {shorten(line)}.", allowed="A line is an object.")
    return row


def _rating(
    row: dict[str, Any], where: str, field: str, bounds: tuple[float, float]
) -> Rating:
    for name in ("answer", field):
        if name not in row:
            raise DataError(
                f"{where} has no field {name!r}.",
                allowed=f"It has {', '.join(map(repr, row))}.",
                fix="Name the field with the rating: --field NAME.",
            )
    if not isinstance(row["answer"], str):
        raise DataError(
            f"{where}: the answer is {row['answer']!r}.", allowed="It is a text."
        )
    sample = Sample(
        id=where,
        input=str(row.get("input", "")),
        target=_target(row.get("target")),
        metadata=row,
    )
    return Rating(where, row["answer"], sample, _value(row[field], where, bounds))


def _value(rating: object, where: str, bounds: tuple[float, float]) -> float:
    least, most = bounds
    if isinstance(rating, str):
        rating = rating.strip().lower()
    if isinstance(rating, bool | str) and rating in _WORDS:
        return _WORDS[rating]
    if isinstance(rating, int | float) and least <= rating <= most:
        return (rating - least) / (most - least)
    raise DataError(
        f"{where}: the rating is {rating!r}.",
        allowed=f"It is true, false, yes, no, or a number from {least:g} to {most:g}.",
        fix="State the scale that people used, e.g. --scale 1-5.",
    )


def _target(value: Any) -> Target:
    return tuple(value) if isinstance(value, list) else value
