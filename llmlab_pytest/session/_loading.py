"""Load a model as this process should: its own, or one that workers share."""

from collections.abc import Mapping
from typing import Any

import pytest

from llmlab_pytest.core import Model, ModelSpec
from llmlab_pytest.providers import (
    ProviderRegistry,
    check_commands,
    load_model,
    share_model,
)


def load_for_worker(
    spec: ModelSpec,
    providers: ProviderRegistry,
    config: pytest.Config,
    *,
    may_run_commands: bool,
) -> Model:
    """Load a model, together with the other xdist workers of this run if there are any.

    Raises:
        ConfigError: its key comes from a command, and none may be run.
        LlmlabError: as `load_model` and `share_model`.
    """
    check_commands(spec, may_run=may_run_commands)
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    if given.get("workercount", 1) > 1:
        return share_model(spec, providers, run=given["testrunuid"])
    return load_model(spec, providers)
