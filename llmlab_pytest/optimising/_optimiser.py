"""The search: candidates are made, raced on few samples and then on more, judged once.

Successive halving (Jamieson and Talwalkar 2016): all candidates are asked few samples,
the better half more, and so on. The original runs along. What wins is the best of many,
by chance too; so it is compared with the original on samples that nothing was chosen
by, once, by the paired test of `llmlab compare`: of prompts that are no better, at most
one in forty is called better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from llmlab_pytest.core import (
    BudgetExceeded,
    ContextOverflow,
    GenerateConfig,
    GenerateRequest,
    ModelSpec,
)
from llmlab_pytest.metrics import (
    Difference,
    MetricRegistry,
    compute,
    default_metrics,
    difference,
)
from llmlab_pytest.optimising._candidate import ANSWER_FIELD, Candidate
from llmlab_pytest.optimising._measuring import Ask, Measured, Measuring, request_of
from llmlab_pytest.optimising._parts import Parts
from llmlab_pytest.optimising._rewriting import read_proposal, writer_messages
from llmlab_pytest.optimising._showing import candidates_with_demonstrations
from llmlab_pytest.tasks import PlannedTask

LEVEL = 0.05
_WRITER_TOKENS = 1024
_WRITER_TEMPERATURE = 0.8
_LEAST_RUNG = 4
_PADDING = " word" * 400
"""As much longer a prompt of the writer's may be, when the end is reckoned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is tried."""

    rewritings: int = 6
    demonstration_sets: int = 4
    shots: int = 4
    """Demonstrations of a set, at most."""
    seed: int = 0
    is_lower_better: bool = False


class Standing(NamedTuple):
    """What a candidate reached in the search."""

    candidate: Candidate
    value: float | None
    n: int
    """Samples of the second part that it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came out."""

    finalist: Candidate | None
    """`None`: there was no candidate to compare."""
    difference: Difference | None
    """Finalist minus original on what was held out."""
    standings: tuple[Standing, ...]
    """Best first."""
    notes: tuple[str, ...]
    """What was left out, and why."""
    is_better: bool


