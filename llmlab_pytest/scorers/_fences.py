"""Where in an answer the code or data is: in a Markdown fence, or all of it."""

import re
from collections.abc import Sequence

_FENCE = re.compile(
    r"^[ ]{0,3}(?P<marks>`{3,}|~{3,})[^\S\n]*(?P<name>[^\s`]*)[^\n`]*\n"
    r"(?P<body>.*?)^[ ]{0,3}(?P=marks)",
    re.DOTALL | re.MULTILINE,
)


def body_of(text: str, names: Sequence[str], *, fenced: bool) -> str:
    """Return what is to be judged of an answer, without white space around it.

    Args:
        text: the answer.
        names: how a fence calls what it holds, as "json".
        fenced: whether to look into fences: the first of such a name counts, else the
            first without a name, else the whole text.
    """
    if not fenced:
        return text.strip()
    blocks = [(m["name"].lower(), m["body"]) for m in _FENCE.finditer(text)]
    named = [body for name, body in blocks if name in names]
    bare = [body for name, body in blocks if not name]
    return next(iter(named or bare), text).strip()
