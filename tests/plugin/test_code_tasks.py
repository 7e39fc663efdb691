"""Tasks whose scorer runs code: off by default, confined when allowed."""

import json
from pathlib import Path

import pytest

from llmlab_pytest.core import SandboxError
from llmlab_pytest.sandbox import require_sandbox

ALLOW = "--llmlab-allow-code-execution"
CARD = """
prompt = "Write a function {{ id }}()."
scorers = ["passes_tests"]
metrics = ["pass@1"]
gate = "pass@1 >= 0.2 point"
"""
ROWS = """\
{"id": "one", "target": "assert one() == 1"}
{"id": "two", "target": "assert two() == 2"}
{"id": "away", "target": "assert away() == 3"}
"""
# Writes a right function, a wrong one, and one that leaves a trace where it can.
SCRIPT = """
[[reply]]
pattern = 'function one'
text = "def one(): return 1"
[[reply]]
pattern = 'function two'
text = "def two(): return 1"
[[reply]]
pattern = 'function away'
text = "def away(): open(%s, 'w').close(); return 3"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A card with three samples and a model that answers them; skips like the room."""
    try:
        require_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))
    (pytester.path / "code.task.toml").write_text(CARD, encoding="utf-8")
    (pytester.path / "code.jsonl").write_text(ROWS, encoding="utf-8")
    trace = str(pytester.path / "trace")
    script = SCRIPT % json.dumps(trace).replace('"', "'")
    (pytester.path / "script.toml").write_text(script, encoding="utf-8")
    return pytester.path


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-pno:cacheprovider", "--llm=scripted:script.toml"]
    return pytester.runpytest_subprocess(*options, *arguments)


@pytest.mark.parametrize("form", ["card", "mark"])
def test_code_is_not_run_unless_allowed(
    pytester: pytest.Pytester, project: Path, form: str
) -> None:
    """The task is one skipped item whose reason says what would run, and the option."""
    target = "code.task.toml"
    if form == "mark":
        target = "test_code.py"
        pytester.makepyfile(
            test_code="""
            from llmlab_pytest import llm_task

            @llm_task("code.task.toml")
            def test_code(score): ...
            """
        )
    result = _run(pytester, "-rs", target)
    assert result.parseoutcomes() == {"skipped": 1}
    said = " ".join(" ".join(result.outlines).split())
    assert "runs the code that a model writes, and that is off" in said
    assert ALLOW in said
    assert result.ret == pytest.ExitCode.OK
    assert not (project / "trace").exists()


@pytest.mark.parametrize("setting", ["environment", "ini"])
def test_nobody_else_can_allow_it(
    pytester: pytest.Pytester,
    project: Path,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variable or an ini key of such a name changes nothing."""
    del project
    if setting == "environment":
        monkeypatch.setenv("LLMLAB_ALLOW_CODE_EXECUTION", "1")
    else:
        pytester.makeini("[pytest]\nllmlab_allow_code_execution = true\n")
    assert _run(pytester, "-Wignore").parseoutcomes()["skipped"] == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_allowed_code_is_scored(
    pytester: pytest.Pytester, project: Path, workers: str
) -> None:
    """Right is a hit, wrong and hostile are misses; the gate judges pass@1."""
    result = _run(pytester, ALLOW, "-n", workers, "--llmlab-json", "out.json")
    assert result.parseoutcomes() == {"passed": 2, "miss": 2}
    assert not (project / "trace").exists()
    (row,) = json.loads((project / "out.json").read_text("utf-8"))["rows"]
    (metric,) = row["metrics"]
    assert (metric["name"], metric["n"]) == ("pass@1", 3)
    assert metric["value"] == pytest.approx(1 / 3)


def test_passing_in_k_answers_needs_k_epochs(
    pytester: pytest.Pytester, project: Path
) -> None:
    """A gate on pass@3 with two epochs is refused while collecting."""
    card = CARD.replace("pass@1 >=", "pass@3 >=") + "epochs = 2\n"
    (project / "code.task.toml").write_text(card, encoding="utf-8")
    result = _run(pytester, ALLOW)
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*'pass@3' in *code.task.toml needs 3 answers*"])


def test_epochs_are_asked_with_seeds_of_their_own(
    pytester: pytest.Pytester, project: Path
) -> None:
    """With a temperature each epoch draws anew, and the same draw in every run."""
    registry = (
        '[[model]]\nalias = "seeded"\nprovider = "scripted"\nid = "script.toml"\n'
    )
    registry += 'capabilities = ["chat", "seed"]\n'
    (project / "llmlab_models.toml").write_text(registry, encoding="utf-8")
    card = CARD + "epochs = 3\ntemperature = 0.8\n"
    (project / "code.task.toml").write_text(card, encoding="utf-8")
    pytester.makeconftest(
        """
        import sqlite3

        def pytest_unconfigure():
            with sqlite3.connect(".llmlab/llmlab.db") as store:
                for (text,) in store.execute("SELECT request FROM completions"):
                    print("request", text)
        """
    )
    options = ["-s", "--llm=seeded", "--llmlab-seed=70", "-k", "one"]
    result = _run(pytester, ALLOW, *options)
    seeds = [
        json.loads(line.removeprefix("request "))["config"]["seed"]
        for line in result.outlines
        if line.startswith("request ")
    ]
    assert sorted(seeds) == [70, 71, 72]


def test_mark_may_ask_a_shipped_task_for_several_answers(
    pytester: pytest.Pytester, project: Path
) -> None:
    """Epochs, temperature and metrics of a card can be replaced by a mark."""
    pytester.makepyfile(
        test_code="""
        from llmlab_pytest import llm_task

        @llm_task(
            "code.task.toml", epochs=2, temperature=0.8, metrics=["pass@1", "pass@2"],
            gate="pass@2 >= 0.2 point",
        )
        def test_code(score): ...
        """
    )
    result = _run(pytester, ALLOW, "test_code.py", "--llmlab-json", "out.json")
    assert result.parseoutcomes() == {"passed": 3, "miss": 4}
    (row,) = json.loads((project / "out.json").read_text("utf-8"))["rows"]
    assert [metric["name"] for metric in row["metrics"]] == ["pass@1", "pass@2"]
