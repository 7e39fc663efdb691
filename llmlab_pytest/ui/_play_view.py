"""View of the playground: its form, filled from an address or a sample of a run."""

import re

from llmlab_pytest.core import SampleRecord
from llmlab_pytest.store import Found
from llmlab_pytest.ui._links import Query
from llmlab_pytest.ui._page import render
from llmlab_pytest.ui._playground import Playground
from llmlab_pytest.ui._samples import records_of
from llmlab_pytest.ui._shelf import Shelf

_FREE = "smollm2"
"""Chosen where nothing else is: it answers on this machine."""
_JINJA = re.compile(r"\{[{%#]")
_FIELDS = (
    *("template", "system", "target", "expect", "scorers"),
    *("answers", "temperature", "max_tokens"),
)


def play_view(shelf: Shelf, playground: Playground, query: Query) -> str:
    """Return the form; nothing is asked by it being opened."""
    fields = {name: query.one(name) for name in _FIELDS}
    if query.one("run"):
        fields |= _of_sample(shelf, query)
    models = playground.models()
    return render(
        "play",
        here="/play",
        fields=fields,
        given={name: query.one(f"var_{name}") for name in query.every("var")},
        models=models,
        chosen=query.every("model") or [_FREE],
        judges=query.every("judge"),
        scorers=sorted(playground.scorers()),
        spent=playground.spent,
    )


def _of_sample(shelf: Shelf, query: Query) -> dict[str, str]:
    """Return prompt and system message of a sample, to be changed and asked again."""
    place = Found(
        *(query.one("task"), query.one("model"), query.one("id")),
        epoch=query.number("epoch"),
        sample_hash=None,
    )
    records = records_of(shelf, query.one("run"), [place])
    return _turns(records[0]) if records else {}


def _turns(record: SampleRecord) -> dict[str, str]:
    prompt = (record.request or {}).get("prompt")
    if isinstance(prompt, str):
        return {"template": as_template(prompt)}
    found = {}
    for turn in prompt if isinstance(prompt, list) else []:
        if isinstance(turn, dict) and isinstance(turn.get("content"), str):
            text = str(turn["content"])
            if turn.get("role") == "system":
                found["system"] = text
            else:
                found["template"] = as_template(text)
    return found


def as_template(text: str) -> str:
    """Return a template that renders as a text, whatever stands in it."""
    return _JINJA.sub(lambda match: f"{{{{ '{match[0]}' }}}}", text)
