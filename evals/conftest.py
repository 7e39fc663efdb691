"""What these evals need beyond the extras `local` and `benchmarks`."""

from importlib.util import find_spec

_NEEDS = {"metamorphic": "hypothesis", "snapshots": "syrupy"}

collect_ignore = [
    folder for folder, package in _NEEDS.items() if find_spec(package) is None
]
