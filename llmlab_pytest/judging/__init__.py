"""From a completion to a score by a judge: a model that decides by a rule."""

from llmlab_pytest.judging._against import factuality, pairwise
from llmlab_pytest.judging._calibration import (
    Calibration,
    Figures,
    figures_of,
    read_calibration,
)
from llmlab_pytest.judging._catalog import JUDGE_SCORERS
from llmlab_pytest.judging._claims import (
    answer_relevancy,
    average_precision,
    context_precision,
    context_recall,
    faithfulness,
)
from llmlab_pytest.judging._messages import messages_for
from llmlab_pytest.judging._model_judge import Ask, ModelJudge, Way, check_judge, way_of
from llmlab_pytest.judging._rows import judge_rows
from llmlab_pytest.judging._rubric import closed_qa, g_eval, rubric
from llmlab_pytest.judging._rules import (
    RULES,
    Rule,
    bias,
    coherence,
    context_relevance,
    conversation_quality,
    correctness,
    hallucination,
    instruction_following,
    role_adherence,
    summary_quality,
    task_completion,
    toxicity,
)
from llmlab_pytest.judging._scorer import JudgeScorer

__all__ = [
    "JUDGE_SCORERS",
    "RULES",
    "Ask",
    "Calibration",
    "Figures",
    "JudgeScorer",
    "ModelJudge",
    "Rule",
    "Way",
    "answer_relevancy",
    "average_precision",
    "bias",
    "check_judge",
    "closed_qa",
    "coherence",
    "context_precision",
    "context_recall",
    "context_relevance",
    "conversation_quality",
    "correctness",
    "factuality",
    "faithfulness",
    "figures_of",
    "g_eval",
    "hallucination",
    "instruction_following",
    "judge_rows",
    "messages_for",
    "pairwise",
    "read_calibration",
    "role_adherence",
    "rubric",
    "summary_quality",
    "task_completion",
    "toxicity",
    "way_of",
]
