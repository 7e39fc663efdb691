"""A published dataset of a hundred rows and the servers that it may come from."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# Prints the sample ids of a card, or the class and the message of its error.
PLAN = """
import json, os, sys
from pathlib import Path
from llmlab_pytest.core import LlmlabError
from llmlab_pytest.tasks import _wheel, load_card, plan_task
_wheel.SHA256 = os.environ.get("WHEEL_SHA256", _wheel.SHA256)
try:
    planned = plan_task(load_card(Path("task.toml")), limit=None, seed=0, data_dir=None)
except LlmlabError as error:
    print(json.dumps({"error": type(error).__name__, "said": str(error)}))
else:
    print(json.dumps({"inputs": [sample.input for sample in planned.samples]}))
"""
Planning = Callable[[Path, Mapping[str, str]], dict[str, Any]]


@pytest.fixture
def planned_elsewhere() -> Planning:
    """Plan the card of a folder in a process of its own: clients read settings once."""

    def plan(folder: Path, settings: Mapping[str, str]) -> dict[str, Any]:
        dead = "http://127.0.0.1:9"
        env = {
            **os.environ,
            "LLMLAB_CACHE": str(folder / "cache"),
            "HF_HOME": str(folder / "hf"),
            "HF_ENDPOINT": dead,
            "HF_HUB_DISABLE_XET": "1",
            "PIP_INDEX_URL": f"{dead}/simple",
            "PIP_RETRIES": "0",
            "PIP_NO_CACHE_DIR": "1",
            **settings,
        }
        for name in ("HF_HUB_OFFLINE", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"):
            env.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-c", PLAN],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return plan
