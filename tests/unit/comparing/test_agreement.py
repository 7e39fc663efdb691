"""Which models answer alike, which samples part them, and how steady answers are."""

import random
from collections.abc import Callable

import pytest

from llmlab_pytest.comparing import Side, compare_pairs, pairs_of, side_by_side
from llmlab_pytest.metrics import default_metrics
from llmlab_pytest.reporting import TaskSide
from llmlab_pytest.stats import cohen_kappa, holm, krippendorff_alpha, mcnemar, wilson

MakeSide = Callable[..., Side]
sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="comes with [local]")


def task_of(*sides: Side) -> TaskSide:
    compared = compare_pairs(pairs_of(sides), default_metrics(), holm)
    found = side_by_side(sides, compared)
    assert found is not None
    (task,) = found.tasks
    return task


def test_match_counts_what_both_have_right(make_side: MakeSide) -> None:
    """Kappa of being right is scikit-learn's; overlap and answers are by hand."""
    first = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    second = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    said = ["a", "b", "c", "x", "Y ", "z", "d", "w"]
    other = ["a", "b", "q", "y", "y", "u", "r", "w"]
    (match,) = task_of(
        make_side("one", first, answers=said), make_side("two", second, answers=other)
    ).matches
    together = match.together
    assert together is not None
    assert (together.both, together.only_first, together.only_second) == (2, 2, 1)
    assert together.neither == 3
    assert together.kappa == pytest.approx(
        sklearn_metrics.cohen_kappa_score(first, second)
    )
    known = cohen_kappa(list(zip(first, second, strict=True)), (0.0, 1.0))
    assert known is not None
    assert together.kappa_interval == known.interval
    assert together.error_overlap == 3 / 6
    assert together.same_wrong == pytest.approx(2 / 3)  # Y and y, w and w; not z
    assert match.alike == 4 / 8
    assert match.alike_interval == wilson(4, 8)


def test_models_without_kept_answers_agree_only_on_what_is_right(
    make_side: MakeSide,
) -> None:
    """No answer is no answer, not one that all gave."""
    task = task_of(make_side("a", [1.0, 0.0]), make_side("b", [1.0, 0.0]))
    (match,) = task.matches
    assert match.alike is match.alike_interval is None
    assert match.together is not None
    assert match.together.same_wrong is None
    assert task.consistencies[0].alike is None


def test_partly_right_answers_have_no_table(make_side: MakeSide) -> None:
    """Of values between 0 and 1 nobody says which are right."""
    task = task_of(make_side("a", [0.5, 1.0]), make_side("b", [1.0, 0.25]))
    assert task.matches[0].together is None
    assert task.separating == ()


def test_separating_samples_come_in_the_order_of_what_they_tell(
    make_side: MakeSide,
) -> None:
    """Where the worse models are right alone, the correlation is below 0."""
    task = task_of(
        make_side("best", [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
        make_side("good", [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]),
        make_side("poor", [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        make_side("worst", [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
    )
    assert [one.sample_id for one in task.separating] == [
        *("s001", "s003", "s002", "s004", "s006")
    ]
    for one in task.separating[:2]:
        assert (one.right, one.wrong) == (("best", "good"), ("poor", "worst"))
        assert one.discrimination is not None
        assert one.discrimination > 0.5
    reverse = task.separating[2]
    assert reverse.right == ("poor", "worst")
    assert reverse.discrimination is not None
    assert reverse.discrimination < -0.8
    assert task.none_right == ("s005",)
    assert task.all_right == 1


def test_two_models_have_no_discrimination(make_side: MakeSide) -> None:
    """A line through two points says nothing."""
    task = task_of(make_side("a", [1.0, 1.0, 0.0]), make_side("b", [1.0, 0.0, 0.0]))
    assert [one.discrimination for one in task.separating] == [None]


def test_consistency_over_epochs_is_the_share_of_pairs(make_side: MakeSide) -> None:
    """Of three answers, of which two are the same, one pair of three is."""
    values = [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    answers = [["a", "A", "a"], ["b", "c", "c"], ["x", "y", "z"]]
    other = [[1.0], [0.0], [0.0]]
    task = task_of(
        make_side("often", values, answers=answers),
        make_side("once", other, answers=["a", "c", "q"]),
    )
    over_models, over_epochs = task.consistencies
    assert (over_models.over, over_models.model) == ("models", "")
    assert over_models.alike == pytest.approx(2 / 3)  # a, c by majority, not x
    assert (over_epochs.over, over_epochs.model) == ("epochs", "often")
    assert over_epochs.alike == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert over_epochs.alpha == pytest.approx(krippendorff_alpha(values))
    assert over_epochs.n == 3


def test_wins_carry_the_corrected_test(make_side: MakeSide) -> None:
    """Three pairs are corrected together; the numbers are those of the comparison."""
    drawn = random.Random(7)
    rates = {"a": 0.9, "b": 0.6, "c": 0.5}
    sides = [
        make_side(name, [float(drawn.random() < rate) for _ in range(60)])
        for name, rate in rates.items()
    ]
    wins = task_of(*sides).wins
    assert [(win.first, win.second) for win in wins] == [
        *(("a", "b"), ("a", "c"), ("b", "c"))
    ]
    plain = [mcnemar(win.higher, win.lower) for win in wins]
    assert [win.p for win in wins] == pytest.approx(plain)
    assert [win.corrected_p for win in wins] == pytest.approx(holm(plain))
    assert all(win.higher + win.lower + win.same == 60 for win in wins)
