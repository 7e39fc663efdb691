"""Installed and unused, the plugin is invisible to a foreign suite (style.md 3.3).

How much CPU time it costs is measured by `python benchmarks/speed/startup.py`: a
figure in milliseconds belongs to a quiet machine, not to a unit test. What causes the
cost, modules that are imported and rewritten, is counted here.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

MAX_OWN_MODULES = 12
MAX_OTHER_MODULES = 12
MODEL_LIBRARIES = frozenset({"torch", "transformers", "litellm", "llama_cpp", "peft"})
DATA_LIBRARIES = frozenset(
    {"numpy", "scipy", "sklearn", "pyarrow", "huggingface_hub", "sqlalchemy", "jinja2"}
)
SLOW_MODULES = frozenset(
    {"asyncio", "sqlite3", "tomllib", "multiprocessing", "jsonschema", "httpx"}
)
HEAVY = MODEL_LIBRARIES | DATA_LIBRARIES | SLOW_MODULES
FLAVOURS = {
    "plain": [],
    "no-xdist": ["-p", "no:xdist"],
    "no-asyncio": ["-p", "no:asyncio"],
    "importlib": ["--import-mode=importlib"],
    "warnings-are-errors": ["-Werror"],
    "strict": ["-ostrict=true", "-Werror::pytest.PytestWarning"],
    "two-workers": ["-n2"],
}
NOT_OURS = "-Wignore:The configuration option"
"""pytest-asyncio warns every suite that has not set its loop scope."""
BYTECODE = {"bytecode-off": "1", "bytecode-on": None}
WITHOUT_US = ["-p", "no:llmlab"]


def _roots(modules: Sequence[str] | frozenset[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in modules)


@pytest.fixture
def added(run_alone: Callable[[Sequence[str]], Any]) -> frozenset[str]:
    """The modules that a foreign suite has loaded because of us."""
    with_us, without_us = run_alone(["-p", "llmlab"]), run_alone(WITHOUT_US)
    assert (with_us.exit_code, without_us.exit_code) == (0, 0), with_us.output
    assert "llmlab_pytest.plugin" in with_us.modules
    assert "llmlab_pytest" not in without_us.modules
    added: frozenset[str] = with_us.modules - without_us.modules
    return added


def test_few_modules_are_added(added: frozenset[str]) -> None:
    """At most twelve modules of ours, and a handful of the standard library."""
    ours = sorted(name for name in added if name.startswith("llmlab_pytest"))
    others = sorted(added - set(ours))
    assert len(ours) <= MAX_OWN_MODULES, ours
    assert len(others) <= MAX_OTHER_MODULES, others


def test_no_heavy_module_is_added(added: frozenset[str]) -> None:
    """No heavy package, and nothing from outside the standard library."""
    roots = _roots(added) - {"llmlab_pytest"}
    assert roots & HEAVY == set()
    assert roots <= set(sys.stdlib_module_names)


def test_no_file_is_written(foreign: Any) -> None:
    """Nothing is written outside .pytest_cache and __pycache__, home included."""
    with_us = foreign.run()
    here = [p.name for p in foreign.root.iterdir()]
    assert set(here) <= {"test_one.py", ".pytest_cache", "__pycache__"}
    assert list(foreign.home.rglob("*")) == []
    ours = [
        path
        for path in with_us.written
        if "llmlab" in Path(path).name.casefold() and "__pycache__" not in path
    ]
    assert ours == []


def test_no_socket_is_opened(run_alone: Callable[[Sequence[str]], Any]) -> None:
    """Not even a name is looked up."""
    assert run_alone(["-p", "llmlab"]).sockets == ()


@pytest.mark.parametrize("arguments", FLAVOURS.values(), ids=FLAVOURS.keys())
@pytest.mark.parametrize("bytecode", BYTECODE.values(), ids=BYTECODE.keys())
def test_foreign_suite_passes(
    foreign: Any,
    arguments: list[str],
    bytecode: str | None,
) -> None:
    """A foreign suite passes, silently, in every way pytest is commonly run."""
    run = foreign.run(*arguments, NOT_OURS, env={"PYTHONDONTWRITEBYTECODE": bytecode})
    assert run.exit_code == 0, run.output
    assert "1 passed" in run.output
    assert "warning" not in run.output.casefold()
    assert "llmlab" not in run.output.partition("\nplugins:")[0]
    assert _roots(run.modules) & (MODEL_LIBRARIES | DATA_LIBRARIES) == set()


def test_report_header_is_unchanged(foreign: Any) -> None:
    """Unused, the plugin shows itself in pytest's own list of plugins only."""
    run = foreign.run()
    naming_us = [line for line in run.output.splitlines() if "llmlab" in line]
    assert [line.partition(":")[0] for line in naming_us] == ["plugins"]


def test_unused_options_stay_cheap(run_alone: Callable[[Sequence[str]], Any]) -> None:
    """Choosing a model for a suite that asks none loads no provider."""
    run = run_alone(["-p", "llmlab", "--llm", "smollm2"])
    assert run.exit_code == 0, run.output
    assert _roots(run.modules) & HEAVY == set()


def test_foreign_task_toml_is_left_alone(foreign: Any) -> None:
    """A TOML file that is no task card of ours does not disturb its owner."""
    foreign.write("task.toml", '[tool]\nname = "somebody else\'s"\n')
    run = foreign.run()
    assert "1 passed" in run.output


def test_evals_are_collected_without_models(foreign: Any, repository: Path) -> None:
    """`pytest --collect-only evals/` loads neither torch nor litellm."""
    if not (repository / "evals").is_dir():
        pytest.skip("evals/ does not exist yet")
    run = foreign.run(
        "--collect-only",
        "-q",
        "evals/",
        "-pno:cacheprovider",
        f"--llmlab-store={foreign.root / 'store.db'}",
        cwd=repository,
    )
    assert run.exit_code == 0, run.output
    assert _roots(run.modules) & MODEL_LIBRARIES == set()
