"""Standard benchmarks: a small stratified sample of twelve, by lm-eval's definitions.

`--llmlab-limit 0` runs them whole. There is no gate: a benchmark reports and passes.
"""

from llmlab_pytest import Score, llm_task


@llm_task(
    "arc_easy",
    "arc_challenge",
    "boolq",
    "commonsense_qa",
    "hellaswag",
    "mmlu",
    "openbookqa",
    "piqa",
    "truthfulqa_mc1",
    "truthfulqa_mc2",
    "winogrande",
    limit=20,
    skip_unsupported=True,
)
def test_multiple_choice(score: Score) -> None:
    assert score.value is not None


@llm_task("gsm8k", limit=5)
def test_gsm8k(score: Score) -> None:
    assert score.value is not None
