"""Anthropic's messages, end to end: our model, litellm, and a server that is strict."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    AuthError,
    Completion,
    ContextOverflow,
    GenerateConfig,
    GenerateRequest,
    Image,
    LlmlabError,
    Message,
    ModelSpec,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Tool,
    ToolCall,
    Unsupported,
    Usage,
    load,
)
from llmlab_pytest.providers import load_model, provider_registry

Server: TypeAlias = Any  # its module is loaded by path
Ask: TypeAlias = Callable[..., Completion]

MODEL = "anthropic/claude-haiku-4-5"
OLDER = "anthropic/claude-3-haiku-20240307"
"""A model without structured outputs of its own."""
LITELLM = "llmlab_pytest.providers._litellm:litellm"
KEY = "sk-ant-0123456789abcdef"
DOT = b"\x89PNG\r\n\x1a\n and some bytes"
WEATHER = Tool(
    "weather",
    "Tells the weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}},
)
CLOCK = Tool("clock")
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CALLS = {"weather": [("weather", {"city": "Köln", "days": [1, 2.5]}), ("clock", {})]}
ANSWERS = {"capital": "Paris is the capital of France.", "city": '{"city": "Paris"}'}
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(anthropic_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A strict server that asks for a key."""
    monkeypatch.setenv("THE_KEY", KEY)
    with anthropic_server.AnthropicServer(
        answers=ANSWERS, calls=CALLS, key=KEY
    ) as running:
        yield running


@pytest.fixture
def ask(server: Server, ask_vendor: Callable[..., Ask]) -> Ask:
    """Ask a model of the local server."""
    return ask_vendor(MODEL, base_url=server.url, api_key_env="THE_KEY")


@STREAMS
def test_text_usage_and_cost(ask: Ask, stream: bool) -> None:
    """The price is that of litellm's map: 1 and 5 dollars a million tokens."""
    done = ask("The capital of France?", stream=stream)
    assert (done.text, done.stop_reason) == (ANSWERS["capital"], "stop")
    assert done.usage == Usage(input_tokens=4, output_tokens=6)
    assert done.cost_usd == pytest.approx(4 * 1e-6 + 6 * 5e-6)
    assert (done.ttft_s is not None) is stream


@STREAMS
def test_cached_tokens_are_part_of_the_input(ask: Ask, stream: bool) -> None:
    """The vendor counts them apart; here they are among the input, and cost a tenth."""
    done = ask("cached words are here", stream=stream)
    assert done.usage == Usage(input_tokens=4, output_tokens=4, cached_input_tokens=2)
    assert done.cost_usd == pytest.approx(2 * 1e-6 + 2 * 0.1e-6 + 4 * 5e-6)


@STREAMS
@pytest.mark.parametrize(
    ("prompt", "config", "text", "stop_reason"),
    [
        ("one two three", {"max_tokens": 2}, "one two", "length"),
        ("one two three", {"stop": (" three",)}, "one two", "stop"),
        ("filtered-reply", {}, "", "content_filter"),
    ],
    ids=["length", "stop", "refusal"],
)
def test_stop_reasons(
    ask: Ask,
    stream: bool,
    prompt: str,
    config: dict[str, Any],
    text: str,
    stop_reason: str,
) -> None:
    """Limits and texts that end an answer hold, and a refusal is told."""
    done = ask(prompt, stream=stream, **config)
    assert (done.text, done.stop_reason) == (text, stop_reason)


def test_settings_have_the_vendors_names(ask: Ask, server: Server) -> None:
    """The system's text stands beside the messages; `stop` has another name."""
    turns = (Message("system", "Be brief."), Message("user", "Hi"))
    ask(turns, max_tokens=7, temperature=0.0, top_p=0.5, stop=("z",))
    (body,) = server.bodies
    assert body == {
        "model": "claude-haiku-4-5",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "max_tokens": 7,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop_sequences": ["z"],
    }


@STREAMS
def test_tools_are_called(ask: Ask, server: Server, stream: bool) -> None:
    """Names, arguments and order, of calls with and without arguments."""
    done = ask("weather?", tools=(WEATHER, CLOCK), stream=stream)
    assert done.tool_calls == (
        ToolCall("toolu_1", "weather", {"city": "Köln", "days": [1, 2.5]}),
        ToolCall("toolu_2", "clock", {}),
    )
    assert (done.text, done.stop_reason) == ("", "tool_calls")
    assert server.bodies[0]["tools"][0]["input_schema"] == WEATHER.parameters


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ("clock", {"type": "tool", "name": "clock"}),
    ],
)
def test_choices_of_tools(
    ask: Ask, server: Server, choice: str, sent: dict[str, str]
) -> None:
    """Each choice reaches the vendor in its own words."""
    ask("the weather", tools=(WEATHER, CLOCK), tool_choice=choice)
    assert server.bodies[0]["tool_choice"] == sent


