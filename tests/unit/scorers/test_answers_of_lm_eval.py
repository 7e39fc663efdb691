"""Answers and scores of generative tasks, as lm-eval 0.4.13 has them.

The file was written by `tests/golden/compare_answers.py --write`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Completion, ConfigError, Sample, Score
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    DataSource,
    find_card,
    load_card,
    plan_task,
    shipped_card_folders,
)

CASES = json.loads(
    Path(__file__).with_name("answers_of_lm_eval.json").read_text("utf-8")
)


def _scores(card: str, row: dict[str, Any], text: str) -> dict[str, Score]:
    path = find_card(card, folders=shipped_card_folders(), where="here")
    task = load_card(path).with_changes(data=DataSource(rows=(row,)), shots=0)
    (sample,) = plan_task(task, limit=0, seed=0, data_dir=None).samples
    completion = Completion(text=text, model="none")
    found = {}
    for spec in task.scorers:
        name, scorer = make_scorer(spec, scorer_registry(), where="here")
        found[name] = apply_scorer(name, scorer, completion=completion, sample=sample)
    return found


@pytest.mark.parametrize("card", sorted({case["card"] for case in CASES}))
def test_texts_are_judged_as_by_lm_eval(card: str) -> None:
    """Every score is lm-eval's to four decimals, and so is the answer it rests on."""
    for case in (case for case in CASES if case["card"] == card):
        scores = _scores(card, case["input"], case["text"])
        for name, value in case["scores"].items():
            assert scores[name].value == pytest.approx(value, abs=1e-4), case
        if len(case["scores"]) == 1 and case["answer"] is not None:
            assert scores[name].answer == case["answer"], case


def _overlap(spec: Any, sample: Sample, text: str = "four") -> Score:
    name, scorer = make_scorer(spec, scorer_registry(), where="card.toml:3")
    completion = Completion(text=text, model="none")
    return apply_scorer(name, scorer, completion=completion, sample=sample)


def test_likeness_without_choices_is_with_the_nearest_target() -> None:
    """A task of one's own needs no false references: the targets are true ones."""
    sample = Sample(id="s", input="", target=("It is four.", "four"))
    assert _overlap("rouge", sample).value == 100
    assert _overlap("rouge", sample, "five").value == 0
    longer = "it is four now"
    assert _overlap("rouge", sample, longer).value == pytest.approx(100 * 6 / 7)
    rouge2 = {"name": "rouge", "variant": "rouge2"}
    assert _overlap(rouge2, sample, longer).value == pytest.approx(80)
    assert _overlap("bleu", sample, "It is four.").value == pytest.approx(100)


@pytest.mark.parametrize(
    ("spec", "sample", "shown"),
    [
        (
            {"name": "bleu", "statistic": "acc"},
            Sample(id="s1", input="", target="four"),
            "'s1' has no false reference",
        ),
        (
            {"name": "bleu", "statistic": "min"},
            Sample(id="s", input="", target="four"),
            "'min'.*max, diff, acc",
        ),
        (
            {"name": "rouge", "variant": "rouge3"},
            Sample(id="s", input="", target="four"),
            "'rouge3'.*rouge1, rouge2, rougeL",
        ),
        (
            "rouge",
            Sample(id="s2", input="", target="four", choices=("four", "five")),
            "'four' of sample 's2' names no choice",
        ),
        ("rouge", Sample(id="s", input=""), "has no target"),
    ],
)
def test_overlap_without_references_is_an_error(
    spec: Any, sample: Sample, shown: str
) -> None:
    """A sample that gives nothing to compare with is never scored 0."""
    with pytest.raises(ConfigError, match=f"(?s){shown}"):
        _overlap(spec, sample)
