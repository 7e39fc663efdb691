"""Which lettered choice a text picks. Never guesses: the article "A" is no answer."""

import re

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers._protocol import Scorer, text_of

_MARKED = r"\(([A-Z])\)|\*\*\(?([A-Z])\)?[.:)]?\*\*|\b([A-Z])\)|\\boxed\{([A-Z])\}"
# "A" and "I" before a word are the article and the pronoun, except before these.
_LETTER = (
    r"[(\[*]*(?:([A-Z])\b(?!['\u2019])"
    r"(?!(?<=[AI])\s+(?!because|since|as|and|or|is|but)[a-z])"
    r"|([a-z])(?=\s*(?:[.,;:)\]*]|$)))"
)
_BETWEEN = r"[^A-Za-z0-9]*"
_HEDGED = re.compile(r"[)\]*]*\s*(?:or|and|/|,|&)\s*[(\[*]*([A-Z])\b")
_STATED = re.compile(
    rf"(?i:\b(?:answer|correct (?:choice|option)|choose|pick|select))\b{_BETWEEN}"
    rf"(?i:is|are|would be)?{_BETWEEN}(?i:(?:option|choice)\s+)?{_LETTER}",
    re.MULTILINE,
)
_NAMED = re.compile(rf"(?i:\b(?:option|choice))\b{_BETWEEN}{_LETTER}", re.MULTILINE)
_ALONE = re.compile(r"\s*[(\[*]*([A-Z])[)\]*]*[.:]?\s*(?:$|\n)")
_LEADING = re.compile(r"\s*[(\[*]*([A-Z])(?:[)\].:]|\*\*)")
_ANYWHERE = re.compile(_MARKED)
_FIRST = ord("A")


def choice() -> Scorer:
    """Score 1 if the text picks the target: a letter, or an index into the choices.

    In order: the letter alone on the first line, the last stated answer ("the answer is
    B"), a leading "B." or "(B)", "option B", any marked letter, the text of a choice.
    Naming several different ones is wrong; the explanation says which.
    """

    def score(
        completion: Completion | str, target: Target, sample: Sample | None = None
    ) -> Score:
        choices = sample.choices if sample else ()
        wanted = _letter(target)
        found = letters_in(text_of(completion), choices=choices)
        answer = found[0] if len(found) == 1 else None
        explanation = None
        if answer != wanted:
            picked = " and ".join(found) or "no choice"
            explanation = f"expected {wanted}, picked {picked}"
        return Score(
            scorer="choice",
            value=float(answer == wanted),
            answer=answer,
            explanation=explanation,
        )

    return score


def letters_in(text: str, *, choices: tuple[str, ...] = ()) -> list[str]:
    """Return the letters a text picks, by the first rule that finds any."""
    allowed = [chr(_FIRST + index) for index in range(len(choices) or 26)]
    named = [upper or lower.upper() for upper, lower in _NAMED.findall(text)]
    alone, leading = _ALONE.match(text), _LEADING.match(text)
    marked = [next(filter(None, groups)) for groups in _ANYWHERE.findall(text)]
    spelled = [
        chr(_FIRST + index)
        for index, option in enumerate(choices)
        if option and option.casefold() in text.casefold()
    ]
    rules = (
        [alone[1]] if alone else [],
        _stated(text),
        [leading[1]] if leading else [],
        named,
        marked,
        spelled,
    )
    for letters in rules:
        picked = [letter for letter in dict.fromkeys(letters) if letter in allowed]
        if picked:
            return picked
    return []


def _stated(text: str) -> list[str]:
    """Return the last stated answer, and the second letter of "B or C"."""
    matches = list(_STATED.finditer(text))
    if not matches:
        return []
    last = matches[-1]
    hedged = _HEDGED.match(text, last.end())
    return [last[1] or last[2].upper(), *([hedged[1]] if hedged else [])]


def _letter(target: Target) -> str:
    if isinstance(target, int):
        return chr(_FIRST + target)
    if isinstance(target, str) and re.fullmatch(r"[A-Za-z]", target):
        return target.upper()
    raise ConfigError(
        f"The target {target!r} is no choice.",
        allowed="It takes a letter, or an index into the choices.",
    )
