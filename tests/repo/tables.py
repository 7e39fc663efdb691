"""Writes the reference tables of README.md and docs/ from the code, or checks them.

    python tests/repo/tables.py            # check; exit code 1 shows what differs
    python tests/repo/tables.py --write    # bring the pages up to date
    python tests/repo/tables.py PAGE...    # only these pages

A page marks the place with `<!-- table: NAME -->` and `<!-- end table -->`; what is
between them belongs to this program.
"""

import argparse
import difflib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from llmlab_pytest import core, hookspecs, options, plugin, promptfoo, scorers

REPOSITORY = Path(__file__).parents[2]
_TABLE = re.compile(
    r"(?P<open><!-- table: (?P<name>\w+) -->\n).*?(?P<close><!-- end table -->)",
    re.DOTALL,
)


def default_pages() -> list[Path]:
    """Return README.md and the pages below docs/."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def render(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; cells may hold `|`."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join(map(_line, lines))


def _line(cells: tuple[str, ...]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |\n"


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _summary(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n\n")[0].replace("\n", " ")


def options_table() -> str:
    """Return every option in all its spellings."""
    rows = (
        (
            _code(f"{option.flag} {option.metavar}".rstrip()),
            _code(option.ini),
            _code(option.env),
            _code(option.default),
            option.help,
        )
        for option in options.OPTIONS
    )
    return render(("option", "ini", "environment", "default", "meaning"), rows)


def marks_table() -> str:
    """Return every mark, as `pytest --markers` shows it."""
    rows = []
    for mark in plugin._MARKS:
        signature, _, meaning = mark.partition("): ")
        rows.append((_code(f"@pytest.mark.{signature})"), meaning))
    return render(("mark", "meaning"), rows)


def fixtures_table() -> str:
    """Return every fixture that exists wherever the plugin is active."""
    rows = [
        (_code(name), _summary(value))
        for name, value in vars(plugin).items()
        if type(value).__name__ == "FixtureFunctionDefinition"
        and not name.startswith("_")
    ]
    return render(("fixture", "what it gives"), sorted(rows))


def hooks_table() -> str:
    """Return every hook with its arguments."""
    rows = []
    for name, hook in vars(hookspecs).items():
        if name.startswith("pytest_llmlab_"):
            arguments = ", ".join(inspect.signature(hook).parameters)
            rows.append((_code(f"{name}({arguments})"), _summary(hook)))
    return render(("hook", "what it is for"), rows)


def errors_table() -> str:
    """Return the tree of errors, children below their parents."""
    rows: list[tuple[str, ...]] = []

    def add(kind: type[core.LlmlabError], depth: int) -> None:
        rows.append(("&emsp;" * depth + _code(kind.__name__), _summary(kind)))
        for child in kind.__subclasses__():
            if child.__module__ == core.LlmlabError.__module__:
                add(child, depth + 1)

    add(core.LlmlabError, 0)
    return render(("error", "meaning"), rows)


SCORERS: dict[str, tuple[str, ...]] = {
    "text_scorers": (
        *("exact", "contains_any", "contains_all", "contains_none", "starts_with"),
        *("ends_with", "regex", "one_of", "choice", "numeric", "quantity", "date"),
        *("edit_distance", "edit_similarity", "token_ratio", "length", "language"),
        *("readability", "stop_reason"),
    ),
    "overlap_scorers": (
        *("squad_exact", "squad_f1", "bleu", "corpus_bleu", "gleu", "chrf", "ter"),
        *("rouge", "meteor"),
    ),
    "format_scorers": (
        *("is_json", "json_schema", "pydantic_model", "is_xml", "is_html", "is_sql"),
        *("is_python", "runs_python", "passes_tests", "markdown", "citations"),
        "quotes",
    ),
    "tool_scorers": ("tool_calls", "no_tool_calls", "valid_tool_calls"),
    "content_scorers": (
        *("no_pii", "no_secrets", "is_refusal", "sentiment", "polarity"),
    ),
    "composing_scorers": ("all_of", "any_of", "weighted", "negate", "threshold"),
    "benchmark_scorers": (
        *("exact_match", "hendrycks_math", "minerva_math", "math_verify", "ifeval"),
        *("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "mc2", "f1", "mcc"),
        *("perplexity", "nats_per_word", "nats_per_byte", "nats_per_token"),
    ),
}
"""The tables of docs/scorers.md, and the scorers in each, as one looks for them."""


def scorers_table(names: Iterable[str]) -> str:
    """Return scorers with what they say and the options that they take."""
    factories = scorers.scorer_registry(may_run_code=True)
    rows = (
        (_code(name), _summary(factories[name]), _options_of(factories[name]))
        for name in names
    )
    return render(("scorer", "what it does", "options and their defaults"), rows)


def scorer_options_table() -> str:
    """Return every option of every scorer, as its factory's docstring explains it."""
    factories = scorers.scorer_registry(may_run_code=True)
    rows = [
        (_code(name), _code(_option(parameter)), meanings.get(parameter.name, ""))
        for name, factory in factories.items()
        for meanings in [_arguments(factory)]
        for parameter in inspect.signature(factory).parameters.values()
    ]
    return render(("scorer", "option and its default", "meaning"), rows)


