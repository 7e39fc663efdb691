"""Does inspect_ai read our logs, and the same scores? Needs inspect_ai, not llmlab.

    pytest evals/ --llmlab-inspect logs --llmlab-samples samples.jsonl
    python tests/golden/compare_inspect.py logs samples.jsonl

Run the second line in an environment that has inspect_ai: it reads every log with
`read_eval_log`, which checks the schema, and compares each sample's scores, answer,
target, tokens and error with those of the JSON lines of the same run.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

from inspect_ai.log import list_eval_logs, read_eval_log


def kept(path: str) -> dict[tuple[str, str, str, int], dict[str, Any]]:
    """Return the lines of a run by task, model, sample and epoch."""
    text = Path(path).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return {
        (line["task"], line["model"], line["sample_id"], line["epoch"]): line
        for line in lines
    }


def differences(sample: Any, line: dict[str, Any]) -> list[str]:
    """Return what inspect_ai reads otherwise."""
    found = []
    for score in line["scores"]:
        value = sample.scores[score["scorer"]].value
        want = math.nan if score["value"] is None else score["value"]
        if value != want and not (math.isnan(value) and math.isnan(want)):
            found.append(f"{score['scorer']}: {value} for {want}")
    if (
        line["completion"] is not None
        and sample.output.completion != line["completion"]
    ):
        found.append("completion")
    if (sample.error and sample.error.message) != line["error"]:
        found.append("error")
    tokens = sum(usage.total_tokens for usage in sample.model_usage.values())
    if tokens != line["input_tokens"] + line["output_tokens"]:
        found.append("tokens")
    return found


def main() -> int:
    """Compare all logs of a folder."""
    folder, lines = sys.argv[1], kept(sys.argv[2])
    read = wrong = 0
    for info in list_eval_logs(folder):
        log = read_eval_log(info)
        for sample in log.samples or ():
            model = log.eval.model.removeprefix("llmlab/")
            line = lines[log.eval.task, model, str(sample.id), sample.epoch]
            found = differences(sample, line)
            read, wrong = read + 1, wrong + bool(found)
            if found:
                print(log.eval.task, sample.id, sample.epoch, found)
    print(f"{read} samples read, {wrong} differ")
    return 1 if wrong or not read else 0


if __name__ == "__main__":
    sys.exit(main())
