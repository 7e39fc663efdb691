"""docs/providers.md: its entries load, and its table is what litellm really sends."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    GenerateConfig,
    GenerateRequest,
    Message,
    ModelSpec,
    Tool,
    Usage,
    load,
)
from llmlab_pytest.providers import ModelRegistry, load_model, provider_registry
from llmlab_pytest.providers._remote_options import RemoteOptions
from llmlab_pytest.providers._remote_request import protocol_arguments

PAGE = Path(__file__).parents[3] / "docs" / "providers.md"
ENTRIES = re.search(
    r"```toml\n# file: llmlab_models.toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
)
COLUMNS = ("max_tokens", "temperature", "top_p", "stop", "seed", "tools")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ASKED: Mapping[str, Any] = {
    "max_tokens": 17,
    "temperature": 0.25,
    "top_p": 0.5,
    "stop": ("zz",),
    "seed": 3,
    "tools": (Tool("clock"),),
    "response_schema": SCHEMA,
}
VALUES = {"stop": ["zz"]}
OPENAI_LIKE = ("openai", "azure", "mistral", "groq", "openrouter", "vllm", "lm-studio")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """The entries of the page."""
    assert ENTRIES
    path = tmp_path_factory.mktemp("page") / "llmlab_models.toml"
    path.write_text(ENTRIES[1], encoding="utf-8")
    return ModelRegistry.load([path])


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one variable that an entry names."""
    monkeypatch.setenv("AZURE_API_KEY", "a-key")


def rows() -> dict[str, dict[str, str]]:
    """Return the table of what is sent: cells by entry and setting."""
    text = PAGE.read_text("utf-8").partition("## What is sent")[2]
    text = text.partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _, *told = [[c.strip(" `") for c in line.split("|")[1:-1]] for line in lines]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in told}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every table's entry of JSON with its path, tables themselves included."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            place = f"{path}.{name}" if path else name
            yield place, inner
            yield from leaves(inner, place)


def sent_for(spec: ModelSpec, setting: str) -> str:
    """Return the name under which litellm sends a setting, or that it does not."""
    litellm = load("llmlab_pytest.providers._litellm:litellm")
    load("llmlab_pytest.providers._litellm:_ignore_warnings_inside_litellm")()
    name, vendor, *_ = litellm.get_llm_provider(spec.id)
    prompt = (Message("user", "Hi"),)
    config = GenerateConfig(**{"temperature": None, setting: ASKED[setting]})
    options = RemoteOptions(omit=() if setting == "temperature" else ("temperature",))
    every = ModelSpec(
        alias="m", provider="litellm", id=spec.id, capabilities=frozenset({"seed"})
    )
    asked = protocol_arguments(GenerateRequest(prompt, config), config, every, options)
    given = {name: asked[name] for name in asked if name != "messages"}
    given = {name: value for name, value in given.items() if value is not None}

    def mapped(**settings: Any) -> dict[str, Any]:
        settings = {**settings, "custom_llm_provider": vendor}
        return dict(litellm.get_optional_params(model=name, **settings))

    try:
        made = mapped(**given)
    except litellm.UnsupportedParamsError:
        return "refused"
    if setting in ("tools", "response_schema"):
        return means_name(made, setting)
    value = VALUES.get(setting, ASKED[setting])
    found = [place for place, inner in leaves(made) if inner == value]
    return found[0].removeprefix("extra_body.") if found else "dropped"


def means_name(made: Mapping[str, Any], setting: str) -> str:
    """Return where tools or a schema went, and whether the schema became a tool."""
    text = str(made)
    if setting == "tools":
        return "tools" if "clock" in str(made.get("tools")) else "dropped"
    if "json_tool_call" in text:
        return "a tool"
    names = ("response_format", "response_json_schema", "output_format", "format")
    names += ("outputConfig",)
    found = [n for n in names if "city" in str(made.get(n, ""))]
    return found[0] if found else "dropped"


def test_the_table_is_what_litellm_sends(registry: ModelRegistry) -> None:
    """Every entry of the page has a row, and every cell is litellm's own mapping."""
    sent = {
        alias: {setting: sent_for(registry[alias], setting) for setting in ASKED}
        for alias in registry
    }
    assert rows() == sent


def test_an_entry_declares_seed_only_where_it_is_sent(registry: ModelRegistry) -> None:
    """A test with a seed is skipped or refused by name, not by litellm."""
    for alias in registry:
        if sent_for(registry[alias], "seed") in ("refused", "dropped"):
            assert "seed" not in registry[alias].capabilities


def test_every_entry_connects(registry: ModelRegistry) -> None:
    """Options are known, and litellm knows the vendor."""
    for alias in registry:
        model: Any = load_model(registry[alias], provider_registry())
        vendor = registry[alias].id.partition("/")[0]
        assert model._transport.vendor == vendor
        model.close()


@pytest.mark.parametrize(
    ("model_id", "setting", "sent"),
    [
        ("ollama/llama3.2", "tools", "dropped"),
        ("anthropic/claude-3-haiku-20240307", "response_schema", "a tool"),
        ("bedrock/us.amazon.nova-micro-v1:0", "response_schema", "a tool"),
    ],
)
def test_the_notes_below_the_table_hold(model_id: str, setting: str, sent: str) -> None:
    """Models that the page names beside those of its entries."""
    spec = ModelSpec(alias="m", provider="litellm", id=model_id)
    assert sent_for(spec, setting) == sent


@pytest.mark.parametrize("alias", OPENAI_LIKE)
def test_servers_of_openais_protocol_get_what_is_asked(
    registry: ModelRegistry,
    server: Any,
    ask_vendor: Callable[..., Callable[..., Completion]],
    alias: str,
) -> None:
    """Over HTTP, as the vendor would be called: all settings, then the schema."""
    spec = registry[alias]
    # A reply of Groq that names no tier is one that litellm 1.106 cannot read.
    more = {"extra": {"service_tier": "default"}} if alias == "groq" else {}
    ask = ask_vendor(spec.id, **{**spec.options, **more, "base_url": server.url})
    settings = {name: ASKED[name] for name in COLUMNS}
    done = ask("four words of text", **settings)
    ask("a city", response_schema=SCHEMA)
    first, second = server.bodies
    assert (done.text, done.usage) == (
        "four words of text",
        Usage(input_tokens=4, output_tokens=4),
    )
    told = rows()[alias]
    for setting in COLUMNS[:-1]:
        assert first[told[setting]] == VALUES.get(setting, ASKED[setting])
    assert [tool["function"]["name"] for tool in first["tools"]] == ["clock"]
    assert second["response_format"]["json_schema"]["schema"] == SCHEMA
