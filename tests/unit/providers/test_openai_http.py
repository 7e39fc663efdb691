"""Our own connections give what litellm gives: bodies, answers, errors, prices."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    ConfigError,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    MalformedReply,
    Message,
    ModelSpec,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RetryingModel,
    ServerNotReached,
    Usage,
)
from llmlab_pytest.providers import load_model, provider_registry
from llmlab_pytest.providers._openai_events import read_events
from llmlab_pytest.providers._openai_http import proxy_for
from llmlab_pytest.providers._price_map import (
    map_source,
    openai_cost_usd,
    openai_entry,
)
from llmlab_pytest.providers._remote import plain_name
from llmlab_pytest.providers._remote_options import RemoteOptions
from llmlab_pytest.providers._remote_retry import RetryPolicy

pytestmark = pytest.mark.usefixtures("no_keys")

Server: TypeAlias = Any  # its module is loaded by path

QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
CHAT = GenerateRequest((Message("user", QUESTION),))
WAYS = ("auto", "litellm")
NAMES = ("echo", "gpt-4o-mini", "gpt-3.5-turbo", "meta-llama/Llama-3.1-8B-Instruct")
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"max_tokens": 7},
    {"temperature": 0.3},
    {"top_p": 0.4},
    {"seed": 11},
    {"stop": ("a", "b")},
    {"token_logprobs": True},
    {"top_logprobs": 3},
    {"stream": True},
)
EXTRA: tuple[dict[str, Any], ...] = (
    {"frequency_penalty": 0.5},
    {"presence_penalty": -0.5},
    {"logit_bias": {"7": -100}},
    {"max_completion_tokens": 9},
    {"top_logprobs": 2, "logprobs": True},
    {"service_tier": "flex"},
    {"store": False},
    {"prompt_cache_key": "k"},
    {"safety_identifier": "me"},
    {"extra_body": {"top_k": 4, "guided": {"regex": "a+"}}},
    {"extra_headers": {"X-Behaviour": "reasoning"}},
    {"response_format": {"type": "json_object"}},
    {"reasoning_effort": "low"},
    {"n_of_ours": 3},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
)


@pytest.fixture
def payments() -> list[str]:
    """Names of models whose lost attempts were to be paid, one for each of these."""
    return []


@pytest.fixture
def ask(server: Server, payments: list[str]) -> Callable[..., Completion]:
    """Ask a model of the local server in one of both ways."""

    def ask_model(
        way: str, name: str, request: GenerateRequest = CHAT, **options: Any
    ) -> Completion:
        model = load_model(
            ModelSpec(
                alias="m",
                provider="litellm",
                id=f"openai/{name}",
                source="models.toml:3",
                capabilities=frozenset(CAPABILITIES),
                options={"base_url": server.url, "transport": way, **options},
            ),
            provider_registry(),
        )
        model._retry = RetryPolicy(first_wait_s=0.01)  # type: ignore[attr-defined]

        async def paid() -> None:
            payments.append(name)

        async def answered() -> Completion:
            assert isinstance(model, RetryingModel)
            try:
                return (await model.run_retrying([request], paid))[0]
            finally:
                model.close()
                await asyncio.sleep(0)

        return asyncio.run(answered())

    return ask_model


def told(completion: Completion) -> dict[str, Any]:
    """Return all of a completion but what a clock decides."""
    return {
        name: getattr(completion, name)
        for name in completion.__slots__
        if name not in ("latency_s", "ttft_s")
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: "+".join(one) or "none")
def test_settings_reach_the_server_as_through_litellm(
    ask: Callable[..., Completion], server: Server, name: str, settings: dict[str, Any]
) -> None:
    """The same body, and the same completion of the same reply."""
    request = GenerateRequest(CHAT.prompt, GenerateConfig(**settings))
    ours, theirs = (told(ask(way, name, request)) for way in WAYS)
    assert server.bodies[0] == server.bodies[1]
    assert ours == theirs


@pytest.mark.parametrize("extra", EXTRA, ids="+".join)
def test_extra_parameters_reach_the_server_as_through_litellm(
    ask: Callable[..., Completion], server: Server, extra: dict[str, Any]
) -> None:
    """Those that we carry are the same, and those that we do not go through litellm."""

    def outcome(way: str) -> object:
        try:
            return told(ask(way, "echo", extra=extra))
        except LlmlabError as error:
            return str(error)

    ours, theirs = map(outcome, WAYS)
    assert ours == theirs
    assert server.bodies[: len(server.bodies) // 2] == server.bodies[-1:]


@pytest.mark.parametrize(
    "config", [{}, {"token_logprobs": True, "max_tokens": 3}, {"top_logprobs": 2}]
)
def test_raw_prompts_reach_the_server_as_through_litellm(
    ask: Callable[..., Completion], server: Server, config: dict[str, Any]
) -> None:
    """The completion endpoint too."""
    request = GenerateRequest(QUESTION, GenerateConfig(**config))
    ours, theirs = (told(ask(way, "echo", request)) for way in WAYS)
    assert server.bodies[0] == server.bodies[1]
    assert ours == theirs


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "name",
    ["thinks", "reasoning", "no-usage", "filtered-reply", "odd-finish", "twice-ended"],
)
def test_odd_answers_are_read_as_through_litellm(
    ask: Callable[..., Completion], name: str, stream: bool
) -> None:
    """Thoughts are left out of the text, unknown ends are unknown, and so on."""
    request = GenerateRequest(CHAT.prompt, GenerateConfig(stream=stream))
    ours, theirs = (told(ask(way, name, request)) for way in WAYS)
    if name == "odd-finish":  # litellm makes `stop` of an end that nobody knows
        assert (ours.pop("stop_reason"), theirs.pop("stop_reason")) in (
            ("unknown", "stop"),
            ("stop", "stop"),
        )
    assert ours == theirs


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("bad-json", MalformedReply, "a reply that is not JSON. Received: '{"),
        ("drop", ProviderUnavailable, "This was attempt 3."),
        ("empty", MalformedReply, "a reply that is not JSON. Received: ''"),
        ("short", ProviderUnavailable, "This was attempt 3."),
        ("wrong-types", MalformedReply, "whose 'choices' cannot be read"),
        ("drip", ProviderTimeout, "no answer within 0.5 s"),
        ("hang", ProviderTimeout, "no answer within 0.5 s"),
        ("cut-stream", ProviderUnavailable, "broke off its stream after 2 parts"),
        ("error-in-stream", ProviderError, "Overloaded"),
        ("proxy-error-in-stream", ProviderUnavailable, "HTTP 500: Overloaded"),
        ("error-body", RateLimited, "HTTP 429: Slow down. This was attempt 8."),
        ("moved", ProviderError, "it redirects to http://127.0.0.1:9/v1"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_every_fault_is_an_error_that_names_its_cause(
    ask: Callable[..., Completion],
    name: str,
    kind: type[LlmlabError],
    said: str,
    stream: bool,
) -> None:
    """None is an answer, and so none can become a miss."""
    only_whole = ("error-body", "bad-json", "empty", "short", "drip")
    if stream and name in only_whole:
        pytest.skip("how a whole body breaks")
    if not stream and "stream" in name:
        pytest.skip("how a stream breaks")
    request = GenerateRequest(CHAT.prompt, GenerateConfig(stream=stream))
    with pytest.raises(LlmlabError) as caught:
        ask("auto", name, request, timeout_s=0.5)
    if name == "wrong-types" and stream:
        assert type(caught.value) is MalformedReply
        return
    assert type(caught.value) is kind
    assert said in str(caught.value)


def test_a_dropped_connection_is_tried_again(
    ask: Callable[..., Completion], server: Server
) -> None:
    """The answer of the second attempt counts, once."""
    completion = ask("auto", "flaky-drop")
    assert (completion.text, completion.attempts) == (ANSWER, 2)
    assert server.counts == {QUESTION: 2}


@pytest.mark.parametrize("way", ["auto", "litellm"])
@pytest.mark.parametrize(
    ("name", "count"),
    [("echo", 0), ("flaky-429", 0), ("flaky-drop", 1), ("hang", 2), ("cut-stream", 2)],
)
def test_attempts_are_paid_again_if_they_may_be_billed(
    ask: Callable[..., Completion], payments: list[str], way: str, name: str, count: int
) -> None:
    """A refusal is free; what was lost on its way may have been computed."""
    request = GenerateRequest(CHAT.prompt, GenerateConfig(stream="stream" in name))
    with suppress(ProviderError):
        ask(way, name, request, timeout_s=0.5 if name == "hang" else 20.0)
    assert payments == [name] * count


@pytest.mark.parametrize("way", ["auto", "litellm"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_no_connection_is_not_paid(
    ask: Callable[..., Completion],
    payments: list[str],
    way: str,
    stream: bool,
) -> None:
    """Nothing was sent: no attempt can be billed."""
    request = GenerateRequest(CHAT.prompt, GenerateConfig(stream=stream))
    with pytest.raises(ServerNotReached, match=r"attempt 3"):
        ask(way, "echo", request, base_url="http://127.0.0.1:9/v1")
    assert payments == []


def test_a_limit_that_is_used_up_is_waited_for(server: Server) -> None:
    """The second request goes when the headers of the first answer say so."""
    spec = ModelSpec(
        alias="m",
        provider="litellm",
        id="openai/used-up",
        options={"base_url": server.url, "concurrency": 1},
    )
    model = load_model(spec, provider_registry())

    async def both() -> float:
        started = time.monotonic()
        try:
            await model.run([CHAT, CHAT])
        finally:
            model.close()
            await asyncio.sleep(0)
        return time.monotonic() - started

    assert asyncio.run(both()) >= 0.3
    assert server.counts == {QUESTION: 2}


def test_the_first_part_of_a_stream_has_a_limit_of_its_own(
    ask: Callable[..., Completion],
) -> None:
    """A model that thinks for long before it says anything can be given up on."""
    request = GenerateRequest(CHAT.prompt, GenerateConfig(stream=True))
    with pytest.raises(ProviderTimeout, match=r"no first part within 0\.05 s"):
        ask("auto", "hang", request, first_token_timeout_s=0.05, timeout_s=20)
    completion = ask("auto", "echo", request, first_token_timeout_s=5.0)
    assert completion.text == ANSWER


def test_what_a_server_leaves_out_is_null(ask: Callable[..., Completion]) -> None:
    """An answer without content or end is an empty one, not a broken reply."""
    completion = ask("auto", "bare")
    assert (completion.text, completion.stop_reason) == ("", "unknown")


@pytest.mark.parametrize("end", ["\n", " \r\n"])
def test_a_key_with_a_line_end_is_the_key(
    ask: Callable[..., Completion],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    """As files of secrets have one."""
    monkeypatch.setenv("MY_KEY", f"sk-0123456789abcdef{end}")
    ask("auto", "echo", api_key_env="MY_KEY")
    assert server.keys == ["Bearer sk-0123456789abcdef"]


def test_an_odd_header_is_an_error_that_shows_none(
    ask: Callable[..., Completion], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the client raises, with the key in its frames, is not chained."""
    monkeypatch.setenv("MY_KEY", "sk-0123456789\nabcdef")
    with pytest.raises(ProviderError) as caught:
        ask("auto", "echo", api_key_env="MY_KEY")
    assert "0123456789" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_connection_that_is_not_made_in_time_says_so(
    ask: Callable[..., Completion],
) -> None:
    """It is no answer that took long: nothing was sent."""
    with ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts these, and there is no room for more
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        with pytest.raises(ProviderUnavailable, match=r"no connection within 0\.2 s"):
            ask("auto", "echo", base_url=url, connect_timeout_s=0.2)


