r"""The final answer of a worked solution in LaTeX, made comparable.

The rules are those of Minerva (Lewkowycz et al. 2022, *Solving Quantitative Reasoning
Problems with Language Models*, appendix D) with the corrections of lm-eval 0.4.13:
units are also removed while spaces still delimit them, commands such as `\left` keep
their letters, indexed roots keep their index, and only true groups of three digits lose
their commas. Left out: whether two answers are equal, see `_math`.
"""

import re

INVALID = "[invalidanswer]"
"""The answer of a text that does not say it in Minerva's words."""

# The dots are lm-eval's: any character ends the answer and the sentence.
_SAID = re.compile(r"Final Answer: The final answer is(.*?). I hope it is correct.")
_CLOSING = "I hope it is correct."

_REPLACED = (
    ("an ", ""),
    ("a ", ""),
    (".$", "$"),
    (r"\$", ""),
    (r"\ ", ""),
    (" ", ""),
    ("mbox", "text"),
    (r",\text{and}", ","),
    (r"\text{and}", ","),
    (r"\text{m}", r"\text{}"),
)
_REMOVED = (
    "square",
    "ways",
    "integers",
    "dollars",
    "mph",
    "inches",
    "ft",
    "hours",
    "km",
    "units",
    r"\ldots",
    "sue",
    "points",
    "feet",
    "minutes",
    "digits",
    "cents",
    "degrees",
    "cm",
    "gm",
    "pounds",
    "meters",
    "meals",
    "edges",
    "students",
    "childrentickets",
    "multiples",
    r"\text{s}",
    r"\text{.}",
    "\\text{\ns}",
    r"\text{}^2",
    r"\text{}^3",
    "\\text{\n}",
    r"\text{}",
    r"\mathrm{th}",
    r"^\circ",
    r"^{\circ}",
    r"\;",
    r",\!",
    "{,}",
    '"',
    r"\dots",
)
"""Units and marks, in the order in which they go."""

_COMMAND = re.compile(r"(\\[a-zA-Z]+)")
_UNWRAPPED = (
    (re.compile(r".*?\$(.*?)\$.*"), r"$\1$"),
    (re.compile(r"\\text\{(.*?)\}"), r"\1"),
    (re.compile(r"\\textbf\{(.*?)\}"), r"\1"),
    (re.compile(r"\\overline\{(.*?)\}"), r"\1"),
    (re.compile(r"\\boxed\{(.*)\}"), r"\1"),
)
_SPELLED_OUT = (
    (re.compile(r"frac([^{])(.)"), r"frac{\1}{\2}"),
    (re.compile(r"sqrt(\[[^\]]*\])(\w)"), r"sqrt\1{\2}"),
    (re.compile(r"sqrt(?!\[)([^{])"), r"sqrt{\1}"),
)
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+")


def said_answer(text: str) -> str:
    """Return what the text calls its final answer, in the words of the examples."""
    match = _SAID.search(text + _CLOSING)
    return match[1].strip() if match else INVALID


def boxed_answer(text: str) -> str | None:
    r"""Return the content of the last `\boxed{…}`, or `None`.

    `\boxed 5` without braces, which few solutions have, goes to the next dollar sign.
    """
    _, marker, rest = text.rpartition("\\boxed ")
    if marker:
        return rest.partition("$")[0]
    _, marker, rest = text.rpartition("\\boxed{")
    depth = 1 if marker else 0
    for position, character in enumerate(rest if marker else ""):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[:position]
    return None


def final_answer(solution: str) -> str:
    """Return the boxed answer of a solution, or the whole if it boxes none."""
    boxed = boxed_answer(solution)
    return solution if boxed is None else boxed


def normalised(answer: str) -> str:
    r"""Return an answer without units and wrapping, `\frac12` written in full."""
    answer = answer.rpartition("=")[2]
    for removed in filter(str.isalpha, _REMOVED):
        answer = re.sub(rf"(?<!\\)\b{removed}\b", "", answer)
    for before, after in _REPLACED:
        answer = answer.replace(before, after)
    for removed in _REMOVED:
        if removed.isalpha():
            answer = _outside_commands(answer, removed)
        else:
            answer = answer.replace(removed, "")
    for pattern, kept in (*_UNWRAPPED, *_SPELLED_OUT):
        answer = pattern.sub(kept, answer)
    answer = answer.replace("$", "")
    return answer.replace(",", "") if _THOUSANDS.fullmatch(answer) else answer


def _outside_commands(answer: str, removed: str) -> str:
    r"""Remove a word wherever it stands, but not inside a command such as `\left`."""
    pieces = _COMMAND.split(answer)  # text and commands in turn
    pieces[::2] = [piece.replace(removed, "") for piece in pieces[::2]]
    return "".join(pieces)
