"""Coverage as rows: what was exercised of each kind, and what never."""

from collections.abc import Sequence

from llmlab_pytest.core import Coverage, shorten

COVERAGE_HEAD = ("coverage", "exercised", "share", "samples", "never", "not declared")
_LONGEST = 200


def coverage_cells(coverage: Sequence[Coverage]) -> list[list[str]]:
    """Return a row for each kind; what the project does not list has no share."""
    return [_cells(each) for each in coverage]


def _cells(each: Coverage) -> list[str]:
    count, never, share = len(each.declared), each.never, each.share
    others = [item.name for item in each.items if not item.is_declared]
    return [
        each.kind,
        f"{count - len(never)} of {count}" if count else f"{len(others)}",
        "-" if share is None else f"{share:.0%}",
        f"{sum(item.samples for item in each.items):,}",
        shorten(", ".join(never), _LONGEST) or "-",
        shorten(", ".join(others), _LONGEST) or "-",
    ]
