"""Gates: items of their own that judge all samples and set the exit code."""

import xml.etree.ElementTree as ET

import pytest

CARD = 'prompt = "{{ q }}"\nscorers = ["exact"]\ngate = "%s"\n'


def project(pytester: pytest.Pytester, gate: str, *, right: int, wrong: int) -> None:
    rows = [{"id": f"r{i}", "q": "yes", "target": "yes"} for i in range(right)]
    rows += [{"id": f"w{i}", "q": "yes", "target": "no"} for i in range(wrong)]
    lines = "\n".join(str(row).replace("'", '"') for row in rows)
    (pytester.path / "quiz.jsonl").write_text(lines + "\n")
    (pytester.path / "quiz.task.toml").write_text(CARD % gate)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--llm", "scripted", *arguments
    )


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("gate", "right", "wrong", "word", "code"),
    [
        ("accuracy >= 0.5", 20, 0, "PASSED", 0),
        ("accuracy >= 0.5", 0, 20, "FAILED", 1),
        ("accuracy >= 0.5", 10, 10, "INCONCLUSIVE", 1),
        ("accuracy >= 0.5 point", 10, 10, "PASSED", 0),
        ("misses <= 3", 10, 3, "PASSED", 0),
    ],
    ids=["holds", "violated", "straddles", "point", "misses"],
)
def test_gate_decides_the_exit_code(
    pytester: pytest.Pytester,
    gate: str,
    right: int,
    wrong: int,
    word: str,
    code: int,
    workers: str,
) -> None:
    """The verdict is the same in one process and under xdist."""
    project(pytester, gate, right=right, wrong=wrong)
    result = run(pytester, "-v", "-n", workers)
    result.stdout.re_match_lines(
        [rf".*quiz\.task\.toml::quiz\[scripted-gate {gate}\].*{word}.*"]
        if workers == "0"
        else [rf".*{word}.*quiz\[scripted-gate {gate}\].*|.*gate {gate}\].*{word}.*"]
    )
    assert result.ret == code


@pytest.mark.parametrize("workers", ["0", "2"])
def test_gate_is_a_test_case_in_junit(pytester: pytest.Pytester, workers: str) -> None:
    """JUnit holds every sample and the gate, as failure if it fails."""
    project(pytester, "accuracy >= 0.9", right=1, wrong=20)
    run(pytester, "--junitxml", "out.xml", "-n", workers)
    cases = ET.parse(pytester.path / "out.xml").getroot().iter("testcase")  # noqa: S314 -- our own file
    by_name = {case.get("name"): case for case in cases}
    gate = by_name["quiz[scripted-gate accuracy >= 0.9]"]
    assert len(by_name) == 22
    failure = gate.find("failure")
    assert failure is not None
    assert "accuracy" in (failure.text or "")


def test_inconclusive_can_be_a_skip(pytester: pytest.Pytester) -> None:
    """--llmlab-inconclusive=skip leaves the exit code alone and says why."""
    project(pytester, "accuracy >= 0.5", right=5, wrong=5)
    result = run(pytester, "-rs", "--llmlab-inconclusive", "skip")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*SKIPPED*inconclusive: quiz on scripted: *"])


def test_unknown_metric_is_found_at_collection(pytester: pytest.Pytester) -> None:
    """A gate on a metric that does not exist stops before any call is made."""
    project(pytester, "acuracy >= 0.5", right=1, wrong=0)
    result = run(pytester)
    result.stdout.fnmatch_lines(["*'acuracy'*Did you mean 'accuracy'*"])


def test_selected_samples_make_a_partial_group(pytester: pytest.Pytester) -> None:
    """With -k the gate judges the selected samples only."""
    project(pytester, "accuracy >= 0.1 point", right=3, wrong=3)
    result = run(pytester, "-k", "r0 or r1 or gate")
    assert result.parseoutcomes() == {"passed": 3, "deselected": 4}
