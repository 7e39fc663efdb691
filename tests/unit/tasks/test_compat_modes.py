"""Compat modes: a benchmark asked and scored as another harness does it."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    GenerateRequest,
    LoglikelihoodRequest,
    Sample,
    Unsupported,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    DataSource,
    Task,
    build_request,
    find_card,
    in_mode,
    load_card,
    load_rows,
    plan_task,
    shipped_card_folders,
)

V1 = "open-llm-leaderboard-v1"
CARD = """
scorers = ["exact"]
shots = 1
[demonstrations]
split = "train"
same = "subject"
[compat.other]
prompt = "Other: {{ input }}"
contexts = ""
shots = 3
demonstrations = { sampler = "shuffled" }
[compat.zero]
shots = 0
demonstrations = false
"""


def _shipped(name: str) -> Task:
    return load_card(find_card(name, folders=shipped_card_folders(), where="test"))


def _card(folder: Path, text: str = CARD) -> Task:
    path = folder / "own.task.toml"
    path.write_text(text, encoding="utf-8")
    return load_card(path)


def test_mode_changes_the_keys_it_names(tmp_path: Path) -> None:
    """Keys of demonstrations are changed one by one, the rest stays."""
    card = _card(tmp_path)
    other = in_mode(card, "other")
    assert (other.prompt, other.shots, other.mode) == ("Other: {{ input }}", 3, "other")
    assert other.demonstrations is not None
    assert (other.demonstrations.sampler, other.demonstrations.same) == (
        "shuffled",
        "subject",
    )
    assert other.scorers == card.scorers
    zero = in_mode(card, "zero")
    assert (zero.shots, zero.demonstrations) == (0, None)


def test_mode_moves_the_hash_by_what_it_changes(tmp_path: Path) -> None:
    """Numbers of two modes are never taken for each other; a name changes none."""
    card = _card(tmp_path)
    assert in_mode(card, "lm-eval").hash == card.hash
    assert in_mode(card, "other").hash != card.hash
    assert in_mode(card, "unknown").key != card.key


def test_mode_that_the_card_lacks_is_refused() -> None:
    """The message names the modes that there are."""
    task = Task(
        name="own",
        data=DataSource(rows=({"input": "1"},)),
        where="card",
        modes={"other": {}},
        mode="othr",
    )
    with pytest.raises(Unsupported, match=r"'own'.*'othr'.*It has: lm-eval, other"):
        plan_task(task, limit=None, seed=0, data_dir=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("compat = 1", "compat"),
        ("[compat]\nother = 1", "'other'"),
        ("[compat.other]\npromt = 'x'", "'promt'.*'prompt'"),
        ("[compat.other]\ndemonstrations = true", "a table, or false"),
        ("[compat.other]\ndemonstrations = { sampler = 'x' }", "'shuffled'"),
    ],
)
def test_wrong_mode_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    """A mode is checked when the card is read, not when it is asked for."""
    with pytest.raises(ConfigError, match=said) as caught:
        _card(tmp_path, f'scorers = ["exact"]\n{text}\n')
    assert "own.task.toml" in str(caught.value)


# the shipped modes


def _pairs(task: Task, row: dict[str, Any]) -> list[tuple[object, str]]:
    """Return what is asked about a row without data or demonstrations."""
    alone = task.with_changes(data=DataSource(rows=(row,)), shots=0)
    planned = plan_task(alone, limit=None, seed=0, data_dir=None)
    request = build_request(planned, planned.samples[0], capabilities={"loglikelihood"})
    assert isinstance(request, LoglikelihoodRequest)
    return [(pair.context, pair.text) for pair in request.continuations]


def test_lighteval_shows_mmlu_as_cloze() -> None:
    """`mmlu_cloze_prompt` of SmolLM2's task file: no letters, texts compared."""
    row = {
        "subject": "high_school_physics",
        "question": " What falls? ",
        "choices": ["an apple", "the sky", "a star", "nothing"],
        "answer": 0,
    }
    task = in_mode(_shipped("mmlu"), "lighteval")
    context = (
        "The following are questions about high school physics.\n"
        "Question:  What falls? \nAnswer:"
    )
    assert _pairs(task, row) == [
        (context, f" {text}") for text in ("an apple", "the sky", "a star", "nothing")
    ]
    assert task.scorers[0] == "acc_norm"


