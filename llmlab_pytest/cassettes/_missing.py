"""Why a call has no recorded answer: what is there instead, and what differs."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from llmlab_pytest.cassettes._call import RecordedCall
from llmlab_pytest.cassettes._folder import CassetteFolder
from llmlab_pytest.core import HIDDEN, NotRecorded, shorten

_SHOWN = 3
_CHARS = 60


def not_recorded(folder: CassetteFolder, call: RecordedCall) -> NotRecorded:
    """Build the error for a call that the folder has no answer to.

    It names test, model and folder, and of a near answer what differs.
    """
    parts = call.parts
    return NotRecorded(
        f"{str(folder.path / call.folder)!r} has no answer of {call.alias!r} for "
        f"{parts['item']!r} of {parts['owner']!r}.",
        allowed=f"With --llmlab-replay no model is asked. {_instead(folder, call)}",
        fix=f"Record it: repeat the command with --llmlab-record {str(folder.path)!r} "
        "in place of --llmlab-replay.",
    )


def other_weights(
    folder: CassetteFolder, call: RecordedCall, *, was: str, now: str
) -> NotRecorded:
    """Build the error for an answer that other weights gave than those found here."""
    return NotRecorded(
        f"The answer in {str(folder.path / call.file)!r} is of other weights of "
        f"{call.alias!r}: recorded with {was[:12]}, here are {now[:12]}.",
        allowed="Weights that are found on this machine are those that answered.",
        fix=f"Record it again with --llmlab-record {str(folder.path)!r}, or restore "
        "the weights.",
    )


def _instead(folder: CassetteFolder, call: RecordedCall) -> str:
    """Say what the folder has instead, the nearest first."""
    near = [
        (list(_differences(there.parts, call.parts)), file)
        for file, there in folder.answers_of(call)
    ]
    if near:
        differing, file = min(near, key=lambda found: len(found[0]))
        more = len(differing) - _SHOWN
        shown = "; ".join([*differing[:_SHOWN], *([f"{more} more"] * (more > 0))])
        return f"{file} differs: {shown}."
    owner = call.folder.name
    if owners := folder.owners(call.alias):
        if owner in owners:
            return f"None there is for {call.parts['item']!r}."
        close = difflib.get_close_matches(owner, owners, n=_SHOWN) or owners[:_SHOWN]
        return f"Of {call.alias!r} there are answers for: {', '.join(close)}."
    aliases = folder.aliases()
    return f"The models with answers there: {', '.join(aliases) or 'none'}."


def _differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    """Yield one sentence part for each place where two descriptions differ."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for name in sorted(there.keys() | here.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _differences(there.get(name), here.get(name), inner)
    elif isinstance(there, list) and isinstance(here, list):
        if len(there) == len(here):
            for number, (one, other) in enumerate(zip(there, here, strict=True)):
                yield from _differences(one, other, f"{path}[{number}]")
        else:
            yield f"{path} has {len(there)} parts there and {len(here)} now"
    elif there != here:
        yield f"{path} is {_shown(there, here)} there and {_shown(here, there)} now"


def _shown(value: Any, other: Any) -> str:
    """Show a value; of two long texts the part where they begin to differ."""
    if not isinstance(value, str) or not isinstance(other, str):
        return shorten(repr(value), _CHARS)
    pairs = enumerate(zip(value, other, strict=False))
    same = next((n for n, (one, two) in pairs if one != two), len(value))
    start = max(0, same - _CHARS // 3)
    cut = value[start : start + _CHARS]
    shown = repr(f"{'…' * (start > 0)}{cut}{'…' * (start + _CHARS < len(value))}")
    return f"{shown} (a secret is hidden)" if HIDDEN in value else shown
