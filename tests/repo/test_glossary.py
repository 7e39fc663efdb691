"""One vocabulary: the package coins no second name for a thing (style.md 3.4).

Looked at are the names the package itself coins: functions, classes, arguments,
variables, attributes that are assigned, and fields. A name is split into words at
underscores and capitals; a banned term is a run of whole words, so `isinstance` and
`document` are fine where `instance` and `doc` are not.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

BANNED: dict[str, tuple[str, ...]] = {
    "sample": ("doc", "instance", "example", "golden", "test_case", "datapoint"),
    "target": ("gold", "label", "expected", "expected_output", "ground_truth"),
    "task": ("eval", "suite"),
    "completion": ("response_text", "output_text", "generation", "generated_text"),
    "usage.input_tokens": ("prompt_tokens", "n_input", "num_input_tokens"),
    "usage.output_tokens": ("completion_tokens", "n_output", "num_output_tokens"),
    "epoch": ("trial", "repeat", "n_samples", "num_samples"),
    "scorer": ("grader", "evaluator", "reward"),
    "judge": ("critic", "evaluator_llm"),
    "gate": ("threshold_check", "quality_bar"),
    "demonstration": ("few_shot_example", "fewshot_example", "shot_example"),
    "attack": ("buff", "jailbreaker"),
    "linear_probe or detector": ("probe",),
    "cost_usd": ("cost_dollars", "price_usd_total"),
}
"""Preferred term -> what nobody may call it."""

BARE: dict[str, str] = {
    "time": "…_s or …_at",
    "cost": "…_usd",
    "size": "…_bytes or …_tokens",
    "latency": "latency_s",
    "elapsed": "elapsed_s",
    "duration": "duration_s",
}
"""Quantities that carry their unit: banned as a whole name, not as a word in one."""

ALLOWED: dict[str, str] = {
    "demonstration_example": "few-shot demonstrations are examples (style.md 3.4)",
    "g_eval": "the name of the published method (Liu et al. 2023)",
    "LinearProbe": "interpretability's own term (style.md 3.4)",
    "linear_probe": "likewise",
    "prompt_to_repeat": "a field of IFEval's rows",
}
"""Name -> why it may be used all the same."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Coined(NamedTuple):
    """A name and the place that coins it."""

    name: str
    place: str


def words(name: str) -> str:
    """Return the words of a name between underscores, e.g. `_mean_score_`."""
    return f"_{'_'.join(_WORD.findall(name)).lower()}_"


def banned_in(name: str) -> str | None:
    """Return the preferred term if a name holds a banned one."""
    if name in ALLOWED:
        return None
    if name in BARE:
        return BARE[name]
    spelled = words(name)
    for preferred, terms in BANNED.items():
        if any(f"_{term}_" in spelled or f"_{term}s_" in spelled for term in terms):
            return preferred
    return None


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.arg():
            yield node.arg
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case ast.Attribute(ctx=ast.Store()):
            yield node.attr
        case ast.alias(asname=str(asname)):
            yield asname


def _coined(sources: list[Any]) -> Iterator[Coined]:
    for source in sources:
        yield Coined(source.path.stem, source.short)
        for node in ast.walk(source.tree):
            for name in _names(node):
                yield Coined(name, source.place(node))


def test_identifiers_use_the_glossary(sources: list[Any]) -> None:
    """No identifier holds a banned synonym; the message names the preferred term."""
    wrong = [
        f"{coined.place}: {coined.name!r} → {preferred}"
        for coined in _coined(sources)
        if (preferred := banned_in(coined.name))
    ]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "preferred"),
    [
        ("load_docs", "sample"),
        ("GoldenSet", "sample"),
        ("expectedOutput", "target"),
        ("_prompt_tokens", "usage.input_tokens"),
        ("time", "…_s or …_at"),
        ("isinstance", None),
        ("document", None),
        ("prompt_template", None),
        ("run_time_s", None),
    ],
    ids=str,
)
def test_glossary_splits_names_into_words(name: str, preferred: str | None) -> None:
    """Banned terms are found as whole words in any case style, and only so."""
    assert banned_in(name) == preferred
