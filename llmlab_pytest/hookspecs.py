"""Every hook of llmlab-pytest. Implement them in a plugin or in `conftest.py`.

A plugin that must also load without llmlab-pytest marks its implementations
`@pytest.hookimpl(optionalhook=True)`; else pytest rejects the unknown hook under
`-p no:llmlab`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llmlab_pytest.core import Completion, ModelSpec, Report, SampleResult


@pytest.hookspec
def pytest_llmlab_register_providers(
    config: pytest.Config, register: Callable[..., None]
) -> None:
    """Add providers: ways to reach a model.

    Called once per process, when the first model is resolved; never in a run that
    uses no llmlab feature. `register(name, provider)` takes a callable
    `(ModelSpec) -> Model` or its address `"package.module:Name"`, which keeps heavy
    imports out of start-up. With an address, `is_shared=True` lets the workers of a
    run share one process per model, for large models with `concurrency` 1. The return
    value is ignored. An exception stops the run.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """


@pytest.hookspec
def pytest_llmlab_register_models(
    config: pytest.Config, register: "Callable[[ModelSpec], None]"
) -> None:
    """Add models to the registry: `register(ModelSpec(alias="…", …))`.

    Called once per process, after the registry files were read; an alias that exists
    is an error. The return value is ignored. An exception stops the run.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """


@pytest.hookspec
def pytest_llmlab_register_scorers(
    config: pytest.Config, register: Callable[..., None]
) -> None:
    """Add scorers: `register(name, factory)`, where `factory(**options)` is a scorer.

    A scorer is any callable, plain or `async`, whose parameters are chosen by name from
    `completion`, `target` and `sample`. Called once per process when the first task is
    collected. The return value is ignored. An exception stops the run.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """


@pytest.hookspec
def pytest_llmlab_register_metrics(
    config: pytest.Config, register: Callable[..., None]
) -> None:
    """Add metrics: `register(name, function)`, `function(results) -> Metric`.

    Called once per process when the first task is collected. The metric can then be
    named in `metrics` and in gates. The return value is ignored. An exception stops
    the run.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """


@pytest.hookspec
def pytest_llmlab_register_tasks(
    config: pytest.Config, register: Callable[[Path], None]
) -> None:
    """Add folders with task cards: `register(Path("my_benchmarks"))`.

    `@llm_task("name")` then finds `my_benchmarks/name/task.toml`. Called once per
    process when the first task is looked up. The return value is ignored. An
    exception stops the run.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """


@pytest.hookspec
def pytest_llmlab_completion(
    item: pytest.Item, model: "ModelSpec", completion: "Completion"
) -> None:
    """Observe each completion that a test received, for example to count cost.

    Called in the process and thread that runs the test (under xdist: the worker),
    through `item.ihook`, so a `conftest.py` sees its own folder's tests only. A
    resumed completion is reported too (`completion.resumed`). The return value is
    ignored. An exception fails the test.

    Use in conftest plugins: any `conftest.py`.
    """


@pytest.hookspec
def pytest_llmlab_sample_scored(item: pytest.Item, result: "SampleResult") -> None:
    """Observe the scores of each sample, or the error that stopped it.

    Called in the process that runs the item, after the result is in the store. The
    return value is ignored. An exception fails the item.

    Use in conftest plugins: any `conftest.py`.
    """


@pytest.hookspec
def pytest_llmlab_run_finished(config: pytest.Config, report: "Report") -> None:
    """Receive the final report: rows and verdicts of the whole run.

    Called once, in the main process (under xdist: the controller), before the
    terminal summary; not called when no llmlab feature was used. The return value is
    ignored.

    Use in conftest plugins: only in the `conftest.py` of the root directory.
    """
