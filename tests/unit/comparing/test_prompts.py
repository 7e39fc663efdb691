"""The prompts of a task side by side, as models are."""

from collections.abc import Mapping

from llmlab_pytest.comparing import Side, pairs_of, prompt_sides, side_by_side
from llmlab_pytest.core import SampleResult, Score


def side(prompt: str, right: str, *, model: str = "m", **factors: str) -> Side:
    """Return a prompt's results; `right` has a 1 for each sample that it has right."""
    results = [
        SampleResult(
            task=prompt,
            model=model,
            sample_id=f"s{n}",
            scores=(Score(scorer="exact", value=float(digit), answer=digit),),
        )
        for n, digit in enumerate(right)
    ]
    known: Mapping[str, str] = {"prompts_of": "quiz", "data_hash": "d", **factors}
    return Side(
        source=factors.get("source", "run"),
        task=prompt,
        model=model,
        metric="exact",
        results=results,
        rows={},
        clusters={},
        factors=known,
    )


def test_prompts_of_a_task_are_sides_of_one_task() -> None:
    """The prompt stands for the model, and the task names the model."""
    found = prompt_sides([side("quiz-a", "10"), side("quiz-b", "11")])
    assert [(own.task, own.model, own.of) for own in found] == [
        ("quiz on m", "quiz-a", "prompt"),
        ("quiz on m", "quiz-b", "prompt"),
    ]
    assert len(pairs_of(found)) == 1


def test_only_prompts_of_the_same_model_and_data_are_set_side_by_side() -> None:
    """Two datasets are two tasks, told apart by a number; one prompt has no other."""
    sides = [
        side(f"quiz-{prompt}-{data}", "10", data_hash=data)
        for data in "xy"
        for prompt in "ab"
    ]
    sides.append(side("quiz-a-x", "10", model="other", data_hash="x"))
    tasks = [own.task for own in prompt_sides(sides)]
    assert tasks == ["quiz on m (1)"] * 2 + ["quiz on m (2)"] * 2


def test_tasks_without_siblings_and_several_runs_have_no_prompts() -> None:
    """Between runs a prompt is compared with itself."""
    assert (
        prompt_sides([side("a", "1", prompts_of=""), side("b", "1", prompts_of="")])
        == []
    )
    runs = [side("quiz-a", "1"), side("quiz-b", "1", source="later")]
    assert prompt_sides(runs) == []


def test_how_alike_answers_are_is_told_over_prompts() -> None:
    """Three of four samples get the same answer whatever the prompt."""
    sides = prompt_sides([side("quiz-a", "1100"), side("quiz-b", "1110")])
    found = side_by_side(sides, [])
    assert found is not None
    (task,) = found.tasks
    (consistency,) = task.consistencies
    assert (consistency.over, consistency.alike) == ("prompts", 0.75)
    assert found.overall is None
