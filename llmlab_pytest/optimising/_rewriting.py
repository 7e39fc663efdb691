"""Prompts that a model writes, from the present one and from what went wrong with it.

What it writes is a text, not a program: it may hold the placeholders of the present
prompt and nothing else of the template language.
"""

import re
from collections.abc import Sequence

from llmlab_pytest.core import Message, redact, shorten
from llmlab_pytest.optimising._candidate import Candidate
from llmlab_pytest.optimising._measuring import Measured
from llmlab_pytest.optimising._showing import reference_of

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LANGUAGE = re.compile(r"\{[{%#]|[}%#]\}")
_WRITTEN = re.compile(r"<prompt>(.*?)(?:</prompt>|\Z)", re.DOTALL)
_MOST_MISTAKES = 5
_MOST_RIGHT = 2
_SHOWN_CHARACTERS = 600
_WAYS = (
    "Say exactly what a good answer looks like: form, length, what to leave out.",
    "Have the model think step by step before it answers, and say how to end.",
    "Say what the mistakes have in common and how to avoid them.",
    "Make it as short and plain as possible.",
    "Say who answers, for whom, and what matters to them.",
    "Order it: first the task, then rules, then the question.",
)
"""What each proposal is asked to try: proposals that differ find more."""


def writer_messages(
    base: Candidate, measured: Sequence[Measured], number: int
) -> tuple[Message, ...]:
    """Return what the writer is asked for its proposal of this number, from 0.

    Args:
        base: the present prompt.
        measured: what it gave on the first part; no other sample is shown.
        number: of the proposal.
    """
    wrong = [each for each in measured if each.result.outcome != "hit"]
    right = [each for each in measured if each.result.outcome == "hit"]
    parts = [
        "A prompt is used to ask a language model. Write a better one.",
        f"The present prompt:\n<prompt>{base.prompt}</prompt>",
    ]
    if base.system:
        parts.append(f"Before it stands this system message:\n{base.system}")
    parts += [_told(each, "wrong") for each in _spread(wrong, _MOST_MISTAKES, number)]
    parts += [_told(each, "right") for each in _spread(right, _MOST_RIGHT, number)]
    names = ", ".join(placeholders(base.prompt)) or "none"
    parts.append(
        f"{_WAYS[number % len(_WAYS)]} The prompt must serve for questions like these "
        "that nobody has seen, so do not put these questions or answers into it. It "
        f"must contain each of these placeholders, as they are: {names}. Write "
        "nothing but the new prompt, between <prompt> and </prompt>."
    )
    return (Message("user", "\n\n".join(parts)),)


def read_proposal(text: str, base: Candidate, number: int) -> Candidate | None:
    """Return the candidate that a writer proposes; `None` if it cannot be used.

    It is used if it has the placeholders of the present prompt, nothing else of the
    template language, and is another text. Where the present prompt has more than
    placeholders, the proposal is put before it, and has none.

    Args:
        text: of the writer.
        base: the present prompt.
        number: of the proposal, from 0.
    """
    found = _WRITTEN.search(text)
    written = redact(found[1].strip()) if found else ""
    if not written:
        return None
    wanted = placeholders(base.prompt)
    rest = _PLACEHOLDER.sub("", base.prompt)
    if _LANGUAGE.search(rest):
        if _LANGUAGE.search(written):
            return None
        written = f"{written}\n\n{base.prompt}"
    elif placeholders(written) != wanted or _LANGUAGE.search(
        _PLACEHOLDER.sub("", written)
    ):
        return None
    if written == base.prompt.strip():
        return None
    return Candidate(
        name=f"rewriting {number + 1}",
        prompt=written,
        system=base.system,
        shown=base.shown,
    )


def placeholders(template: str) -> list[str]:
    """Return the placeholders of a template, each once, in alphabetical order."""
    found = {" ".join(text.split()) for text in _PLACEHOLDER.findall(template)}
    return sorted(found)


def _spread(measured: Sequence[Measured], most: int, number: int) -> Sequence[Measured]:
    """Return some, other ones for each proposal."""
    if len(measured) <= most:
        return measured
    start = number * most % len(measured)
    return [measured[(start + step) % len(measured)] for step in range(most)]


def _told(measured: Measured, word: str) -> str:
    sample = measured.sample
    fields = {"input": sample.input, **sample.metadata}
    asked = {k: v for k, v in fields.items() if isinstance(v, str) and v}
    lines = [f"{k}: {shorten(v, _SHOWN_CHARACTERS)}" for k, v in asked.items()]
    lines.append(f"answer ({word}): {shorten(measured.completion.text, 300)}")
    if reference := reference_of(sample):
        lines.append(f"right answer: {shorten(reference, 300)}")
    return "\n".join(lines)
