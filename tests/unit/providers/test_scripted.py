import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Continuation,
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    MalformedReply,
    Message,
    Model,
    ModelSpec,
    RateLimited,
    Request,
    Role,
    RollingRequest,
    Tool,
    ToolCall,
    Unsupported,
    Usage,
)
from llmlab_pytest.providers import load_model, provider_registry
from llmlab_pytest.providers._scripted import scripted_spec
from llmlab_pytest.testing import FailingModel, ScriptedModel, echo

Value: TypeAlias = Any
CLOCK = Tool("clock")


def answers(model: Model, *requests: Request) -> Sequence[Completion]:
    return asyncio.run(model.run(requests))


def chat(*turns: str, **config: Value) -> GenerateRequest:
    """Return a conversation: the first text is the system prompt."""
    roles: tuple[Role, ...] = ("system", "user", "assistant", "user")
    messages = map(Message, roles, turns)
    return GenerateRequest(tuple(messages), GenerateConfig(**config))


def test_scripted_uses_rules_then_queue_then_fallback() -> None:
    """The first rule found answers; else the queue, in order; else the fallback."""
    model = ScriptedModel(["one", "two"], rules={"(?i)paris": "P"}, fallback=echo)
    said = ["x", "in Paris", "y", "z"]
    texts = [c.text for c in answers(model, *map(GenerateRequest, said))]
    assert texts == ["one", "P", "two", "z"]
    assert [request.prompt for request in model.requests] == said


def test_scripted_reads_the_last_user_message() -> None:
    """In a conversation only the last thing the user said is matched."""
    model = ScriptedModel(rules={"secret": "found"}, fallback=echo)
    (completion,) = answers(model, chat("secret", "first", "secret", "second"))
    assert completion.text == "second"


def test_scripted_without_an_answer_is_an_error() -> None:
    """A script that ran out never invents a completion."""
    with pytest.raises(MalformedReply, match="'scripted' has no reply to 'hello'"):
        answers(ScriptedModel(), GenerateRequest("hello"))


def test_scripted_raises_errors_in_turn() -> None:
    """An error in the queue is raised once, then the script goes on."""
    model = ScriptedModel([RateLimited("slow down"), "fine"])
    with pytest.raises(RateLimited, match="slow down"):
        answers(model, GenerateRequest("a"))
    assert answers(model, GenerateRequest("a"))[0].text == "fine"


@pytest.mark.parametrize(
    ("config", "text", "stop_reason"),
    [
        ({}, "a b c. d", "stop"),
        ({"max_tokens": 2}, "a b", "length"),
        ({"max_tokens": 4}, "a b c. d", "stop"),
        ({"stop": ("c", "b")}, "a ", "stop"),
        ({"max_tokens": 3, "stop": (".",)}, "a b c", "stop"),
    ],
    ids=["whole", "cut", "exact", "stop", "both"],
)
def test_scripted_honours_limits(
    config: dict[str, object], text: str, stop_reason: str
) -> None:
    """`max_tokens` counts words, and the text ends before a stop string."""
    (completion,) = answers(ScriptedModel(["a b c. d"]), chat("s", "u", **config))
    assert (completion.text, completion.stop_reason) == (text, stop_reason)


def test_scripted_fills_gaps_with_the_defaults_of_its_spec() -> None:
    """A default of the registry applies where the request is silent."""
    spec = ModelSpec(
        alias="m",
        provider="scripted",
        id="m",
        defaults={"max_tokens": 1, "stop": ["x"]},
    )
    model = ScriptedModel(fallback=echo, spec=spec)
    assert answers(model, chat("", "a b"))[0].text == "a"
    assert answers(model, chat("", "a b x", max_tokens=3))[0].text == "a b "


def test_scripted_counts_words_and_costs_nothing() -> None:
    """Usage is in words; the price is known to be zero; latency is as told."""
    model = ScriptedModel(["three small words"], latency_s=0.01)
    (completion,) = answers(model, chat("be brief", "say it", stream=True))
    assert completion.usage == Usage(input_tokens=4, output_tokens=3)
    assert completion.cost_usd == 0.0
    assert (completion.latency_s, completion.ttft_s) == (0.01, 0.01)


