"""What a local model's engine did in a run, and how close it came to the machine."""

from dataclasses import dataclass

LAYER_FLOP = "layer_flop"
"""Fact of a model: FLOP of its layers' matrices per token."""
MATRIX_FLOPS = "matrix_flops"
"""Fact of a model: FLOP/s of one of these matrices by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAccount:
    """Tokens, seconds and rates of one local model over all tasks and workers."""

    model: str
    asked_tokens: int
    """What the requests have one by one, and their answers: what an engine that shares
    nothing, as lm-eval's, reads and writes."""
    computed_tokens: int
    """Without shared beginnings and recalled log-likelihoods."""
    compute_s: float
    """Seconds of compute, the sum of all workers, > 0."""
    computed_tokens_per_s: float
    """By `compute_s`: of one worker."""
    layer_flops: float | None = None
    """FLOP/s of the layers' matrices: 2 per weight and computed token. Attention,
    embedding and output layer are not counted. `None` where it is not known."""
    matrix_flops: float | None = None
    """FLOP/s that the model's largest layer reaches by itself, in the same type and on
    as many threads, measured in this run; `None` if it was not."""
    of_matrix_rate: float | None = None
    """`layer_flops / matrix_flops`; `None` also where that is above 1, because others
    had the machine while it was measured."""
