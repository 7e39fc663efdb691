"""A model as a judge: one question, asked in the way that the model answers best.

A model that takes a JSON Schema is held to one. A local model tells how likely each
choice is, so that its answer needs no reading and every shade of it counts, as in
G-Eval (Liu et al. 2023, arXiv:2303.16634). Any other answers in words, read strictly;
if shades are wanted of one that tells its likeliest tokens, they come from these.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Literal, get_args

from llmlab_pytest.core import (
    Choice,
    Completion,
    ConfigError,
    Continuation,
    GenerateConfig,
    GenerateRequest,
    Judge,
    Judgement,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    Question,
    Request,
    Usage,
    digest_of,
)
from llmlab_pytest.judging._answers import read_choice, read_list
from llmlab_pytest.judging._messages import (
    LIST_FORM,
    LIST_SCHEMA,
    choice_form,
    choice_schema,
    messages_for,
    prompt_hash,
    word_form,
)
from llmlab_pytest.judging._shares import shares_of

Ask = Callable[[Request], Awaitable[Completion]]
"""Asks the judge's model."""
Way = Literal["schema", "likelihood", "text"]
WAYS: tuple[Way, ...] = get_args(Way)
_MOST_TOKENS = 1024
"""Of an answer: a reason of two sentences, or a list of claims."""
_MOST_TOP = 20
"""Of the likeliest tokens at a place: what OpenAI and others tell at most."""


class ModelJudge:
    """A judge that keeps account of what it was asked.

    Args:
        spec: its model.
        ask: asks that model.
        way: how choices are asked for; by default as the model answers best.

    Raises:
        ConfigError: the model cannot be asked in that way.
    """

    def __init__(self, spec: ModelSpec, ask: Ask, *, way: Way | None = None) -> None:
        self.name = spec.alias
        self.judge: Judge = self
        self._spec = spec
        self._ask = ask
        self._way = way or way_of(spec)
        self._prompts: set[str] = set()
        self._completions: list[Completion] = []

    async def choose(self, question: Question) -> Choice:
        """Return one of the question's choices.

        Raises:
            MalformedJudgement: the answer is none of them.
            ProviderError: there is no answer.
        """
        if self._way == "likelihood":
            return await self._likeliest(question)
        form = choice_form(question.choices)
        messages = self._messages(question, form)
        can_tell = "top_logprobs" in self._spec.capabilities
        config = GenerateConfig(
            response_schema=choice_schema(question.choices)
            if self._way == "schema"
            else None,
            top_logprobs=_alternatives(question) if can_tell else None,
        )
        done = await self._generated(messages, config)
        chosen = read_choice(done.text, question.choices, judge=self.name)
        shares = shares_of(done.token_logprobs, question.choices)
        return replace(chosen, probabilities=shares)

    async def find(self, question: Question) -> tuple[str, ...]:
        """Return the texts that a question without choices asks for.

        Raises:
            MalformedJudgement: the answer is no list of texts.
            ProviderError: there is no answer.
        """
        can = "json_schema" in self._spec.capabilities
        messages = self._messages(question, LIST_FORM)
        config = GenerateConfig(response_schema=LIST_SCHEMA if can else None)
        done = await self._generated(messages, config)
        return read_list(done.text, judge=self.name)

    def judgement(self, value: float | None) -> Judgement:
        """Return what was asked up to now, with the value that came of it."""
        costs = [completion.cost_usd for completion in self._completions]
        return Judgement(
            judge=self.name,
            value=value,
            prompt_hash=digest_of(sorted(self._prompts)),
            calls=len(self._completions),
            usage=sum((done.usage for done in self._completions), Usage()),
            cost_usd=None if None in costs else math.fsum(filter(None, costs)),
        )

    async def _likeliest(self, question: Question) -> Choice:
        messages = self._messages(question, word_form(question.choices))
        pairs = tuple(Continuation(messages, choice) for choice in question.choices)
        done = await self._asked(LoglikelihoodRequest(pairs))
        logs = [told.loglikelihood for told in done.continuations]
        likely = _softmax(logs)
        best = max(range(len(likely)), key=likely.__getitem__)
        return Choice(choice=question.choices[best], probabilities=likely)

    def _messages(self, question: Question, form: str) -> tuple[Message, ...]:
        self._prompts.add(prompt_hash(question.rule, form=form))
        return messages_for(question, form=form)

    async def _generated(
        self, messages: tuple[Message, ...], config: GenerateConfig
    ) -> Completion:
        # Judges do not roll dice: whatever the registry says of the model.
        decoding = replace(config, max_tokens=_MOST_TOKENS, temperature=0.0)
        return await self._asked(GenerateRequest(messages, decoding))

    async def _asked(self, request: Request) -> Completion:
        done = await self._ask(request)
        self._completions.append(done)
        return done


def _alternatives(question: Question) -> int | None:
    """Return how many tokens are asked for at each place: they are all kept."""
    return min(_MOST_TOP, 2 * len(question.choices)) if question.is_weighed else None


def way_of(spec: ModelSpec) -> Way:
    """Return how a model is asked for a choice best."""
    if "json_schema" in spec.capabilities:
        return "schema"
    return "likelihood" if "loglikelihood" in spec.capabilities else "text"


def check_judge(spec: ModelSpec, *, where: str) -> None:
    """Raise `ConfigError` for a model that cannot judge: one that takes no messages."""
    if "chat" not in spec.capabilities:
        raise ConfigError(
            f"The judge {spec.alias!r} in {where} takes no messages.",
            allowed="A judge declares the capability 'chat'.",
        )


def _softmax(logs: Sequence[float]) -> tuple[float, ...]:
    most = max(logs)
    shares = [math.exp(log - most) for log in logs]
    total = math.fsum(shares)
    return tuple(share / total for share in shares)