@pytest.mark.parametrize(
    ("pieces", "events"),
    [
        ([b"data: a\n\ndata: b\n\n"], ["a", "b"]),
        ([b"\xef", b"\xbb\xbfdata: a", b"\n", b"\n"], ["a"]),
        ([b"da", b"ta:a\r\n\r\n: hi\r\ndata: b\r\n"], ["a", "b"]),
        ([b"data: \xc3", b"\xa9\n\n"], ["\u00e9"]),
        ([b"event: x\nid: 1\ndata: a\ndata: b\n\n"], ["a\nb"]),
        ([b"data: a\n\ndata: cut off"], ["a"]),
        ([], []),
    ],
    ids=["two", "mark", "crlf", "split-letter", "fields", "cut", "none"],
)
def test_events_are_read_however_they_are_cut(
    pieces: list[bytes], events: list[str]
) -> None:
    """Bytes arrive as the network likes."""

    async def main() -> list[str]:
        async def received() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return [event async for event in read_events(received())]

    assert asyncio.run(main()) == events


@pytest.mark.parametrize(
    ("variables", "address", "proxy"),
    [
        ({}, "https://a.example/v1", None),
        ({"https_proxy": "http://p:1"}, "https://a.example/v1", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://a.example/v1", "http://p:1"),
        ({"all_proxy": "http://p:1"}, "http://a.example/v1", "http://p:1"),
        (
            {"https_proxy": "http://p:1", "no_proxy": "a.example"},
            "https://a.example/v1",
            None,
        ),
    ],
    ids=["none", "https", "bare", "all", "not-here"],
)
def test_proxies_of_the_environment_are_used(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    address: str,
    proxy: str | None,
) -> None:
    """As litellm's client uses them."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(address) == proxy


def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said when the model is loaded, with a way out."""
    monkeypatch.setenv("https_proxy", "socks5://p:1")
    with pytest.raises(ConfigError, match="of the kind 'socks5'"):
        proxy_for("https://a.example/v1")


def _plain_names() -> list[str]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    options = RemoteOptions()
    return [
        name
        for name, entry in sorted(litellm.model_cost.items())
        if entry.get("litellm_provider") == "openai"
        and "input_cost_per_token" in entry
        and plain_name(ModelSpec(alias="m", provider="litellm", id=name), options)
    ]


def test_prices_are_those_of_litellm() -> None:
    """Every model that we carry, with and without a cache, in every tier."""
    import litellm

    names = _plain_names()
    assert {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-3.5-turbo"} <= {*names}
    usages = [(0, 9, 0), (1000, 0, 0), (1234, 567, 0), (200_000, 99, 150_000)]
    for name in names:
        entry = litellm.model_cost[litellm.get_model_info(f"openai/{name}")["key"]]
        assert openai_entry(name) == entry
        for tier in (None, "flex", "priority", "auto", "default"):
            for read, written, cached in usages:
                theirs = litellm.cost_per_token(
                    name,
                    usage_object=litellm.Usage(
                        prompt_tokens=read,
                        completion_tokens=written,
                        prompt_tokens_details={"cached_tokens": cached},
                    ),
                    service_tier=tier,
                )
                usage = Usage(
                    input_tokens=read,
                    output_tokens=written,
                    cached_input_tokens=cached,
                )
                ours = openai_cost_usd(entry, usage, tier=tier)
                assert ours == pytest.approx(sum(theirs)), (name, tier, usage)


def test_a_model_that_nobody_knows_has_no_price() -> None:
    """Unknown is not free; the source is the map's version."""
    assert openai_entry("nobody-knows") == {}
    assert openai_cost_usd({}, Usage(input_tokens=9), tier=None) is None
    assert map_source().startswith("litellm 1.")


@pytest.mark.parametrize(
    ("name", "is_plain"),
    [
        ("openai/anything", True),
        ("openai/meta-llama/Llama-3", True),
        ("gpt-4o-mini", True),
        ("openai/gpt-4.1", True),
        ("gpt-5-mini", False),
        ("openai/gpt-5.4", False),
        ("openai/o3", False),
        ("openai/gpt-4o-audio-preview", False),
        ("openai/responses/gpt-4o", False),
        ("ft:gpt-4o-2024-08-06:us::x", False),
        ("anthropic/claude-haiku-4-5", False),
        ("nobody", False),
    ],
)
def test_only_what_litellm_sends_unchanged_is_carried(
    name: str, is_plain: bool
) -> None:
    """Models whose parameters litellm rewrites or refuses go through litellm."""
    spec = ModelSpec(alias="m", provider="litellm", id=name)
    assert (plain_name(spec, RemoteOptions()) is not None) is is_plain
