"""From an assertion of promptfoo to a scorer: which, with what target and bound."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llmlab_pytest.core import ConfigError, Json, shorten
from llmlab_pytest.promptfoo._files import split_list
from llmlab_pytest.promptfoo._js_regex import python_pattern
from llmlab_pytest.promptfoo._templates import as_json, as_text
from llmlab_pytest.yaml_files import parse_yaml

Spec = dict[str, Any]
Texts = Sequence[str]
_PASSES = 0.5
"""From here on a yes-or-no judgement is a yes; a jury's majority is enough."""
_CONTAINS_HTML = (
    r"(?is)<(?:html|head|body|div|span|p|a|img|h[1-6]|ul|ol|li|table|tr|td|th|form|"
    r"input|button|script|style|link|meta|br|hr)\b|<!doctype\s+html|"
    r"<([a-z][a-z0-9-]*)(?:\s[^>]*)?>.*</[a-z][a-z0-9-]*\s*>"
)
_STOP_REASONS = ("stop", "length", "content_filter", "tool_calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One assertion, with its templates rendered."""

    kind: str
    """Promptfoo's name, without `not-`."""
    value: Json
    threshold: float | None
    judge: str | None
    """The model that the file names as the judge."""
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What scores an assertion."""

    spec: Spec
    target: str | Texts | None = None
    at_least: float | None = None
    """From which value on it passes; `None`: only 1 does."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Variables of the test that stand in for `input` or `context` of the sample."""


class Mapped(NamedTuple):
    """How a kind of assertion is taken over."""

    make: Callable[[Assertion], Part]
    scorer: str
    """Name of the scorer, for tables."""
    is_same: bool
    """Whether verdicts are promptfoo's; else it is another measure of the same thing,
    and its thresholds want a look."""


def _required(one: Assertion) -> Json:
    if one.value is None or one.value == "":
        raise ConfigError(
            f"{one.where}: the assertion {one.kind!r} has no value.",
            fix="Give it a value.",
        )
    return one.value


def _text(one: Assertion) -> str:
    value = _required(one)
    if isinstance(value, (list, dict)):
        raise ConfigError(
            f"{one.where}: the value of {one.kind!r} is {shorten(repr(value))}.",
            allowed="It takes a text.",
        )
    return as_text(value)


def _texts(one: Assertion) -> list[str]:
    value = _required(one)
    if isinstance(value, str):
        return list(split_list(value, where=one.where))
    if not isinstance(value, list):
        raise ConfigError(
            f"{one.where}: the value of {one.kind!r} is {shorten(repr(value))}.",
            allowed="It takes a list, or a text with commas.",
        )
    return [as_text(each) for each in value]


def _references(one: Assertion) -> list[str]:
    value = one.value
    return [as_text(v) for v in value] if isinstance(value, list) else [_text(one)]


def _bound(one: Assertion, default: float | None) -> float:
    found = default if one.threshold is None else one.threshold
    if found is None:
        raise ConfigError(
            f"{one.where}: the assertion {one.kind!r} has no threshold.",
            fix="Give it a threshold.",
        )
    return found


def _equals(one: Assertion) -> Part:
    if isinstance(one.value, (list, dict)):
        return Part(spec={"name": "promptfoo_equals", "value": one.value})
    spec: Spec = {"name": "exact", "normalise": []}
    return Part(spec=spec, target=as_text(one.value))


def _contains(name: str, *, is_exact: bool, is_list: bool) -> Mapped:
    spec: Spec = {"name": name, "case_sensitive": is_exact}

    def make(one: Assertion) -> Part:
        return Part(spec=spec, target=_texts(one) if is_list else [_text(one)])

    return Mapped(make, name, is_same=True)


def _regex(one: Assertion) -> Part:
    pattern = python_pattern(_text(one))
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"{one.where}: the pattern {_text(one)!r} cannot be read: {error}.",
            allowed="It is one that JavaScript and Python both know.",
        ) from error
    return Part(spec={"name": "regex"}, target=pattern)


def _starts_with(one: Assertion) -> Part:
    return Part(spec={"name": "regex"}, target=rf"\A{re.escape(_text(one))}")


def _schema(one: Assertion) -> dict[str, Json] | None:
    value = one.value
    if isinstance(value, str) and value:
        value = parse_yaml(value, one.where).value
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        raise ConfigError(
            f"{one.where}: the value of {one.kind!r} is {shorten(repr(value))}.",
            allowed="It takes a JSON Schema.",
        )
    return value


def _is_json(one: Assertion) -> Part:
    schema = _schema(one)
    if schema is None:
        return Part(spec={"name": "is_json", "fenced": False})
    return Part(spec={"name": "json_schema", "schema": schema, "fenced": False})


def _contains_json(one: Assertion) -> Part:
    schema = _schema(one)
    found: Spec = {} if schema is None else {"schema": schema}
    return Part(spec={"name": "promptfoo_contains_json", **found})


