"""`--llmlab-sequential`: tasks stop once decided, and are as sure as ever."""

import json
import re

import pytest

from llmlab_pytest.gates import in_order

CARD = 'prompt = "{{ q }}"\nscorers = ["exact"]\ngate = %s\nepochs = %d\n'


def project(
    pytester: pytest.Pytester, *gates: str, right: int, wrong: int = 0, epochs: int = 1
) -> None:
    """Write rows in the worst order: all misses first."""
    rows = [{"id": f"w{n}", "q": f"q{n}", "target": "no"} for n in range(wrong)]
    rows += [{"id": f"r{n}", "q": f"q{n}", "target": f"q{n}"} for n in range(right)]
    (pytester.path / "quiz.jsonl").write_text("\n".join(map(json.dumps, rows)))
    card = CARD % (json.dumps(gates), epochs)
    (pytester.path / "quiz.task.toml").write_text(card)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p",
        "no:cacheprovider",
        "--llm",
        "scripted",
        "--llmlab-json",
        "out.json",
        *arguments,
    )


def report_of(pytester: pytest.Pytester) -> dict[str, object]:
    found: dict[str, object] = json.loads((pytester.path / "out.json").read_text())
    return found


def stopped_after(reason: str) -> int:
    match = re.search(r"over (\d+) of 300 samples", reason)
    assert match is not None
    return int(match[1])


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("right", "wrong", "state"), [(290, 10, "passed"), (150, 150, "failed")]
)
def test_task_stops_when_its_gate_is_decided(
    pytester: pytest.Pytester, workers: str, right: int, wrong: int, state: str
) -> None:
    """The rest is skipped; the verdict names how many decided, by all-times bounds."""
    project(pytester, "accuracy >= 0.8", right=right, wrong=wrong)
    result = run(pytester, "--llmlab-sequential", "-n", workers)
    assert result.ret == (0 if state == "passed" else 1)
    report = report_of(pytester)
    (verdict,) = report["verdicts"]
    assert verdict["state"] == state
    assert "95% interval at all times" in verdict["reason"]
    n = stopped_after(verdict["reason"])
    assert verdict["metric"]["n"] == n
    assert n < 120
    (row,) = report["rows"]
    assert n <= row["samples"] < 300
    assert row["metrics"][0]["interval"]["method"] == "betting"
    assert result.parseoutcomes()["skipped"] == 300 - row["samples"]
    # Judged again from the store, by the same samples.
    run(pytester, "--llmlab-report")
    assert report_of(pytester)["verdicts"] == [verdict]


def test_workers_change_nothing(pytester: pytest.Pytester) -> None:
    """What counts is one order: one process and two decide after the same sample."""
    project(pytester, "accuracy >= 0.7", "accuracy >= 0.6 at 99%", right=270, wrong=30)
    reasons = []
    for workers in ("0", "2"):
        run(pytester, "--llmlab-sequential", "-n", workers)
        verdicts = report_of(pytester)["verdicts"]
        reasons.append([verdict["reason"] for verdict in verdicts])
        assert [verdict["state"] for verdict in verdicts] == ["passed", "passed"]
    assert reasons[0] == reasons[1]


def test_samples_come_in_the_order_of_the_seed(pytester: pytest.Pytester) -> None:
    """Not in that of the file, whose beginning may be all of one kind."""
    project(pytester, "accuracy >= 0.8", right=290, wrong=10)
    run(pytester, "--llmlab-sequential", "--llmlab-samples", "s.jsonl")
    lines = (pytester.path / "s.jsonl").read_text().splitlines()
    asked = {json.loads(line)["sample_id"] for line in lines}
    ids = [f"w{n}" for n in range(10)] + [f"r{n}" for n in range(290)]
    assert asked == set(in_order(ids, "1234")[: len(asked)])


@pytest.mark.parametrize(
    ("gates", "epochs"),
    [
        (["accuracy >= 0.8", "misses <= 20"], 1),
        (["accuracy >= 0.8 point"], 1),
        (["accuracy[id=r1] >= 0.1"], 1),
        (["pass@2 >= 0.965"], 2),
    ],
    ids=["total", "point", "part", "undecided"],
)
def test_gates_that_need_all_samples_get_them(
    pytester: pytest.Pytester, gates: list[str], epochs: int
) -> None:
    """A total, or a mean close to the number, is not decided early."""
    project(pytester, *gates, right=58, wrong=2, epochs=epochs)
    result = run(pytester, "--llmlab-sequential")
    report = report_of(pytester)
    (row,) = report["rows"]
    assert row["samples"] == 60 * epochs
    assert "skipped" not in result.parseoutcomes()


def test_epochs_of_a_sample_are_asked_together(pytester: pytest.Pytester) -> None:
    """A sample counts once, when all its epochs are there."""
    project(pytester, "accuracy >= 0.5", right=100, epochs=2)
    run(pytester, "--llmlab-sequential")
    report = report_of(pytester)
    (verdict,) = report["verdicts"]
    (row,) = report["rows"]
    # At most three quarters at stake: 7 values of 1 against 0.5 make 40 of one.
    assert "over 7 of 100 samples" in verdict["reason"]
    assert row["metrics"][0]["n"] == 7
    assert 14 <= row["samples"] <= 22


def test_clusters_are_asked_whole(pytester: pytest.Pytester) -> None:
    """Samples of one text are no independent draws: such a task does not stop."""
    project(pytester, "accuracy >= 0.5", right=100)
    with (pytester.path / "quiz.task.toml").open("a") as card:
        card.write("cluster = 'q'\n")
    run(pytester, "--llmlab-sequential")
    (row,) = report_of(pytester)["rows"]
    assert row["samples"] == 100
    assert row["metrics"][0]["interval"]["method"] == "cluster-wilson"


def test_without_the_option_nothing_stops(pytester: pytest.Pytester) -> None:
    """Neither the order nor the interval is another."""
    project(pytester, "accuracy >= 0.5", right=100)
    run(pytester)
    (row,) = report_of(pytester)["rows"]
    assert row["samples"] == 100
    assert row["metrics"][0]["interval"]["method"] == "wilson"
