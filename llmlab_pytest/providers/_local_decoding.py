"""What both local backends share about decoding: settings, stop strings, sampling.

A request's settings are resolved here once: what the request says, else the model's
registry defaults, else greedy decoding of at most 256 tokens (lm-eval's default).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from llmlab_pytest.core import (
    ConfigError,
    ContextOverflow,
    GenerateConfig,
    Json,
    ModelSpec,
    unknown_name,
)

DEFAULT_MAX_TOKENS = 256
OptionKind = type[object] | tuple[str, ...]
"""What an option takes: `str`, `int` (at least 1), or one of the listed words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """The settings of one generation with nothing left open."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    token_logprobs: bool = False
    stream: bool = False

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0


def resolve_decoding(
    config: GenerateConfig,
    spec: ModelSpec,
    *,
    input_tokens: int = 0,
    context_tokens: int | None = None,
) -> Decoding:
    """Fill in what `config` leaves open and check the result.

    Args:
        config: of the request; `None` and an empty `stop` mean "not said".
        spec: of the model, whose `defaults` come next.
        input_tokens: length of the prompt.
        context_tokens: what the model takes at most, prompt and answer together.

    Raises:
        ConfigError: a default is unknown, or a setting is out of its range.
        ContextOverflow: prompt and asked answer do not fit into the context.
    """
    merged = _merge(config, spec)
    asked = merged.pop("max_tokens")
    room = None if context_tokens is None else context_tokens - input_tokens
    wanted = DEFAULT_MAX_TOKENS if asked is None else asked
    if asked is None and room is not None:
        wanted = max(1, min(wanted, room))
    decoding = Decoding(max_tokens=wanted, **merged)
    _check_ranges(decoding, spec)
    if room is not None and wanted > room:
        raise overflow(
            spec,
            input_tokens=input_tokens,
            max_tokens=wanted,
            context_tokens=context_tokens or 0,
        )
    return decoding


def _merge(config: GenerateConfig, spec: ModelSpec) -> dict[str, Any]:
    names = [field.name for field in fields(GenerateConfig)]
    for name in spec.defaults:
        if name not in names:
            where = spec.source or f"the defaults of model {spec.alias!r}"
            raise unknown_name("generation default", name, names, where=where)
    merged: dict[str, Any] = {"max_tokens": None}
    for name in names:
        said = getattr(config, name)
        # By identity: 0 is a temperature and a seed that somebody chose.
        is_open = said is None or said is False or said == ()
        value: Any = spec.defaults.get(name) if is_open else said
        if value is not None:
            merged[name] = tuple(value) if name == "stop" else value
    return merged


def _check_ranges(decoding: Decoding, spec: ModelSpec) -> None:
    allowed = {
        "max_tokens": (decoding.max_tokens >= 1, "at least 1"),
        "temperature": (decoding.temperature >= 0, "0 (greedy) or more"),
        "top_p": (0 < decoding.top_p <= 1, "above 0, at most 1"),
    }
    for name, (fits, limits) in allowed.items():
        if not fits:
            value = getattr(decoding, name)
            msg = (
                f"The setting {name}={value!r} of a request to {spec.alias!r} is wrong."
            )
            raise ConfigError(msg, allowed=f"{name} is {limits}.")


def overflow(
    spec: ModelSpec, *, input_tokens: int, max_tokens: int, context_tokens: int
) -> ContextOverflow:
    """Build the error for a request that is longer than the model's context."""
    return ContextOverflow(
        f"The prompt has {input_tokens:,} tokens and up to {max_tokens:,} are to be "
        f"generated, together {input_tokens + max_tokens:,}.",
        allowed=f"The context of {spec.alias!r} holds {context_tokens:,} tokens.",
        fix="Shorten the prompt, lower max_tokens or the number of demonstrations, or "
        "set the model option truncate = 'left' to drop the prompt's first tokens.",
    )


def cut_at_stops(text: str, stops: Iterable[str]) -> str:
    """Return `text` up to the first of `stops`, cut one after another in their order.

    The same as lm-eval's post-processing: `text.split(stop)[0]` for each stop string.
    """
    for stop in stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


def has_stop(text: str, stops: Iterable[str]) -> bool:
    """Return whether any of `stops` occurs in `text`."""
    return any(stop and stop in text for stop in stops)


def known_options(spec: ModelSpec, known: Mapping[str, OptionKind]) -> dict[str, Any]:
    """Return the options of `spec` after checking their names and values.

    Args:
        spec: of the model.
        known: what each option takes.

    Raises:
        ConfigError: an option is unknown or its value does not fit.
    """
    where = spec.source or f"the options of model {spec.alias!r}"
    for name, value in spec.options.items():
        if name not in known:
            raise unknown_name("option", name, sorted(known), where=where)
        allowed = _mismatch(value, known[name])
        if allowed:
            msg = f"The option {name} = {value!r} in {where} is wrong."
            raise ConfigError(msg, allowed=f"{name} is {allowed}.")
    return dict(spec.options)


def _mismatch(value: Json, wanted: OptionKind) -> str:
    """Return what is wanted instead of `value`, or nothing if it fits."""
    if isinstance(wanted, tuple):
        words = ", ".join(map(repr, wanted))
        return "" if value in wanted else f"one of {words}"
    if wanted is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        return "" if fits else "a whole number, at least 1"
    return "" if isinstance(value, wanted) else f"of type {wanted.__name__}"
