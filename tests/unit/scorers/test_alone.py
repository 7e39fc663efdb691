"""Scorers without a run: one text, many, columns of a data frame, coroutines."""

import asyncio
import subprocess
import sys
from functools import partial
from typing import Any

import pandas as pd
import pytest

from llmlab_pytest import Completion, ConfigError, Sample, ascore, score, score_many
from llmlab_pytest.scorers import all_of, contains_any, exact, numeric


def is_loud(completion: Completion) -> bool:
    return completion.text.isupper()


async def is_loud_later(completion: Completion) -> bool:
    await asyncio.sleep(0)
    return completion.text.isupper()


class Loud:
    """A scorer with settings of its own."""

    def __call__(self, completion: Completion) -> bool:
        """Say whether the text is loud."""
        return is_loud(completion)


@pytest.mark.parametrize(
    ("scorer", "name"),
    [
        ("contains_any", "contains_any"),
        ({"name": "contains_any", "as": "city"}, "city"),
        (contains_any(), "contains_any"),
        (is_loud, "is_loud"),
        (is_loud_later, "is_loud_later"),
        (partial(is_loud), "is_loud"),
        (Loud(), "Loud"),
        (lambda completion: completion.text.isupper(), "lambda"),
        (all_of([contains_any(), is_loud_later]), "all_of"),
    ],
    ids=["name", "table", "made", "def", "async", "partial", "object", "lambda", "all"],
)
def test_every_kind_of_scorer_works_alone(scorer: Any, name: str) -> None:
    """One call takes names, tables, made scorers, functions and coroutines."""
    right = score("PARIS", scorer, target="Paris")
    wrong = score("lyon", scorer, target="Paris")
    assert (right.scorer, right.value) == (name, 1.0)
    assert (wrong.scorer, wrong.value) == (name, 0.0)


def test_scorer_is_called_directly_on_a_text() -> None:
    """A made scorer is a function of text and target."""
    made: Any = exact(normalise=["casefold"])
    assert made("PARIS", "Paris").value == 1.0


def test_sample_gives_what_a_target_is_not() -> None:
    """Choices come with a sample; a target beside it counts more than its own."""
    sample = Sample(id="s", input="", target=0, choices=("red", "blue"))
    assert score("blue", "choice", sample=sample).value == 0.0
    assert score("blue", "choice", sample=sample, target=1).value == 1.0


def test_columns_of_a_frame_are_scored_row_by_row() -> None:
    """Columns go in and out; missing cells are not scored; numbers may be targets."""
    frame = pd.DataFrame(
        {
            "completion": ["It is 4.", "5", None, "four"],
            "target": [4, 4, 4, 4],
        }
    )
    scores = score_many(frame["completion"], numeric(), targets=frame["target"])
    table = pd.DataFrame(scores)
    assert list(table["scorer"]) == ["numeric"] * 4
    assert list(table["value"])[:2] == [1.0, 0.0]
    assert pd.isna(table["value"][2])
    assert table["explanation"][2] == "there is no completion"
    assert table["value"][3] == 0.0
    frame["right"] = [each.value for each in scores]
    assert frame["right"].mean() == pytest.approx(1 / 3)


def test_frame_with_an_index_of_its_own_keeps_its_order() -> None:
    """Rows are taken by position, whatever their index says."""
    frame = pd.DataFrame({"text": ["a", "b"], "target": ["a", "a"]}, index=[7, 3])
    scores = score_many(frame["text"], "exact", targets=frame["target"])
    assert [each.value for each in scores] == [1.0, 0.0]
    rows = frame.assign(exact=[each.value for each in scores])
    assert rows.loc[7, "exact"] == 1.0


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT], ids=str)
def test_missing_completion_is_not_scored(missing: Any) -> None:
    """What pandas calls missing has no score, also where every row is missing."""
    scores = score_many([missing, "a"], exact(), targets=["a", "a"])
    assert [(each.scorer, each.value) for each in scores] == [
        ("exact", None),
        ("exact", 1.0),
    ]
    assert [each.value for each in score_many([missing], is_loud)] == [None]


def test_several_targets_may_be_lists() -> None:
    """A cell with a list of accepted answers is several targets."""
    scores = score_many(["b", "c"], "exact", targets=[["a", "b"], ("a", "b")])
    assert [each.value for each in scores] == [1.0, 0.0]


def test_coroutines_run_together_up_to_the_limit() -> None:
    """At most `concurrency` coroutines are in flight, and the order is kept."""
    running, most = 0, 0

    async def slow(completion: Completion) -> float:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (10 - int(completion.text)))
        running -= 1
        return float(completion.text)

    scores = score_many([str(n) for n in range(10)], slow, concurrency=3)
    assert [each.value for each in scores] == list(range(10))
    assert most == 3


def test_first_error_ends_the_others() -> None:
    """A scorer's bug is raised as it is, and no coroutine is left behind."""
    ended = []

    async def broken(completion: Completion) -> float:
        if completion.text == "1":
            raise ZeroDivisionError
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(completion.text)
        return 1.0

    with pytest.raises(ZeroDivisionError):
        score_many(["0", "1", "2", "3"], broken, concurrency=2)
    assert "0" in ended
    assert "1" not in ended


@pytest.mark.asyncio
async def test_scores_inside_an_event_loop() -> None:
    """`ascore` awaits; `score` works beside a running loop too, and blocks it."""
    assert (await ascore("LOUD", is_loud_later)).value == 1.0
    assert (await ascore("a", "exact", target="b")).explanation == "expected 'b'"
    assert score("LOUD", is_loud_later).value == 1.0


def test_coroutine_that_waits_for_another_is_told_to_await() -> None:
    """`score` in a coroutine scorer would wait for itself; it says what to write."""

    async def nested(completion: Completion) -> float | None:
        return score(completion, is_loud_later).value

    async def awaiting(completion: Completion) -> float | None:
        return (await ascore(completion, is_loud_later)).value

    with pytest.raises(ConfigError, match=r"await ascore"):
        score("LOUD", nested)
    assert score("LOUD", awaiting).value == 1.0


def test_coroutines_share_one_loop() -> None:
    """What a scorer keeps between samples, such as a client, stays usable."""
    loops = set()

    async def scorer(completion: Completion) -> bool:
        loops.add(asyncio.get_running_loop())
        return True

    for _ in range(3):
        score("a", scorer)
    score_many(["a", "b"], scorer)
    assert len(loops) == 1


def test_process_ends_in_silence() -> None:
    """The scorers' loop is closed at exit: no warning, and nothing waits for it."""
    code = (
        "import asyncio\n"
        "from llmlab_pytest import score\n"
        "async def later(completion):\n"
        "    await asyncio.sleep(0)\n"
        "    return True\n"
        "print(score('a', later).value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: score("a", "exakt"), "exact"),
        (lambda: score("a", 3), "The scorer is 3"),
        (lambda: score(3, "exact"), "The completion is 3"),
        (lambda: score("a", "exact"), "no target"),
        (lambda: score("a", lambda text: text == "a"), "'text'"),
        (lambda: score("a", lambda completion: f"{completion}!"), "returned 'a!'"),
        (lambda: score_many(["a"], "exact", targets=[]), "1 completions and 0 targets"),
    ],
    ids=["name", "scorer", "completion", "target", "parameter", "outcome", "length"],
)
def test_wrong_use_says_what_is_right(call: Any, shown: str) -> None:
    """Each mistake is a configuration error with its value."""
    with pytest.raises(ConfigError, match=shown):
        call()
