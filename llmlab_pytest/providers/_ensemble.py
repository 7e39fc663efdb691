"""An ensemble: several models that answer as one, by majority or a judge's choice.

Every member is asked every request; what it costs is the sum, the judge included, and
the worst case that a budget holds is the sum of theirs. A member that fails fails the
whole: an answer of fewer members would be that of another model.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeVar

from llmlab_pytest.core import (
    Completion,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    Model,
    ModelSpec,
    Price,
    Request,
    RetryingModel,
    Unsupported,
    Usage,
    digest_of,
)
from llmlab_pytest.providers._ensemble_entry import member_names
from llmlab_pytest.providers._ensemble_judge import (
    chosen,
    judge_request,
    longest_request,
    order_of,
)
from llmlab_pytest.providers._ensemble_vote import Poll, majority
from llmlab_pytest.providers._price import is_free, worst_cost_usd
from llmlab_pytest.providers._requests import filled, require_for

_T = TypeVar("_T")
_PayAgain = Callable[[], Awaitable[None]] | None


class Ensemble:
    """Models that answer as one.

    Args:
        spec: with the specs of its members.
        load: loads one of them.

    Raises:
        LlmlabError: a member cannot be loaded; those that were are closed.
    """

    def __init__(self, spec: ModelSpec, load: Callable[[ModelSpec], Model]) -> None:
        self.spec = spec
        self._names = member_names(spec)
        judge = spec.options.get("judge")
        self._judge = None if judge is None else str(judge)
        self._pattern = str(spec.options.get("answer", ""))
        self._models = _loaded(spec.members, load)
        self.digest = digest_of(
            [dict(spec.options), {n: m.digest for n, m in self._models.items()}]
        )
        times = Counter(self._names)
        # One that stands there several times is asked so often for one request.
        self.concurrency = min(
            max(1, model.concurrency // times.get(name, 1))
            for name, model in self._models.items()
        )
        all_free = all(is_free(model.spec) for model in self._models.values())
        # Of a batch that fails, answers that were paid would be asked again.
        sizes = [model.batch_size for model in self._models.values()]
        self.batch_size = max(sizes) if all_free else 1

    async def run(self, requests: Sequence[Request]) -> Sequence[Completion]:
        """Ask all members and return one answer per request, in order.

        Raises:
            Unsupported: likelihoods are asked for, or what not all members can do.
            ProviderError: a member or the judge failed.
        """
        return await self.run_retrying(requests, None)

    async def run_retrying(
        self, requests: Sequence[Request], pay_again: _PayAgain
    ) -> Sequence[Completion]:
        """Ask as `run` does; members pay again for what they send again."""
        asked = [self._checked(request) for request in requests]
        round_of_calls = _Round(self._models, pay_again)
        said = await _all_of(
            [
                round_of_calls.ask(name, self._asked_of(place, asked))
                for place, name in enumerate(self._names)
            ]
        )
        answers = [list(row) for row in zip(*said, strict=True)]
        if self._judge is None:
            return [self._voted(own) for own in answers]
        judged = [
            self._judged(request, own, round_of_calls)
            for request, own in zip(asked, answers, strict=True)
        ]
        try:
            return await _all_of(judged)
        except LlmlabError as error:
            error.may_be_billed |= any(map(_is_paid, said))
            raise

    def worst_cost_usd(self, request: Request) -> float:
        """Return the most that all members can cost together, and the judge.

        Raises:
            ConfigError: the price of one is unknown, or its answer has no longest
                length.
        """
        asked = self._checked(request)
        total_usd = sum(
            worst_cost_usd(self._models[name], asked) for name in self._names
        )
        if self._judge is not None:
            judge = self._models[self._judge]
            longest = longest_request(asked, len(self._names), judge.spec)
            total_usd += worst_cost_usd(judge, longest)
        return total_usd

    def close(self) -> None:
        """Close every member."""
        for model in self._models.values():
            model.close()

    def _checked(self, request: Request) -> GenerateRequest:
        require_for(self.spec, request)
        if not isinstance(request, GenerateRequest):
            raise Unsupported(
                f"{self.spec.alias!r} is an ensemble, and likelihoods are asked for.",
                allowed="Several models vote on texts.",
            )
        return replace(request, config=filled(request.config, self.spec))

    def _asked_of(
        self, place: int, requests: Sequence[GenerateRequest]
    ) -> list[GenerateRequest]:
        """Return what a member is asked; one that stands there again draws anew."""
        before = self._names[:place].count(self._names[place])
        return [
            replace(request, config=_drawn(request.config, before))
            for request in requests
        ]

    def _voted(self, answers: Sequence[Completion]) -> Completion:
        texts = [answer.text for answer in answers]
        return self._answer(answers, majority(self._names, texts, self._pattern))

    async def _judged(
        self,
        request: GenerateRequest,
        answers: Sequence[Completion],
        round_of_calls: "_Round",
    ) -> Completion:
        texts = [answer.text for answer in answers]
        if len(set(texts)) == 1 or self._judge is None:
            return self._answer(answers, Poll(0, "all answers are the same"))
        order = order_of(request, len(texts))
        judge = self._models[self._judge].spec
        asked = judge_request(request, [texts[place] for place in order], judge)
        (said,) = await round_of_calls.ask(self._judge, [asked])
        place = order[chosen(said.text, len(texts), judge=self._judge)]
        note = f"{self._judge} chose the answer of {self._names[place]}"
        return self._answer(answers, Poll(place, note), said)

    def _answer(
        self,
        answers: Sequence[Completion],
        poll: Poll,
        judged: Completion | None = None,
    ) -> Completion:
        """Return the winner's text, with what all of them took."""
        taken = [*answers, *([judged] if judged else [])]
        costs = [own.cost_usd for own in taken]
        computed = [own.compute_s for own in taken if own.compute_s is not None]
        slowest_s = max(own.latency_s for own in answers)
        return Completion(
            text=answers[poll.place].text,
            model=self.spec.alias,
            stop_reason=answers[poll.place].stop_reason,
            usage=sum((own.usage for own in taken), Usage()),
            latency_s=slowest_s + (judged.latency_s if judged else 0.0),
            cost_usd=None if None in costs else sum(filter(None, costs)),
            price=_price_of(taken),
            compute_s=sum(computed) if computed else None,
            attempts=max(own.attempts for own in taken),
            note=poll.note,
        )


