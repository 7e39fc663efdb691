"""An answer that is heard while it is written is the answer that is returned."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    GenerateConfig,
    GenerateRequest,
    Message,
    ModelSpec,
    ProviderUnavailable,
    listening,
)
from llmlab_pytest.providers import load_model, provider_registry
from llmlab_pytest.providers._local_decoding import cut_at_stops
from llmlab_pytest.providers._local_pieces import Pieces
from llmlab_pytest.providers._remote_retry import RetryPolicy
from llmlab_pytest.providers._scripted import ScriptedModel

pytestmark = pytest.mark.usefixtures("no_keys")

QUESTION = GenerateRequest(
    (Message("user", "What is the capital of France?"),), GenerateConfig(stream=True)
)
ANSWER = "Paris is the capital of France."


class Heard:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.pieces = 0

    @property
    def text(self) -> str:
        """Return the last text."""
        return self.texts[-1]

    def begin(self) -> None:
        """Start another text."""
        self.texts.append("")

    def add(self, text: str) -> None:
        """Go on with it."""
        self.texts[-1] += text
        self.pieces += 1


def ask(model: Any, *heard: Heard, request: Any = QUESTION) -> Sequence[Completion]:
    async def asked() -> Sequence[Completion]:
        try:
            with listening(heard):
                answers: Sequence[Completion] = await model.run([request] * len(heard))
                return answers
        finally:
            model.close()
            if (closing := getattr(model, "_closing", None)) is not None:
                await closing

    return asyncio.run(asked())


@pytest.fixture
def remote(server: Any) -> Any:
    """Load a model of the local server."""

    def load(way: str, name: str) -> Any:
        spec = ModelSpec(
            alias="m",
            provider="litellm",
            id=f"openai/{name}",
            capabilities=frozenset(CAPABILITIES),
            options={"base_url": server.url, "transport": way},
        )
        model: Any = load_model(spec, provider_registry())
        model._retry = RetryPolicy(first_wait_s=0.01)
        return model

    return load


@pytest.mark.parametrize("way", ["auto", "litellm"])
def test_parts_of_a_stream_are_heard(remote: Any, way: str) -> None:
    """Each as it comes; two requests of one call each have their own listener."""
    heard = Heard(), Heard()
    answers = ask(remote(way, "echo"), *heard)
    assert [answer.text for answer in answers] == [ANSWER, ANSWER]
    assert [each.texts for each in heard] == [[ANSWER], [ANSWER]]
    assert heard[0].pieces > 1


@pytest.mark.parametrize("way", ["auto", "litellm"])
def test_another_attempt_begins_anew(remote: Any, way: str) -> None:
    """What a stream that breaks off has said is void; so is its last attempt's."""
    heard = Heard()
    with pytest.raises(ProviderUnavailable, match="broke off"):
        ask(remote(way, "cut-stream"), heard)
    assert len(heard.texts) == 3
    assert all(text and ANSWER.startswith(text) for text in heard.texts)


def test_an_answer_that_is_not_streamed_is_not_heard(remote: Any) -> None:
    """It is there at once."""
    heard = Heard()
    request = GenerateRequest(QUESTION.prompt)
    (answer,) = ask(remote("auto", "echo"), heard, request=request)
    assert answer.text == ANSWER
    assert heard.texts == [""]


def test_listening_changes_no_answer_of_a_script() -> None:
    """White space is kept; what nobody listens to is said at once."""
    text = "  Two\n\nwords  "
    heard = Heard()
    (answer,) = ask(ScriptedModel([text]), heard)
    assert answer == asyncio.run(ScriptedModel([text]).run([QUESTION]))[0]
    assert (heard.texts, heard.pieces) == ([text], 2)


def test_listeners_of_another_call_do_not_hear_this_one() -> None:
    """A call of two requests within one that has a listener, as a judge's is."""
    heard = Heard()
    model = ScriptedModel(["one", "two"])
    with listening([heard]):
        asyncio.run(model.run([QUESTION, QUESTION]))
    assert heard.texts == []


# Tokens are bytes here: characters of several tokens, and stops across tokens.
def detokenize(tokens: Sequence[int]) -> str:
    return bytes(tokens).decode(errors="replace")


@given(text=st.text("ab é🦋\n", max_size=30), stop=st.sampled_from(["", "a\nb", "🦋é"]))
def test_pieces_of_tokens_are_the_text(text: str, stop: str) -> None:
    """Never half a character, nor what a stop string cuts off; all of it at the end."""
    heard, tokens = Heard(), list(text.encode())
    stops = [stop] if stop else []
    pieces = Pieces(heard, detokenize, stops)
    whole = cut_at_stops(text, stops)
    for count in range(1, len(tokens) + 1):
        if stop and stop in detokenize(tokens[:count]):
            break
        pieces.take(tokens[:count])
        assert whole.startswith(heard.text)
    pieces.end(whole)
    assert heard.texts == [whole]


def test_a_row_that_is_computed_again_is_told_from_where_it_differs() -> None:
    """What came out alike is not said twice."""
    heard = Heard()
    pieces = Pieces(heard, detokenize, [])
    for count in range(1, 8):
        pieces.take(list(b"It is so"[:count]))
    pieces.restart()
    for count in range(1, 9):
        pieces.take(list(b"It is on."[:count]))
    pieces.end("It is on.")
    assert heard.texts == ["It is s", "It is on."]


def test_another_loop_that_has_ended_is_no_matter(remote: Any) -> None:
    """Litellm's worker, left there by somebody else, hinders no later end of it."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    async def leave() -> None:
        GLOBAL_LOGGING_WORKER.ensure_initialized_and_enqueue(asyncio.sleep(0))

    asyncio.run(leave())
    (answer,) = ask(remote("litellm", "echo"), Heard())
    assert answer.text == ANSWER


def test_the_other_protocol_of_a_model_is_another_matter(
    remote: Any, server: Any
) -> None:
    """An entry that goes to OpenAI's responses sends no other entry there."""
    remote("litellm", "responses/echo")
    (answer,) = ask(remote("litellm", "echo"), Heard())
    assert answer.text == ANSWER
    assert "messages" in server.bodies[-1]
