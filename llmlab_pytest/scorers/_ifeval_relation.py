"""The two comparisons that IFEval's instructions make."""

from typing import Literal

Relation = Literal["less than", "at least"]


def holds(count: int, relation: Relation, limit: int) -> bool:
    """Whether a count stands in the relation to the limit."""
    return count < limit if relation == "less than" else count >= limit
