"""The scorers that ask a judge, by name."""

from llmlab_pytest.judging._against import factuality, pairwise
from llmlab_pytest.judging._claims import (
    answer_relevancy,
    context_precision,
    context_recall,
    faithfulness,
)
from llmlab_pytest.judging._rubric import closed_qa, g_eval, rubric
from llmlab_pytest.judging._rules import RULES
from llmlab_pytest.scorers import ScorerFactory

JUDGE_SCORERS: dict[str, ScorerFactory] = {
    factory.__name__: factory
    for factory in (
        answer_relevancy,
        closed_qa,
        context_precision,
        context_recall,
        factuality,
        faithfulness,
        g_eval,
        pairwise,
        rubric,
        *RULES,
    )
}
