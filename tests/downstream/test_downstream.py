"""A third-party plugin, built and installed for real, that uses public names only."""

import ast
import inspect
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import llmlab_pytest
from llmlab_pytest import hookspecs, testing

ACME = Path(__file__).with_name("llmlab-acme")
TEST = """
import pytest
from llmlab_pytest import llm_task

@llm_task("colours")
def test_colours(score): ...

def test_speaks(llm):
    assert sorted(llm("abc").text) == ["a", "b", "c"]

@pytest.mark.llm_requires("completion")
def test_needs_more(llm):
    llm.complete("abc")
"""
SPY = """
from pathlib import Path

def note(name):
    with Path(__file__).with_name("called.txt").open("a") as file:
        file.write(name + "\\n")
"""


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plugin's wheel is installed into."""
    folder = tmp_path_factory.mktemp("acme")
    for command in (
        ["build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ACME)],
        ["pip", "install", "--no-deps", "--no-index", "--quiet", "--target"],
    ):
        wheel = [str(path) for path in folder.glob("*.whl")]
        arguments = [*command, str(folder / "site"), *wheel] if wheel else command
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


class Runner:
    """Runs pytest with the plugin installed."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.site = site
        self.folder = folder

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run to the end."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.site), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def report(self) -> dict[str, Any]:
        """Return the JSON report of the last run."""
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report


@pytest.fixture
def run(acme: Path, tmp_path: Path) -> Runner:
    """A project beside the installed plugin."""
    (tmp_path / "test_acme.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Runner(acme, tmp_path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_plugin_adds_what_it_names(run: Runner, workers: str) -> None:
    """Its models answer, its scorer scores, its metric is judged, its card is found."""
    done = run("--llm=@acme", "--llmlab-json=report.json", "-n", workers)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    rows = {
        (row["plan"]["task"], row["plan"]["model"]): row for row in run.report()["rows"]
    }
    colours = rows["colours", "acme-backward"]
    values = {metric["name"]: metric["value"] for metric in colours["metrics"]}
    assert values == {"same_letters": 0.8, "words_per_answer": 1.2}
    assert (colours["samples"], colours["misses"]) == (5, 1)
    assert rows["test_acme", "acme-forward"]["misses"] == 0
    verdicts = {
        (verdict["gate"], verdict["model"]): verdict["state"]
        for verdict in run.report()["verdicts"]
    }
    assert verdicts["words_per_answer <= 2", "acme-forward"] == "passed"
    # The interval of 4 of 5 begins at 0.38.
    assert verdicts["same_letters >= 0.3", "acme-forward"] == "passed"
    assert "2 skipped" in done.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_observer_sees_each_completion_once(run: Runner, workers: str) -> None:
    """Five samples and a behaviour test on one model are six completions."""
    run("--llm=acme-forward", "-n", workers)
    seen = Counter((run.folder / "observed.txt").read_text().splitlines())
    texts = ["red", "light blue", "green", "grey", "pink", "abc"]
    assert seen == {f"acme-forward: {text}": 1 for text in texts}


def test_names_of_the_plugin_are_suggested(run: Runner) -> None:
    """A typo in a name of the plugin leads to it."""
    (run.folder / "test_acme.py").write_text(
        "from llmlab_pytest import llm_task\n"
        "@llm_task(data=[{'id': 'a', 'input': 'a'}], scorers=['same_leters'])\n"
        "def test_typo(score): ...\n"
    )
    done = run("--llm=acme-forward")
    assert "same_letters" in done.stdout
    done = run("--llm=acme-foward")
    assert "acme-forward" in done.stdout + done.stderr


def test_plugin_loads_without_llmlab(run: Runner) -> None:
    """With llmlab switched off its hooks are ignored, as the docs promise."""
    (run.folder / "test_acme.py").write_text("def test_one(): ...\n")
    done = run("-p", "no:llmlab")
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr


def test_every_hook_is_called(run: Runner) -> None:
    """A hook that nothing calls would be a promise that is not kept."""
    hooks = {
        name: inspect.signature(hook)
        for name, hook in vars(hookspecs).items()
        if name.startswith("pytest_llmlab_")
    }
    implementations = [
        f"def {name}({', '.join(signature.parameters)}):\n    note({name!r})\n"
        for name, signature in hooks.items()
    ]
    (run.folder / "conftest.py").write_text("\n".join([SPY, *implementations]))
    done = run("--llm=acme-forward", "-n", "0")
    called = Counter((run.folder / "called.txt").read_text().splitlines())
    assert set(called) == set(hooks), done.stdout
    observing = {"pytest_llmlab_completion", "pytest_llmlab_sample_scored"}
    assert {name: called[name] for name in observing} == dict.fromkeys(observing, 6)
    assert {called[name] for name in set(hooks) - observing} == {1}


def test_plugin_uses_public_names_only() -> None:
    """Everything it imports from us is in an `__all__` that users may rely on."""
    public = {
        "llmlab_pytest": set(llmlab_pytest.__all__),
        "llmlab_pytest.testing": set(testing.__all__),
    }
    taken = [
        (node.module, alias.name)
        for file in ACME.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and "llmlab_pytest" in str(node.module)
        for alias in node.names
    ]
    assert taken
    assert [name for name in taken if name[1] not in public.get(str(name[0]), ())] == []
