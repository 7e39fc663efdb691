"""Clusters of a card: table, gates, and an expression that is wrong."""

import json

import pytest

CARD = 'prompt = "{{ q }}"\nscorers = ["exact"]\ngate = %s\ncluster = "%s"\n'


def project(pytester: pytest.Pytester, gates: list[str], cluster: str) -> None:
    """Write 60 rows of six texts, one of which the double has wrong throughout."""
    rows = [
        {
            "id": f"r{n}",
            "q": "yes",
            "target": "no" if n < 10 else "yes",
            "text": n // 10,
        }
        for n in range(60)
    ]
    (pytester.path / "quiz.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (pytester.path / "quiz.task.toml").write_text(CARD % (json.dumps(gates), cluster))


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--llm", "scripted", *arguments
    )


def test_six_texts_are_no_sixty_samples(pytester: pytest.Pytester) -> None:
    """What Wilson's interval of 60 would show, one of six clusters does not."""
    gates = ["accuracy >= 0.7", "accuracy >= 0.75 at 50%", "accuracy >= 0.7 point"]
    project(pytester, gates, "text")
    run(pytester, "--llmlab-json", "out.json")
    report = json.loads((pytester.path / "out.json").read_text())
    states = [verdict["state"] for verdict in report["verdicts"]]
    assert states == ["inconclusive", "inconclusive", "passed"]
    methods = {
        v["metric"]["interval"] and v["metric"]["interval"]["method"]
        for v in report["verdicts"]
    }
    assert methods == {"cluster-t", None}
    (metric,) = report["rows"][0]["metrics"]
    assert metric["interval"]["method"] == "cluster-t"
    # One of six clusters is 0, five are 1: the plain error of six values.
    assert metric["stderr"] == pytest.approx((5 / 36 / 5) ** 0.5)
    project(pytester, gates, "q ~ id")
    run(pytester, "--llmlab-json", "alone.json")
    alone = json.loads((pytester.path / "alone.json").read_text())
    assert [v["state"] for v in alone["verdicts"]] == ["passed"] * 3


def test_wrong_expression_is_found_before_anything_is_asked(
    pytester: pytest.Pytester,
) -> None:
    """Not after the run, when the report is made."""
    project(pytester, ["accuracy >= 0.7"], "txt")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*'txt'*"])
