"""Standard errors by the bootstrap (Efron 1979), as lm-eval 0.4.13 draws it.

`bootstrap_stderr` of its `lm_eval/api/metrics.py`: chunks of at most 1,000 draws, each
with a generator seeded by its number; a draw takes n of n samples with replacement, as
`random.choices`; the standard error is the sample standard deviation of the statistic
over all draws. The seeds are fixed, so that the figure is the same each time.

All our statistics are functions of sums over samples. The sums of a draw are therefore
taken in numpy, which gives the numbers of Python's own generator once it is handed its
state: 100,000 draws of 1,000 samples take a second, not two minutes.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llmlab_pytest.core import load
from llmlab_pytest.stats._corpus import Sums
from llmlab_pytest.stats._intervals import mean_stderr

_CHUNK_DRAWS = 1000
_BLOCK_NUMBERS = 1 << 20
"""So many random numbers are held at a time: 8 MB."""


def bootstrap_stderr(
    addends: Sequence[Sums], statistic: Callable[[Sums], float], *, draws: int
) -> float | None:
    """Return the standard error of a function of sums; `None` below two samples.

    Args:
        addends: what each sample adds to each sum, in the order of the samples.
        statistic: from the sums to the number.
        draws: how often samples are drawn anew; above 1,000 rounded down to thousands.

    Raises:
        MissingDependency: numpy is not installed.
    """
    if len(addends) <= 1:
        return None
    found = drawn_statistics(addends, statistic, draws=draws)
    spread = mean_stderr(found)
    return None if spread is None else spread * math.sqrt(len(found))


def drawn_statistics(
    addends: Sequence[Sums], statistic: Callable[[Sums], float], *, draws: int
) -> list[float]:
    """Return a function of sums for each draw of as many samples, with replacement.

    Args:
        addends: what each sample adds to each sum, in the order of the samples.
        statistic: from the sums to the number.
        draws: how many; above 1,000 rounded down to thousands.

    Raises:
        MissingDependency: numpy is not installed.
    """
    return [statistic(sums) for sums in _sums_of_draws(addends, draws)]


def _sums_of_draws(addends: Sequence[Sums], draws: int) -> Iterator[list[float]]:
    numpy = load("numpy", extra="benchmarks", needed_by="a bootstrap")
    columns = numpy.asarray(addends, dtype=float).T
    chunk = min(_CHUNK_DRAWS, draws)
    for number in range(draws // chunk):
        generator = _generator(numpy, number)
        for rows in _blocks(chunk, len(addends)):
            uniform = generator.random_sample((rows, len(addends)))
            picks = (uniform * len(addends)).astype(numpy.intp)
            sums = numpy.stack([column[picks].sum(axis=1) for column in columns])
            yield from sums.T.tolist()


def _generator(numpy: Any, seed: int) -> Any:
    """Return numpy's Mersenne Twister in the state of Python's `Random(seed)`."""
    _, state, _ = random.Random(seed).getstate()
    *key, position = state
    generator = numpy.random.RandomState()
    generator.set_state(("MT19937", key, position))
    return generator


def _blocks(draws: int, n: int) -> Iterator[int]:
    """Cut a chunk of draws of n samples into blocks that fit the memory."""
    most = max(1, _BLOCK_NUMBERS // n)
    for start in range(0, draws, most):
        yield min(most, draws - start)
