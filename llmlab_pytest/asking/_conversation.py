"""A conversation of several turns, with one model or with several side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmlab_pytest.asking._asking import Asking
from llmlab_pytest.asking._trying import Answer, Decoding, config_for
from llmlab_pytest.core import (
    Completion,
    ContextOverflow,
    GenerateRequest,
    Listener,
    LlmlabError,
    Message,
    ModelSpec,
    Usage,
)

ListenerAt = Callable[[int], Listener | None]
"""Returns who hears the answer of the model at a place, from 0."""


@dataclass
class _Turn:
    said: str
    answers: dict[str, Completion] = field(default_factory=dict)
    """By the model's alias, in the order of asking."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model took in a conversation, turns that were taken back included."""

    model: str
    answers: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    """`None` where the price of an answer is unknown."""


class Conversation:
    """Turns of a user and of models; each model goes on from its own answers.

    A model that did not take part in a turn reads the first answer that was given in
    it. A turn without any answer is not kept.

    Args:
        asking: the models.
        decoding: how answers are drawn; each turn with a seed of its own.
        system: the system message.
    """

    def __init__(
        self, asking: Asking, decoding: Decoding, *, system: str | None = None
    ) -> None:
        self._asking = asking
        self._decoding = decoding
        self.system = system
        self._turns: list[_Turn] = []
        self._spent: dict[str, Spent] = {}
        self._asked = 0

    def __len__(self) -> int:
        """Return how many turns there are."""
        return len(self._turns)

    async def answer(
        self, spec: ModelSpec, said: str, *, listener: Listener | None = None
    ) -> Answer:
        """Ask one model what comes next; `keep` makes it a part of the conversation."""
        asked = (*self.messages(spec), Message("user", said))
        config = config_for(spec, self._decoding, number=self._asked)
        try:
            completion = await self._asking.ask(
                spec,
                GenerateRequest(asked, config),
                epoch=self._asked + 1,
                listener=listener,
            )
        except LlmlabError as error:
            return Answer(spec, 0, None, error=error)
        self._note(completion)
        return Answer(spec, 0, completion)

    def keep(self, said: str, answers: Sequence[Answer]) -> bool:
        """Add a turn, if there is an answer; say whether there is."""
        self._asked += 1
        given = {a.spec.alias: a.completion for a in answers if a.completion}
        if given:
            self._turns.append(_Turn(said, given))
        return bool(given)

    def undo(self) -> str | None:
        """Take back the last turn; return what was said, `None` if there is none."""
        return self._turns.pop().said if self._turns else None

    def messages(self, spec: ModelSpec | None = None) -> tuple[Message, ...]:
        """Return the conversation as a model reads it; of none: the first answers."""
        turns = []
        if self.system:
            turns.append(Message("system", self.system))
        for turn in self._turns:
            own = turn.answers.get(spec.alias) if spec is not None else None
            answer = own or next(iter(turn.answers.values()))
            turns += [Message("user", turn.said), Message("assistant", answer.text)]
        return tuple(turns)

    def context_used(self, spec: ModelSpec) -> float | None:
        """Return the part of the context that the last turn filled, if that is known.

        Tokens of the last answer and of all that was read for it.
        """
        last = self._turns[-1].answers.get(spec.alias) if self._turns else None
        if last is None or not spec.context_tokens:
            return None
        return (last.usage.input_tokens + last.usage.output_tokens) / (
            spec.context_tokens
        )

    def spent(self) -> list[Spent]:
        """Return what each model took."""
        return list(self._spent.values())

    def _note(self, done: Completion) -> None:
        before = self._spent.get(done.model, Spent(done.model))
        known = None not in (before.cost_usd, done.cost_usd)
        cost_usd = (before.cost_usd or 0.0) + (done.cost_usd or 0.0)
        self._spent[done.model] = Spent(
            done.model,
            before.answers + 1,
            before.usage + done.usage,
            cost_usd if known else None,
        )


def is_too_long(answer: Answer) -> bool:
    """Whether a model did not answer since the conversation exceeds its context."""
    return isinstance(answer.error, ContextOverflow)
