"""What several answers to one sample come to, other than the mean of their scores.

Of n epochs of a sample c are right. `pass@k` is the chance that k epochs, drawn without
replacement, hold a right one, 1 - C(n-c, k) / C(n, k): the unbiased estimator of Chen
et al. 2021, *Evaluating Large Language Models Trained on Code*, section 2.1, and of
`code_eval`. `pass^k` is the chance that all k are right, C(c, k) / C(n, k) (Yao et al.
2024, *τ-bench*, section 3.1). `at_least_k` asks for k right epochs, and `majority` for
more than half. The metric is the mean over the samples; pass@1 is the accuracy.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import comb
from typing import NamedTuple

from llmlab_pytest.core import ConfigError

_MAJORITY = "majority"
_NAME = re.compile(r"(?P<way>pass@|pass\^|at_least_)(?P<k>[1-9]\d*)")


class Reducer(NamedTuple):
    """How the epochs of a sample become one value."""

    name: str
    epochs: int
    """How many it takes at least; with fewer it is not defined."""
    of_counts: Callable[[int, int], float]
    """From how many epochs there are, and how many of them are right, to 0 to 1."""

    def __call__(self, values: Sequence[float]) -> float | None:
        """Reduce one sample.

        Args:
            values: the primary score of each epoch; 1 is right.

        Returns:
            A value in [0, 1]; `None` with fewer epochs than it takes.
        """
        if len(values) < self.epochs:
            return None
        return self.of_counts(len(values), sum(value == 1.0 for value in values))


_BY_NUMBER: Mapping[str, Callable[[int], Callable[[int, int], float]]] = {
    "pass@": lambda k: lambda n, right: 1.0 - comb(n - right, k) / comb(n, k),
    "pass^": lambda k: lambda n, right: comb(right, k) / comb(n, k),
    "at_least_": lambda k: lambda _, right: float(right >= k),
}


def reducer_of(name: str) -> Reducer | None:
    """Return the reducer that a metric is called after; `None` for any other name."""
    if name == _MAJORITY:
        return Reducer(name, 1, lambda n, right: float(2 * right > n))
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    k = int(match["k"])
    return Reducer(name, k, _BY_NUMBER[match["way"]](k))


def check_epochs(name: str, *, epochs: int, where: str) -> None:
    """Check that a metric called after a reducer has as many epochs as it takes.

    Raises:
        ConfigError: the task asks each sample less often.
    """
    reducer = reducer_of(name)
    if reducer is not None and reducer.epochs > epochs:
        raise ConfigError(
            f"The metric {name!r} in {where} needs {reducer.epochs} answers to each "
            f"sample, and epochs is {epochs}.",
            fix=f"Set epochs = {reducer.epochs} or more, and a temperature above 0.",
        )
