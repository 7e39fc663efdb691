"""Perplexities of a corpus, from the nats per unit that scorers report.

lm-eval 0.4.13's `weighted_perplexity`, exp(-Σ ll / Σ units), and `bits_per_byte`,
-Σ ll / Σ bytes / ln 2. The interval is that of the nats, on the other scale.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmlab_pytest.stats import perplexity


class Scale(NamedTuple):
    """A metric that is a growing function of the mean of one scorer."""

    scorer: str
    of_mean: Callable[[float], float]


def bits(nats: float) -> float:
    """Return nats in bits."""
    return nats / math.log(2)


SCALES: Mapping[str, Scale] = {
    "word_perplexity": Scale("nats_per_word", perplexity),
    "byte_perplexity": Scale("nats_per_byte", perplexity),
    "bits_per_byte": Scale("nats_per_byte", bits),
    "token_perplexity": Scale("nats_per_token", perplexity),
}
