"""The pytest plugin: registers everything by name and imports nothing heavy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmlab_pytest import Completion, Metric, ModelSpec, SampleResult

Register = Callable[..., None]


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_register_providers(register: Register) -> None:
    """Add the provider by its address; the module is imported with the first model."""
    register("acme", "llmlab_acme.model:Acme")


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_register_models(register: Register) -> None:
    """Add two models of the provider."""
    for name in ("acme-forward", "acme-backward"):
        register(
            ModelSpec(
                alias=name,
                provider="acme",
                id=name.removeprefix("acme-"),
                capabilities=frozenset({"chat"}),
                groups=("acme",),
                source="llmlab-acme",
            )
        )


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_register_scorers(register: Register) -> None:
    """Add a scorer with an option."""
    register("same_letters", same_letters)


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_register_metrics(register: Register) -> None:
    """Add a metric."""
    register("words_per_answer", words_per_answer)


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_register_tasks(register: Register) -> None:
    """Add the folder of our task cards."""
    register(Path(__file__).parent / "tasks")


@pytest.hookimpl(optionalhook=True)
def pytest_llmlab_completion(
    item: pytest.Item, model: ModelSpec, completion: Completion
) -> None:
    """Write down every completion that a test received."""
    with (item.config.rootpath / "observed.txt").open("a") as file:
        file.write(f"{model.alias}: {completion.text}\n")


def same_letters(*, ignore_case: bool = False) -> Callable[..., bool]:
    """Return a scorer: 1 if the answer has the letters of the target, in any order."""

    def score(completion: Completion, target: str) -> bool:
        texts = [completion.text, target]
        if ignore_case:
            texts = [text.lower() for text in texts]
        return sorted(texts[0]) == sorted(texts[1])

    return score


def words_per_answer(results: Sequence[SampleResult]) -> Metric:
    """Return the mean number of output tokens; a token of acme's models is a word."""
    counts = [r.usage.output_tokens for r in results if r.error is None]
    return Metric(
        name="words_per_answer",
        value=sum(counts) / len(counts) if counts else None,
        n=len(counts),
    )
