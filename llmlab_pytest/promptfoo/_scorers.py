"""Scorers of what only promptfoo asserts: on JSON, cost, speed and perplexity."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    DataError,
    Json,
    Score,
    load,
    shorten,
)
from llmlab_pytest.scorers import Scorer, text_of
from llmlab_pytest.yaml_files import parse_yaml

_MS = 1000.0
_LONGEST = 100_000
"""Characters of an object in prose, as in promptfoo."""


def promptfoo_equals(*, value: Json) -> Scorer:
    """Score 1 if the text is JSON of this value, in whatever order its keys are.

    Args:
        value: a list or an object.
    """

    def score(completion: Completion | str) -> Score:
        try:
            found = json.loads(text_of(completion))
        except ValueError as error:
            return _binary("promptfoo_equals", f"not JSON: {error}")
        fault = None if _is_same(found, value) else f"is {shorten(repr(found))}"
        return _binary("promptfoo_equals", fault)

    return score


def promptfoo_contains_json(*, schema: Mapping[str, Json] | None = None) -> Scorer:
    """Score 1 if an object stands in the text, one that satisfies the schema.

    Like promptfoo, it takes what YAML can read between braces, so also keys without
    quotation marks, and closes the braces that a text that was cut off left open.

    Args:
        schema: a JSON Schema; `None`: any object.

    Raises:
        ConfigError: the schema is none.
    """
    check: Callable[[Json], bool] = (
        (lambda _: True) if schema is None else _check(schema)
    )

    def score(completion: Completion | str) -> Score:
        found = list(_objects(text_of(completion)))
        if any(map(check, found)):
            return _binary("promptfoo_contains_json", None)
        fault = "none satisfies the schema" if found else "there is no JSON object"
        return _binary("promptfoo_contains_json", fault)

    return score


def promptfoo_latency(*, at_most_ms: float) -> Scorer:
    """Score 1 if the answer took no longer.

    Args:
        at_most_ms: milliseconds.

    Raises:
        DataError: while scoring, the answer is a kept one, which took no time.
    """

    def score(completion: Completion) -> Score:
        if completion.original is not None:
            raise DataError(
                "The latency of a kept answer is not that of the model.",
                fix="Run without --llmlab-cache and --llmlab-replay.",
            )
        taken_ms = completion.latency_s * _MS
        fault = f"took {taken_ms:.0f} ms, at most {at_most_ms:g}"
        return _binary("promptfoo_latency", None if taken_ms <= at_most_ms else fault)

    return score


def promptfoo_cost(*, at_most_usd: float) -> Scorer:
    """Score 1 if the answer cost no more.

    Args:
        at_most_usd: US dollars.

    Raises:
        DataError: while scoring, nobody knows what the answer cost.
    """

    def score(completion: Completion) -> Score:
        if completion.cost_usd is None:
            raise DataError(
                f"The model {completion.model!r} has no price.",
                fix="Give its entry in llmlab_models.toml a price.",
            )
        fault = f"cost ${completion.cost_usd:.6f}, at most ${at_most_usd:g}"
        is_right = completion.cost_usd <= at_most_usd
        return _binary("promptfoo_cost", None if is_right else fault)

    return score


def promptfoo_perplexity(*, at_most: float | None = None) -> Scorer:
    """Score 1 if the answer's perplexity, by its own tokens, is no higher.

    Args:
        at_most: the perplexity; `None`: whatever it is.

    Raises:
        DataError: while scoring, the model told no probabilities.
    """

    def score(completion: Completion) -> Score:
        perplexity = math.exp(-_mean_logprob(completion))
        is_right = at_most is None or perplexity <= at_most
        fault = f"is {perplexity:.4g}, at most {at_most}"
        return _binary("promptfoo_perplexity", None if is_right else fault)

    return score


def promptfoo_perplexity_score() -> Scorer:
    """Score 1 / (1 + perplexity) of the answer, by its own tokens.

    Raises:
        DataError: while scoring, the model told no probabilities.
    """

    def score(completion: Completion) -> Score:
        value = 1 / (1 + math.exp(-_mean_logprob(completion)))
        return Score(scorer="promptfoo_perplexity_score", value=value)

    return score


def _mean_logprob(completion: Completion) -> float:
    logprobs = [token.logprob for token in completion.token_logprobs or ()]
    if not logprobs:
        raise DataError(
            f"The model {completion.model!r} told no probabilities of its tokens.",
            fix="Perplexity needs a model that does, with logprobs asked for.",
        )
    return math.fsum(logprobs) / len(logprobs)


def _check(schema: Mapping[str, Json]) -> Callable[[Json], bool]:
    validators = load("jsonschema")
    chosen = validators.validators.validator_for(
        schema, default=validators.Draft202012Validator
    )
    try:
        chosen.check_schema(schema)
    except validators.SchemaError as error:
        raise ConfigError(
            f"The schema is none: {error.message}.", allowed="It is a JSON Schema."
        ) from error
    is_valid: Callable[[Json], bool] = chosen(schema).is_valid
    return is_valid


def _objects(text: str) -> Iterator[Json]:
    """Yield the objects in a text, the outermost of those in one another."""
    start = text.find("{")
    while start >= 0:
        candidates = _candidates(text, start)
        objects = ((end, v) for end, v in candidates if isinstance(v, dict))
        end, value = next(objects, (start + 1, None))
        if value is not None:
            yield value
        start = text.find("{", end)


def _candidates(text: str, start: int) -> Iterator[tuple[int, Json]]:
    """Yield where an object may end, with what then stands there, if it is YAML."""
    depth = 0
    last = min(start + _LONGEST, len(text))
    for end in range(start, last):
        depth += (text[end] == "{") - (text[end] == "}")
        is_whole = depth == 0
        if is_whole or end + 1 == last:
            body = text[start : end + 1] + "}" * depth
            with suppress(ConfigError):
                yield end + 1, parse_yaml(body, "the answer").value
        if is_whole:
            return


def _is_same(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON; true is not 1, but 1 is 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _is_same(one[key], other[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _binary(name: str, fault: str | None) -> Score:
    return Score(scorer=name, value=float(fault is None), explanation=fault)
