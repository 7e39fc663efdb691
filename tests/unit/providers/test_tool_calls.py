"""Tools, schemas and images in OpenAI's protocol: our way and litellm's are one."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    GenerateConfig,
    GenerateRequest,
    Image,
    MalformedReply,
    Message,
    ModelSpec,
    Tool,
    ToolCall,
    Unsupported,
    Usage,
)
from llmlab_pytest.providers import load_model, provider_registry
from llmlab_pytest.providers._remote_request import likely_tokens
from llmlab_pytest.providers._remote_tools import arguments_of

pytestmark = pytest.mark.usefixtures("no_keys")

Server: TypeAlias = Any  # its module is loaded by path
Ask: TypeAlias = Callable[..., Completion]

WAYS = ("auto", "litellm")
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
"""A PNG of one pixel."""
WEATHER = Tool(
    "weather",
    "Tells the weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}},
)
CLOCK = Tool("clock")
PARIS = ("weather", '{"city": "Paris", "days": [1, 2.5]}')
CALLS = {
    "weather": [PARIS, ("clock", "")],
    "broken": [("weather", '{"city": ')],
    "list": [("weather", "[1]")],
    "endless": [("weather", '{"days": 1e999}')],
}
SCHEMA = {"title": "a city", "type": "object", "properties": {"city": {}}}
TALK = (
    Message("system", "Be brief."),
    Message("user", ("What is", Image.of(DOT), "and this?", Image.of("https://x.y/z"))),
    Message("assistant", "", (ToolCall("c1", "weather", {"city": "Köln"}),)),
    Message("tool", "rain", tool_call_id="c1"),
    Message("assistant", "I try", (ToolCall("c2", "clock", "{"),)),
    Message("tool", "broken", tool_call_id="c2"),
    Message("user", "And now?"),
)
REQUESTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tools": ("the weather?", {"tools": (WEATHER, CLOCK)}),
    "choice": ("the weather?", {"tools": (WEATHER,), "tool_choice": "weather"}),
    "required": ("the weather?", {"tools": (WEATHER,), "tool_choice": "required"}),
    "none": ("Hi", {"tools": (WEATHER,), "tool_choice": "none"}),
    "schema": ("a city?", {"response_schema": SCHEMA}),
    "talk": (TALK, {"tools": (WEATHER, CLOCK)}),
}


def request_of(prompt: Any, **config: Any) -> GenerateRequest:
    turns = prompt if isinstance(prompt, tuple) else (Message("user", prompt),)
    return GenerateRequest(turns, GenerateConfig(**config))


@pytest.fixture
def server(openai_server: Any) -> Iterator[Server]:
    """A server that calls tools."""
    with openai_server.OpenAIServer(calls=CALLS) as running:
        yield running


@pytest.fixture
def ask(server: Server, loop: asyncio.AbstractEventLoop) -> Iterator[Ask]:
    """Ask a model of the local server in one of both ways."""
    models = []

    def ask_model(way: str, request: GenerateRequest, name: str = "echo") -> Completion:
        model = load_model(
            ModelSpec(
                alias="m",
                provider="litellm",
                id=f"openai/{name}",
                capabilities=frozenset(CAPABILITIES),
                options={"base_url": server.url, "transport": way},
            ),
            provider_registry(),
        )
        models.append(model)
        running = model.run([request])
        return asyncio.run_coroutine_threadsafe(running, loop).result(20)[0]

    yield ask_model
    for model in models:
        model.close()


def told(completion: Completion) -> dict[str, Any]:
    """Return all of a completion but what a clock decides."""
    return {
        name: getattr(completion, name)
        for name in completion.__slots__
        if name not in ("latency_s", "ttft_s")
    }


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", REQUESTS)
def test_requests_reach_the_server_as_through_litellm(
    ask: Ask, server: Server, name: str, stream: bool
) -> None:
    """The same body, and the same completion of the same reply."""
    prompt, config = REQUESTS[name]
    request = request_of(prompt, **config, stream=stream)
    ours, theirs = (told(ask(way, request)) for way in WAYS)
    assert server.bodies[0] == server.bodies[1]
    assert ours == theirs


def test_a_conversation_is_written_as_the_protocol_has_it(
    ask: Ask, server: Server
) -> None:
    """Parts in order, calls with arguments as a text, results with their call."""
    ask("auto", request_of(TALK, tools=(WEATHER, CLOCK), tool_choice="clock"))
    (body,) = server.bodies
    _, asked, called, answered, tried, *_ = body["messages"]
    data = base64.b64encode(DOT).decode()
    assert asked["content"] == [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "text", "text": "and this?"},
        {"type": "image_url", "image_url": {"url": "https://x.y/z"}},
    ]
    (call,) = called["tool_calls"]
    assert call == {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Köln"}'},
    }
    assert answered == {"role": "tool", "content": "rain", "tool_call_id": "c1"}
    assert tried["tool_calls"][0]["function"]["arguments"] == "{"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "clock"}}
    assert [tool["function"] for tool in body["tools"]] == [
        {
            "name": "weather",
            "description": "Tells the weather of a city.",
            "parameters": WEATHER.parameters,
        },
        {"name": "clock", "parameters": {"type": "object", "properties": {}}},
    ]


def test_a_schema_is_asked_for_strictly(ask: Ask, server: Server) -> None:
    """Its name is its title, in letters that the protocol takes."""
    completion = ask("auto", request_of("a city?", response_schema=SCHEMA))
    assert server.bodies[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "a-city", "schema": SCHEMA, "strict": True},
    }
    assert completion.text == "a city?"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("way", WAYS)
def test_calls_are_read_with_names_arguments_and_order(
    ask: Ask, way: str, stream: bool
) -> None:
    """Fragments of a stream become whole; nothing at all is no arguments."""
    request = request_of("weather?", tools=(WEATHER, CLOCK), stream=stream)
    completion = ask(way, request)
    assert completion.tool_calls == (
        ToolCall("call_1", "weather", {"city": "Paris", "days": [1, 2.5]}),
        ToolCall("call_2", "clock", {}),
    )
    assert (completion.text, completion.stop_reason) == ("", "tool_calls")
    assert completion.usage == Usage(input_tokens=1)
    assert (completion.ttft_s is not None) is stream
    assert completion.message == Message("assistant", "", completion.tool_calls)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prompt", ["broken", "list", "endless"])
def test_wrong_arguments_are_kept_as_they_were_written(
    ask: Ask, way: str, prompt: str
) -> None:
    """It is the model's mistake, which a scorer counts: no error, and no arguments."""
    (call,) = ask(way, request_of(prompt, tools=(WEATHER,))).tool_calls
    assert call.arguments == CALLS[prompt][0][1]
    assert not call.is_valid


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("parsed-call", False),
        ("no-index", True),
        ("same-index", True),
        ("repeats-name", True),
    ],
)
def test_calls_of_servers_that_are_not_exact_are_read(
    ask: Ask, name: str, stream: bool
) -> None:
    """Arguments that are parsed already, indices that are missing or wrong."""
    request = request_of("weather?", tools=(WEATHER, CLOCK), stream=stream)
    calls = ask("auto", request, name).tool_calls
    assert calls == (
        ToolCall("call_1", "weather", {"city": "Paris", "days": [1, 2.5]}),
        ToolCall("call_2", "clock", {}),
    )


