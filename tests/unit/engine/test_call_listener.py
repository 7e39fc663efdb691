"""Who listens to a call hears its answer, whatever it is asked together with."""

from collections.abc import Sequence
from typing import Any

from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    ProviderError,
    Request,
    listeners_here,
)
from llmlab_pytest.engine import Call, Engine


class Heard:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def begin(self) -> None:
        """Start another text."""
        self.texts.append("")

    def add(self, text: str) -> None:
        """Go on with it."""
        self.texts[-1] += text


class Speaking:
    """Says each prompt aloud, in batches; refuses batches with the prompt `bad`."""

    concurrency, batch_size, digest = 1, 8, "speaking"

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.listened_to: list[list[bool]] = []

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Say and return each prompt."""
        heard = listeners_here(len(requests))
        self.listened_to.append([one is not None for one in heard])
        for request, listener in zip(requests, heard, strict=True):
            assert isinstance(request, GenerateRequest)
            if listener is not None:
                listener.begin()
                listener.add(str(request.prompt))
            if request.prompt == "bad":
                raise ProviderError("bad", fix="Ask for something else.")
        return [Completion(text=str(r.prompt), model="m") for r in requests]  # type: ignore[union-attr]

    def close(self) -> None:
        """Do nothing."""


def _asked(bench: Any, engine: Engine, prompts: str, *heard: Heard | None) -> list[Any]:
    calls: list[Call] = bench.calls(prompts)
    for call, listener in zip(calls, heard, strict=True):
        call.listener = listener
    engine.look_ahead(calls)
    return [bench.error(engine.submit(call)) for call in calls]


def test_each_call_of_a_batch_has_its_own_listener(bench: Any) -> None:
    """Or none; and without any, models see none."""
    model = Speaking(bench.spec("m"))
    engine = bench.engine(lambda _: model)
    heard = Heard(), Heard()
    assert _asked(bench, engine, "a b c", heard[0], None, heard[1]) == [None] * 3
    assert [each.texts for each in heard] == [["a"], ["c"]]
    assert _asked(bench, engine, "d e", None, None) == [None] * 2
    assert model.listened_to[-1] == [False, False]


def test_a_batch_that_is_asked_one_by_one_is_heard_anew(bench: Any) -> None:
    """The last text that a listener hears is that of its answer."""
    engine = bench.engine(lambda _: Speaking(bench.spec("m")))
    heard = [Heard(), Heard(), Heard()]
    errors = _asked(bench, engine, "a bad c", *heard)
    assert [error is None for error in errors] == [True, False, True]
    assert [each.texts[-1] for each in heard] == ["a", "bad", "c"]
    assert len(heard[0].texts) > 1
