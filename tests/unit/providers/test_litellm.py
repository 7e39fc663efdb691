import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    CAPABILITIES,
    AuthError,
    Completion,
    ConfigError,
    ContentFiltered,
    ContextOverflow,
    Continuation,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    LoglikelihoodRequest,
    MalformedReply,
    Message,
    ModelSpec,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    Request,
    TokenLogprob,
    Unsupported,
    Usage,
)
from llmlab_pytest.providers import load_model, provider_registry
from llmlab_pytest.providers._remote_retry import RetryPolicy

pytestmark = pytest.mark.usefixtures("no_keys")

Server: TypeAlias = Any  # its module is loaded by path
Value: TypeAlias = Any

SERVER = Path(__file__).parents[2] / "servers" / "openai_server.py"
KEY = "sk-test-0123456789abcdef"
QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
CHAT = GenerateRequest((Message("user", QUESTION),))
VENDORS_OWN = {"base_url": None}
OWN_PRICE = {
    "input_usd_per_million_tokens": 2.0,
    "output_usd_per_million_tokens": 10.0,
}
OWN_CACHED = {"cached_input_usd_per_million_tokens": 0.5}
FLEX = {"options": {"extra": {"service_tier": "flex"}}}


@pytest.fixture(params=["auto", "litellm"])
def ask(
    server: Server, loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Ask a model of the local server, either way; fields of the spec are keywords."""
    models = []

    def ask_model(
        name: str,
        *requests: Request,
        options: dict[str, Any] | None = None,
        **spec: Value,
    ) -> list[Completion]:
        transport = {"transport": request.param}
        given = {"base_url": server.url, **transport, **(options or {})}
        options = {name: value for name, value in given.items() if value is not None}
        spec = {"capabilities": frozenset(CAPABILITIES), "options": options} | spec
        model = load_model(
            ModelSpec(
                alias="m",
                provider="litellm",
                id=name if "/" in name else f"openai/{name}",
                source="models.toml:3",
                **spec,
            ),
            provider_registry(),
        )
        model._retry = RetryPolicy(first_wait_s=0.01)  # type: ignore[attr-defined]
        models.append(model)
        running = model.run(requests or (CHAT,))
        return list(asyncio.run_coroutine_threadsafe(running, loop).result(20))

    yield ask_model
    for model in models:
        model.close()


def configured(**config: Value) -> GenerateRequest:
    return GenerateRequest(CHAT.prompt, GenerateConfig(**config))


def test_litellm_answers_a_chat(ask: Callable[..., Any]) -> None:
    """Text, usage and timing of a plain answer; an unknown price is `None`."""
    (completion,) = ask("echo")
    assert (completion.text, completion.model) == (ANSWER, "m")
    assert completion.usage == Usage(input_tokens=6, output_tokens=6)
    assert (completion.stop_reason, completion.attempts) == ("stop", 1)
    assert completion.cost_usd is None
    assert completion.latency_s > 0
    assert completion.ttft_s is None


def test_litellm_sends_messages_and_settings_unchanged(
    ask: Callable[..., Any], server: Server
) -> None:
    """The system prompt and every setting reach the server as they are."""
    turns = (
        Message("system", "  Be\nbrief. "),
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", QUESTION),
    )
    config = GenerateConfig(max_tokens=7, top_p=0.5, seed=3, stop=("zzz",))
    ask("echo", GenerateRequest(turns, config))
    (body,) = server.bodies
    assert body["messages"] == [
        {"role": turn.role, "content": turn.content} for turn in turns
    ]
    settings = {key: body[key] for key in body.keys() - {"messages", "model"}}
    assert settings == {
        "max_tokens": 7,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 3,
        "stop": ["zzz"],
    }


def test_litellm_fills_gaps_from_the_registry(
    ask: Callable[..., Any], server: Server
) -> None:
    """Defaults, `omit` and `extra` of the entry shape the request."""
    ask(
        "echo",
        options={"omit": ["temperature"], "extra": {"presence_penalty": 0.5}},
        defaults={"max_tokens": 3, "temperature": 0.7},
        capabilities=frozenset({"chat"}),
    )
    (body,) = server.bodies
    assert (body["max_tokens"], body["presence_penalty"]) == (3, 0.5)
    assert "temperature" not in body


def test_litellm_maps_a_cut_answer(ask: Callable[..., Any]) -> None:
    """An answer that hits the limit says `length`; a filtered one says so."""
    (cut,) = ask("echo", configured(max_tokens=2))
    (filtered,) = ask("filtered-reply")
    assert (cut.text, cut.stop_reason) == ("Paris is", "length")
    assert (filtered.text, filtered.stop_reason) == ("", "content_filter")


def test_litellm_reads_cached_and_reasoning_tokens(ask: Callable[..., Any]) -> None:
    """The parts of the counts that are billed differently are kept."""
    (completion,) = ask("reasoning")
    assert completion.usage == Usage(
        input_tokens=6, output_tokens=13, cached_input_tokens=2, reasoning_tokens=7
    )


def test_litellm_reads_token_logprobs(ask: Callable[..., Any]) -> None:
    """Log-probabilities come with a chat and with a raw prompt."""
    config = GenerateConfig(token_logprobs=True, max_tokens=2)
    (chat,) = ask("echo", configured(token_logprobs=True, max_tokens=2))
    (raw,) = ask("echo", GenerateRequest(QUESTION, config))
    words = (TokenLogprob("Paris", -0.5), TokenLogprob("is", -0.5))
    assert (chat.token_logprobs, raw.token_logprobs) == (words, words)


@pytest.mark.parametrize("is_raw", [False, True], ids=["chat", "raw"])
def test_litellm_reads_the_likeliest_tokens(
    ask: Callable[..., Any], is_raw: bool
) -> None:
    """Each place has its alternatives, the likeliest first whatever the order sent."""
    config = GenerateConfig(top_logprobs=3, max_tokens=2)
    prompt = QUESTION if is_raw else (Message("user", QUESTION),)
    (told,) = ask("echo", GenerateRequest(prompt, config))
    top = (("Paris", -0.5), ("Paris1", -1.5), ("Paris2", -2.5))
    first = told.token_logprobs[0]
    assert (first.token, first.logprob) == ("Paris", -0.5)
    assert tuple((each.token, each.logprob) for each in first.top) == top


@pytest.mark.parametrize("name", ["echo", "gpt-4o-mini"])
def test_litellm_sends_a_raw_prompt_raw(
    ask: Callable[..., Any], server: Server, name: str
) -> None:
    """A string goes to the completion endpoint, under any model's name."""
    (completion,) = ask(name, GenerateRequest(QUESTION, GenerateConfig(max_tokens=9)))
    assert completion.text == ANSWER
    assert server.bodies[0]["prompt"] == QUESTION
    assert "messages" not in server.bodies[0]


@pytest.mark.parametrize(
    ("name", "spec", "cost_usd"),
    [
        ("echo", OWN_PRICE, 6 * 2e-6 + 6 * 10e-6),
        ("gpt-4o-mini", {}, 6 * 0.15e-6 + 6 * 0.6e-6),
        ("gpt-4o-mini", OWN_PRICE, 6 * 2e-6 + 6 * 10e-6),
        ("reasoning", OWN_PRICE | OWN_CACHED, 4 * 2e-6 + 2 * 0.5e-6 + 13 * 10e-6),
        ("gpt-5.4", {}, 3 * 2.5e-6 + 3 * 0.25e-6 + 6 * 15e-6),
        ("gpt-5.4", FLEX, 3 * 1.25e-6 + 3 * 0.13e-6 + 6 * 7.5e-6),
        ("no-usage", OWN_PRICE, None),
        ("echo", {}, None),
    ],
    ids=[
        "own",
        "map",
        "own-first",
        "own-cached",
        "map-cached",
        "map-tier",
        "no-usage",
        "unknown",
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_litellm_prices(
    ask: Callable[..., Any],
    name: str,
    spec: dict[str, Any],
    cost_usd: float | None,
    stream: bool,
) -> None:
    """The entry's own price, else the map's; what is unknown is `None`, never 0."""
    (completion,) = ask(name, configured(stream=stream), **spec)
    if cost_usd is None:
        assert completion.cost_usd is None
    else:
        assert completion.cost_usd == pytest.approx(cost_usd)


def test_litellm_keeps_the_rates_with_the_call(ask: Callable[..., Any]) -> None:
    """The list and its version, the day, the tier and the rates that gave the cost."""
    (completion,) = ask("gpt-5.4", **FLEX)
    price = completion.price
    assert price.source == f"litellm {metadata.version('litellm')}"
    assert price.read_on == datetime.now(UTC).date().isoformat()
    assert price.tier == "flex"
    rates = price.usd_per_million_tokens
    assert (rates["input_cost_per_token_flex"], rates["input_cost_per_token"]) == (
        1.25,
        2.5,
    )
    assert not [name for name in rates if "query" in name]


def test_own_price_is_kept_with_its_place(ask: Callable[..., Any]) -> None:
    """An entry's own price names file and line; an unknown one keeps nothing."""
    (own,) = ask("echo", **OWN_PRICE)
    (unknown,) = ask("echo")
    assert own.price.source == "models.toml:3"
    assert own.price.usd_per_million_tokens == {"input": 2.0, "output": 10.0}
    assert unknown.price is None


def test_litellm_measures_the_first_token_of_a_stream(
    ask: Callable[..., Any], openai_server: ModuleType
) -> None:
    """The answer arrives in parts, and the first well before the last."""
    (completion,) = ask("echo", configured(stream=True))
    assert (completion.text, completion.stop_reason) == (ANSWER, "stop")
    assert completion.usage == Usage(input_tokens=6, output_tokens=6)
    assert completion.ttft_s is not None
    later_s = completion.latency_s - completion.ttft_s
    assert later_s > 4 * openai_server.EVENT_S


@pytest.mark.parametrize(
    ("name", "kind", "said", "calls"),
    [
        ("error-400", ProviderError, "'temperature' must be at most 2.", 1),
        ("error-401", AuthError, "Incorrect key: [redacted].", 1),
        ("no-db", AuthError, "No connected db. Check the key in the environment", 1),
        ("error-404", ProviderError, "The model does not exist.", 1),
        ("error-429", RateLimited, "Rate limit reached. This was attempt 8.", 8),
        ("error-500", ProviderUnavailable, "had an error. This was attempt 3.", 3),
        ("error-503", ProviderUnavailable, "Overloaded. This was attempt 3.", 3),
        ("filtered", ContentFiltered, "The response was filtered due to", 1),
        ("overflow", ContextOverflow, "maximum context length is 10 tokens.", 1),
        ("html", MalformedReply, "Received: '<html>", 1),
        ("no-choices", MalformedReply, "'choices'", 1),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_litellm_maps_errors(
    ask: Callable[..., Any],
    server: Server,
    name: str,
    kind: type[LlmlabError],
    said: str,
    calls: int,
) -> None:
    """Each trouble has its class; only what may pass is tried again."""
    with pytest.raises(kind) as caught:
        ask(name)
    assert type(caught.value) is kind
    assert f"'m' (openai/{name}): " in str(caught.value)
    assert said in str(caught.value)
    assert server.counts == {QUESTION: calls}


@pytest.mark.parametrize(
    ("request_", "name", "kind"),
    [
        (configured(stream=True), "html", MalformedReply),
        (configured(stream=True), "cut-stream", ProviderUnavailable),
        (configured(stream=True), "error-429", RateLimited),
        (GenerateRequest(QUESTION), "html", MalformedReply),
        (GenerateRequest(QUESTION), "error-401", AuthError),
    ],
    ids=["html-stream", "cut-stream", "429-stream", "html-raw", "401-raw"],
)
def test_litellm_takes_no_broken_answer_for_a_completion(
    ask: Callable[..., Any], request_: Request, name: str, kind: type[LlmlabError]
) -> None:
    """A page, or a stream that breaks off, is an error and not a short answer."""
    with pytest.raises(kind):
        ask(name, request_)


def test_litellm_gives_up_on_a_server_that_hangs(
    ask: Callable[..., Any], server: Server
) -> None:
    """The time limit holds for each attempt."""
    with pytest.raises(ProviderTimeout, match="Raise the option 'timeout_s'"):
        ask("hang", options={"timeout_s": 0.5})
    assert server.counts == {QUESTION: 3}


def test_litellm_reports_an_unreachable_server(ask: Callable[..., Any]) -> None:
    """Nobody listening is no wrong answer, but an error."""
    with pytest.raises(ProviderUnavailable, match="Check the address"):
        ask("echo", options={"base_url": "http://127.0.0.1:9/v1"})


@pytest.mark.parametrize("name", ["flaky-429", "flaky-500"])
def test_litellm_tries_again_and_counts(
    ask: Callable[..., Any], server: Server, name: str
) -> None:
    """A passing trouble is overcome, and the completion says at which attempt."""
    (completion,) = ask(name)
    assert (completion.text, completion.attempts) == (ANSWER, 2)
    assert server.counts == {QUESTION: 2}


@pytest.mark.parametrize("asked", [None, "OPENAI_API_KEY", "MY_SERVER"], ids=str)
def test_litellm_never_shows_a_wrong_key(
    ask: Callable[..., Any],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    asked: str | None,
) -> None:
    """A server that quotes the key is not quoted; the variable is named instead."""
    server.key = "another"
    monkeypatch.setenv(asked or "OPENAI_API_KEY", KEY)
    options = {"api_key_env": asked} if asked else {}
    with pytest.raises(AuthError) as caught:
        ask("echo", options=options)
    assert KEY not in str(caught.value)
    assert caught.value.__context__ is None
    assert server.keys == [f"Bearer {KEY if asked else 'no-key-needed'}"]
    assert (asked or "'api_key_env' in models.toml:3") in str(caught.value)


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
@pytest.mark.parametrize("key", [None, KEY], ids=["no-key", "key"])
def test_litellm_follows_the_environment(
    ask: Callable[..., Any],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    key: str | None,
) -> None:
    """`openai/NAME` works against the server of the environment, key or not."""
    monkeypatch.setenv(name, server.url)
    if key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    chat, raw = ask("echo", CHAT, GenerateRequest(QUESTION), options=VENDORS_OWN)
    assert (chat.text, raw.text) == (ANSWER, ANSWER)
    assert set(server.keys) == {f"Bearer {key or 'no-key-needed'}"}


@pytest.mark.parametrize(
    ("name", "request_", "variable"),
    [
        ("openai/gpt-4o-mini", CHAT, "OPENAI_API_KEY"),
        ("openai/gpt-4o-mini", GenerateRequest(QUESTION), "OPENAI_API_KEY"),
        ("anthropic/claude-haiku-4-5", CHAT, "ANTHROPIC_API_KEY"),
    ],
    ids=["chat", "raw", "anthropic"],
)
def test_litellm_without_a_key_names_the_variable(
    ask: Callable[..., Any], name: str, request_: Request, variable: str
) -> None:
    """A key that is not set is an error before anything is sent."""
    with pytest.raises(AuthError, match=f"in the environment: {variable}"):
        ask(
            name,
            request_,
            options=VENDORS_OWN,
            capabilities=frozenset({"chat"} if "anthropic" in name else CAPABILITIES),
        )


def test_litellm_overlaps_calls(ask: Callable[..., Any], server: Server) -> None:
    """Sixteen calls are in flight together, and answers keep their order."""
    texts = [f"capital of France, please, number {number}" for number in range(15)]
    prompts = [*texts, "the last"]
    completions = ask(
        "slow", *(GenerateRequest((Message("user", text),)) for text in prompts)
    )
    assert server.peak == 16
    assert [c.text for c in completions] == [ANSWER] * 15 + ["the last"]


@pytest.mark.parametrize(
    ("name", "request_", "said"),
    [
        (
            "echo",
            LoglikelihoodRequest((Continuation("a", "b"),)),
            "No API behind litellm offers it.",
        ),
        (
            "echo",
            GenerateRequest(QUESTION, GenerateConfig(stream=True)),
            "asked to stream a raw prompt",
        ),
        ("gpt-5-mini", CHAT, "doesn't support temperature=0.0"),
    ],
    ids=["loglikelihood", "raw-stream", "setting"],
)
def test_litellm_refuses_what_cannot_be_asked(
    ask: Callable[..., Any], server: Server, name: str, request_: Request, said: str
) -> None:
    """What the API has no way to do is said, not silently dropped."""
    with pytest.raises(Unsupported, match=said):
        ask(name, request_)
    assert server.bodies == []


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nobody/x", {}, "models.toml:3: litellm knows no vendor for 'nobody/x'."),
        ("gemini/gemini-2.5-pro", {}, "declares 'completion' at the vendor 'gemini'"),
        ("echo", {"api_key": KEY}, "Unknown option 'api_key' in models.toml:3."),
        ("echo", {"api_key_env": "NOT_SET"}, "api_key_env is 'NOT_SET', which is not"),
        ("echo", {"base_url": "localhost"}, "'base_url' is 'localhost'. It takes an"),
        ("echo", {"timeout_s": 0}, "'timeout_s' is 0. It takes a number of seconds"),
        ("echo", {"concurrency": 1.5}, "'concurrency' is 1.5. It takes a whole"),
        ("echo", {"omit": ["model"]}, "'omit' holds 'model'. It takes max_tokens,"),
        ("echo", {"extra": {"n": 2}}, "'extra' holds 'n'. llmlab-pytest sets 'n'"),
    ],
    ids=lambda value: value.split()[-1] if isinstance(value, str) else "",
)
def test_litellm_checks_its_options(
    ask: Callable[..., Any], name: str, options: dict[str, Any], said: str
) -> None:
    """A wrong entry is an error when the model is loaded, with its place."""
    with pytest.raises(ConfigError) as caught:
        ask(name, options=options)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


def test_litellm_import_stays_offline_and_quiet() -> None:
    """Loading the provider opens no socket, prints nothing and warns of nothing."""
    code = """
import socket, sys

def refuse(*args, **keywords):
    raise SystemExit(f"network: {args}")

socket.socket.connect = socket.getaddrinfo = refuse
from llmlab_pytest.core import ModelSpec
from llmlab_pytest.providers import load_model, provider_registry
spec = ModelSpec(alias="m", provider="litellm", id="openai/x")
model = load_model(spec, provider_registry())
model.close()
import logging
handlers = [logging.getLogger(n).handlers for n in ("", "LiteLLM", "LiteLLM Router")]
sys.exit(str(handlers) if any(handlers) else 0)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_server_speaks_by_hand(tmp_path: Path) -> None:
    """The test server runs alone, prints its address and logs requests."""
    log = tmp_path / "log.jsonl"
    with subprocess.Popen(
        [sys.executable, str(SERVER), "--log", str(log)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = json.dumps({"model": "echo", "prompt": QUESTION}).encode()
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/completions", body)
        reply = json.load(connection.getresponse())
        connection.close()
        assert reply["choices"][0]["text"] == ANSWER
        process.terminate()
    assert json.loads(log.read_text())["prompt"] == QUESTION
