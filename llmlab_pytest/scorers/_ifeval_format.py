"""IFEval's instructions about marks, parts, beginning and end of a response."""

import json
import re

_PLACEHOLDER = re.compile(r"\[.*?\]")
_BULLETS = (
    re.compile(r"^\s*\*[^\*].*$", re.MULTILINE),
    re.compile(r"^\s*-.*$", re.MULTILINE),
)
_HIGHLIGHT = re.compile(r"\*[^\n\*]*\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*([^\n\*]*)\*\*")
_TITLE = re.compile(r"<<[^\n]+>>")
_POSTSCRIPTS = {
    "P.S.": re.compile(r"p\.\s?s\."),
    "P.P.S": re.compile(r"p\.\s?p\.\s?s"),
}
_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")
_RESPONSE_DIVIDER = "******"


def number_placeholders(response: str, *, num_placeholders: int) -> bool:
    """Whether there are enough placeholders such as `[address]`."""
    return len(_PLACEHOLDER.findall(response)) >= num_placeholders


def number_bullet_lists(response: str, *, num_bullets: int) -> bool:
    """Whether exactly so many lines begin with a `*` or a `-`."""
    return sum(len(bullet.findall(response)) for bullet in _BULLETS) == num_bullets


def number_highlighted_sections(response: str, *, num_highlights: int) -> bool:
    """Whether enough passages stand between `*` or `**`, each within a line."""
    single = [text.strip("*") for text in _HIGHLIGHT.findall(response)]
    passages = single + _DOUBLE_HIGHLIGHT.findall(response)
    return sum(bool(passage.strip()) for passage in passages) >= num_highlights


def multiple_sections(
    response: str, *, section_spliter: str, num_sections: int
) -> bool:
    """Whether enough headings such as `SECTION 1` occur."""
    heading = rf"{re.escape(section_spliter.strip())}\s?\d+"
    return len(re.findall(heading, response)) >= num_sections


def postscript(response: str, *, postscript_marker: str) -> bool:
    """Whether a postscript begins somewhere, in any case."""
    marker = postscript_marker.strip()
    literal = re.compile(re.escape(marker.lower()))
    return bool(_POSTSCRIPTS.get(marker, literal).search(response.lower()))


def constrained_response(response: str) -> bool:
    """Whether one of the three answers that the prompts offer occurs."""
    return any(answer in response for answer in _ANSWERS)


def json_format(response: str) -> bool:
    """Whether the whole text, less a Markdown fence, is JSON."""
    body = response.strip()
    for fence in _FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):  # the latter: brackets nested without end
        return False
    return True


def title(response: str) -> bool:
    """Whether a title such as `<<poem of joy>>` stands on a line."""
    found = _TITLE.findall(response)
    return any(text.lstrip("<").rstrip(">").strip() for text in found)


def two_responses(response: str) -> bool:
    """Whether `******` parts two responses that differ; it may also open and close."""
    first, *others = (part.strip() for part in response.split(_RESPONSE_DIVIDER))
    inner, last = (others[:-1], others[-1:]) if others else ([], [])
    match [part for part in (first, *inner, *last) if part]:
        case one, other:
            return all(inner) and one != other
        case _:
            return False


def restated_prompt(response: str, *, prompt_to_repeat: str) -> bool:
    """Whether the text begins with a repetition of the request, in any case."""
    return response.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end_checker(response: str, *, end_phrase: str) -> bool:
    """Whether the text ends with a phrase, in any case, quotation marks apart."""
    ending = response.strip().strip('"').lower()
    return ending.endswith(end_phrase.strip().lower())


def quotation(response: str) -> bool:
    """Whether double quotation marks enclose the text."""
    body = response.strip()
    return len(body) > 1 and body[0] == body[-1] == '"'


def no_comma(response: str) -> bool:
    """Whether there is no comma."""
    return "," not in response
