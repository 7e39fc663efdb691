"""The metric pass@k: would one of k answers be right?

After Chen et al. 2021, *Evaluating Large Language Models Trained on Code*, section 2.1.
Of n epochs of a sample c are right. Then 1 - C(n-c, k) / C(n, k) is the chance that k
epochs, drawn without replacement, hold a right one: the unbiased estimator of the paper
and of `code_eval`. The metric is its mean over the samples; pass@1 is the accuracy.
"""

import re
from collections.abc import Sequence
from math import comb

from llmlab_pytest.core import ConfigError

_NAME = re.compile(r"pass@([1-9]\d*)")


def draws_of(name: str) -> int | None:
    """Return the k of a metric called `pass@k`; `None` for any other name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def pass_at_k(values: Sequence[float], k: int) -> float | None:
    """Return pass@k of one sample.

    Args:
        values: the primary score of each epoch; 1 is right.
        k: how many are drawn.

    Returns:
        A chance in [0, 1]; `None` with fewer than k epochs, where it is not defined.
    """
    if len(values) < k:
        return None
    wrong = sum(value != 1.0 for value in values)
    return 1.0 - comb(wrong, k) / comb(len(values), k)


def check_draws(name: str, *, epochs: int, where: str) -> None:
    """Check that a metric called `pass@k` has k epochs to draw from.

    Raises:
        ConfigError: the task asks each sample less often than k times.
    """
    k = draws_of(name)
    if k is not None and k > epochs:
        raise ConfigError(
            f"The metric {name!r} in {where} needs {k} answers to each sample, "
            f"and epochs is {epochs}.",
            fix=f"Set epochs = {k} or more, and a temperature above 0.",
        )