def _xml(*, anywhere: bool) -> Callable[[Assertion], Part]:
    def make(one: Assertion) -> Part:
        value = one.value
        if isinstance(value, dict):
            value = value.get("requiredElements")
        given = Assertion(
            kind=one.kind, value=value, threshold=None, judge=None, where=one.where
        )
        paths = [path.split(".") for path in _texts(given)] if value else []
        roots = {path[0] for path in paths}
        if len(roots) > 1:
            raise ConfigError(
                f"{one.where}: the elements begin with {', '.join(sorted(roots))}.",
                allowed="Paths begin with the name of the root: root.item.price.",
            )
        spec: Spec = {"name": "is_xml", "fenced": False, "anywhere": anywhere}
        spec |= {"root": roots.pop()} if roots else {}
        below = ["/".join(path[1:]) for path in paths if path[1:]]
        return Part(spec=spec | ({"elements": below} if below else {}))

    return make


def _sql(*, fenced: bool) -> Callable[[Assertion], Part]:
    def make(one: Assertion) -> Part:
        given = one.value or {}
        if not isinstance(given, dict) or set(given) - {"databaseType"}:
            raise ConfigError(
                f"{one.where}: the value of {one.kind!r} is {shorten(repr(given))}.",
                allowed="It takes databaseType.",
                fix="For tables, use the scorer is_sql in a task card.",
            )
        dialect = as_text(given.get("databaseType", "mysql")).lower()
        spec: Spec = {"name": "is_sql", "dialect": _DIALECTS.get(dialect, dialect)}
        return Part(spec=spec | {"fenced": fenced})

    return make


_DIALECTS = {
    "postgresql": "postgres",
    "transactsql": "tsql",
    "mariadb": "mysql",
    "flinksql": "spark",
}


def _levenshtein(one: Assertion) -> Part:
    most = int(_bound(one, 5))
    return Part(spec={"name": "edit_distance", "max_edits": most}, target=_text(one))


def _measure(
    name: str, default: float, options: Spec | None = None
) -> Callable[[Assertion], Part]:
    def make(one: Assertion) -> Part:
        spec = {"name": name, **(options or {})}
        at_least = _bound(one, default)
        return Part(spec=spec, target=_references(one), at_least=at_least)

    return make


def _limit(name: str, option: str) -> Callable[[Assertion], Part]:
    return lambda one: Part(spec={"name": name, option: _bound(one, None)})


def _perplexity(one: Assertion) -> Part:
    bound: Spec = {} if one.threshold is None else {"at_most": one.threshold}
    return Part(spec={"name": "promptfoo_perplexity", **bound})


def _perplexity_score(one: Assertion) -> Part:
    at_least = one.threshold or 0.0
    return Part(spec={"name": "promptfoo_perplexity_score"}, at_least=at_least)


def _word_count(one: Assertion) -> Part:
    value = _required(one)
    if isinstance(value, dict):
        bounds = {"at_least": value.get("min"), "at_most": value.get("max")}
        given: dict[str, Json] = {
            key: bound for key, bound in bounds.items() if bound is not None
        }
    else:
        given = {"at_least": value, "at_most": value}
    try:
        counts = {key: int(as_text(bound)) for key, bound in given.items()}
    except ValueError:
        counts = {}
    if not counts:
        raise ConfigError(
            f"{one.where}: the value of {one.kind!r} is {shorten(repr(value))}.",
            allowed="It takes a whole number, or min and max.",
        )
    return Part(spec={"name": "length", **counts})


def _stop_reason(one: Assertion) -> Part:
    reason = _text(one).lower()
    if reason not in _STOP_REASONS:
        raise ConfigError(
            f"{one.where}: the stop reason {reason!r}.",
            allowed=f"Known: {', '.join(_STOP_REASONS)}.",
        )
    return Part(spec={"name": "stop_reason", "reasons": [reason]})


def _plain(spec: Spec) -> Callable[[Assertion], Part]:
    return lambda _: Part(spec=spec)


def _judged(one: Assertion, spec: Spec, **more: Any) -> Part:
    named: Spec = {} if one.judge is None else {"judge": one.judge}
    return Part(spec=spec | named, **more)


def _rubric(one: Assertion) -> Part:
    value = _required(one)
    criteria = as_json(value) if isinstance(value, (dict, list)) else as_text(value)
    scale = "boolean" if one.threshold is None else "0-1"
    spec = {"name": "rubric", "criteria": criteria, "scale": scale}
    at_least = _bound(one, _PASSES)
    return _judged(one, {**spec, "material": ["answer"]}, at_least=at_least)


def _graded(one: Assertion) -> Part:
    parts = [
        _judged(one, {"name": "rubric", "criteria": each, "scale": "0-1"}).spec
        | {"weigh": True}
        for each in _references(one)
    ]
    whole = parts[0] if len(parts) == 1 else {"name": "weighted", "scorers": parts}
    return Part(spec=whole, at_least=_bound(one, 0.7))


