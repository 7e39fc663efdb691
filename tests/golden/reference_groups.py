"""Print what lm-eval's results say of groups, as JSON. Run by lm-eval's interpreter.

    LM_EVAL/bin/python tests/golden/reference_groups.py > \
        tests/unit/reporting/lm_eval_0_4_13/groups.json

Three subjects of MMLU with made-up scores go through lm-eval's own `Group` and
`EvalAcc`. Tasks are bare: a group asks them for their name only.
"""

import json
import sys

from lm_eval.api.group import AggMetricConfig, Group
from lm_eval.api.metrics import mean_stderr
from lm_eval.api.task import Task
from lm_eval.evaluator_utils import EvalAcc, aggregate_groups

SCORES = {
    "mmlu_anatomy": [1, 0, 1],
    "mmlu_astronomy": [0, 0, 1, 1],
    "mmlu_econometrics": [1, 1, 0],
}


class Named(Task):
    """A task of which nothing but the name is asked."""

    task_name = ""

    def __init__(self, name: str) -> None:
        self.task_name = name


Named.__abstractmethods__ = frozenset()


def group(name: str, alias: str | None, *children: object) -> Group:
    metrics = [AggMetricConfig(metric="acc", weight_by_size=True)]
    made = Group(
        name, alias=alias, aggregate_metric_list=metrics, metadata={"version": 2}
    )
    for child in children:
        made.add(child)
    return made


stem = group("mmlu_stem", "stem", Named("mmlu_anatomy"), Named("mmlu_astronomy"))
social = group("mmlu_social_sciences", "social sciences", Named("mmlu_econometrics"))
whole = group("mmlu", None, stem, social)
found = EvalAcc(
    metrics={
        name: {
            "name": name,
            "alias": name.removeprefix("mmlu_"),
            "sample_len": len(values),
            "acc,none": sum(values) / len(values),
            "acc_stderr,none": mean_stderr(values),
        }
        for name, values in SCORES.items()
    },
    configs={},
    versions=dict.fromkeys(SCORES, 1.0),
    num_fewshot=dict.fromkeys(SCORES, 0),
    higher_is_better={name: {"acc": True} for name in SCORES},
    samples={},
    groups={made.name: made for made in (whole, stem, social)},
)
content = aggregate_groups(found)._to_eval_results()
wanted = ("results", "groups", "group_subtasks", "n-shot", "higher_is_better")
json.dump({name: content[name] for name in wanted}, sys.stdout, indent=1)
sys.stdout.write("\n")
