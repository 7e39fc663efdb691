"""What a store can list without reading records whole: results by what they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llmlab_pytest.core import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which results of a run are looked for; `None` and `""` leave a thing open."""

    task: str | None = None
    model: str | None = None
    outcome: Outcome | None = None
    text: str = ""
    """Stands, in any case, in the sample's id or texts, in the answer, in what the
    first scorer says of it, or in the error."""


class Found(NamedTuple):
    """Where a result stands."""

    task: str
    model: str
    sample_id: str
    epoch: int
    sample_hash: str | None
    """Tells versions of a sample apart; `None` for a behaviour test."""


class Total(NamedTuple):
    """What a task on a model of a run came to."""

    run_id: str
    started_at: str
    task: str
    model: str
    results: int
    errors: int
    cost_usd: float
    """Of the results whose cost is known; without what judges cost."""
    unpriced: int
    """How many answered results have no known cost."""
    kept: int
    """How many rest on answers of the cache or a cassette, which cost nothing now."""
    judges_usd: float
    """What judges cost, as far as it is known."""
    unpriced_judgements: int


class Catalogue(Protocol):
    """Lists results; `_sql_catalogue.SqlCatalogue` documents each method."""

    def find(self, run_id: str, wanted: Wanted) -> list[Found]:
        """Return the results of a run that are wanted, in a stable order."""
        ...

    def totals(self, run_ids: Sequence[str] | None = None) -> list[Total]:
        """Return what runs came to, by task and model; of all runs with `None`."""
        ...
