"""This run against an earlier one: the same samples, or nothing is decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmlab_pytest.core import SampleResult
from llmlab_pytest.gates._slice import Rows

_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What an earlier run found for one task."""

    name: str
    """The run's id, or the file's name."""
    model: str
    """The alias of the model that was asked then."""
    results: tuple[SampleResult, ...]
    rows: Rows = field(default_factory=dict)
    trouble: str | None = None
    """Why there are no results, beyond that there are none."""


def on_same_samples(
    results: Sequence[SampleResult], baseline: Baseline
) -> list[SampleResult]:
    """Return what the baseline has of the samples that this run has."""
    own = {result.sample_id for result in results}
    return [result for result in baseline.results if result.sample_id in own]


def why_not_comparable(
    results: Sequence[SampleResult], rows: Rows, baseline: Baseline
) -> str | None:
    """Return why a baseline says nothing about these results; `None`: it does.

    Each sample must be in it, with a score, and from the same row: ids that are
    numbers stay while rows move.
    """
    if baseline.trouble is not None:
        return f"the baseline {baseline.name} {baseline.trouble}"
    scored = {r.sample_id for r in baseline.results if r.error is None}
    own = list(dict.fromkeys(result.sample_id for result in results))
    missing = [name for name in own if name not in scored]
    if missing:
        return (
            f"the baseline {baseline.name} has no result of {len(missing)} of "
            f"{len(own)} samples: {_named(missing)}"
        )
    moved = [
        name
        for name in own
        if name in rows and rows[name] != baseline.rows.get(name, rows[name])
    ]
    if moved:
        return (
            f"the baseline {baseline.name} has other rows for {len(moved)} of "
            f"{len(own)} samples: {_named(moved)}"
        )
    return None


def _named(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