@dataclass
class _Race:
    """Candidates in the search, and what is known of them."""

    running: list[Candidate]
    """Those that are still in it, the original among them."""
    standings: dict[str, Standing] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Optimiser:
    """Looks for a better way to ask a task.

    Args:
        measuring: asks the task and scores it.
        parts: its samples, split.
        metric: what is to grow: the name of a scorer, or of a metric.
        effort: how much is tried.
        tell: takes a line about what has been done.
    """

    def __init__(
        self,
        measuring: Measuring,
        parts: Parts,
        *,
        metric: str,
        effort: Effort,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._measuring = measuring
        self._parts = parts
        self._metric = metric
        self._registry: MetricRegistry = default_metrics()
        self._effort = effort
        self._tell = tell
        self._base = Candidate.of(measuring.plan.task)

    async def run(
        self,
        writer: ModelSpec | None,
        ask: Ask,
        clusters: Mapping[str, str] | None = None,
    ) -> Found:
        """Search, and compare what was found on what was held out.

        Args:
            writer: proposes prompts; `None`: demonstrations only.
            ask: asks the writer.
            clusters: of the samples, by id.

        Raises:
            LlmlabError: a call failed for another reason than the search's money.
        """
        race = _Race([])
        try:
            await self._propose(race, writer, ask)
            await self._halve(race)
        except BudgetExceeded:
            race.notes.append("the money for the search was spent before its end")
        ranked = sorted(race.standings.values(), key=self._rank, reverse=True)
        left = {candidate.name for candidate in race.running} - {self._base.name}
        finalist = next((s for s in ranked if s.candidate.name in left), None)
        found = Found(
            finalist=finalist and finalist.candidate,
            difference=None,
            standings=tuple(ranked),
            notes=tuple(race.notes),
            is_better=False,
        )
        return found if finalist is None else await self._judge(found, clusters)

    async def _propose(self, race: _Race, writer: ModelSpec | None, ask: Ask) -> None:
        measured = await self._measuring.measure(
            self._base, self._parts.train, "search"
        )
        self._tell(f"original asked {len(measured)} samples, to learn from")
        race.running = [
            self._base,
            *candidates_with_demonstrations(
                self._base,
                measured,
                shots=self._effort.shots,
                count=self._effort.demonstration_sets,
                seed=self._effort.seed,
            ),
        ]
        if writer is not None and self._effort.rewritings:
            await self._rewrite(race, measured, writer, ask)

    async def _rewrite(
        self,
        race: _Race,
        measured: Sequence[Measured],
        writer: ModelSpec,
        ask: Ask,
    ) -> None:
        """Add what the writer proposes, as far as it can be used."""
        unusable = 0
        prompts = {self._base.prompt}
        for number in range(self._effort.rewritings):
            messages = writer_messages(self._base, measured, number)
            config = _writing(writer, self._effort.seed + number)
            answer = await ask(writer, GenerateRequest(messages, config), "search")
            proposal = read_proposal(answer.text, self._base, number)
            if proposal is None or proposal.prompt in prompts:
                unusable += 1
                continue
            prompts.add(proposal.prompt)
            race.running.append(proposal)
        if unusable:
            of = self._effort.rewritings
            race.notes.append(
                f"{unusable} of {of} proposals of the writer were left out: without "
                "the placeholders, with more of the template language, or said before"
            )

    async def _halve(self, race: _Race) -> None:
        """Ask more and more samples of fewer and fewer candidates."""
        most = len(self._parts.dev)
        n = min(most, max(_LEAST_RUNG, most // 4))
        while len(race.running) > 1:
            for candidate in list(race.running):
                await self._stand(race, candidate, n)
            self._tell(f"{len(race.running)} candidates asked {n} samples")
            if n == most:
                return
            rivals = [race.standings[c.name] for c in race.running if c != self._base]
            rivals.sort(key=self._rank, reverse=True)
            ranked = [each.candidate for each in rivals]
            best = ranked[: max(1, len(rivals) // 2)]
            race.running = [self._base, *best, *self._joined(race, ranked)]
            n = min(most, 2 * n)

    async def _stand(self, race: _Race, candidate: Candidate, n: int) -> None:
        samples = self._parts.dev[:n]
        try:
            measured = await self._measuring.measure(candidate, samples, "search")
        except ContextOverflow:
            race.running.remove(candidate)
            race.notes.append(f"{candidate.name} is too long for the model")
            return
        results = [each.result for each in measured]
        value = compute(self._metric, results, self._registry).value
        race.standings[candidate.name] = Standing(candidate, value, n)

    async def _judge(self, found: Found, clusters: Mapping[str, str] | None) -> Found:
        """Compare the finalist with the original on what was held out, once."""
        sides = []
        for candidate in (found.finalist or self._base, self._base):
            measured = await self._measuring.measure(
                candidate, self._parts.held_out, "held out"
            )
            sides.append([each.result for each in measured])
        apart = difference(
            self._metric, sides[0], sides[1], self._registry, clusters=clusters or {}
        )
        return replace(found, difference=apart, is_better=self._is_better(apart))

    def _is_better(self, found: Difference) -> bool:
        if found.value is None or found.p is None or found.p > LEVEL:
            return False
        return found.value < 0 if self._effort.is_lower_better else found.value > 0

    def _rank(self, standing: Standing) -> tuple[float, int]:
        """Return what is higher for what is better; among equals, for what is surer."""
        value = standing.value
        if value is None:
            return float("-inf"), standing.n
        return (-value if self._effort.is_lower_better else value), standing.n

    def _joined(self, race: _Race, ranked: Sequence[Candidate]) -> list[Candidate]:
        """Return the best rewriting with the best demonstrations, if both are there.

        Also where one of them drops out now: they may help each other. Nothing if the
        two were joined before.
        """
        written = next((c for c in ranked if c.shown is None), None)
        shown = next((c for c in ranked if c.prompt == self._base.prompt), None)
        if written is None or shown is None:
            return []
        name = f"{written.name} with {shown.name}"
        if name in race.standings:
            return []
        return [replace(written, name=name, shown=shown.shown)]


def largest_requests(
    plan: PlannedTask, parts: Parts, model: ModelSpec, *, shots: int
) -> list[GenerateRequest]:
    """Return requests as large as those of the comparison at the end are reckoned.

    The held-out samples as the original asks them, and once more with the longest
    demonstrations and a prompt that is longer by 2,000 characters.
    """
    base = Candidate.of(plan.task)
    longest = sorted(parts.train, key=lambda s: len(f"{s.metadata}"))[-shots:]
    shown = tuple(
        {"input": s.input, **s.metadata, ANSWER_FIELD: _PADDING} for s in longest
    )
    large = Candidate(
        name="large",
        prompt=base.prompt + _PADDING,
        system=base.system,
        shown=shown if shots else None,
    )
    return [
        request_of(candidate.planned(plan), sample, model)
        for candidate in (base, large)
        for sample in parts.held_out
    ]


def _writing(writer: ModelSpec, seed: int) -> GenerateConfig:
    return GenerateConfig(
        max_tokens=_WRITER_TOKENS,
        temperature=_WRITER_TEMPERATURE,
        seed=seed if "seed" in writer.capabilities else None,
    )