def test_scripted_scores_continuations_by_bytes_or_rules() -> None:
    """A continuation costs ln 256 per byte unless a rule gives the number."""
    model = ScriptedModel(loglikelihoods={"is Paris$": -0.25})
    pairs = [Continuation("It is", " é"), Continuation("It is", " Paris")]
    (completion,) = answers(model, LoglikelihoodRequest(tuple(pairs)))
    uniform, ruled = completion.continuations
    assert uniform.loglikelihood == pytest.approx(-3 * math.log(256))
    assert (uniform.is_greedy, uniform.tokens) == (False, 3)
    assert (ruled.loglikelihood, ruled.is_greedy, ruled.tokens) == (-0.25, True, 6)


def test_scripted_scores_a_whole_text_as_one_piece() -> None:
    """A script has no window: one number for the text, by bytes or by a rule."""
    model = ScriptedModel(loglikelihoods={"^known": -2.0})
    found = answers(model, RollingRequest("é a"), RollingRequest("known text"))
    (uniform,), (ruled,) = (completion.continuations for completion in found)
    assert uniform.loglikelihood == pytest.approx(-4 * math.log(256))
    assert (uniform.tokens, ruled.loglikelihood) == (4, -2.0)
    assert found[0].usage.input_tokens == 2


def test_scripted_scores_after_messages() -> None:
    """Rules see what all messages say, and words are counted."""
    model = ScriptedModel(loglikelihoods={"be brief\nwhere\\?\nParis$": -0.25})
    context = (Message("system", "be brief"), Message("user", "where?"))
    request = LoglikelihoodRequest((Continuation(context, "Paris"),))
    (completion,) = answers(model, request)
    assert completion.continuations[0].loglikelihood == -0.25
    assert completion.usage.input_tokens == 4


def test_scripted_gives_token_logprobs_of_the_byte_model() -> None:
    """Each word's log-probability is that of its bytes."""
    (completion,) = answers(ScriptedModel(["ab c"]), chat("", "u", token_logprobs=True))
    tokens = [(item.token, item.logprob) for item in completion.token_logprobs]
    assert tokens == [("ab", -2 * math.log(256)), ("c", -math.log(256))]


@pytest.mark.parametrize(
    ("request_", "needed"),
    [
        (GenerateRequest("raw"), "completion"),
        (chat("s", "u", stream=True), "streaming"),
        (chat("s", "u", token_logprobs=True), "token_logprobs"),
        (chat("s", "u", seed=1, temperature=0.5), "seed"),
        (LoglikelihoodRequest((Continuation("a", "b"),)), "loglikelihood"),
    ],
    ids=["raw", "stream", "logprobs", "seed", "loglikelihood"],
)
def test_scripted_refuses_what_its_spec_does_not_declare(
    request_: Request, needed: str
) -> None:
    """A missing capability is an error that names it, also for a double."""
    spec = ModelSpec(alias="m", provider="scripted", id="m")
    with pytest.raises(Unsupported, match=f"needs the capability '{needed}' of 'm'"):
        answers(ScriptedModel(fallback=echo, spec=spec), request_)


def test_context_of_messages_needs_chat_too() -> None:
    """A base model scores raw text only."""
    capabilities = frozenset({"loglikelihood"})
    spec = ModelSpec(alias="m", provider="x", id="m", capabilities=capabilities)
    model = ScriptedModel(spec=spec)
    assert answers(model, LoglikelihoodRequest((Continuation("a", "b"),)))
    asked = LoglikelihoodRequest((Continuation((Message("user", "a"),), "b"),))
    with pytest.raises(Unsupported, match="messages needs the capability 'chat'"):
        answers(model, asked)


def test_scripted_needs_no_seed_capability_when_greedy() -> None:
    """A seed changes nothing at temperature 0, so it needs nothing."""
    spec = ModelSpec(alias="m", provider="scripted", id="m")
    model = ScriptedModel(["ok"], spec=spec)
    assert answers(model, chat("s", "u", seed=1))[0].text == "ok"


def test_scripted_digest_follows_the_script() -> None:
    """Two scripts differ in their digest, equal ones do not."""
    digests = [ScriptedModel([text]).digest for text in ("a", "a", "b")]
    assert digests[0] == digests[1] != digests[2]


