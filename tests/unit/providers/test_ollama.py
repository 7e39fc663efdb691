"""Ollama's own chat, end to end: our model, litellm, and a server that is strict."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    Completion,
    Image,
    LlmlabError,
    Message,
    ProviderError,
    ProviderUnavailable,
    Tool,
    ToolCall,
    Usage,
)

Server: TypeAlias = Any  # its module is loaded by path
Ask: TypeAlias = Callable[..., Completion]

DOT = b"\x89PNG\r\n\x1a\n and some bytes"
WEATHER = Tool("weather", "", {"type": "object", "properties": {"city": {}}})
CLOCK = Tool("clock")
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
CALLS = {"weather": [("weather", {"city": "Köln", "days": [1, 2.5]}), ("clock", {})]}
ANSWERS = {"capital": "Paris is the capital of France.", "city": '{"city": "Paris"}'}
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(ollama_server: Any) -> Iterator[Server]:
    """A strict server."""
    with ollama_server.OllamaServer(answers=ANSWERS, calls=CALLS, key="") as running:
        yield running


@pytest.fixture
def ask(server: Server, ask_vendor: Callable[..., Ask]) -> Ask:
    """Ask a model of the local server."""
    return ask_vendor("ollama_chat/llama3.2", base_url=server.url)


@STREAMS
def test_text_and_usage(ask: Ask, stream: bool) -> None:
    """Counts are the server's own."""
    done = ask("The capital of France?", stream=stream)
    assert (done.text, done.stop_reason) == (ANSWERS["capital"], "stop")
    assert done.usage == Usage(input_tokens=4, output_tokens=6)


@STREAMS
def test_a_cut_answer(ask: Ask, stream: bool) -> None:
    """An answer that hits the limit says so."""
    done = ask("one two three", max_tokens=2, stream=stream)
    assert (done.text, done.stop_reason) == ("one two", "length")


def test_settings_have_the_servers_names(ask: Ask, server: Server) -> None:
    """They stand in a table of their own."""
    ask("Hi", max_tokens=7, temperature=0.0, top_p=0.5, stop=("z",), seed=3)
    assert server.bodies[0]["options"] == {
        "num_predict": 7,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["z"],
        "seed": 3,
    }


@STREAMS
def test_tools_are_called(ask: Ask, stream: bool) -> None:
    """Names, arguments and order."""
    done = ask("weather?", tools=(WEATHER, CLOCK), stream=stream)
    first, second = done.tool_calls
    assert first == ToolCall(first.id, "weather", {"city": "Köln", "days": [1, 2.5]})
    assert second == ToolCall(second.id, "clock", {})
    assert (done.text, done.stop_reason) == ("", "tool_calls")


def test_results_go_back(ask: Ask, server: Server) -> None:
    """A conversation with a call and its result."""
    turns = (
        Message("user", "What now?"),
        Message("assistant", "", (ToolCall("a", "weather", {"city": "Köln"}),)),
        Message("tool", "rain", tool_call_id="a"),
    )
    assert ask(turns, tools=(WEATHER,)).text == "rain"
    (call,) = server.bodies[0]["messages"][1]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": {"city": "Köln"}}


def test_an_image_stands_beside_the_text(ask: Ask, server: Server) -> None:
    """Its bytes come in base64, without a type."""
    ask((Message("user", ("What is this?", Image.of(DOT))),))
    (turn,) = server.bodies[0]["messages"]
    assert turn["images"] == [base64.b64encode(DOT).decode()]
    assert turn["content"] == "What is this?"


@STREAMS
def test_a_schema_is_the_format(ask: Ask, server: Server, stream: bool) -> None:
    """The text is the JSON; the schema arrives as it is."""
    done = ask("a city", response_schema=CITY, stream=stream)
    assert json.loads(done.text) == {"city": "Paris"}
    assert server.bodies[0]["format"] == CITY


@pytest.mark.parametrize(
    ("prompt", "kind", "attempts"),
    [
        ("error-400", ProviderError, 1),
        ("error-404", ProviderError, 1),
        ("error-500", ProviderUnavailable, 3),
    ],
)
def test_errors_are_told_apart(
    ask: Ask, server: Server, prompt: str, kind: type[LlmlabError], attempts: int
) -> None:
    """Each has its class, and only what may pass is tried again."""
    with pytest.raises(kind) as caught:
        ask(prompt)
    assert type(caught.value) is kind
    assert len(server.asked) == attempts


def test_a_stream_that_breaks_off_is_no_answer(ask: Ask) -> None:
    """Half a text is an error."""
    with pytest.raises(ProviderUnavailable, match="broke off"):
        ask("cut-stream in the middle of it", stream=True)
