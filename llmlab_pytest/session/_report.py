"""The report of an earlier run, read from the store of this project."""

from typing import NamedTuple

import pytest

from llmlab_pytest.core import Report
from llmlab_pytest.options import LAST_RUN
from llmlab_pytest.session._baseline import Baselines
from llmlab_pytest.session._env_file import load_env_file
from llmlab_pytest.session._find_run import known_run_id, open_kept_store
from llmlab_pytest.session._kept_run import KeptRun
from llmlab_pytest.session._outputs import Outputs, write_outputs
from llmlab_pytest.session._registries import Registries
from llmlab_pytest.session._settings import read_settings


class Reported(NamedTuple):
    """What a kept run says, and what was written of it."""

    report: Report
    outputs: Outputs


def report_of_kept_run(config: pytest.Config) -> Reported:
    """Read the run that `--llmlab-report` names, and write the files asked for.

    Metrics of the project's `conftest.py` are known where pytest loads it: name the
    folder, as in `pytest evals/ --llmlab-report`.

    Raises:
        ConfigError: there is no such run or store, or a metric is not known.
        StoreError: the store cannot be read.
    """
    load_env_file(config)
    settings = read_settings(config)
    store = open_kept_store(settings)
    try:
        run_id = known_run_id(
            store, settings.report or LAST_RUN, settings, flag="--llmlab-report"
        )
        metrics = Registries(config, settings).metrics
        known = settings.calibrations
        run = KeptRun(
            store,
            run_id,
            metrics=metrics,
            calibrations=known,
            baselines=Baselines(settings, store, run_id),
            coverage=settings.coverage,
        )
        report = run.report(predict_by=settings.predict)
        return Reported(report, write_outputs(run, report, settings.outputs))
    finally:
        store.close()
