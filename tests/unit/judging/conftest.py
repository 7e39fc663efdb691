"""A judge whose model follows a script, and scores by it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from llmlab_pytest.core import (
    Account,
    Capability,
    Completion,
    ModelSpec,
    Score,
    judging,
)
from llmlab_pytest.judging import ModelJudge
from llmlab_pytest.scorers import Scorer, score
from llmlab_pytest.testing import ScriptedModel

WORDS: frozenset[Capability] = frozenset({"chat"})
SCHEMA: frozenset[Capability] = frozenset({"chat", "json_schema"})
TELLING: frozenset[Capability] = frozenset({"chat", "top_logprobs"})
LIKELY: frozenset[Capability] = frozenset({"chat", "loglikelihood"})


def verdict(choice: str, reason: str = "so it is") -> str:
    """Return what a judge answers in words."""
    return json.dumps({"reason": reason, "verdict": choice})


def items(*texts: str) -> str:
    """Return a list as a judge answers it."""
    return json.dumps({"items": texts})


class Bench:
    """Judges by name, each with its script; scores what it is given."""

    def __init__(self) -> None:
        self.models: dict[str, ScriptedModel] = {}

    def add(
        self,
        replies: Iterable[str] = (),
        *,
        name: str = "judge",
        can: frozenset[Capability] = WORDS,
        **script: Any,
    ) -> "Bench":
        """Add a judge."""
        spec = ModelSpec(alias=name, provider="scripted", id=name, capabilities=can)
        self.models[name] = ScriptedModel(replies, spec=spec, **script)
        return self

    def __call__(self, names: Sequence[str]) -> Sequence[Account]:
        """Return new accounts of the judges of these names, or all."""
        return [self._account(name) for name in names or self.models]

    def _account(self, name: str) -> ModelJudge:
        model = self.models[name]

        async def ask(request: Any) -> Completion:
            (done,) = await model.run([request])
            return done

        return ModelJudge(model.spec, ask)

    def score(self, scorer: Scorer, text: str, **given: Any) -> Score:
        """Score a text."""
        with judging(self):
            return score(text, scorer, **given)

    def asked(self, name: str = "judge") -> list[Mapping[str, str]]:
        """Return the conversations that a judge was asked in, by role."""
        prompts = []
        for request in self.models[name].requests:
            prompt = getattr(request, "prompt", None)
            if prompt is None:
                prompt = request.continuations[0].context  # type: ignore[union-attr] # of likelihoods
            prompts.append({turn.role: turn.text for turn in prompt})
        return prompts


@pytest.fixture
def bench() -> Bench:
    """A bench without judges."""
    return Bench()
