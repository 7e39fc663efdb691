"""Dataset bugs that have moved published numbers, and what keeps them out here.

Labels read off by one, another version of TruthfulQA, choices that occur twice,
questions with a single option, subsets of a sorted file. Each is looked for in the real
rows, and where a card's expression decides, in rows made up for it too.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    HashMismatch,
    LoglikelihoodRequest,
    Sample,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    DataSource,
    PlannedTask,
    Task,
    build_request,
    find_card,
    load_card,
    load_rows,
    override,
    plan_task,
    rows_digest,
    shipped_card_folders,
)

LETTERS = "ABCDE"
DIGITS = "12345"
SEEDS = (0, 1, 2, 1234)


def _shipped(name: str) -> Task:
    return load_card(find_card(name, folders=shipped_card_folders(), where="test"))


def _choice_at_target(card: Task, row: dict[str, Any]) -> object:
    """Return the choice that the card's expressions take for the right one."""
    choices = evaluate(card.choices or "choices", row, where="row")
    target = evaluate(card.target or "target", row, where="row")
    assert isinstance(choices, list)
    assert isinstance(target, int)
    return choices[target]


# labels read off by one


@pytest.mark.parametrize("name", ["arc_easy", "arc_challenge", "openbookqa"])
@given(
    texts=st.lists(st.text(min_size=1), min_size=3, max_size=5, unique=True),
    labels=st.sampled_from([LETTERS, DIGITS]),
    place=st.integers(0, 4),
)
def test_target_is_where_the_key_stands_among_the_labels(
    name: str, texts: list[str], labels: str, place: int
) -> None:
    """Number 1 is the first choice, not the second: llm-foundry's ARC had it wrong."""
    place %= len(texts)
    row = {
        "choices": {"text": texts, "label": list(labels[: len(texts)])},
        "answerKey": labels[place],
    }
    assert _choice_at_target(_shipped(name), row) == texts[place]


@given(st.sampled_from([("1", "left"), ("2", "right"), (1, "left"), (2, "right")]))
def test_winogrande_counts_its_options_from_one(case: tuple[object, str]) -> None:
    """Its answer is a text in one source and a number in another."""
    answer, right = case
    row = {"sentence": "_", "option1": "left", "option2": "right", "answer": answer}
    assert _choice_at_target(_shipped("winogrande"), row) == right


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("name", "folder", "numbered"),
    [("arc_easy", "ARC-Easy", 21), ("arc_challenge", "ARC-Challenge", 4)],
)
def test_rows_labelled_by_numbers_have_the_right_target(
    name: str, folder: str, numbered: int, mirror: Path
) -> None:
    """New York's exams number their choices: 25 of ARC's 869 validation rows do."""
    rows = load_rows(mirror / "arc" / folder / "validation.jsonl")
    found = [row for row in rows if row["answerKey"] in DIGITS]
    assert len(found) == numbered
    for row in found:
        right = row["choices"]["text"][int(row["answerKey"]) - 1]
        assert _choice_at_target(_shipped(name), row) == right


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["arc_easy", "arc_challenge", "openbookqa", "piqa"])
def test_data_with_shifted_targets_is_refused(
    name: str, mirror: Path, tmp_path: Path
) -> None:
    """One wrong target among all rows is another digest, and no number."""
    card = _shipped(name)
    split = card.data.splits[card.data.split or ""]
    rows = load_rows(mirror / split.directory)
    last = rows[-1]
    if name == "piqa":
        last["label"] = 1 - int(last["label"])
    else:
        key = last["choices"]["label"].index(last["answerKey"])
        last["answerKey"] = last["choices"]["label"][key - 1]
    _write(tmp_path / split.directory, rows)
    with pytest.raises(HashMismatch, match=Path(split.directory).name):
        plan_task(card, limit=1, seed=0, data_dir=tmp_path)


# versions


