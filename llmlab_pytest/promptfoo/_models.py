"""From promptfoo's names of providers to models of this package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from llmlab_pytest.core import ConfigError, shorten
from llmlab_pytest.promptfoo._keys import check_keys
from llmlab_pytest.yaml_files import Placed

_VENDORS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere_chat",
    "deepseek": "deepseek",
    "fireworks": "fireworks_ai",
    "google": "gemini",
    "groq": "groq",
    "mistral": "mistral",
    "ollama": "ollama_chat",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "togetherai": "together_ai",
    "vertex": "vertex_ai",
    "xai": "xai",
}
"""Promptfoo's vendor -> litellm's."""
_CHATS = ("chat", "messages", "converse")
_NO_CHATS = (
    *("assistant", "completion", "embedding", "embeddings", "image", "moderation"),
    *("realtime", "speech", "transcription", "video", "agents", "live"),
)
_DECODING = ("temperature", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model that a configuration names, and how it is asked there."""

    name: str
    """As `--llm` takes it."""
    temperature: float | None = None
    max_tokens: int | None = None
    where: str = ""


def models_of(config: Placed) -> list[NamedModel]:
    """Return the models that a configuration names; none if it names none.

    Raises:
        ConfigError: a provider is not known here, or has settings that are not.
    """
    given = config.get("providers") or config.get("targets")
    if given is None:
        return []
    many = given.entries() if isinstance(given.value, list) else [given]
    return [_model(each) for each in many]


def model_name(provider: str, *, where: str) -> str:
    """Return a provider as `--llm` names it: `openai:gpt-4o` is `openai/gpt-4o`.

    Raises:
        ConfigError: it is not known here.
    """
    vendor, *rest = provider.split(":")
    if vendor not in _VENDORS or not rest or rest[0] in _NO_CHATS:
        _refuse(provider, where)
    if rest[0] == "responses":
        return f"{_VENDORS[vendor]}/responses/{':'.join(rest[1:])}"
    if rest[0] in _CHATS and len(rest) > 1:
        rest = rest[1:]
    return f"{_VENDORS[vendor]}/{':'.join(rest)}"


def judge_name(given: Placed) -> str:
    """Return the judge that a test names: a text, or a mapping with `text` or `id`.

    Raises:
        ConfigError: it is not known here.
    """
    if isinstance(given.value, str):
        return model_name(given.value, where=given.where)
    inner = given.get("text") or given.get("id")
    if inner is None or set(given.fields()) - {"id", "text", "embedding"}:
        raise ConfigError(
            f"{given.where}: the judge is {shorten(repr(given.value))}.",
            allowed="It is the name of a model.",
            fix="Leave it out, and name the judge with --llmlab-judge.",
        )
    return judge_name(inner)


def _model(given: Placed) -> NamedModel:
    if isinstance(given.value, str):
        name = model_name(given.value, where=given.where)
        return NamedModel(name=name, where=given.where)
    fields = given.fields()
    if "id" not in fields and len(fields) == 1:  # openai:gpt-4o: {config: ...}
        ((provider, settings),) = fields.items()
        fields = {"id": Placed(provider, settings.where), **settings.fields()}
        given = Placed({k: v.value for k, v in fields.items()}, given.where, fields)
    check_keys(given, "provider")
    provider_id = given.get("id")
    if provider_id is None:
        _refuse(shorten(repr(given.value)), given.where)
    decoding = _decoding(given.get("config"))
    most = decoding.get("max_tokens")
    return NamedModel(
        name=model_name(provider_id.text(), where=provider_id.where),
        temperature=decoding.get("temperature"),
        max_tokens=None if most is None else int(most),
        where=given.where,
    )


def _decoding(config: Placed | None) -> dict[str, float]:
    """Return the settings of a provider that are taken over; others are refused."""
    given = config.fields() if config else {}
    for name, value in given.items():
        if name not in _DECODING:
            raise ConfigError(
                f"{value.where}: the setting {name!r} of a provider.",
                allowed=f"Taken over are {' and '.join(_DECODING)}.",
                fix="Write an entry in llmlab_models.toml, and name it with --llm.",
            )
    return {name: value.number() for name, value in given.items()}


def _refuse(provider: str, where: str) -> NoReturn:
    raise ConfigError(
        f"{where}: the provider {provider!r} is not known here.",
        allowed=f"Chat models of {', '.join(sorted(_VENDORS))}.",
        fix="Name the model with --llm, which takes any; or write an entry in "
        "llmlab_models.toml.",
    )