def _factuality(one: Assertion) -> Part:
    # Promptfoo counts every class but a contradiction as right; ours is 0 for it alone.
    spec: Spec = {"name": "factuality"}
    return _judged(one, spec, target=_text(one), at_least=0.1)


def _closed_qa(one: Assertion) -> Part:
    spec = {"name": "closed_qa", "criterion": _text(one)}
    return _judged(one, spec, at_least=_PASSES)


def _rag(name: str, reads: Texts, *, needs_value: bool = False) -> Mapped:
    def make(one: Assertion) -> Part:
        names = {"input": "query", "context": "context"}
        return _judged(
            one,
            {"name": name},
            target=_text(one) if needs_value else None,
            at_least=_bound(one, 0),
            reads={key: names[key] for key in reads},
        )

    return Mapped(make, name, is_same=False)


_ANY, _ALL = "contains_any", "contains_all"
MAPPED: Mapping[str, Mapped] = {
    "answer-relevance": _rag("answer_relevancy", ()),
    "bleu": Mapped(_measure("promptfoo_bleu", 0.5), "promptfoo_bleu", is_same=True),
    "contains": _contains(_ANY, is_exact=True, is_list=False),
    "contains-all": _contains(_ALL, is_exact=True, is_list=True),
    "contains-any": _contains(_ANY, is_exact=True, is_list=True),
    "contains-html": Mapped(
        _plain({"name": "regex", "pattern": _CONTAINS_HTML}), "regex", is_same=False
    ),
    "contains-json": Mapped(_contains_json, "promptfoo_contains_json", is_same=True),
    "contains-sql": Mapped(_sql(fenced=True), "is_sql", is_same=False),
    "contains-xml": Mapped(_xml(anywhere=True), "is_xml", is_same=False),
    "context-faithfulness": _rag("faithfulness", ("input", "context")),
    "context-recall": _rag("context_recall", ("context",), needs_value=True),
    "context-relevance": _rag("context_relevance", ("input", "context")),
    "cost": Mapped(
        _limit("promptfoo_cost", "at_most_usd"), "promptfoo_cost", is_same=True
    ),
    "equals": Mapped(_equals, "exact", is_same=True),
    "factuality": Mapped(_factuality, "factuality", is_same=False),
    "finish-reason": Mapped(_stop_reason, "stop_reason", is_same=True),
    "g-eval": Mapped(_graded, "rubric", is_same=False),
    "gleu": Mapped(_measure("promptfoo_gleu", 0.5), "promptfoo_gleu", is_same=True),
    "icontains": _contains(_ANY, is_exact=False, is_list=False),
    "icontains-all": _contains(_ALL, is_exact=False, is_list=True),
    "icontains-any": _contains(_ANY, is_exact=False, is_list=True),
    "is-html": Mapped(
        _plain({"name": "is_html", "fenced": False}), "is_html", is_same=False
    ),
    "is-json": Mapped(_is_json, "is_json, json_schema", is_same=True),
    "is-refusal": Mapped(_plain({"name": "is_refusal"}), "is_refusal", is_same=False),
    "is-sql": Mapped(_sql(fenced=False), "is_sql", is_same=False),
    "is-xml": Mapped(_xml(anywhere=False), "is_xml", is_same=True),
    "latency": Mapped(
        _limit("promptfoo_latency", "at_most_ms"), "promptfoo_latency", is_same=True
    ),
    "levenshtein": Mapped(_levenshtein, "edit_distance", is_same=True),
    "llm-rubric": Mapped(_rubric, "rubric", is_same=False),
    "meteor": Mapped(
        _measure("meteor", 0.5, {"synonyms": False}), "meteor", is_same=False
    ),
    "model-graded-closedqa": Mapped(_closed_qa, "closed_qa", is_same=False),
    "model-graded-factuality": Mapped(_factuality, "factuality", is_same=False),
    "perplexity": Mapped(_perplexity, "promptfoo_perplexity", is_same=True),
    "perplexity-score": Mapped(
        _perplexity_score, "promptfoo_perplexity_score", is_same=True
    ),
    "regex": Mapped(_regex, "regex", is_same=True),
    "rouge-n": Mapped(
        _measure("promptfoo_rouge", 0.75), "promptfoo_rouge", is_same=True
    ),
    "similar": Mapped(_measure("similarity", 0.75), "similarity", is_same=False),
    "similar:cosine": Mapped(_measure("similarity", 0.75), "similarity", is_same=False),
    "starts-with": Mapped(_starts_with, "regex", is_same=True),
    "word-count": Mapped(_word_count, "length", is_same=True),
}
"""By promptfoo's name, without `not-`."""
JUDGED = frozenset(
    [
        "answer-relevance",
        "context-faithfulness",
        "context-recall",
        "context-relevance",
        "factuality",
        "g-eval",
        "llm-rubric",
        "model-graded-closedqa",
        "model-graded-factuality",
    ]
)
"""Those that ask a judge, and may say which."""
