"""What a judge gets to read of a sample and its answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Json,
    Sample,
    Target,
    ToolCall,
    shorten,
)

TEXTS = ("question", "answer", "reference", "context", "conversation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The texts that belong to one judgement, each looked up when it is asked for."""

    completion: Completion
    target: Target
    sample: Sample | None
    context_field: str = "context"
    conversation_field: str = "messages"

    @classmethod
    def of(
        cls,
        completion: Completion | str,
        target: Target,
        sample: Sample | None,
        *,
        context_field: str = "context",
    ) -> "Material":
        """Take what a scorer is given."""
        if isinstance(completion, str):
            completion = Completion(text=completion, model="")
        if target is None and sample is not None:
            target = sample.target
        return cls(
            completion=completion,
            target=target,
            sample=sample,
            context_field=context_field,
        )

    def texts(self, names: Sequence[str]) -> dict[str, str]:
        """Return texts by their names, in the order asked for.

        Raises:
            ConfigError: a name is unknown, or the sample has no such text.
        """
        return {name: self.text(name) for name in names}

    def text(self, name: str) -> str:
        """Return one text.

        Raises:
            ConfigError: the name is unknown, or the sample has no such text.
        """
        match name:
            case "question":
                return self.question
            case "answer":
                return self.answer
            case "reference":
                return self.reference
            case "context":
                return "\n\n".join(self.contexts)
            case "conversation":
                return self.conversation
        raise ConfigError(
            f"A judge is to read {name!r}.", allowed=f"It reads {', '.join(TEXTS)}."
        )

    @property
    def answer(self) -> str:
        """The text that is judged; after it the tools that were called, if any."""
        calls = [_call(call) for call in self.completion.tool_calls]
        return "\n".join(filter(None, [self.completion.text, *calls]))

    @property
    def question(self) -> str:
        """What was asked.

        Raises:
            ConfigError: nobody said so.
        """
        if self.sample is None or not self.sample.input:
            raise _missing("question", "Give the scorer a sample with an input.")
        return self.sample.input

    @property
    def reference(self) -> str:
        """The target; of several all, since any of them is right.

        Raises:
            ConfigError: there is none.
        """
        if self.target is None:
            raise _missing("reference", "Give the row a 'target'.")
        if not isinstance(self.target, tuple):
            return str(self.target)
        return "\nor: ".join(map(str, self.target))

    @property
    def contexts(self) -> tuple[str, ...]:
        """The texts that the answer was to rest on, in their order.

        Raises:
            ConfigError: the sample has no such field, or no text or texts in it.
        """
        return _texts(self._field(self.context_field, "context"), self.context_field)

    @property
    def conversation(self) -> str:
        """The turns before the answer, and the answer.

        Raises:
            ConfigError: the sample's field is no list of turns.
        """
        lines = [f"{turn['role']}: {turn['content']}" for turn in self.turns()]
        return "\n".join([*lines, f"assistant: {self.answer}"])

    def turns(self) -> list[dict[str, str]]:
        """Return the turns before the answer, by role and content.

        Raises:
            ConfigError: the sample's field is no list of turns.
        """
        name = self.conversation_field
        turns = self._field(name, "conversation")
        if not isinstance(turns, Sequence) or isinstance(turns, str):
            raise _wrong(name, turns)
        return [_turn(turn, name) for turn in turns]

    def _field(self, name: str, wanted: str) -> Json:
        row = {} if self.sample is None else self.sample.metadata
        if name not in row:
            raise _missing(wanted, f"Give the row a field {name!r}.")
        return row[name]


def _texts(value: Json, name: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(part, str) for part in value):
        return tuple(map(str, value))
    raise ConfigError(
        f"The field {name!r} is {shorten(repr(value))}.",
        allowed="A context is a text or a list of texts.",
    )


def _turn(turn: object, name: str) -> dict[str, str]:
    if not isinstance(turn, Mapping) or "role" not in turn:
        raise _wrong(name, turn)
    content = turn.get("content") or ""
    told = content if isinstance(content, str) else json.dumps(content)
    for call in turn.get("tool_calls") or ():
        told += f"\ncalls {json.dumps(call, ensure_ascii=False)}"
    return {"role": str(turn["role"]), "content": told.strip()}


def _call(call: ToolCall) -> str:
    if isinstance(call.arguments, str):
        return f"calls {call.name}({call.arguments})"
    return f"calls {call.name}({json.dumps(dict(call.arguments), ensure_ascii=False)})"


def _missing(what: str, fix: str) -> ConfigError:
    return ConfigError(f"A judge is to read the {what}, and there is none.", fix=fix)


def _wrong(name: str, value: object) -> ConfigError:
    return ConfigError(
        f"The field {name!r} holds {shorten(repr(value))}.",
        allowed='A conversation is a list of turns: {"role": "user", "content": "…"}.',
    )
