"""What could explain a different number tomorrow: versions, commit, settings."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from llmlab_pytest.core import ModelSpec, canonical_json, redact
from llmlab_pytest.session._settings import Settings

_LIBRARIES = (
    "llmlab-pytest",
    "pytest",
    "litellm",
    "torch",
    "transformers",
    "llama-cpp-python",
)
_GIT_TIMEOUT_S = 5


def run_factors(root: Path, settings: Settings) -> dict[str, str]:
    """Return every factor of a run that is known before it starts."""
    factors = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "seed": str(settings.seed),
        "limit": _or_task(settings.limit),
        "compat": _or_task(settings.compat),
        "shots": _or_task(settings.shots),
        "chat": _or_task(settings.chat),
        "system": _or_task(settings.system and repr(settings.system)),
        "models": ",".join(settings.models),
    }
    if commit := _git_commit(root):
        factors["git_commit"] = commit
    for library in _LIBRARIES:
        try:
            factors[f"version:{library}"] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return factors


def _or_task(value: object) -> str:
    """Return an option's value, or `task` where each task's own holds."""
    return "task" if value is None else str(value)


def digest_factor(spec: ModelSpec) -> str:
    """Return the name of the factor that holds the digest of a model's weights."""
    return f"model_digest:{spec.alias}"


def model_factors(spec: ModelSpec, digest: str) -> dict[str, str]:
    """Return what identifies a loaded model: its weights and how it decodes."""
    asked = {"provider": spec.provider, "id": spec.id, "defaults": dict(spec.defaults)}
    return {
        digest_factor(spec): digest,
        f"model:{spec.alias}": redact(canonical_json(asked)),
    }


def _git_commit(root: Path) -> str | None:
    """Return the commit of `root`, with `+` when the work tree differs from it."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=40"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None
