"""Finishing a run: what was answered stays, and only under the same conditions."""

import json

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n}?", "target": "4"} for n in range(3)]

    @llm_task(data=ROWS, scorers=["numeric"])
    def test_sums(completion):
        print("RESUMED", completion.resumed)
"""
MODEL = '[[model]]\nalias = "mine"\nprovider = "scripted"\nid = "./script.toml"\n'
ANSWERS = '[[reply]]\npattern = ".*"\ntext = "%s"\n'


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-pno:cacheprovider", "--llm=mine", "--llmlab-json=table.json"]
    return pytester.runpytest_subprocess(*options, *arguments)


def _project(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    (pytester.path / "script.toml").write_text(ANSWERS % "4", encoding="utf-8")


def _run_id(pytester: pytest.Pytester) -> str:
    table = json.loads((pytester.path / "table.json").read_text(encoding="utf-8"))
    return str(table["run_id"])


def test_resumed_run_keeps_id_and_answers(pytester: pytest.Pytester) -> None:
    """One sample first, then all: the first is not asked again, the run is the same."""
    _project(pytester)
    _run(pytester, "-k", "s1")
    first = _run_id(pytester)
    result = _run(pytester, "--llmlab-resume", "-s")
    assert _run_id(pytester) == first
    text = result.stdout.str()
    assert (text.count("RESUMED True"), text.count("RESUMED False")) == (1, 2)
    assert result.parseoutcomes() == {"passed": 3}


def test_older_run_is_resumed_by_its_id(pytester: pytest.Pytester) -> None:
    """However many runs came after it."""
    _project(pytester)
    _run(pytester, "-k", "s1")
    first = _run_id(pytester)
    _run(pytester)
    assert _run_id(pytester) != first
    assert _run(pytester, f"--llmlab-resume={first}").ret == pytest.ExitCode.OK
    assert _run_id(pytester) == first


def test_other_weights_do_not_finish_a_run(pytester: pytest.Pytester) -> None:
    """Answers of two models under one name would be one wrong number."""
    _project(pytester)
    _run(pytester, "-k", "s1")
    (pytester.path / "script.toml").write_text(ANSWERS % "5", encoding="utf-8")
    result = _run(pytester, "--llmlab-resume")
    said = " ".join(" ".join(result.outlines).split())
    assert "weights of 'mine'" in said
    assert "without --llmlab-resume" in said
    assert result.parseoutcomes() == {"passed": 1, "errors": 2}
    assert _run(pytester).parseoutcomes() == {"miss": 3}