def _truthfulqa(path: Path) -> list[dict[str, Any]]:
    """Return upstream's file in the shape of the hub: choices and labels apart."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        {
            "question": row["question"],
            **{
                name: {"choices": list(row[name]), "labels": list(row[name].values())}
                for name in ("mc1_targets", "mc2_targets")
            },
        }
        for row in rows
    ]


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["truthfulqa_mc1", "truthfulqa_mc2"])
def test_truthfulqa_is_the_first_version(
    name: str, mirror: Path, tmp_path: Path
) -> None:
    """Upstream's oldest file has the card's digest; its newest is refused.

    All three versions give plausible scores; lm-eval and the hub use the oldest.
    """
    card = _shipped(name)
    split = card.data.splits["validation"]
    oldest = _truthfulqa(mirror / "truthfulqa" / "mc_task_v0.json")
    newest = _truthfulqa(mirror / "truthfulqa" / "mc_task.json")
    assert (len(oldest), len(newest)) == (817, 790)
    assert rows_digest(oldest, card.data.identity) == split.digest
    assert rows_digest(newest, card.data.identity) != split.digest
    _write(tmp_path / split.directory, newest)
    with pytest.raises(HashMismatch, match=Path(split.directory).name):
        plan_task(card, limit=1, seed=0, data_dir=tmp_path)


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["truthfulqa_mc1", "truthfulqa_mc2"])
@pytest.mark.parametrize("change", ["order", "answer"])
def test_as_many_rows_of_another_version_are_refused(
    name: str, change: str, mirror: Path, tmp_path: Path
) -> None:
    """The second version also has 817 questions: their number tells nothing."""
    card = _shipped(name)
    split = card.data.splits["validation"]
    rows = load_rows(mirror / split.directory)
    if change == "order":
        rows[0], rows[1] = rows[1], rows[0]
    else:
        for targets in ("mc1_targets", "mc2_targets"):
            rows[7][targets]["choices"][-1] += "."
    _write(tmp_path / split.directory, rows)
    with pytest.raises(HashMismatch, match=Path(split.directory).name):
        plan_task(card, limit=1, seed=0, data_dir=tmp_path)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# choices that occur twice, and questions with one option


def _scored(sample: Sample, loglikelihoods: list[float]) -> float | None:
    name, scorer = make_scorer("acc", scorer_registry(), where="test")
    continuations = tuple(ContinuationLogprob(v, False, 1) for v in loglikelihoods)
    completion = Completion(text="", model="m", continuations=continuations)
    return apply_scorer(name, scorer, completion=completion, sample=sample).value


@pytest.mark.mirror
def test_nine_questions_of_mmlu_have_a_choice_twice(mirror: Path) -> None:
    """Equal texts are equally likely: only letters tell them apart, and order decides.

    Asked by letter, all four choices differ. Asked by their texts, the first of the
    likeliest wins, as with lm-eval's argmax, also where the target is its double.
    """
    card = _shipped("mmlu")
    planned = plan_task(card, limit=None, seed=0, data_dir=mirror)
    twice = [s for s in planned.samples if len(set(s.metadata["choices"])) < 4]
    assert len(twice) == 9
    assert all(len(set(sample.choices)) == 4 for sample in twice)
    shadowed = 0
    for sample in twice:
        texts = sample.metadata["choices"]
        right = texts[sample.target]
        tied = [0.0 if text == right else -1.0 for text in texts]
        is_first = texts.index(right) == sample.target
        assert _scored(sample, tied) == float(is_first)
        shadowed += not is_first
    assert shadowed == 1  # its target is the second of the two: never right by text


@pytest.mark.mirror
def test_options_of_mmlu_pro_are_three_to_ten_but_for_seven(mirror: Path) -> None:
    """Chance is not 10 %: five questions have one option, right whatever is likely."""
    task = Task(
        name="pro",
        data=DataSource(file=mirror / "mmlu_pro" / "test.jsonl"),
        where="test",
        kind="loglikelihood",
        prompt="{{ question }}",
        choices="options",
        target="answer_index",
        id="question_id",
    )
    planned = plan_task(task, limit=None, seed=0, data_dir=None)
    counts = Counter(len(sample.choices) for sample in planned.samples)
    assert (len(planned.samples), counts[1], counts[2]) == (12032, 5, 2)
    assert set(counts) == set(range(1, 11))
    chance = sum(n / size for size, n in counts.items()) / len(planned.samples)
    assert chance == pytest.approx(0.1112, abs=1e-4)
    for sample in planned.samples:
        assert isinstance(sample.target, int)
        assert "ABCDEFGHIJ"[sample.target] == sample.metadata["answer"]
        assert sample.target < len(sample.choices)
    single = next(sample for sample in planned.samples if len(sample.choices) == 1)
    request = build_request(planned, single, capabilities={"loglikelihood"})
    assert isinstance(request, LoglikelihoodRequest)
    assert len(request.continuations) == 1
    assert _scored(single, [-99.0]) == 1.0


# subsets of sorted files


def _drawn(name: str, seed: int, data: Path) -> PlannedTask:
    return plan_task(_shipped(name), limit=100, seed=seed, data_dir=data)


@pytest.mark.mirror
def test_subset_of_hellaswag_holds_both_sources(mirror: Path) -> None:
    """Its first 3,243 rows are all of ActivityNet: `--limit 100` would see no other."""
    card = _shipped("hellaswag")
    rows = load_rows(mirror / card.data.splits["validation"].directory)
    sources = [row["source_id"].split("~")[0] for row in rows]
    assert sources == ["activitynet"] * 3243 + ["wikihow"] * 6799
    for seed in SEEDS:
        drawn = _drawn("hellaswag", seed, mirror)
        found = Counter(
            str(sample.metadata["source_id"]).split("~")[0] for sample in drawn.samples
        )
        assert found == {"activitynet": 32, "wikihow": 68}


@pytest.mark.mirror
def test_subset_of_boolq_answers_yes_as_often_as_the_whole(mirror: Path) -> None:
    """Of all answers 62 % are yes, of the first hundred 70: "yes" scores as much."""
    card = _shipped("boolq")
    rows = load_rows(mirror / card.data.splits["validation"].directory)
    labels = [int(row["label"]) for row in rows]
    assert sum(labels) / len(labels) == pytest.approx(0.6217, abs=1e-4)
    assert sum(labels[:100]) == 70
    for seed in SEEDS:
        drawn = _drawn("boolq", seed, mirror)
        assert Counter(sample.target for sample in drawn.samples) == {1: 62, 0: 38}


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["arc_challenge", "mmlu", "piqa", "winogrande"])
def test_targets_of_a_subset_are_spread_as_in_the_whole(
    name: str, mirror: Path
) -> None:
    """Always choosing one position scores what it scores on all rows, within 1 %."""
    card = _shipped(name)
    if name == "mmlu":
        card = override(card, where="test", stratify="answer")
    whole = plan_task(card, limit=None, seed=0, data_dir=mirror)
    share = Counter(sample.target for sample in whole.samples)
    for seed in SEEDS:
        drawn = plan_task(card, limit=100, seed=seed, data_dir=mirror)
        found = Counter(sample.target for sample in drawn.samples)
        for position, count in share.items():
            exact = 100 * count / len(whole.samples)
            assert abs(found[position] - exact) <= 1
