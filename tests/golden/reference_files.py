"""Write lm-eval's own result files. Run by lm-eval's interpreter, not ours.

Reads a plan from standard input: {model, output, tasks, samples, answers}. Each task
has name and files, which replace the hub's splits; `samples` are row numbers. The model
is a replay: it gives the recorded answer to a recorded request, and refuses any other,
so that a file can only be written if every request is ours byte by byte.
"""

import json
import sys

import lm_eval
from _reference_task import task_of
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager


class Replay(LM):
    """Gives the recorded answers."""

    def __init__(self, answers: list) -> None:
        super().__init__()
        self._answers = {(context, text): answer for context, text, answer in answers}

    def loglikelihood(self, requests: list) -> list:
        """Return log-likelihood and greediness of each pair."""
        return [tuple(self._answers[tuple(item.args)]) for item in requests]

    def generate_until(self, requests: list) -> list:
        """Return the recorded texts."""
        return [self._answers[item.args[0], ""] for item in requests]

    def loglikelihood_rolling(self, requests: list) -> list:
        """No task of ours asks for this."""
        raise NotImplementedError


plan = json.load(sys.stdin)
manager = TaskManager()
tracker = EvaluationTracker(output_path=plan["output"])
results = lm_eval.simple_evaluate(
    model=Replay(plan["answers"]),
    model_args={"pretrained": plan["model"]},
    tasks=[
        # For a subset lm-eval draws other demonstrations.
        task_of(manager, entry["name"], entry["files"], num_fewshot=0)
        for entry in plan["tasks"]
    ],
    task_manager=manager,
    samples=plan["samples"],
    log_samples=True,
    evaluation_tracker=tracker,
    bootstrap_iters=1,  # a mean has a closed form; 0 would leave its error out
)
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
for name, lines in samples.items():
    tracker.save_results_samples(task_name=name, samples=lines)
