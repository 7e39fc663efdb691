"""Print lm-eval's own IFEval verdicts. Run by lm-eval's interpreter, not ours.

Reads {seed, cases: [{row, responses}]} from standard input; prints one JSON line per
case: for each response the strict and the loose verdict of every instruction.
"""

import json
import logging
import sys

from langdetect import DetectorFactory
from lm_eval.tasks.ifeval import utils

logging.disable(logging.ERROR)  # it logs every text whose language it cannot tell


def verdicts(row: dict, response: str) -> dict[str, list[bool]]:
    asked = utils.InputExample(
        key=row["key"],
        instruction_id_list=row["instruction_id_list"],
        prompt=row["prompt"],
        kwargs=row["kwargs"],
    )
    strict = utils.test_instruction_following_strict(asked, response)
    loose = utils.test_instruction_following_loose(asked, response)
    return {
        "strict": strict.follow_instruction_list,
        "loose": loose.follow_instruction_list,
    }


given = json.load(sys.stdin)
DetectorFactory.seed = given["seed"]
for case in given["cases"]:
    found = [verdicts(case["row"], response) for response in case["responses"]]
    sys.stdout.write(json.dumps(found) + "\n")
