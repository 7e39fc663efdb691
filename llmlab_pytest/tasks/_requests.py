"""From a planned sample to the request: demonstrations, prompt, continuations.

Follows lm-eval 0.4.13: the context is `description + Σ(question + delimiter + answer +
gap) + question`, and each continuation is the delimiter followed by a choice.
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
from llmlab_pytest.prompts import evaluate, render
from llmlab_pytest.tasks._plan import PlannedTask
from llmlab_pytest.tasks._task import Task, needed_capability

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
    before = _before(planned, sample, row)
    if task.kind == "loglikelihood":
        return LoglikelihoodRequest(_continuations(task, row, sample, before, where))
    if task.kind == "perplexity":
        return RollingRequest(render(task.prompt, row, where=where))
    prompt = before + render(task.prompt, row, where=where)
    config = GenerateConfig(
        max_tokens=task.max_tokens, temperature=task.temperature, stop=task.stop
    )
    if needed_capability(task, capabilities) == "completion":
        if task.system is not None:
            prompt = f"{task.system}{task.demonstration_delimiter}{prompt}"
        return GenerateRequest(prompt, config)
    messages = [Message("user", prompt)]
    if task.system is not None:
        system = render(task.system, row, where=where)
        messages.insert(0, Message("system", system))
    return GenerateRequest(tuple(messages), config)


def _before(planned: PlannedTask, sample: Sample, row: Row) -> str:
    """Return the description and the demonstrations, ready to be continued."""
    task = planned.task
    text = render(task.description, row, where=planned.where(sample))
    for demonstration in planned.demonstrations.get(sample.id, ()):
        shown = _demonstration(task, demonstration)
        text += shown + task.demonstration_delimiter
    return text


def _demonstration(task: Task, row: Row) -> str:
    where = f"{task.where} (demonstration)"
    if task.contexts is not None:
        contexts = _list(evaluate(task.contexts, row, where=where), where)
        right = contexts[_index(task, row, where)]
        return f"{right}{task.target_delimiter}{render(task.prompt, row, where=where)}"
    answer = _answer(task, row, where)
    return f"{render(task.prompt, row, where=where)}{task.target_delimiter}{answer}"


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


def _continuations(
    task: Task, row: Row, sample: Sample, before: str, where: str
) -> tuple[Continuation, ...]:
    if task.contexts is not None:
        contexts = _list(evaluate(task.contexts, row, where=where), where)
        text = task.target_delimiter + render(task.prompt, row, where=where)
        return tuple(Continuation(f"{before}{context}", text) for context in contexts)
    if not sample.choices:
        raise DataError(
            f"{where} has no choices.",
            fix="Give each row 'choices', or the card an expression for them.",
        )
    context = before + render(task.prompt, row, where=where)
    befores = (context, "") if task.has_unconditional else (context,)
    return tuple(
        Continuation(before_choice, task.target_delimiter + choice)
        for before_choice in befores
        for choice in sample.choices
    )


def _list(value: object, where: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ConfigError(
        f"An expression in {where} gives {value!r}.", allowed="It gives a list."
    )
