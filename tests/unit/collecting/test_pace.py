from collections.abc import Callable

import pytest

from llmlab_pytest.collecting._pace import Pace, Work, WorkPlan
from llmlab_pytest.collecting._work import common_length

SCORED, WRITTEN = ("mmlu", "m"), ("gsm8k", "m")


def plan_of(*sizes: tuple[tuple[str, str], int, int]) -> WorkPlan:
    """Plan groups of so many samples with so many new characters each."""
    groups = [group for group, count, _ in sizes for _ in range(count)]
    chars = [chars for _, count, chars in sizes for _ in range(count)]
    names = tuple(group for group, _, _ in sizes)
    return WorkPlan(
        groups=names,
        group_of={n: names.index(group) for n, group in enumerate(groups)},
        new_chars=dict(enumerate(chars)),
    )


def scored(item: int, *, tokens: int, busy_s: float) -> Work:
    return Work(item, *SCORED, 4 * tokens, tokens, 0, busy_s)


def test_what_is_left_is_reckoned_in_tokens_not_in_samples() -> None:
    """Ten long samples of 100 are left: they take as long as their characters."""
    pace = Pace()
    short, long = (SCORED, 90, 40), (("mmlu_long", "m"), 10, 4000)
    pace.plan(plan_of(short, long))
    for item in range(90):  # 10 tokens, one every 0.5 s, computed in 0.25 s
        pace.add(scored(item, tokens=10, busy_s=0.25), at_s=item / 2)
    # 40,000 characters are 10,000 tokens at 20 tokens/s.
    assert pace.left_s("m") == pytest.approx(500)
    assert pace.line() == (
        "m 90/100 samples · 80 tokens/s asked, 20 computed · about 8 min left"
    )


def test_answers_count_with_their_mean_length_so_far() -> None:
    """A sample that writes costs its prompt and what answers have had on average."""
    pace = Pace()
    pace.plan(plan_of((WRITTEN, 40, 100)))
    for item in range(20):
        written = 60 if item % 2 else 100
        pace.add(
            Work(item, *WRITTEN, 20 + written, 20 + written, written, busy_s=2.0),
            at_s=2.0 * item,
        )
    # 20 samples of 20 + 80 tokens, at 50 tokens/s.
    assert pace.left_s("m") == pytest.approx(40, rel=0.02)


def test_a_task_that_has_not_begun_takes_the_seconds_of_its_model() -> None:
    """Tokens per character and seconds per token are those of what the model did."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 20, 40), (("arc", "m"), 20, 400)))
    for item in range(20):
        pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item))
    assert pace.left_s("m") == pytest.approx(20 * 100 / 10)


def test_workers_side_by_side_halve_what_is_left() -> None:
    """The clock decides, not the sum of computing: two workers are twice as fast."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 60, 40)))
    for item in range(40):  # each took a second, and two ended each second
        pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item // 2))
    assert pace.left_s("m") == pytest.approx(10, rel=0.06)


def test_the_plan_may_come_late_and_a_sample_may_come_twice() -> None:
    """Counted before or after the plan, once each."""
    early, late = Pace(), Pace()
    plan = plan_of((SCORED, 60, 40))
    early.plan(plan)
    for pace in (early, late):
        for item in [*range(20), 3, 4]:
            pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item))
    assert late.line() == "m 20 samples · 40 tokens/s asked, 10 computed"
    late.plan(plan)
    assert late.line() == early.line()
    assert early.line().startswith("m 20/60 samples · ")


def test_at_the_end_nothing_is_left() -> None:
    """Then no time is told."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 20, 40)))
    for item in range(20):
        pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item))
    assert pace.line() == "m 20/20 samples · 40 tokens/s asked, 10 computed"


def test_nothing_is_foretold_from_the_first_seconds() -> None:
    """A first batch that ends at once says nothing about the rate."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 60, 40)))
    assert pace.line() == ""
    for item in range(8):
        pace.add(scored(item, tokens=10, busy_s=1.0), at_s=100 + item / 100)
    assert pace.line() == "m 8/60 samples"
    assert pace.left_s("m") is None


def test_models_that_wait_are_named() -> None:
    """How long they take is not known before they have begun."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 30, 40), (("mmlu", "n"), 1200, 40)))
    for item in range(20):
        pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item))
    assert pace.line().endswith(" · about 10 s left · then 1,200 samples of n")


def test_remote_models_have_one_rate_and_failures_count_as_done() -> None:
    """Nothing shared, nothing computed here: tokens per second are told once."""
    pace = Pace()
    pace.plan(plan_of((SCORED, 30, 40)))
    for item in range(20):
        pace.add(Work(item, *SCORED, 10, 10, 2, 1.0), at_s=float(item))
    pace.add(Work(20, *SCORED), at_s=20.0)
    assert pace.line() == "m 21/30 samples · 10 tokens/s · about 10 s left"


@pytest.mark.parametrize(
    ("samples", "text"),
    [(30, "about 30 s"), (900, "about 15 min"), (9000, "about 2.5 h")],
)
def test_times_are_told_as_people_do(
    samples: int, text: str, left: Callable[[int], str]
) -> None:
    """Seconds by tens, minutes, then hours."""
    assert left(samples).endswith(f" · {text} left")


@pytest.fixture
def left() -> Callable[[int], str]:
    """Return what is said when so many samples of a second each are left."""

    def line(samples: int) -> str:
        pace = Pace()
        pace.plan(plan_of((SCORED, 50 + samples, 40)))
        for item in range(50):
            pace.add(scored(item, tokens=10, busy_s=1.0), at_s=float(item))
        return pace.line()

    return line


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [("", "abc", 0), ("abc", "abc", 3), ("abcx", "abcyz", 3), ("ab", "abc", 2)],
)
def test_common_beginnings_are_measured(one: str, other: str, length: int) -> None:
    """As many characters as both texts have in common, from the start."""
    assert common_length(one, other) == common_length(other, one) == length