def test_lighteval_does_not_strip_hellaswag() -> None:
    """`prompt_hellaswag`: the context ends with a space, endings keep theirs."""
    row = {
        "activity_label": "Baking",
        "ctx_a": "She stirs.",
        "ctx_b": "then SHE",
        "endings": [" waits [title] Done", "eats [step] it", "a", "b"],
        "label": "1",
        "source_id": "wikihow~1",
    }
    pairs = _pairs(in_mode(_shipped("hellaswag"), "lighteval"), row)
    assert pairs[0] == ("Baking: She stirs. Then she ", "  waits. Done")
    assert pairs[1] == ("Baking: She stirs. Then she ", " eats it")
    assert _pairs(_shipped("hellaswag"), row)[0] == (
        "Baking: She stirs. Then she",
        " waits. Done",
    )


def test_lighteval_continues_winogrande_with_option_and_rest() -> None:
    """`prompt.winogrande`: one context, ending before the blank."""
    row = {
        "sentence": "Ann met Eve because _ was late .",
        "option1": "Ann",
        "option2": "Eve",
        "answer": "2",
    }
    task = in_mode(_shipped("winogrande"), "lighteval")
    assert _pairs(task, row) == [
        ("Ann met Eve because ", "Ann was late ."),
        ("Ann met Eve because ", "Eve was late ."),
    ]


@pytest.mark.parametrize("name", ["arc_easy", "arc_challenge", "openbookqa", "piqa"])
def test_lighteval_asks_the_others_as_lm_eval_does(name: str) -> None:
    """Only the score that counts is another, and how it would draw is not known."""
    card = _shipped(name)
    mode = in_mode(card, "lighteval")
    assert (mode.prompt, mode.choices, mode.target) == (
        card.prompt,
        card.choices,
        card.target,
    )
    assert mode.scorers[0] == "acc_norm"
    assert mode.demonstrations is None


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("name", "shots"), [("arc_challenge", 25), ("gsm8k", 5), ("winogrande", 5)]
)
def test_first_leaderboard_draws_in_shuffled_order(
    name: str, shots: int, mirror: Path
) -> None:
    """As lm-eval before 0.4: `Random(42)` shuffles the samples, then draws for each.

    The rule gave the demonstrations of 99 of 100 logged prompts of ARC, of 498 of 498
    of GSM8K, and of 106 of 106 of WinoGrande.
    """
    card = _shipped(name)
    planned = plan_task(in_mode(card, V1), limit=50, seed=7, data_dir=mirror)
    train = load_rows(mirror / card.data.splits["train"].directory)
    evaluated = load_rows(mirror / card.data.splits[card.data.split or ""].directory)
    generator = random.Random(42)
    rows = list(evaluated)
    generator.shuffle(rows)
    shown = {}
    for row in rows:
        shown[str(row)] = generator.sample(train, shots)
    assert len(planned.samples) == 50
    for sample in planned.samples:
        mine = list(planned.demonstrations[sample.id])
        assert mine == shown[str(dict(sample.metadata))]


@pytest.mark.parametrize(
    ("text", "answer", "value"),
    [
        (" 6 * 7 = 42\n#### 42", "42", 1.0),
        ("#### 1,042 apples", "1,042", 0.0),
        ("#### 42.", "42.", 0.0),
        ("The answer is 42", "[invalid]", 0.0),
    ],
    ids=["in form", "another number", "full stop kept", "no form"],
)
def test_first_leaderboard_scores_gsm8k_by_the_form_alone(
    text: str, answer: str, value: float
) -> None:
    """`_extract_answer` of the old task: the number after ####, less its commas."""
    (spec,) = in_mode(_shipped("gsm8k"), V1).scorers
    name, scorer = make_scorer(spec, scorer_registry(), where="test")
    sample = Sample(id="s", input="", target="6 * 7 = <<6*7=42>>42\n#### 42")
    completion = Completion(text=text, model="m")
    score = apply_scorer(name, scorer, completion=completion, sample=sample)
    assert (score.scorer, score.answer, score.value) == ("acc", answer, value)


