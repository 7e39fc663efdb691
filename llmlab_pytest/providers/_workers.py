"""What this process may take of what all xdist workers of a run share."""

import os


def worker_count() -> int:
    """Return how many xdist workers the run has; 1 without xdist."""
    count = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    return max(1, int(count) if count.isdecimal() else 1)


def part_of_worker(count: int) -> int:
    """Return this process's part of a number of things, at least 1."""
    return max(1, count // worker_count())