def test_failing_model_raises_every_time_and_records() -> None:
    """Every call fails the same way, and is on record."""
    model = FailingModel(RateLimited("no"))
    for _ in range(2):
        with pytest.raises(RateLimited, match="no"):
            answers(model, GenerateRequest("a"))
    model.close()
    assert (len(model.requests), model.is_closed) == (2, True)


def test_scripted_calls_tools() -> None:
    """One call or several, in order; they count as what a model writes."""
    clock, note = ToolCall("1", "clock", {}), ToolCall("2", "note", {"text": "a b"})
    model = ScriptedModel([clock], rules={"both": (clock, note)})
    request = GenerateRequest((Message("user", "Hi"),), GenerateConfig(tools=(CLOCK,)))
    (one,) = answers(model, request)
    assert (one.text, one.tool_calls, one.stop_reason) == ("", (clock,), "tool_calls")
    assert one.usage.output_tokens == 2
    (both,) = answers(model, GenerateRequest("both"))
    assert both.tool_calls == (clock, note)


def test_script_file_calls_tools(tmp_path: Path) -> None:
    """A reply may be calls, with ids of their own."""
    script = tmp_path / "s.toml"
    script.write_text(
        '[[reply]]\npattern = "a"\n'
        'tool_calls = [{ name = "note", arguments = { n = 1 } }]\n'
    )
    spec = replace(scripted_spec("m"), id=str(script))
    model = load_model(spec, provider_registry())
    (completion,) = answers(model, GenerateRequest("a"))
    assert completion.tool_calls == (ToolCall("call-1", "note", {"n": 1}),)


def test_script_file_answers(tmp_path: Path) -> None:
    """A file has replies, log-likelihoods and a fallback."""
    script = tmp_path / "s.toml"
    script.write_text(
        'fallback = "error"\n[[reply]]\npattern = "a+"\ntext = ""\n'
        '[[reply]]\npattern = "b$"\nloglikelihood = -1\n'
    )
    spec = ModelSpec(
        alias="m",
        provider="scripted",
        id=str(script),
        capabilities=frozenset({"completion", "loglikelihood"}),
    )
    model = load_model(spec, provider_registry())
    pair = LoglikelihoodRequest((Continuation("a", "b"),))
    assert answers(model, GenerateRequest("caab"))[0].text == ""
    assert answers(model, pair)[0].continuations[0].loglikelihood == -1
    with pytest.raises(MalformedReply):
        answers(model, GenerateRequest("b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[reply]]\ntext = 'x'", ":1: the reply has the keys ['text']"),
        ("[[reply]]\npattern = '('\ntext = ''", ":2: '(' is no pattern"),
        ("[[reply]]\npattern = 'a'\nlogliklihood = 1", "'loglikelihood'?"),
        ("[[reply]]\npattern = 'a'\nloglikelihood = 1", ":3: 'loglikelihood' is 1."),
        (
            "[[reply]]\npattern = 'a'\ntool_calls = [{ name = 'f' }]",
            ":3: 'tool_calls' is",
        ),
        (
            "[[reply]]\npattern = 'a'\ntool_calls = [{ name = 'f', arguments = '{}' }]",
            ":3: 'arguments' is '{}'. It takes a table",
        ),
        ("fallback = 'ecko'", ":1: 'fallback' is 'ecko'. It takes 'echo' or"),
    ],
    ids=["no-pattern", "pattern", "key", "positive", "calls", "arguments", "fallback"],
)
def test_script_file_errors_name_file_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    """A wrong script is an error with file and line."""
    script = tmp_path / "s.toml"
    script.write_text(text)
    spec = ModelSpec(alias="m", provider="scripted", id=str(script))
    with pytest.raises(ConfigError) as caught:
        load_model(spec, provider_registry())
    assert message in str(caught.value)


def test_script_takes_no_options() -> None:
    """An option in the entry is an error, as with every provider."""
    spec = ModelSpec(
        alias="m", provider="scripted", id="shipped:scripted.toml", options={"x": 1}
    )
    with pytest.raises(ConfigError, match="Unknown option 'x'"):
        load_model(spec, provider_registry())
