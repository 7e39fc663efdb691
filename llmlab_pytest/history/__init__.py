"""What the runs of a store cost and scored, over time, and at other prices."""

from llmlab_pytest.history._reprice import Prices, Repriced, reprice
from llmlab_pytest.history._scores import Point, Series, is_find, series_of
from llmlab_pytest.history._spending import KINDS, Chosen, Line, lines_of

__all__ = [
    "KINDS",
    "Chosen",
    "Line",
    "Point",
    "Prices",
    "Repriced",
    "Series",
    "is_find",
    "lines_of",
    "reprice",
    "series_of",
]
