"""A prompt tried on a model: asked once, and scored."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmlab_pytest.asking._asking import FIRST_SEED, Asking
from llmlab_pytest.core import (
    Completion,
    GenerateConfig,
    GenerateRequest,
    Image,
    Listener,
    LlmlabError,
    Message,
    ModelSpec,
    Sample,
    Score,
)
from llmlab_pytest.prompts import render
from llmlab_pytest.scorers import Scorer, ascore

_MOST_TOKENS = 256


class Prompt(NamedTuple):
    """What is asked."""

    template: str
    variables: Mapping[str, str]
    system: str | None = None
    images: Sequence[Image] = ()

    @property
    def text(self) -> str:
        """The template with its variables; raises `ConfigError` for a missing one."""
        return render(self.template, self.variables, where="this command")

    def messages(self) -> tuple[Message, ...]:
        """Return the conversation that asks it."""
        content: str | tuple[str | Image, ...] = self.text
        if self.images:
            content = (*self.images, self.text)
        asked = Message("user", content)
        if self.system is None:
            return (asked,)
        return (Message("system", self.system), asked)


class Decoding(NamedTuple):
    """How answers are drawn."""

    max_tokens: int | None = None
    """`None`: what the model's entry says, else 256."""
    temperature: float | None = None
    """0 and `None` are greedy."""
    seed: int = FIRST_SEED
    """Of the first answer; each further one is drawn with the next."""


class Answer(NamedTuple):
    """What one model answered, or why it did not, or why that is not scored."""

    spec: ModelSpec
    number: int
    """From 0, of this model's answers."""
    completion: Completion | None
    scores: tuple[Score, ...] = ()
    error: LlmlabError | None = None


class Trying:
    """Asks models a prompt and scores what they answer.

    Args:
        asking: the models.
        prompt: what is asked.
        decoding: how.
        scorers: with their names.
        target: the reference, for scorers that need one.
    """

    def __init__(
        self,
        asking: Asking,
        prompt: Prompt,
        *,
        decoding: Decoding,
        scorers: Sequence[tuple[str, Scorer]] = (),
        target: str | None = None,
    ) -> None:
        self._asking = asking
        self._prompt = prompt
        self._decoding = decoding
        self._scorers = scorers
        self._target = target

    async def answer(
        self, spec: ModelSpec, number: int, *, listener: Listener | None = None
    ) -> Answer:
        """Return one answer with its scores; trouble is part of it, and no score.

        Args:
            spec: the model.
            number: of this model's answer, from 0.
            listener: hears the answer while it is written.
        """
        try:
            completion = await self._asking.ask(
                spec,
                self._request(spec, number),
                epoch=number + 1,
                listener=listener,
            )
        except LlmlabError as error:
            return Answer(spec, number, None, error=error)
        try:
            sample = Sample(id="prompt", input=self._prompt.text, target=self._target)
            scores = [
                await ascore(completion, scorer, sample=sample)
                for _, scorer in self._scorers
            ]
        except LlmlabError as error:  # of a judge: what was answered, and paid, stays
            return Answer(spec, number, completion, error=error)
        return Answer(spec, number, completion, tuple(scores))

    def _request(self, spec: ModelSpec, number: int) -> GenerateRequest:
        config = config_for(spec, self._decoding, number=number)
        return GenerateRequest(self._prompt.messages(), config)


def config_for(spec: ModelSpec, decoding: Decoding, *, number: int) -> GenerateConfig:
    """Return how a model is asked; each of its answers has a seed of its own.

    Args:
        spec: the model.
        decoding: what is chosen.
        number: of the answer, from 0.
    """
    is_drawn = bool(decoding.temperature) and "seed" in spec.capabilities
    has_limit = "max_tokens" in spec.defaults
    return GenerateConfig(
        max_tokens=decoding.max_tokens or (None if has_limit else _MOST_TOKENS),
        temperature=decoding.temperature,
        seed=decoding.seed + number if is_drawn else None,
        stream="streaming" in spec.capabilities,
    )
