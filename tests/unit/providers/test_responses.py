"""OpenAI's responses, end to end: our model, litellm, and a server that is strict."""

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
    Unsupported,
    Usage,
)

Server: TypeAlias = Any  # its module is loaded by path
Ask: TypeAlias = Callable[..., Completion]

MODEL = "openai/responses/gpt-4o-mini"
KEY = "sk-0123456789abcdefghijklmn"
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
def server(responses_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A strict server that asks for a key."""
    monkeypatch.setenv("THE_KEY", KEY)
    with responses_server.ResponsesServer(
        answers=ANSWERS, calls=CALLS, key=KEY
    ) as running:
        yield running


@pytest.fixture
def ask(server: Server, ask_vendor: Callable[..., Ask]) -> Ask:
    """Ask a model of the local server."""
    return ask_vendor(MODEL, base_url=server.url, api_key_env="THE_KEY")


@STREAMS
def test_text_usage_and_cost(ask: Ask, stream: bool) -> None:
    """The price is that of litellm's map: 0.15 and 0.6 dollars a million tokens."""
    done = ask("The capital of France?", stream=stream)
    assert (done.text, done.stop_reason) == (ANSWERS["capital"], "stop")
    assert done.usage == Usage(input_tokens=4, output_tokens=6)
    assert done.cost_usd == pytest.approx(4 * 0.15e-6 + 6 * 0.6e-6)
    assert (done.ttft_s is not None) is stream


@STREAMS
def test_cached_tokens_are_part_of_the_input(ask: Ask, stream: bool) -> None:
    """They cost half."""
    done = ask("cached words are here", stream=stream)
    assert done.usage == Usage(input_tokens=4, output_tokens=4, cached_input_tokens=2)
    assert done.cost_usd == pytest.approx(2 * 0.15e-6 + 2 * 0.075e-6 + 4 * 0.6e-6)


@STREAMS
@pytest.mark.parametrize(
    ("prompt", "text", "stop_reason"),
    [
        ("x" + " x" * 30, "x" + " x" * 15, "length"),
        ("filtered-reply", "", "content_filter"),
    ],
    ids=["length", "filter"],
)
def test_stop_reasons(
    ask: Ask, stream: bool, prompt: str, text: str, stop_reason: str
) -> None:
    """The limit holds, and a refusal is told."""
    done = ask(prompt, stream=stream, max_tokens=16)
    assert (done.text, done.stop_reason) == (text, stop_reason)


def test_settings_have_the_vendors_names(ask: Ask, server: Server) -> None:
    """The system's text becomes instructions, and the limit has another name."""
    turns = (Message("system", "Be brief."), Message("user", "Hi"))
    ask(turns, max_tokens=17, temperature=0.0, top_p=0.5)
    (body,) = server.bodies
    content = [{"type": "input_text", "text": "Hi"}]
    assert body == {
        "model": "gpt-4o-mini",
        "instructions": "Be brief.",
        "input": [{"type": "message", "role": "user", "content": content}],
        "max_output_tokens": 17,
        "temperature": 0.0,
        "top_p": 0.5,
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"stop": ("z",)}, "know no stop"),
        ({"seed": 3}, "know no seed"),
        ({"max_tokens": 15}, "know no max_tokens below 16"),
    ],
    ids=["stop", "seed", "max_tokens"],
)
def test_what_would_be_dropped_is_refused(
    ask: Ask, server: Server, config: dict[str, Any], said: str
) -> None:
    """It would be left out, or changed, without a word; nothing is sent."""
    with pytest.raises(Unsupported, match=said):
        ask("Hi", **config)
    assert server.asked == []


@STREAMS
def test_tools_are_called(ask: Ask, server: Server, stream: bool) -> None:
    """Names, arguments and order; litellm takes an item's id for that of the call."""
    done = ask("weather?", tools=(WEATHER, CLOCK), stream=stream)
    assert done.tool_calls == (
        ToolCall("fc_1", "weather", {"city": "Köln", "days": [1, 2.5]}),
        ToolCall("fc_2", "clock", {}),
    )
    assert (done.text, done.stop_reason) == ("", "tool_calls")
    assert server.bodies[0]["tools"][0]["parameters"] == WEATHER.parameters


def test_a_model_that_litellm_does_not_know_is_streamed(
    ask_vendor: Callable[..., Ask], server: Server
) -> None:
    """Without that it is asked for a whole answer, and arguments come twice."""
    own = ask_vendor(
        "openai/responses/my-own", base_url=server.url, api_key_env="THE_KEY"
    )
    done = own("weather?", tools=(WEATHER, CLOCK), stream=True)
    assert [call.arguments for call in done.tool_calls] == [
        {"city": "Köln", "days": [1, 2.5]},
        {},
    ]
    assert (server.bodies[0]["stream"], done.cost_usd) == (True, None)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ("clock", {"type": "function", "name": "clock"}),
    ],
)
def test_choices_of_tools(ask: Ask, server: Server, choice: str, sent: Any) -> None:
    """Each choice reaches the vendor in its own words."""
    ask("the weather", tools=(WEATHER, CLOCK), tool_choice=choice)
    assert server.bodies[0]["tool_choice"] == sent


def test_results_go_back(ask: Ask, server: Server) -> None:
    """A conversation with two calls and their results, each an item."""
    calls = (ToolCall("a", "weather", {"city": "Köln"}), ToolCall("b", "clock", {}))
    turns = (
        Message("user", "What now?"),
        Message("assistant", "", calls),
        Message("tool", "rain", tool_call_id="a"),
        Message("tool", "noon", tool_call_id="b"),
    )
    assert ask(turns, tools=(WEATHER, CLOCK)).text == "rain noon"
    _, first, second, *results = server.bodies[0]["input"]
    assert (first["name"], second["name"]) == ("weather", "clock")
    assert json.loads(first["arguments"]) == {"city": "Köln"}
    assert [result["call_id"] for result in results] == ["a", "b"]


def test_an_image_is_a_part(ask: Ask, server: Server) -> None:
    """Its bytes come in base64, in their place between the texts."""
    done = ask((Message("user", ("What is", Image.of(DOT), "this?")),))
    assert done.text == "What is [image] this?"
    part = server.bodies[0]["input"][0]["content"][1]
    data = base64.b64encode(DOT).decode()
    assert (part["type"], part["image_url"]) == (
        "input_image",
        f"data:image/png;base64,{data}",
    )


@STREAMS
def test_a_schema_is_the_texts_format(ask: Ask, server: Server, stream: bool) -> None:
    """The text is the JSON; the schema arrives as it is, and strict."""
    done = ask("a city", response_schema=CITY, stream=stream)
    assert json.loads(done.text) == {"city": "Paris"}
    form = {"type": "json_schema", "name": "answer", "schema": CITY, "strict": True}
    assert server.bodies[0]["text"] == {"format": form}


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
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_stream_that_breaks_off_is_no_answer(ask: Ask) -> None:
    """Half a text is an error."""
    with pytest.raises(ProviderUnavailable, match="closed the responses stream"):
        ask("cut-stream in the middle of it", stream=True)
