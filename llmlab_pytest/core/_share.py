"""A sample's part in a measure of all samples together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """What a sample adds to a measure of all samples together, as the corpus' BLEU."""

    statistic: str
    """Name of the function of the sums over all samples, e.g. `f1`."""
    addends: tuple[float, ...]
    """What is added to each sum."""
