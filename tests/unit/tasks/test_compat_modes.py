"""Compat modes: a benchmark asked and scored as another harness does it."""

import random
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ConfigError, LoglikelihoodRequest, Unsupported
from llmlab_pytest.prompts import evaluate
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
@pytest.mark.parametrize(("name", "shots"), [("arc_challenge", 25), ("winogrande", 5)])
def test_first_leaderboard_draws_in_shuffled_order(
    name: str, shots: int, mirror: Path
) -> None:
    """As lm-eval before 0.4: `Random(42)` shuffles the samples, then draws for each.

    The rule gave the demonstrations of 99 of 100 logged prompts of ARC, and of 106 of
    106 of WinoGrande.
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
