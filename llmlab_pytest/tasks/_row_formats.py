"""Rows of other tools as rows of this package: one function for each form."""

from collections.abc import Callable, Mapping

from llmlab_pytest.tasks._deepeval_rows import deepeval_row
from llmlab_pytest.tasks._inspect_rows import inspect_row
from llmlab_pytest.tasks._langsmith_rows import langsmith_row
from llmlab_pytest.tasks._openai_rows import openai_row
from llmlab_pytest.tasks._promptfoo_rows import promptfoo_row
from llmlab_pytest.tasks._ragas_rows import ragas_row
from llmlab_pytest.tasks._rows import Row

FORMATS: Mapping[str, Callable[[Row, str], Row]] = {
    "deepeval": deepeval_row,
    "inspect": inspect_row,
    "langsmith": langsmith_row,
    "openai-evals": openai_row,
    "promptfoo": promptfoo_row,
    "ragas": ragas_row,
}
MESSAGES = frozenset(["inspect", "openai-evals", "ragas"])
"""Forms whose rows are conversations: their turns are asked, if no prompt is given."""


def in_form(name: str, row: Row, where: str) -> Row:
    """Return a row of another tool as one of this package.

    Raises:
        DataError: it is none of that tool; names the place.
    """
    return FORMATS[name](row, where)
