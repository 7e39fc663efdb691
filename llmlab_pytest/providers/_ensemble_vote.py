"""Which answer of several most give, whatever its wording around it."""

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from llmlab_pytest.core import shorten

_AROUND = " \t\n.,;:!?\"'`*()[]{}\u201c\u201d\u2018\u2019"
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,]*(\.\d+)?%?")
_SIGNS = re.compile(r"[$€£,%]")
_SHOWN = 40


class Poll(NamedTuple):
    """Whose answer is taken, and why."""

    place: int
    note: str


def majority(names: Sequence[str], texts: Sequence[str], pattern: str = "") -> Poll:
    """Return the first member whose vote is the commonest.

    Of votes that are equally common the one of the earliest member is taken, and the
    note says that it is a tie. Who has no answer to vote on abstains.

    Args:
        names: of the members.
        texts: what each answers.
        pattern: finds what is voted on: the last match, its first group if it has one;
            empty: the whole text.
    """
    votes = [vote_of(text, pattern) for text in texts]
    count = Counter(vote for vote in votes if vote)
    if not count:
        return Poll(0, f"nobody has an answer to vote on; that of {names[0]} is taken")
    most = max(count.values())
    winners = [vote for vote in count if count[vote] == most]
    place = next(n for n, vote in enumerate(votes) if vote in winners)
    told = " and ".join(repr(shorten(vote, _SHOWN)) for vote in winners)
    if len(winners) > 1:
        note = f"a tie: {most} of {len(votes)} each for {told}; "
        return Poll(place, f"{note}that of {names[place]} is taken")
    return Poll(place, f"{most} of {len(votes)} for {told}")


def vote_of(text: str, pattern: str) -> str:
    """Return what a text votes for: without case, marks around it, spare spaces.

    Numbers are equal however they are written: `1,000`, `$1000.0`. Empty where the
    pattern finds nothing.
    """
    if pattern:
        found = None
        for match in re.finditer(pattern, text):
            found = match
        if found is None:
            return ""
        text = next((group for group in found.groups() if group), found[0])
    plain = " ".join(text.split()).strip(_AROUND).casefold()
    if not _NUMBER.fullmatch(plain):
        return plain
    try:
        return f"{Decimal(_SIGNS.sub('', plain)).normalize():f}"
    except InvalidOperation:
        return plain
