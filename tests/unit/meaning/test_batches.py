"""Batches that form by themselves: each thing once, all that wait together."""

import threading
from collections.abc import Callable, Sequence

import pytest

from llmlab_pytest.core import ConfigError, ModelError
from llmlab_pytest.meaning._batches import Batches

Compute = Callable[[Sequence[str]], Sequence[int]]


class Model:
    """Counts letters, when it is let to, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = threading.Event()
        self.loads = 0

    def load(self) -> Compute:
        """Load at once."""
        self.loads += 1
        return self.compute

    def compute(self, texts: Sequence[str]) -> list[int]:
        """Count letters; "bad" is refused."""
        self.batches.append(list(texts))
        assert self.go.wait(10)
        if "bad" in texts:
            raise ValueError("I cannot read that")
        return [len(text) for text in texts]


def test_what_waits_is_one_batch_and_nothing_is_computed_twice() -> None:
    """The first is alone; all that came meanwhile go together."""
    model = Model()
    batches: Batches[str, int] = Batches(model.load, name="test")
    first = batches.submit("a")
    while not model.batches:
        pass
    others = [batches.submit("b" * n) for n in (2, 3, 2, 3, 4)]
    again = batches.submit("a")
    model.go.set()
    assert [future.result(10) for future in (first, *others, again)] == [
        *(1, 2, 3, 2, 3, 4, 1)
    ]
    assert model.batches == [["a"], ["bb", "bbb", "bbbb"]]
    assert batches.submit("bb").result(10) == 2
    assert len(model.batches) == 2


def test_trouble_is_raised_where_it_is_waited_for_and_tried_again() -> None:
    """What failed is not kept; the thread lives on."""
    model = Model()
    model.go.set()
    batches: Batches[str, int] = Batches(model.load, name="test")
    for _ in range(2):
        with pytest.raises(ModelError, match="ValueError: I cannot read that"):
            batches.submit("bad").result(10)
    assert batches.submit("good").result(10) == 4
    assert model.batches == [["bad"], ["bad"], ["good"]]


def test_a_model_that_cannot_be_loaded_fails_all_who_wait() -> None:
    """With its own error; who asks later tries again."""
    refusals = [ConfigError("No weights.", fix="Get some.")]
    model = Model()
    model.go.set()

    def load() -> Compute:
        if refusals:
            raise refusals.pop()
        return model.load()

    batches: Batches[str, int] = Batches(load, name="test")
    with pytest.raises(ConfigError, match="No weights"):
        batches.submit("a").result(10)
    assert batches.submit("a").result(10) == 1
