"""What a judge answered, read strictly: half a judgement is none.

A judge's answer that cannot be read is an error of the judge, never a score of the
model that it judges.
"""

import json
import re
from typing import Any

from llmlab_pytest.core import Choice, MalformedJudgement, redact, shorten

_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_ALLOWED = "A judge answers with one JSON object and nothing else: {}."
_FIX = (
    "Choose a judge that follows instructions, or one that declares 'json_schema' or "
    "'loglikelihood': its answers are made to fit."
)


def read_choice(text: str, choices: tuple[str, ...], *, judge: str) -> Choice:
    """Read a reason and one of the choices.

    Raises:
        MalformedJudgement: it is anything else.
    """
    form = '{"reason": "…", "verdict": "…"}'
    found = _object(text, judge, form)
    verdict, reason = found.get("verdict"), found.get("reason")
    if isinstance(verdict, int) and not isinstance(verdict, bool):
        verdict = str(verdict)
    if found.keys() != {"verdict", "reason"} or not isinstance(reason, str):
        raise malformed(judge, text, form)
    if verdict not in choices:
        told = ", ".join(choices)
        raise malformed(judge, text, f"{form}, where the verdict is one of {told}")
    return Choice(choice=verdict, reason=reason)


def read_list(text: str, *, judge: str) -> tuple[str, ...]:
    """Read a list of texts.

    Raises:
        MalformedJudgement: it is anything else.
    """
    form = '{"items": ["…", "…"]}'
    items = _object(text, judge, form).get("items")
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        raise malformed(judge, text, form)
    return tuple(item.strip() for item in items if item.strip())


def malformed(judge: str, text: str, form: str) -> MalformedJudgement:
    """Return the error of an answer that has not the form asked for."""
    return MalformedJudgement(
        f"The judge {judge!r} answered {shorten(redact(repr(text)))}.",
        allowed=_ALLOWED.format(form),
        fix=_FIX,
    )


def _object(text: str, judge: str, form: str) -> dict[str, Any]:
    stripped = text.strip()
    if fenced := _FENCED.match(stripped):
        stripped = fenced[1]
    try:
        found = json.loads(stripped)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise malformed(judge, text, form)
    return found