class _Round:
    """The calls of one run, as many at a time as each model takes."""

    def __init__(self, models: Mapping[str, Model], pay_again: _PayAgain) -> None:
        self._models = models
        self._pay_again = pay_again
        self._slots = {n: asyncio.Semaphore(m.concurrency) for n, m in models.items()}

    async def ask(
        self, name: str, requests: Sequence[GenerateRequest]
    ) -> list[Completion]:
        """Ask one model everything, in batches that it takes."""
        step = self._models[name].batch_size
        starts = range(0, len(requests), step)
        parts = await _all_of(
            [self._batch(name, requests[start : start + step]) for start in starts]
        )
        return [completion for part in parts for completion in part]

    async def _batch(
        self, name: str, requests: Sequence[GenerateRequest]
    ) -> Sequence[Completion]:
        model = self._models[name]
        async with self._slots[name]:
            if self._pay_again is not None and isinstance(model, RetryingModel):
                return await model.run_retrying(requests, self._pay_again)
            return await model.run(requests)


async def _all_of(calls: Sequence[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Await all calls to their end, then raise the first error, if there is one.

    What others have answered is to be paid, whatever the one that failed costs.
    """
    found = await asyncio.gather(*calls, return_exceptions=True)
    answered = [one for one in found if not isinstance(one, BaseException)]
    for one in found:
        if isinstance(one, LlmlabError):
            one.may_be_billed |= any(map(_is_paid, answered))
        if isinstance(one, BaseException):
            raise one
    return answered


def _is_paid(answered: object) -> bool:
    """Whether an answer, or any of several, costs something or may do."""
    if isinstance(answered, Completion):
        return answered.cost_usd != 0
    return isinstance(answered, Sequence) and any(map(_is_paid, answered))


def _loaded(
    specs: Sequence[ModelSpec], load: Callable[[ModelSpec], Model]
) -> dict[str, Model]:
    """Return the models by alias; if one cannot be loaded, the others are closed."""
    models: dict[str, Model] = {}
    with ExitStack() as loaded:
        for spec in specs:
            models[spec.alias] = load(spec)
            loaded.callback(models[spec.alias].close)
        loaded.pop_all()
    return models


def _drawn(config: GenerateConfig, before: int) -> GenerateConfig:
    """Return a config with another seed for a model that is asked again."""
    if config.seed is None or not before:
        return config
    return replace(config, seed=config.seed + before)


def _price_of(taken: Sequence[Completion]) -> Price | None:
    """Return the rates of all who were paid, by the names of their models."""
    prices = {own.model: own.price for own in taken if own.price is not None}
    if not prices:
        return None
    return Price(
        source="; ".join(f"{n}: {price.source}" for n, price in prices.items()),
        read_on=min(price.read_on for price in prices.values()),
        usd_per_million_tokens={
            f"{name}.{rate}": usd
            for name, price in prices.items()
            for rate, usd in price.usd_per_million_tokens.items()
        },
    )
