"""Gemini's content, end to end: our model, litellm, and a server that is strict."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    AuthError,
    Completion,
    ContextOverflow,
    Image,
    LlmlabError,
    Message,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Tool,
    ToolCall,
    Usage,
)

Server: TypeAlias = Any  # its module is loaded by path
Ask: TypeAlias = Callable[..., Completion]

MODEL = "gemini/gemini-2.5-flash"
KEY = "AIza0123456789abcdefghijklmnopqrstuvwxy"
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
def server(gemini_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A strict server that asks for a key."""
    monkeypatch.setenv("THE_KEY", KEY)
    with gemini_server.GeminiServer(answers=ANSWERS, calls=CALLS, key=KEY) as running:
        yield running


@pytest.fixture
def ask(server: Server, ask_vendor: Callable[..., Ask]) -> Ask:
    """Ask a model of the local server."""
    return ask_vendor(MODEL, base_url=server.url, api_key_env="THE_KEY")


@STREAMS
def test_text_usage_and_cost(ask: Ask, stream: bool) -> None:
    """The price is that of litellm's map: 0.3 and 2.5 dollars a million tokens."""
    done = ask("The capital of France?", stream=stream)
    assert (done.text, done.stop_reason) == (ANSWERS["capital"], "stop")
    assert done.usage == Usage(input_tokens=4, output_tokens=6)
    assert done.cost_usd == pytest.approx(4 * 0.3e-6 + 6 * 2.5e-6)
    assert (done.ttft_s is not None) is stream


@STREAMS
def test_cached_tokens_and_thoughts(ask: Ask, stream: bool) -> None:
    """Cached ones are among the input; thoughts become part of the output."""
    cached = ask("cached words are here", stream=stream)
    thought = ask("thinks a while", stream=stream)
    assert cached.usage == Usage(input_tokens=4, output_tokens=4, cached_input_tokens=2)
    assert cached.cost_usd == pytest.approx(2 * 0.3e-6 + 2 * 0.03e-6 + 4 * 2.5e-6)
    assert thought.usage == Usage(input_tokens=3, output_tokens=6, reasoning_tokens=3)
    assert thought.cost_usd == pytest.approx(3 * 0.3e-6 + 6 * 2.5e-6)


@STREAMS
@pytest.mark.parametrize(
    ("prompt", "config", "text", "stop_reason"),
    [
        ("one two three", {"max_tokens": 2}, "one two", "length"),
        ("one two three", {"stop": (" three",)}, "one two", "stop"),
        ("filtered-reply", {}, "", "content_filter"),
    ],
    ids=["length", "stop", "safety"],
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


def test_a_blocked_prompt_is_filtered(ask: Ask) -> None:
    """A reply without a candidate says why."""
    done = ask("filtered-prompt")
    assert (done.text, done.stop_reason) == ("", "content_filter")


def test_settings_have_the_vendors_names(
    ask: Ask, server: Server, gemini_server: Any
) -> None:
    """The system's text stands beside the contents, settings in their own table."""
    turns = (Message("system", "Be brief."), Message("user", "Hi"))
    ask(turns, max_tokens=7, temperature=0.0, top_p=0.5, stop=("z",), seed=3)
    assert gemini_server.camel(server.bodies[0]) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {
            "maxOutputTokens": 7,
            "temperature": 0.0,
            "topP": 0.5,
            "stopSequences": ["z"],
            "seed": 3,
        },
    }


@STREAMS
def test_tools_are_called(ask: Ask, server: Server, stream: bool) -> None:
    """Names, arguments and order; the vendor has no ids, so litellm makes some."""
    done = ask("weather?", tools=(WEATHER, CLOCK), stream=stream)
    first, second = done.tool_calls
    assert first == ToolCall(first.id, "weather", {"city": "Köln", "days": [1, 2.5]})
    assert second == ToolCall(second.id, "clock", {})
    assert len({first.id, second.id, ""}) == 3
    assert (done.text, done.stop_reason) == ("", "tool_calls")
    (tool,) = server.bodies[0]["tools"]
    (told, _) = tool["function_declarations"]
    assert (told["name"], told["parameters"]) == ("weather", WEATHER.parameters)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ("clock", {"mode": "ANY", "allowed_function_names": ["clock"]}),
    ],
)
def test_choices_of_tools(
    ask: Ask, server: Server, choice: str, sent: dict[str, Any]
) -> None:
    """Each choice reaches the vendor in its own words."""
    ask("the weather", tools=(WEATHER, CLOCK), tool_choice=choice)
    assert server.bodies[0]["toolConfig"] == {"functionCallingConfig": sent}


def test_results_go_back(ask: Ask, server: Server, gemini_server: Any) -> None:
    """A conversation with two calls and their results, which name the tool."""
    calls = (ToolCall("a", "weather", {"city": "Köln"}), ToolCall("b", "clock", {}))
    turns = (
        Message("user", "What now?"),
        Message("assistant", "I look.", calls),
        Message("tool", "rain", tool_call_id="a"),
        Message("tool", "noon", tool_call_id="b"),
    )
    assert ask(turns, tools=(WEATHER, CLOCK)).text == "rain noon"
    _, called, results = gemini_server.camel(server.bodies[0])["contents"]
    told = [part["functionCall"] for part in called["parts"] if "text" not in part]
    assert [call["name"] for call in told] == ["weather", "clock"]
    assert [call["args"] for call in told] == [{"city": "Köln"}, {}]
    names = [part["functionResponse"]["name"] for part in results["parts"]]
    assert names == ["weather", "clock"]


def test_an_image_is_inline_data(ask: Ask, server: Server, gemini_server: Any) -> None:
    """Its bytes come in base64, in their place between the texts."""
    done = ask((Message("user", ("What is", Image.of(DOT), "this?")),))
    assert done.text == "What is [image] this?"
    (turn,) = gemini_server.camel(server.bodies[0])["contents"]
    data = base64.b64encode(DOT).decode()
    assert turn["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": data}}


@STREAMS
def test_a_schema_is_a_setting(ask: Ask, server: Server, stream: bool) -> None:
    """The text is the JSON; the schema arrives as it is."""
    done = ask("a city", response_schema=CITY, stream=stream)
    assert json.loads(done.text) == {"city": "Paris"}
    settings = server.bodies[0]["generationConfig"]
    assert settings["response_json_schema"] == CITY
    assert settings["response_mime_type"] == "application/json"


@STREAMS
@pytest.mark.parametrize(
    ("prompt", "kind", "attempts"),
    [
        ("error-400", ProviderError, 1),
        ("error-403", AuthError, 1),
        ("error-404", ProviderError, 1),
        ("error-429", RateLimited, 8),
        ("error-500", ProviderUnavailable, 3),
        ("error-503", ProviderUnavailable, 3),
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


def test_the_delay_in_a_body_is_kept_to(ask: Ask) -> None:
    """The vendor's wait, which is in no header, counts; not ours of ten seconds."""
    done = ask("flaky-429", first_wait_s=10)
    assert (done.text, done.attempts) == ("flaky-429", 2)


def test_a_wrong_key_is_not_shown(
    ask: Ask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor answers 400, and it is still the key: the variable is named."""
    server.key = "another"
    with pytest.raises(AuthError, match="THE_KEY") as caught:
        ask("Hi")
    assert KEY not in str(caught.value)
    assert server.asked[0].headers["x-goog-api-key"] == KEY


def test_a_stream_that_breaks_off_is_no_answer(ask: Ask) -> None:
    """Half a text is an error."""
    with pytest.raises(ProviderUnavailable, match="broke off"):
        ask("cut-stream in the middle of it", stream=True)
