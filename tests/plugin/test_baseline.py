"""Relative gates end to end: a run of the store, the last one, or a file."""

import json

import pytest

WORSE = """
from llmlab_pytest import ModelSpec
from llmlab_pytest.testing import ScriptedModel, echo

def pytest_llmlab_register_providers(register):
    rules = {"^q1?[0-9]$": "no"}
    register("worse", lambda spec: ScriptedModel(rules=rules, fallback=echo))

def pytest_llmlab_register_models(register):
    can = frozenset({"chat"})
    register(ModelSpec(alias="worse", provider="worse", id="w", capabilities=can))
"""
CARD = 'prompt = "{{ q }}"\nscorers = ["exact"]\ngate = [%s]\n'
NOT_WORSE = "accuracy >= baseline - 10 points"


def project(
    pytester: pytest.Pytester, *gates: str, right: int = 60, wrong: int = 0
) -> None:
    """Write a task whose last samples miss: the double answers with the prompt."""
    rows = [
        {"id": f"r{n}", "q": f"q{n}", "target": f"q{n}", "topic": "ab"[n % 2]}
        for n in range(right + wrong)
    ]
    for row in rows[right:]:
        row["target"] = "other"
    lines = "\n".join(map(json.dumps, rows))
    (pytester.path / "quiz.jsonl").write_text(lines + "\n")
    written = ", ".join(map(repr, gates))
    (pytester.path / "quiz.task.toml").write_text(CARD % written)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p",
        "no:cacheprovider",
        *(() if "--llm" in arguments else ("--llm", "scripted")),
        *arguments,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_run_is_compared_with_the_last_one(
    pytester: pytest.Pytester, workers: str
) -> None:
    """The first has nothing to compare with; the second is it over again."""
    project(pytester, NOT_WORSE)
    first = run(pytester, "-n", workers)
    assert first.ret == 1
    first.stdout.fnmatch_lines(["*there is no baseline: name a run or file*"])
    second = run(pytester, "-n", workers, "--llmlab-baseline", "last")
    assert second.ret == 0
    second.stdout.fnmatch_lines(
        ["*in the baseline *, over 60 samples: 0 higher, 0 lower; difference +0*"]
    )


def test_file_of_samples_is_a_baseline_without_a_store(
    pytester: pytest.Pytester,
) -> None:
    """As CI has it: committed with the tests, compared in a fresh checkout."""
    project(pytester, "accuracy >= 0.5")
    assert run(pytester, "--llmlab-samples", "main.jsonl").ret == 0
    (pytester.path / ".llmlab" / "llmlab.db").unlink()
    lines = (pytester.path / "main.jsonl").read_text().splitlines()
    kept = ("task", "model", "sample_id", "scores", "row")
    small = [{name: json.loads(line)[name] for name in kept} for line in lines]
    (pytester.path / "main.jsonl").write_text("\n".join(map(json.dumps, small)))
    project(pytester, NOT_WORSE, "accuracy[topic=a] >= baseline - 10 points")
    result = run(pytester, "--llmlab-baseline", "main.jsonl")
    assert result.ret == 1  # 30 samples of a topic cannot show 10 points
    result.stdout.fnmatch_lines(
        [
            f"PASSED  quiz on scripted: {NOT_WORSE}",
            "*in the baseline main.jsonl 1, over 60 samples: 0 higher, 0 lower*",
            "INCONCLUSIVE  quiz on scripted: accuracy[[]topic=a] >= baseline*",
            "*over 30 samples: 0 higher, 0 lower; difference +0, but the *",
        ]
    )


def test_other_model_is_compared_with_the_only_one(pytester: pytest.Pytester) -> None:
    """May I change to it? It misses 20 of 60 that the old one has right."""
    project(pytester, NOT_WORSE)
    pytester.makeconftest(WORSE)
    run(pytester)
    result = run(pytester, "--llm", "worse", "--llmlab-baseline", "last")
    result.stdout.fnmatch_lines(
        [
            f"FAILED  quiz on worse: {NOT_WORSE}",
            "*in the baseline * (scripted) 1, over 60 samples: 0 higher, 20 lower*",
        ]
    )


def test_changed_rows_are_an_error(pytester: pytest.Pytester) -> None:
    """A sample that is another question now is not compared; nor a new one."""
    project(pytester, NOT_WORSE)
    run(pytester, "--llmlab-samples", "main.jsonl")
    project(pytester, NOT_WORSE, right=58, wrong=2)
    result = run(pytester, "--llmlab-baseline", "main.jsonl")
    assert result.parseoutcomes() == {"passed": 58, "errors": 1, "miss": 2}
    result.stdout.fnmatch_lines(["*has other rows for 2 of 60 samples: r58, r59*"])
    project(pytester, NOT_WORSE, right=61)
    result = run(pytester, "--llmlab-baseline", "main.jsonl")
    result.stdout.fnmatch_lines(["*has no result of 1 of 61 samples: r60*"])


def test_kept_run_is_judged_against_an_older_one(pytester: pytest.Pytester) -> None:
    """With --llmlab-report nothing is asked again; JSON has what is missing."""
    project(pytester, "accuracy >= baseline", right=40, wrong=20)
    run(pytester)
    run(pytester)
    result = run(
        pytester,
        "--llmlab-report",
        "--llmlab-baseline",
        "last",
        "--llmlab-json",
        "o.json",
    )
    result.stdout.fnmatch_lines(
        ["INCONCLUSIVE  quiz on scripted: accuracy >= baseline"]
    )
    (verdict,) = json.loads((pytester.path / "o.json").read_text())["verdicts"]
    assert verdict["metric"]["name"] == "accuracy - baseline"
    assert verdict["metric"]["interval"]["method"] == "tango"
    assert verdict["more_samples"] is None


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("none.jsonl", "*--llmlab-baseline names the file '*none.jsonl', which does*"),
        ("20200101-000000-abc", "*--llmlab-baseline asks for the run '20200101*"),
        ("last", "*holds no finished run before this one*"),
    ],
)
def test_missing_baseline_stops_before_anything_is_asked(
    pytester: pytest.Pytester, named: str, told: str
) -> None:
    """A name that is not found is no reason to run for hours first."""
    project(pytester, NOT_WORSE)
    result = run(pytester, "--llmlab-baseline", named)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([told])
    assert result.parseoutcomes() == {"errors": 1}
