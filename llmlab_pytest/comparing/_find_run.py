"""Which run of a store a word means: by id, by place from the end, or where it ran."""

import re
from collections.abc import Collection, Iterator

from llmlab_pytest.core import ConfigError
from llmlab_pytest.store import RunSummary, Store

_LAST = re.compile(r"last(?:~(?P<back>\d+))?")
_WHERE = re.compile(r"(?P<kind>branch|commit):(?P<name>.+)")
_SHOWN = 5
_SHORTEST_COMMIT = 7


def run_id_of(
    asked: str, store: Store, where: str, *, but_not: Collection[str] = ()
) -> str:
    """Return the id of the run that is meant.

    Args:
        asked: an id; `last`, `last~1` for the one before; `branch:main` or
            `commit:4f2a9c1` for the last finished run there.
        store: the runs.
        where: path or URL of the store, for messages.
        but_not: runs that a branch or commit does not mean.

    Raises:
        ConfigError: the store does not hold it.
    """
    runs = store.runs(limit=None)
    known = [run.id for run in runs]
    if asked in known:
        return asked
    if match := _LAST.fullmatch(asked):
        found = known[int(match["back"] or 0) :]
    elif match := _WHERE.fullmatch(asked):
        others = [run for run in runs if run.id not in but_not]
        found = list(_of_place(match["kind"], match["name"], others, store))
    else:
        found = []
    if found:
        return found[0]
    raise ConfigError(
        f"The run {asked!r} is asked for, which the store {where!r} does not hold.",
        allowed=f"Its latest runs: {', '.join(known[:_SHOWN]) or 'none'}; 'last~1' is "
        "the one before the last, 'branch:main' the last finished one of a branch, "
        "'commit:SHA' of a commit.",
        fix="A file of --llmlab-samples ends in .jsonl.",
    )


def _of_place(
    kind: str, name: str, runs: list[RunSummary], store: Store
) -> Iterator[str]:
    """Yield the finished runs of a branch or commit, newest first.

    A commit whose work tree was changed, which ends in `+`, has to be named so.
    """
    for run in runs:
        if run.finished_at is None:
            continue
        has = store.run_factors(run.id).get(f"git_{kind}", "")
        is_start = kind == "commit" and len(name) >= _SHORTEST_COMMIT
        if has == name or (is_start and not has.endswith("+") and has.startswith(name)):
            yield run.id