def test_a_call_without_a_name_is_malformed(ask: Ask) -> None:
    """Nobody can tell what was called: the server's mistake, not the model's."""
    request = request_of("weather?", tools=(WEATHER,))
    with pytest.raises(MalformedReply, match="one has no name"):
        ask("auto", request, "nameless-call")


@pytest.mark.parametrize(
    ("capability", "request_"),
    [
        ("tools", request_of("Hi", tools=(CLOCK,))),
        ("tools", request_of((Message("tool", "ok", tool_call_id="1"),))),
        ("tools", request_of((TALK[2],))),
        ("images", request_of((TALK[1],))),
        ("json_schema", request_of("Hi", response_schema=SCHEMA)),
    ],
    ids=["tools", "result", "call", "image", "schema"],
)
def test_what_a_model_does_not_declare_is_refused_before_a_call(
    server: Server, capability: str, request_: GenerateRequest
) -> None:
    """The message names the capability; the server is not asked."""
    spec = ModelSpec(
        alias="m",
        provider="litellm",
        id="openai/echo",
        options={"base_url": server.url},
    )
    model = load_model(spec, provider_registry())
    with pytest.raises(Unsupported, match=f"the capability '{capability}' of 'm'"):
        asyncio.run(model.run([request_]))
    model.close()
    assert server.bodies == []


def test_tools_do_not_go_with_raw_prompts(server: Server) -> None:
    """The endpoint for raw prompts knows none: nothing is dropped in silence."""
    spec = ModelSpec(
        alias="m",
        provider="litellm",
        id="openai/echo",
        capabilities=frozenset(CAPABILITIES),
        options={"base_url": server.url},
    )
    model = load_model(spec, provider_registry())
    request = GenerateRequest("raw", GenerateConfig(tools=(CLOCK,)))
    with pytest.raises(Unsupported, match="Tools and schemas go with messages"):
        asyncio.run(model.run([request]))
    model.close()


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ("", {}),
        (" \n", {}),
        ("null", "null"),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ('{"a": ' * 100_000, '{"a": ' * 100_000),
    ],
    ids=["object", "empty", "blank", "null", "nan", "infinite", "deep"],
)
def test_arguments_are_a_json_object_or_what_was_written(
    text: str, arguments: Any
) -> None:
    """Whatever a model writes can be stored, and compares as it should."""
    assert arguments_of(text) == arguments


def test_the_pace_counts_tools_and_images() -> None:
    """Four characters a token, an image a thousand, and the longest answer."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "x" * 40}, image]
    turns = [
        {"role": "user", "content": content},
        {"role": "assistant", "tool_calls": []},
    ]
    assert likely_tokens({"messages": turns, "max_tokens": 7}) == 10 + 1000 + 7
    tools = [{"a": "x" * (4 * 4 - len('[{"a":""}]'))}]
    assert likely_tokens({"messages": turns, "tools": tools}) == 10 + 1000 + 4
