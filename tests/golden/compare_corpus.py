"""Compare metrics of a corpus and their bootstrap errors with lm-eval 0.4.13's.

    python tests/golden/compare_corpus.py --python LM_EVAL/bin/python

LM_EVAL is a virtual environment with `lm-eval==0.4.13`. Choices, likelihoods and texts
are made up; lm-eval's own aggregation and `stderr_for_metric` work on them. Its 100,000
draws (100 for texts) take scikit-learn many minutes: `--draws 2000` is two chunks of
them, with a seed each. Prints a table and exits with 1 on a difference; with `--write`
lm-eval's numbers are kept, for `tests/unit/metrics/test_corpus.py`.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    Sample,
    SampleResult,
)
from llmlab_pytest.metrics import compute, default_metrics
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.stats import CORPUS_STATISTICS, bootstrap_stderr

ORACLE = """
import json, sys
from lm_eval.api import metrics
for line in sys.stdin:
    case = json.loads(line)
    measure = getattr(metrics, case["aggregation"])
    error = metrics.stderr_for_metric(measure, case["draws"])
    items = [tuple(i) if isinstance(i, list) else i for i in case["items"]]
    print("RESULT", json.dumps([float(measure(items)), float(error(items))]))
"""
AGGREGATIONS = {
    "f1": "f1_score",
    "mcc": "matthews_corrcoef",
    "perplexity": "perplexity",
    "corpus_bleu": "bleu",
    "chrf": "chrf",
    "ter": "ter",
}
"""Our scorers, and lm-eval's functions."""
TEXTS = ("corpus_bleu", "chrf", "ter")
KEPT = Path(__file__).parents[1] / "unit" / "metrics" / "corpus_of_lm_eval.json"
WORDS = "the a old grey cat dog sat slept on under near mat, tree. (twice) Ünder 3.5"


def invented(count: int) -> list[tuple[Sample, Completion]]:
    """Return samples with two choices and reference texts, and answers to them."""
    generator = random.Random(20251125)
    words, found = WORDS.split(), []
    for number in range(count):
        reference = generator.choices(words, k=generator.randint(3, 12))
        text = [
            w if generator.random() < 0.7 else generator.choice(words)
            for w in reference
        ]
        lls = [-generator.expovariate(0.3) for _ in range(2)]
        sample = Sample(
            id=str(number),
            input="",
            target=int(generator.random() < 0.3),
            choices=("no", "yes"),
            metadata={"reference": " ".join(reference)},
        )
        parts = tuple(ContinuationLogprob(ll, is_greedy=False, tokens=1) for ll in lls)
        said = " ".join(text[: generator.randint(1, len(text))])
        found.append((sample, Completion(text=said, model="m", continuations=parts)))
    return found


def item(name: str, sample: Sample, completion: Completion) -> object:
    """Return what lm-eval collects of a sample for its aggregation."""
    lls = [part.loglikelihood for part in completion.continuations]
    if name in TEXTS:
        return [sample.metadata["reference"], completion.text]
    if name == "perplexity":
        return lls[sample.target]
    return [sample.target, lls.index(max(lls))]


def mine(
    name: str, asked: list[tuple[Sample, Completion]], draws: int
) -> tuple[float, float]:
    """Return our metric and its standard error."""
    title, scorer = make_scorer(name, scorer_registry(), where="here")
    results, addends = [], []
    for whole, completion in asked:
        sample = whole
        if name in TEXTS:
            reference = whole.metadata["reference"]
            sample = Sample(id=whole.id, input="", target=reference)
        score = apply_scorer(title, scorer, completion=completion, sample=sample)
        addends.append(score.share.addends)
        results.append(
            SampleResult(task="t", model="m", sample_id=sample.id, scores=(score,))
        )
    metric = compute(name, results, default_metrics())
    measure = CORPUS_STATISTICS[name].of_sums
    return metric.value, bootstrap_stderr(addends, measure, draws=draws)


def draws_of(name: str, most: int) -> int:
    """Return how often lm-eval draws for a metric, at most."""
    return min(CORPUS_STATISTICS[name].draws, most)


def theirs(python: str, asked: list[tuple[Sample, Completion]], draws: int) -> dict:
    """Return lm-eval's metrics and standard errors by our names."""
    cases = [
        {
            "aggregation": function,
            "draws": draws_of(name, draws),
            "items": [item(name, *pair) for pair in asked],
        }
        for name, function in AGGREGATIONS.items()
    ]
    done = subprocess.run(
        [python, "-c", ORACLE],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    values = [json.loads(line.removeprefix("RESULT")) for line in lines]
    return dict(zip(AGGREGATIONS, values, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--draws", type=int, default=100_000, help="at most so many")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    asked = invented(options.samples)
    reference = theirs(options.python, asked, options.draws)
    worst = 0.0
    for name, numbers in reference.items():
        draws = draws_of(name, options.draws)
        pairs = zip(mine(name, asked, draws), numbers, strict=True)
        gaps = [abs(own - other) for own, other in pairs]
        worst = max(worst, *gaps)
        value, stderr = numbers
        print(f"{name:<12} {value:>12.6f} ± {stderr:<12.6f} gap {max(gaps):.1e}")
    if options.write:
        kept = {
            "items": {
                name: [item(name, *pair) for pair in asked] for name in reference
            },
            "draws": options.draws,
            "lm_eval": reference,
        }
        KEPT.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    return worst > 1e-9


if __name__ == "__main__":
    sys.exit(main())
