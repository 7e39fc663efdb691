"""Asks a model the samples of a candidate and scores its answers, each once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    ModelSpec,
    Request,
    Sample,
    SampleResult,
    Unsupported,
)
from llmlab_pytest.optimising._candidate import Candidate
from llmlab_pytest.scorers import Scorer, ascore
from llmlab_pytest.tasks import PlannedTask, build_request

Phase = Literal["search", "held out"]
Ask = Callable[[ModelSpec, Request, Phase], Awaitable[Completion]]
"""Asks a model; the phase says whose money it is."""


class Measured(NamedTuple):
    """A sample, what was answered, and its scores."""

    sample: Sample
    completion: Completion
    result: SampleResult


class Measuring:
    """Measures candidates; what was asked once is not asked again.

    Args:
        plan: the task.
        model: who answers.
        scorers: of the task, by name.
        ask: asks models.
    """

    def __init__(
        self,
        plan: PlannedTask,
        model: ModelSpec,
        scorers: Sequence[tuple[str, Scorer]],
        ask: Ask,
    ) -> None:
        self.plan = plan
        self.model = model
        self._scorers = scorers
        self._ask = ask
        self._known: dict[tuple[str, str], Measured] = {}
        """By the names of candidate and sample."""

    async def measure(
        self, candidate: Candidate, samples: Sequence[Sample], phase: Phase
    ) -> list[Measured]:
        """Return what a candidate gives on samples, in their order.

        Raises:
            LlmlabError: a call or a scorer failed. Answers that had come are kept.
        """
        plan = candidate.planned(self.plan)
        missing = [s for s in samples if (candidate.name, s.id) not in self._known]
        found = await asyncio.gather(
            *(self._one(plan, sample, phase) for sample in missing),
            return_exceptions=True,
        )
        for each in found:
            if not isinstance(each, BaseException):
                self._known[candidate.name, each.sample.id] = each
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return [self._known[candidate.name, sample.id] for sample in samples]

    async def _one(self, plan: PlannedTask, sample: Sample, phase: Phase) -> Measured:
        request = request_of(plan, sample, self.model)
        completion = await self._ask(self.model, request, phase)
        scores = [
            replace(await ascore(completion, scorer, sample=sample), scorer=name)
            for name, scorer in self._scorers
        ]
        result = SampleResult(
            task=plan.task.name,
            model=self.model.alias,
            sample_id=sample.id,
            scores=tuple(scores),
            usage=completion.usage,
            cost_usd=completion.cost_usd,
            latency_s=completion.latency_s,
        )
        return Measured(sample, completion, result)


def request_of(plan: PlannedTask, sample: Sample, model: ModelSpec) -> GenerateRequest:
    """Return the request of a sample.

    Raises:
        Unsupported: the task compares choices or measures texts.
    """
    request = build_request(plan, sample, capabilities=model.capabilities)
    if isinstance(request, GenerateRequest):
        return request
    raise Unsupported(
        f"The task {plan.task.name!r} has the kind {plan.task.kind!r}.",
        allowed="Prompts are improved where a model writes its answer.",
        fix="Set kind = 'generate', with a scorer for what is written.",
    )