def _arguments(documented: object) -> dict[str, str]:
    """Return what a docstring says about each argument, in one line."""
    text = inspect.getdoc(documented) or ""
    section = re.search(r"^Args:\n(.*?)(?:^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    found = re.findall(
        r"^    (\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE
    )
    return {name: " ".join(meaning.split()) for name, meaning in found}


def _options_of(factory: Callable[..., object]) -> str:
    parameters = inspect.signature(factory).parameters.values()
    return ", ".join(_code(_option(parameter)) for parameter in parameters)


def _option(parameter: inspect.Parameter) -> str:
    """Return an option as a card states it; `None` is none there."""
    if parameter.default in (inspect.Parameter.empty, None):
        return parameter.name
    default = parameter.default
    shown = json.dumps(list(default) if isinstance(default, tuple) else default)
    return f"{parameter.name} = {shown}"


def promptfoo_taken_table() -> str:
    """Return every assertion of promptfoo that is taken over."""
    rows = (
        (_code(kind), _code(mapped.scorer), "" if mapped.is_same else "another measure")
        for kind, mapped in promptfoo.MAPPED.items()
    )
    return render(("promptfoo", "scorer here", "verdict"), rows)


def promptfoo_refused_table() -> str:
    """Return every assertion of promptfoo that is refused, and what does it here."""
    rows = (
        (_code(kind), refusal.why, refusal.instead)
        for kind, refusal in promptfoo.REFUSED.items()
    )
    return render(("promptfoo", "why not", "here"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "options": options_table,
    "marks": marks_table,
    "fixtures": fixtures_table,
    "hooks": hooks_table,
    "errors": errors_table,
    "scorer_options": scorer_options_table,
    "promptfoo_taken": promptfoo_taken_table,
    "promptfoo_refused": promptfoo_refused_table,
    **{name: partial(scorers_table, names) for name, names in SCORERS.items()},
}


def updated(text: str) -> str:
    """Return a page's text with every table as the code has it.

    Raises:
        KeyError: the page names a table that does not exist.
    """
    return _TABLE.sub(
        lambda match: match["open"] + TABLES[match["name"]]() + match["close"], text
    )


def main() -> int:
    """Check or write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="default: all")
    parser.add_argument("--write", action="store_true", help="update the pages")
    arguments = parser.parse_args()
    stale = 0
    for page in arguments.pages or default_pages():
        old = page.read_text(encoding="utf-8")
        new = updated(old)
        if new == old:
            continue
        if arguments.write:
            page.write_text(new, encoding="utf-8")
        else:
            stale += 1
            lines = old.splitlines(), new.splitlines()
            print("\n".join(difflib.unified_diff(*lines, str(page), "from the code")))
    return min(stale, 1)


if __name__ == "__main__":
    sys.exit(main())
