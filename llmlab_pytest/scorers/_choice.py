"""Which lettered choice a text picks. Never guesses: the article "A" is no answer."""

import re

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers._protocol import Scorer, text_of

_MARKED = r"\(([A-Z])\)|\*\*\(?([A-Z])\)?[.:)]?\*\*|\b([A-Z])\)"
_STATED = re.compile(
    r"(?:answer|choice|option|correct)\b[^A-Za-z0-9\n]*(?:is|are|would be|:)?"
    r"[^A-Za-z0-9\n]*(?:option |choice )?[(\[*]*([A-Z])\b(?![a-z'\u2019])",
    re.IGNORECASE,
)
_ALONE = re.compile(r"\s*[(\[*]*([A-Z])[)\]*]*[.:]?\s*(?:$|\n)")
_LEADING = re.compile(r"\s*[(\[*]*([A-Z])(?:[)\].:]|\*\*)")
_ANYWHERE = re.compile(_MARKED)
_FIRST = ord("A")


def choice() -> Scorer:
    """Score 1 if the text picks the target: a letter, or an index into the choices.

    In order: the letter alone on the first line, a stated answer ("the answer is B"), a
    leading "B." or "(B)", any marked letter, the text of a choice. Naming several
    different ones is wrong; the explanation says which.
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
    stated = [letter.upper() for letter in _STATED.findall(text)]
    alone, leading = _ALONE.match(text), _LEADING.match(text)
    marked = [next(filter(None, groups)) for groups in _ANYWHERE.findall(text)]
    spelled = [
        chr(_FIRST + index)
        for index, option in enumerate(choices)
        if option and option.casefold() in text.casefold()
    ]
    rules = (
        [alone[1]] if alone else [],
        stated,
        [leading[1]] if leading else [],
        marked,
        spelled,
    )
    for letters in rules:
        picked = [letter for letter in dict.fromkeys(letters) if letter in allowed]
        if picked:
            return picked
    return []


def _letter(target: Target) -> str:
    if isinstance(target, int):
        return chr(_FIRST + target)
    if isinstance(target, str) and re.fullmatch(r"[A-Za-z]", target):
        return target.upper()
    raise ConfigError(
        f"The target {target!r} is no choice.",
        allowed="It takes a letter, or an index into the choices.",
    )