def test_results_go_back(ask: Ask, server: Server) -> None:
    """A conversation with two calls and their results, in one turn of the user."""
    calls = (ToolCall("a", "weather", {"city": "Köln"}), ToolCall("b", "clock", {}))
    turns = (
        Message("user", "What now?"),
        Message("assistant", "I look.", calls),
        Message("tool", "rain", tool_call_id="a"),
        Message("tool", "noon", tool_call_id="b"),
    )
    assert ask(turns, tools=(WEATHER, CLOCK)).text == "rain noon"
    _, called, results = server.bodies[0]["messages"]
    assert called["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Köln"}},
        {"type": "tool_use", "id": "b", "name": "clock", "input": {}},
    ]
    assert results["role"] == "user"
    assert [block["tool_use_id"] for block in results["content"]] == ["a", "b"]


def test_an_image_is_a_block(ask: Ask, server: Server) -> None:
    """Its bytes come in base64, in their place between the texts."""
    done = ask((Message("user", ("What is", Image.of(DOT), "this?")),))
    assert done.text == "What is [image] this?"
    (turn,) = server.bodies[0]["messages"]
    assert turn["content"][1]["source"] == {
        "type": "base64",
        "media_type": "image/png",
        "data": base64.b64encode(DOT).decode(),
    }


@STREAMS
def test_a_schema_is_the_vendors_output_format(
    ask: Ask, server: Server, stream: bool
) -> None:
    """The text is the JSON; the schema arrives as it is."""
    done = ask("a city", response_schema=CITY, stream=stream)
    assert json.loads(done.text) == {"city": "Paris"}
    sent = {"type": "json_schema", "schema": CITY}
    assert server.bodies[0]["output_format"] == sent


@STREAMS
def test_a_schema_of_an_older_model_is_a_tool(
    server: Server, ask_vendor: Callable[..., Ask], stream: bool
) -> None:
    """A tool of litellm is called, and its arguments come back as the text."""
    ask = ask_vendor(OLDER, base_url=server.url, api_key_env="THE_KEY")
    done = ask("a city", response_schema=CITY, stream=stream)
    (tool,) = server.bodies[0]["tools"]
    assert (tool["name"], tool["input_schema"]) == ("json_tool_call", CITY)
    assert json.loads(done.text) == {"city": "Paris"}
    assert done.tool_calls == ()


@STREAMS
@pytest.mark.parametrize(
    ("prompt", "kind", "attempts"),
    [
        ("error-400", ProviderError, 1),
        ("error-403", AuthError, 1),
        ("error-404", ProviderError, 1),
        ("error-429", RateLimited, 8),
        ("error-500", ProviderUnavailable, 3),
        ("error-529", ProviderUnavailable, 3),
        ("long " * 1001, ContextOverflow, 1),
    ],
    ids=lambda value: value[:9] if isinstance(value, str) else "",
)
def test_errors_are_told_apart(
    ask: Ask,
    server: Server,
    stream: bool,
    prompt: str,
    kind: type[LlmlabError],
    attempts: int,
) -> None:
    """Each has its class, and only what may pass is tried again."""
    with pytest.raises(kind) as caught:
        ask(prompt, stream=stream)
    assert type(caught.value) is kind
    assert len(server.asked) == attempts


def test_retry_after_is_kept_to(ask: Ask) -> None:
    """The vendor's own wait counts, not ours of ten seconds."""
    done = ask("flaky-429", first_wait_s=10)
    assert (done.text, done.attempts) == ("flaky-429", 2)


def test_a_wrong_key_is_not_shown(
    ask: Ask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, the key is not."""
    server.key = "another"
    with pytest.raises(AuthError, match="THE_KEY") as caught:
        ask("Hi")
    assert KEY not in str(caught.value)
    assert server.asked[0].headers["x-api-key"] == KEY


def test_a_stream_that_breaks_off_is_no_answer(ask: Ask) -> None:
    """Half a text is an error."""
    with pytest.raises(ProviderUnavailable, match="broke off"):
        ask("cut-stream in the middle", stream=True)


def test_an_empty_stream_without_counts_is_no_answer(ask: Ask, server: Server) -> None:
    """A litellm proxy sends that for a failure behind it; it is tried again."""
    with pytest.raises(ProviderUnavailable, match="without text and counts"):
        ask("nothing-ran", stream=True)
    assert len(server.asked) == 3


def test_seed_is_refused(ask: Ask, server: Server) -> None:
    """The vendor has none: nothing is dropped in silence, nothing is sent."""
    with pytest.raises(Unsupported, match="seed"):
        ask("Hi", seed=3)
    assert server.asked == []


def test_closing_ends_the_connections_of_streams(
    server: Server, loop: asyncio.AbstractEventLoop
) -> None:
    """They go over a client of litellm that its own way of closing leaves open."""
    options = {"base_url": server.url, "api_key_env": "THE_KEY"}
    can = frozenset({"chat", "streaming"})
    spec = ModelSpec(
        alias="m", provider="litellm", id=MODEL, capabilities=can, options=options
    )
    model = load_model(spec, provider_registry())
    config = GenerateConfig(max_tokens=9, stream=True)
    running = model.run([GenerateRequest((Message("user", "Hi"),), config)])
    asyncio.run_coroutine_threadsafe(running, loop).result(20)
    session = load(LITELLM).module_level_aclient.client._transport.client
    assert not session.closed
    model.close()
    assert session.closed
