from collections.abc import Sequence
from typing import Any

import pytest

from llmlab_pytest.core import (
    ConfigError,
    ContextOverflow,
    GenerateConfig,
    ModelSpec,
)
from llmlab_pytest.providers._local_decoding import (
    cut_at_stops,
    has_stop,
    known_options,
    resolve_decoding,
)
from llmlab_pytest.providers._local_row import Row

SPEC = ModelSpec(alias="tiny", provider="transformers", id="tiny.gguf")
WORDS = {1: "one", 2: " two", 3: "\n", 4: " stop", 5: "ping", 9: "<end>"}


def spell(ids: Sequence[int]) -> str:
    return "".join(WORDS[token] for token in ids)


def row(**settings: object) -> Row:
    decoding = resolve_decoding(GenerateConfig(**settings), SPEC)
    return Row(prompt=[7, 8], decoding=decoding, ends=frozenset({9}))


@pytest.mark.parametrize(
    ("text", "stops", "kept"),
    [
        ("a\n\nb", ("\n\n",), "a"),
        ("x A y B z", ("B", "A"), "x "),
        ("nothing here", ("Q:",), "nothing here"),
        ("Q: first", ("Q:",), ""),
        ("keep", ("",), "keep"),
    ],
    ids=["one", "two-in-order", "absent", "at-start", "empty-stop"],
)
def test_cut_at_stops_equals_split_in_list_order(
    text: str, stops: tuple[str, ...], kept: str
) -> None:
    """Text is cut as `text.split(stop)[0]` for each stop string in turn."""
    assert cut_at_stops(text, stops) == kept


def test_has_stop_ignores_empty_strings() -> None:
    """An empty stop string never stops anything."""
    assert not has_stop("text", ("",))


def test_settings_come_from_request_then_registry_then_greedy_256() -> None:
    """What the request leaves open is filled from the registry, then the default."""
    spec = ModelSpec(
        alias="t",
        provider="p",
        id="i",
        defaults={"max_tokens": 7, "temperature": 0.5, "stop": ["END"]},
    )
    resolved = resolve_decoding(GenerateConfig(temperature=0.0), spec)
    assert (resolved.max_tokens, resolved.temperature, resolved.stop) == (
        7,
        0.0,
        ("END",),
    )
    assert resolve_decoding(GenerateConfig(), SPEC).max_tokens == 256


def test_default_length_shrinks_to_the_room_that_is_left() -> None:
    """Nobody asked for 256 tokens, so a long prompt gets what fits."""
    resolved = resolve_decoding(
        GenerateConfig(), SPEC, input_tokens=90, context_tokens=100
    )
    assert resolved.max_tokens == 10


def test_overflow_names_prompt_answer_and_context() -> None:
    """A prompt plus the asked answer beyond the context names all three lengths."""
    with pytest.raises(ContextOverflow) as caught:
        resolve_decoding(
            GenerateConfig(max_tokens=50), SPEC, input_tokens=2000, context_tokens=2048
        )
    assert str(caught.value) == (
        "The prompt has 2,000 tokens and up to 50 are to be generated, together 2,050. "
        "The context of 'tiny' holds 2,048 tokens. Shorten the prompt, lower "
        "max_tokens or the number of demonstrations, or set the model option "
        "truncate = 'left' to drop the prompt's first tokens."
    )


@pytest.mark.parametrize(
    "settings", [{"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}], ids=str
)
def test_settings_out_of_range_are_named(settings: dict[str, Any]) -> None:
    """A setting outside its range is an error that names it."""
    with pytest.raises(ConfigError, match=next(iter(settings))):
        resolve_decoding(GenerateConfig(**settings), SPEC)


def test_unknown_default_gets_a_suggestion() -> None:
    """A misspelt generation default suggests the right name."""
    spec = ModelSpec(alias="t", provider="p", id="i", defaults={"max_token": 3})
    with pytest.raises(ConfigError, match="Did you mean 'max_tokens'"):
        resolve_decoding(GenerateConfig(), spec)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thread": 2}, "Did you mean 'threads'"),
        ({"threads": True}, "a whole number, at least 1"),
        ({"threads": 0}, "a whole number, at least 1"),
        ({"dtype": "int8"}, "one of 'float32', 'bfloat16'"),
        ({"device": 1}, "of type str"),
    ],
    ids=["unknown", "bool", "zero", "word", "type"],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    """Unknown names and unfit values of options say what is allowed."""
    known = {"threads": int, "dtype": ("float32", "bfloat16"), "device": str}
    spec = ModelSpec(alias="t", provider="p", id="i", options=options)
    with pytest.raises(ConfigError, match=message):
        known_options(spec, known)


def test_row_ends_at_an_end_token_without_counting_it() -> None:
    """The end token is neither text nor an output token."""
    answer = row()
    for token in (1, 2, 9):
        answer.take(token, None, spell)
    assert (answer.text, answer.tokens, answer.stop_reason) == (
        "one two",
        [1, 2],
        "stop",
    )


def test_row_ends_at_its_length() -> None:
    """After `max_tokens` the reason is `length`."""
    answer = row(max_tokens=2)
    answer.take(1, None, spell)
    assert answer.stop_reason is None
    answer.take(2, None, spell)
    assert (answer.text, answer.stop_reason) == ("one two", "length")


def test_row_stops_at_a_stop_string_across_tokens() -> None:
    """A stop string may be spread over tokens; what begins after the cut is dropped."""
    answer = row(stop=("stopping",), token_logprobs=True)
    for token in (1, 2, 4, 5):
        answer.take(token, -0.5, spell)
    assert (answer.text, answer.stop_reason) == ("one two ", "stop")
    kept = answer.token_logprobs(spell)
    assert [item.token for item in kept] == ["one", " two", " stop"]


def test_row_draws_depend_on_seed_and_step_alone() -> None:
    """Restarting a row repeats its draws; another seed gives others."""
    answer, other = row(seed=1), row(seed=2)
    first = answer.uniform()
    answer.take(1, None, spell)
    assert answer.uniform() != first
    assert answer.restarted().uniform() == first
    assert other.uniform() != first
    assert 0 <= first < 1


def test_row_draws_are_uniform() -> None:
    """The mean of many first draws is one half within five standard errors."""
    draws = [row(seed=seed).uniform() for seed in range(2000)]
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=5 * 0.2887 / 2000**0.5)