def test_first_leaderboard_stops_gsm8k_at_a_colon() -> None:
    """`until` of the old task, in a request as a model gets it."""
    task = in_mode(_shipped("gsm8k"), V1)
    row = {"question": "6 * 7?", "answer": "#### 42"}
    alone = task.with_changes(data=DataSource(rows=(row,)), shots=0)
    planned = plan_task(alone, limit=None, seed=0, data_dir=None)
    request = build_request(planned, planned.samples[0], capabilities={"completion"})
    assert isinstance(request, GenerateRequest)
    assert request.config.stop == (":", "Question:", "Question")
    assert request.prompt == "Question: 6 * 7?\nAnswer:"


def test_first_leaderboard_shows_hellaswag_training_rows(tmp_path: Path) -> None:
    """Ten of them in the order of the draws, cleaned as the question is."""
    rows = [
        {
            "activity_label": f"Task {n}",
            "ctx_a": "He [step] waits",
            "ctx_b": "",
            "endings": [f"{n} a", f"{n} b", f"{n} c", f"{n} d"],
            "label": str(n % 4),
            "source_id": f"wikihow~{n}",
        }
        for n in range(12)
    ]
    folder = tmp_path / "hellaswag"
    folder.mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    (folder / "validation.jsonl").write_text(lines, encoding="utf-8")
    task = in_mode(_shipped("hellaswag"), V1)
    splits = {
        name: replace(split, rows=12, digest="")
        for name, split in task.data.splits.items()
    }
    small = task.with_changes(data=replace(task.data, splits=splits))
    planned = plan_task(small, limit=None, seed=0, data_dir=tmp_path)
    order, generator = list(range(12)), random.Random(42)
    generator.shuffle(order)
    shown = {n: generator.sample(rows, 10) for n in order}
    request = build_request(planned, planned.samples[3], capabilities={"loglikelihood"})
    assert isinstance(request, LoglikelihoodRequest)
    wanted = [
        f"{row['activity_label']}: He waits {row['endings'][int(row['label'])]}"
        for row in shown[3]
    ]
    assert request.continuations[0].context == "\n\n".join(
        [*wanted, "Task 3: He waits"]
    )
    assert small.scorers[0] == "acc_norm"


def test_first_leaderboard_shows_five_of_the_subject_in_mmlu() -> None:
    """The prompt is today's; shots and the mean over the subjects are not."""
    card = _shipped("mmlu")
    mode = in_mode(card, V1)
    assert (mode.prompt, mode.description, mode.demonstrations) == (
        card.prompt,
        card.description,
        card.demonstrations,
    )
    assert (mode.shots, mode.metrics) == (5, ("acc@parts", "acc"))


@pytest.mark.mirror
def test_first_leaderboard_counts_true_answers_up_to_the_first_false(
    mirror: Path,
) -> None:
    """On two questions of TruthfulQA true answers follow a false one."""
    card = _shipped("truthfulqa_mc2")
    now = plan_task(card, limit=None, seed=0, data_dir=mirror).samples
    then = plan_task(in_mode(card, V1), limit=None, seed=0, data_dir=mirror).samples
    changed = [(a, b) for a, b in zip(now, then, strict=True) if a.target != b.target]
    assert len(changed) == 2
    for one, other in changed:
        labels = one.target
        assert isinstance(labels, tuple)
        first = labels.index(0)
        assert other.target == (1,) * first + (0,) * (len(labels) - first)


def test_every_mode_of_a_card_is_described(repository: Path) -> None:
    """docs/benchmarks.md says which benchmark has which mode."""
    text = (repository / "docs" / "benchmarks.md").read_text("utf-8")
    cards = (repository / "benchmarks").glob("*/task.toml")
    described = {
        line.split("|")[1].strip(" `"): line
        for line in text.splitlines()
        if line.startswith("| `") and ("lighteval" in line or V1 in line)
    }
    found = {card.parent.name: load_card(card).modes for card in cards}
    assert {name: modes for name, modes in found.items() if modes}.keys() == (
        described.keys() & found.keys()
    )
    for name, modes in found.items():
        for mode in modes:
            assert f"`{mode}`" in described[name]


def test_target_of_a_mode_is_an_expression_of_the_row() -> None:
    """Labels 1, 0, 1 become 1, 0, 0."""
    target = in_mode(_shipped("truthfulqa_mc2"), V1).target
    row = {"mc2_targets": {"labels": [1, 0, 1]}}
    assert evaluate(target or "", row, where="row") == [1, 0, 0]
