"""The pytest plugin. It watches for the first use of llmlab and then activates it.

Until then it costs a foreign suite a few string comparisons: everything beyond
options and hook specifications is addressed by string and loaded on use.
"""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmlab_pytest import hookspecs
from llmlab_pytest.core._lazy import load
from llmlab_pytest.core._task_files import collector_of
from llmlab_pytest.options import (
    add_options,
    further_promptfoo,
    new_run_id,
    run_id_key,
)

if TYPE_CHECKING:
    from llmlab_pytest.fixtures import Llm, LlmJudge
    from llmlab_pytest.snapshots import LlmSnapshot

_COLLECTING = "llmlab_pytest.collecting"
_TASK_MARK = "llm_task"
_MARKS = (
    "llm_task(*names, data=, prompt=, scorers=, gate=, ...): run once per sample",
    "llm_requires(*capabilities): skip models that do not declare a capability",
    "llm_limits(*limits): fail a test whose answers took more, e.g. 'cost_usd <= 0.01'",
    "llm_gate(*gates): judge all tests of a file, or all samples of a task, together",
    "llm_budget(usd, together=False): what a test may spend, or its samples together",
    "llm_covers(kind=names): what a test exercises, as risk='injection'; for coverage",
    "llm_calls(most): different requests a test with @given may make, 500 without",
    "llm_models(*selectors): of the chosen models, run only those selected here",
)
_used_by_workers_key = pytest.StashKey[bool]()
_live_line_key = pytest.StashKey[bool]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the `pytest_llmlab_*` hooks."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks; before xdist starts workers, see whether anything will run."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    if config.getoption("llmlab_estimate"):
        load(f"{_COLLECTING}:register_estimate")(config)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Show an earlier run and run nothing, if `--llmlab-report` asks for it."""
    if config.getoption("llmlab_report") is None:
        return None
    code: int = load(f"{_COLLECTING}:report_kept_run")(config)
    return code


@pytest.fixture(scope="session")
def llm(request: pytest.FixtureRequest) -> "Llm":
    """Give the model under test; the test runs once per model chosen by `--llm`."""
    _activate(request.config)
    return load("llmlab_pytest.fixtures:Llm").of(request)  # type: ignore[no-any-return] # loaded by address


@pytest.fixture(scope="session")
def llm_judge(request: pytest.FixtureRequest) -> "LlmJudge":
    """Give the judge, or jury, chosen by `--llmlab-judge`."""
    judge: LlmJudge = load("llmlab_pytest.fixtures:LlmJudge").of(request)
    return judge


@pytest.fixture
def llm_snapshot(request: pytest.FixtureRequest) -> "LlmSnapshot":
    """Compare an answer with the one that is kept as a file, by syrupy."""
    of = load("llmlab_pytest.snapshots:snapshot_of", extra="snapshots")
    snapshot: LlmSnapshot = of(request)
    return snapshot


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Collect task cards, explanations, matrices of prompts, promptfoo's files."""
    kind = collector_of(
        file_path,
        is_named=parent.session.isinitpath(file_path),
        promptfoo=further_promptfoo(parent.config),
    )
    if kind is None:
        return None
    _activate(parent.config, refusal=pytest.Collector.CollectError)
    made = load(f"{_COLLECTING}:{kind}")
    collector: pytest.Collector = made.from_parent(parent, path=file_path)
    return collector


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> None:
    """Offer `sample`, `completion` and `score` to functions bound to a task."""
    marks = getattr(obj, "pytestmark", None)
    if isinstance(marks, list) and any(m.name == _TASK_MARK for m in marks):
        _activate(collector.config, refusal=pytest.Collector.CollectError)
        load(f"{_COLLECTING}:register_task_fixtures")(collector, obj)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once per model, or per model, sample and epoch."""
    has_task = metafunc.definition.get_closest_marker(_TASK_MARK) is not None
    if "llm" in metafunc.fixturenames or has_task:
        _activate(metafunc.config, refusal=pytest.Collector.CollectError)
        load(f"{_COLLECTING}:parametrize")(metafunc)


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, str] | None:
    """Show misses and inconclusive gates by their own words.

    Here and not in the run's plugin: an xdist controller shows the reports of its
    workers before it knows that they use llmlab.
    """
    properties = getattr(report, "user_properties", ()) if report.when == "call" else ()
    if not any(name.startswith("llmlab_") for name, _ in properties):
        return None
    status: tuple[str, str, str] | None = load(f"{_COLLECTING}:status_of")(report)
    return status


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give every xdist worker the id of the run."""
    if node.config.getoption("llmlab_resume") is not None:
        _activate(node.config)
    unique = node.workerinput["testrunuid"][:6]
    node.workerinput["llmlab_run_id"] = node.config.stash.setdefault(
        run_id_key, new_run_id(unique)
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Notice whether a worker used llmlab; one that crashed may have."""
    if error or getattr(node, "workeroutput", {}).get("llmlab_used"):
        node.config.stash[_used_by_workers_key] = True
        load(f"{_COLLECTING}:note_used_cassettes")(node)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notice by a report that a worker uses llmlab: an interrupted one never says."""
    node = getattr(report, "node", None)
    if node is None:
        return
    if any(n.startswith("llmlab_") for n, _ in report.user_properties):
        node.config.stash[_used_by_workers_key] = True
    if hasattr(report, "llmlab_work") and _live_line_key not in node.config.stash:
        node.config.stash[_live_line_key] = True
        load(f"{_COLLECTING}:show_live_line")(node.config, first=report)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Under xdist, judge the gates when all workers are done.

    A run that is interrupted judges none; the final table still shows what is known.
    """
    try:
        result = yield
    finally:
        if _used_by_workers_key in session.config.stash:
            _activate(session.config)
    if _used_by_workers_key in session.config.stash:
        load(f"{_COLLECTING}:finish_controller")(session)
    return result


def _activate(
    config: pytest.Config, *, refusal: type[Exception] = pytest.UsageError
) -> None:
    load(f"{_COLLECTING}:activate")(config, refusal=refusal)
