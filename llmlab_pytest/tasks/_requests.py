"""From a planned sample to the request: demonstrations, prompt, continuations.

Follows lm-eval 0.4.13: the context is `system + description + Σ(question + delimiter +
answer + gap) + question`, and each continuation is the delimiter followed by a choice;
in a chat the delimiter is left out.
"""

from collections.abc import Collection
from typing import Any

from llmlab_pytest.core import (
    Capability,
    ConfigError,
    Continuation,
    DataError,
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    Request,
    RollingRequest,
    Sample,
)
from llmlab_pytest.prompts import (
    ChatMode,
    Turn,
    evaluate,
    messages_of,
    raw_text,
    render,
    system_turns,
)
from llmlab_pytest.tasks._conversation import turns_of
from llmlab_pytest.tasks._plan import PlannedTask
from llmlab_pytest.tasks._task import Task, chat_mode_on

Row = dict[str, Any]


def build_request(
    planned: PlannedTask, sample: Sample, *, capabilities: Collection[Capability]
) -> Request:
    """Render the request of one sample.

    Args:
        planned: the task with its demonstrations.
        sample: one of its samples.
        capabilities: of the model; decides between raw prompt and chat message.

    Raises:
        ConfigError: a template has an error.
        DataError: the row lacks a field of a template, or has no choices.
    """
    task = planned.task
    where = planned.where(sample)
    row = {"input": sample.input, **sample.metadata}
    mode = chat_mode_on(task, capabilities)
    before = _before(planned, sample, row)
    if task.kind == "perplexity":
        return RollingRequest(render(task.prompt, row, where=where))
    if task.kind == "loglikelihood":
        choices = _choices(task, row, sample, where, mode)
        pairs = [
            Continuation(_context(before, question, mode), text)
            for question, text in choices
        ]
        if task.has_unconditional:
            pairs += [Continuation("", text) for _, text in choices]
        return LoglikelihoodRequest(tuple(pairs))
    config = GenerateConfig(
        max_tokens=task.max_tokens, temperature=task.temperature, stop=task.stop
    )
    if task.messages is not None:
        turns = (
            *before,
            *turns_of(
                task.messages, row, gap=task.demonstration_delimiter, where=where
            ),
        )
        return GenerateRequest(_asked(turns, mode), config)
    question = render(task.prompt, row, where=where)
    return GenerateRequest(_context(before, question, mode), config)


def _context(
    before: tuple[Turn, ...], question: str, mode: ChatMode
) -> str | tuple[Message, ...]:
    return _asked((*before, Turn("user", question)), mode)


def _asked(turns: tuple[Turn, ...], mode: ChatMode) -> str | tuple[Message, ...]:
    return raw_text(turns) if mode == "off" else messages_of(turns, mode)


def _before(planned: PlannedTask, sample: Sample, row: Row) -> tuple[Turn, ...]:
    """Return what comes before the question: system text and demonstrations."""
    task = planned.task
    where = planned.where(sample)
    system = task.system and render(task.system, row, where=where)
    description = render(task.description, row, where=where)
    gap = task.demonstration_delimiter
    turns = system_turns(system, description, delimiter=gap)
    for demonstration in planned.demonstrations.get(sample.id, ()):
        question, answer = _demonstration(task, demonstration)
        turns += (
            Turn("user", question, task.target_delimiter),
            Turn("assistant", answer, gap),
        )
    return turns


def _demonstration(task: Task, row: Row) -> tuple[str, str]:
    """Return question and answer of a demonstration."""
    where = f"{task.where} (demonstration)"
    prompt = render(task.prompt, row, where=where)
    if task.contexts is None:
        return prompt, _answer(task, row, where)
    contexts = _list(evaluate(task.contexts, row, where=where), where)
    return str(contexts[_index(task, row, where)]), prompt


def _answer(task: Task, row: Row, where: str) -> str:
    how = task.demonstrations
    if how is not None and how.answer is not None:
        return str(evaluate(how.answer, row, where=where))
    if task.choices is not None or "choices" in row:
        expression = task.choices or "choices"
        choices = _list(evaluate(expression, row, where=where), where)
        return str(choices[_index(task, row, where)])
    return str(evaluate(task.target or "target", row, where=where))


def _index(task: Task, row: Row, where: str) -> int:
    value = evaluate(task.target or "target", row, where=where)
    if not isinstance(value, int):
        raise DataError(
            f"The target of the demonstration in {where} is {value!r}.",
            allowed="It is an index into the choices.",
        )
    return value


def _choices(
    task: Task, row: Row, sample: Sample, where: str, mode: ChatMode
) -> list[tuple[str, str]]:
    """Return, for each choice, the question and the text that continues it."""
    delimiter = task.target_delimiter if mode == "off" else ""
    prompt = render(task.prompt, row, where=where)
    if task.contexts is not None:
        contexts = _list(evaluate(task.contexts, row, where=where), where)
        return [(str(context), delimiter + prompt) for context in contexts]
    if not sample.choices:
        raise DataError(
            f"{where} has no choices.",
            fix="Give each row 'choices', or the card an expression for them.",
        )
    return [(prompt, delimiter + choice) for choice in sample.choices]


def _list(value: object, where: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ConfigError(
        f"An expression in {where} gives {value!r}.", allowed="It gives a list."
    )
