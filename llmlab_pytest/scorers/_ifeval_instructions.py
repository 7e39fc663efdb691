"""IFEval's 25 instructions: which check each id stands for, and what it is told."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmlab_pytest.core import (
    COUNT,
    TEXT,
    TEXTS,
    WHOLE,
    ConfigError,
    DataError,
    Json,
    Kind,
    Sample,
    check_value,
    shorten,
    unknown_name,
)
from llmlab_pytest.scorers import _ifeval_format as form
from llmlab_pytest.scorers import _ifeval_length as length
from llmlab_pytest.scorers import _ifeval_words as words

Check = Callable[..., bool]
"""Takes the response and, by keyword, what the row says; `True`: it is followed."""

CHECKS: Mapping[str, Check] = {
    "change_case:capital_word_frequency": words.capital_word_frequency,
    "change_case:english_capital": words.english_capital,
    "change_case:english_lowercase": words.english_lowercase,
    "combination:repeat_prompt": form.restated_prompt,
    "combination:two_responses": form.two_responses,
    "detectable_content:number_placeholders": form.number_placeholders,
    "detectable_content:postscript": form.postscript,
    "detectable_format:constrained_response": form.constrained_response,
    "detectable_format:json_format": form.json_format,
    "detectable_format:multiple_sections": form.multiple_sections,
    "detectable_format:number_bullet_lists": form.number_bullet_lists,
    "detectable_format:number_highlighted_sections": form.number_highlighted_sections,
    "detectable_format:title": form.title,
    "keywords:existence": words.existence,
    "keywords:forbidden_words": words.forbidden_words,
    "keywords:frequency": words.frequency,
    "keywords:letter_frequency": words.letter_frequency,
    "language:response_language": words.response_language,
    "length_constraints:nth_paragraph_first_word": length.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": length.number_paragraphs,
    "length_constraints:number_sentences": length.number_sentences,
    "length_constraints:number_words": length.number_words,
    "punctuation:no_comma": form.no_comma,
    "startend:end_checker": form.end_checker,
    "startend:quotation": form.quotation,
}

_RELATION = Kind("'less than' or 'at least'", lambda v: v in ("less than", "at least"))
_LETTER = Kind("one character", lambda v: isinstance(v, str) and len(v.strip()) == 1)
_KINDS = {
    "capital_frequency": WHOLE,
    "capital_relation": _RELATION,
    "end_phrase": TEXT,
    "first_word": TEXT,
    "forbidden_words": TEXTS,
    "frequency": WHOLE,
    "keyword": TEXT,
    "keywords": TEXTS,
    "language": TEXT,
    "let_frequency": WHOLE,
    "let_relation": _RELATION,
    "letter": _LETTER,
    "nth_paragraph": COUNT,
    "num_bullets": WHOLE,
    "num_highlights": WHOLE,
    "num_paragraphs": WHOLE,
    "num_placeholders": WHOLE,
    "num_sections": WHOLE,
    "num_sentences": WHOLE,
    "num_words": WHOLE,
    "postscript_marker": TEXT,
    "prompt_to_repeat": TEXT,
    "relation": _RELATION,
    "section_spliter": TEXT,
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a prompt, which a program can check."""

    id: str
    arguments: Mapping[str, Json]
    """What the row says about it, such as a number of words."""

    def is_followed(self, response: str) -> bool:
        """Whether a response follows it; an empty one follows none."""
        return bool(response.strip()) and CHECKS[self.id](response, **self.arguments)

    def __str__(self) -> str:
        """Return the id with its arguments, for people."""
        told = ", ".join(
            f"{name}={shorten(repr(value), 60)}"
            for name, value in self.arguments.items()
        )
        return f"{self.id}({told})" if told else self.id


def instructions_of(sample: Sample) -> tuple[Instruction, ...]:
    """Return the instructions of a row: `instruction_id_list` and `kwargs`.

    Raises:
        DataError: the row has none, or one is unknown or lacks what it needs.
    """
    ids, told = (
        sample.metadata.get(name) for name in ("instruction_id_list", "kwargs")
    )
    if (
        not isinstance(ids, list)
        or not isinstance(told, list)
        or not 0 < len(ids) == len(told)
    ):
        raise DataError(
            f"Sample {sample.id!r} has no list of instructions.",
            allowed="IFEval's rows have 'instruction_id_list', and 'kwargs' with a "
            "table of arguments for each id in it.",
        )
    where = f"sample {sample.id!r}"
    try:
        pairs = zip(ids, told, strict=True)
        return tuple(_instruction(name, table, where) for name, table in pairs)
    except ConfigError as error:  # the row is at fault, no setting
        raise DataError(error.seen, allowed=error.allowed, fix=error.fix) from error


def _instruction(name: Json, told: Json, where: str) -> Instruction:
    if not isinstance(name, str) or name not in CHECKS:
        raise unknown_name("instruction", str(name), list(CHECKS), where=where)
    given = told.items() if isinstance(told, dict) else ()
    # The hub's rows name every argument of every instruction, most of them null.
    arguments = {key: value for key, value in given if value is not None}
    needed = list(inspect.signature(CHECKS[name]).parameters)[1:]
    kinds = {key: _KINDS[key] for key in needed}
    for key, value in arguments.items():
        check_value(key, value, kinds, what=f"argument of {name}", place=where)
    if missing := [key for key in needed if key not in arguments]:
        raise ConfigError(
            f"The instruction {name!r} in {where} lacks {', '.join(missing)}.",
            allowed=f"It needs {', '.join(needed)}.",
        )
    return Instruction(name, arguments)
