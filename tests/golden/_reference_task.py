"""An lm-eval task over local files. Runs under lm-eval's interpreter."""

from collections.abc import Mapping
from typing import Any

from lm_eval.tasks import TaskManager


def task_of(
    manager: TaskManager, name: str, files: Mapping[str, str], **override: Any
) -> Any:
    """Build a task whose splits are files on this machine.

    Args:
        manager: of lm-eval's tasks.
        name: of the task.
        files: by split; training and validation splits without a file are taken away.
        override: further keys of the task's configuration.
    """
    changes = {
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": dict(files)},
        **override,
    }
    for split, key in (("train", "training_split"), ("validation", "validation_split")):
        if split not in files:
            changes[key] = None
    # The public loaders take names or whole configurations, not names with overrides.
    return manager._factory.build(
        manager._entry(name), overrides=changes, registry=manager._index
    )
