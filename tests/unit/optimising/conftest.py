"""Small tasks, and models that are functions of what they are asked."""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    ModelSpec,
    Request,
    Usage,
)
from llmlab_pytest.optimising import (
    Effort,
    Found,
    Measuring,
    Optimiser,
    Parts,
    Phase,
    split_samples,
)
from llmlab_pytest.scorers import make_scorer, scorer_registry
from llmlab_pytest.tasks import PlannedTask, plan_task, task_from_spec

MODEL = ModelSpec(alias="m", provider="scripted", id="m")
WRITER = ModelSpec(alias="w", provider="scripted", id="w")
Answer = Callable[[str], str]
"""From the whole text of a request to the answer."""


class Bench:
    """Optimises tasks whose right answer is `yes`, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Phase, str]] = []
        """Model, phase and text of each request."""

    @staticmethod
    def plan(count: int = 60, **settings: Any) -> PlannedTask:
        """Return a task of so many rows, each with a word of its own."""
        rows = [
            {"id": f"s{n}", "input": f"word{n}", "target": "yes"} for n in range(count)
        ]
        task = task_from_spec(
            name="t",
            base_dir=Path(),
            where="here",
            data=rows,
            scorers=["exact"],
            prompt="Say: {{ input }}",
            **settings,
        )
        return plan_task(task, limit=None, seed=0, data_dir=None)

    @staticmethod
    def parts(plan: PlannedTask, seed: int = 0) -> Parts:
        """Split a task."""
        return split_samples(plan.samples, {}, held_out_ratio=0.4, seed=seed)

    def optimise(
        self,
        plan: PlannedTask,
        answer: Answer,
        *,
        proposals: Sequence[str] = (),
        effort: Effort | None = None,
        parts: Parts | None = None,
        before: Callable[[str, Phase], None] = lambda *_: None,
    ) -> Found:
        """Search; the writer gives these proposals, one after another."""
        given = iter(proposals)

        async def ask(spec: ModelSpec, request: Request, phase: Phase) -> Completion:
            assert isinstance(request, GenerateRequest)
            text = "\n".join(turn.text for turn in request.prompt)  # type: ignore[union-attr]
            before(spec.alias, phase)
            self.asked.append((spec.alias, phase, text))
            said = answer(text) if spec is MODEL else next(given, "")
            return Completion(text=said, model=spec.alias, usage=Usage(), cost_usd=0.0)

        scorers = [make_scorer("exact", scorer_registry(), where="here")]
        chosen = effort or Effort(rewritings=len(proposals), shots=3)
        self._measuring = Measuring(plan, MODEL, scorers, ask)
        optimiser = Optimiser(
            self._measuring,
            parts or self.parts(plan),
            metric="exact",
            effort=chosen,
        )
        return asyncio.run(optimiser.run(WRITER if proposals else None, ask))

    def measure(self, candidate: Any, samples: Sequence[Any]) -> list[Any]:
        """Return what the last search measured of a candidate on samples."""
        return asyncio.run(self._measuring.measure(candidate, samples, "search"))


@pytest.fixture
def bench() -> Bench:
    """Optimises small tasks."""
    return Bench()


@pytest.fixture(scope="session")
def chance_answer() -> Callable[[int, float], Answer]:
    """Makes models for which no prompt is better than another."""

    def make(seed: int, rate: float) -> Answer:
        def answer(text: str) -> str:
            return "yes" if random.Random(f"{seed}:{text}").random() < rate else "no"

        return answer

    return make


@pytest.fixture(scope="session")
def new_bench() -> type[Bench]:
    """Makes benches for tests that need many."""
    return Bench
