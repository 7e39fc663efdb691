"""What could explain a different number tomorrow: versions, commit, settings."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from llmlab_pytest.core import (
    ConfigError,
    Model,
    ModelSpec,
    canonical_json,
    redact,
    shorten,
)
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
_BRANCH_VARIABLES = ("GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")
"""Of GitHub and GitLab."""


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
    if settings.resume is not None:
        factors["resumed"] = "yes"
    if settings.cache != "off":
        factors["cache"] = settings.cache
    if settings.record or settings.replay:
        factors["cassettes"] = "replay" if settings.replay else "record"
    if commit := _git_commit(root):
        factors["git_commit"] = commit
    if branch := _git_branch(root):
        factors["git_branch"] = branch
    for library in _LIBRARIES:
        try:
            factors[f"version:{library}"] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return factors


def _or_task(value: object) -> str:
    """Return an option's value, or `task` where each task's own holds."""
    return "task" if value is None else str(value)


def model_factors(spec: ModelSpec, model: Model) -> dict[str, str]:
    """Return what identifies a loaded model: its weights and how it computes."""
    asked = {"provider": spec.provider, "id": spec.id, "defaults": dict(spec.defaults)}
    return {
        f"model_digest:{spec.alias}": model.digest,
        f"model:{spec.alias}": redact(canonical_json(asked)),
        **fact_factors(spec.alias, model),
    }


def fact_factors(alias: str, model: Model) -> dict[str, str]:
    """Return what a model has found out about itself and this machine, if anything."""
    facts: Mapping[str, str] = getattr(model, "facts", {})
    return {f"{name}:{alias}": value for name, value in facts.items()}


def check_same_model(
    spec: ModelSpec, factors: Mapping[str, str], before: Mapping[str, str]
) -> None:
    """Refuse to finish a run with another model than it was begun with.

    Raises:
        ConfigError: the weights, or the type of their numbers, differ from what the
            run recorded.
    """
    for name, what in (("model_digest", "weights"), ("dtype", "numbers")):
        key = f"{name}:{spec.alias}"
        was, now = before.get(key), factors.get(key)
        if was is not None and now is not None and was != now:
            raise ConfigError(
                f"The {what} of {spec.alias!r} ({spec.id}) are not those that the run "
                f"was begun with: {name} {shorten(now, 12)}, recorded "
                f"{shorten(was, 12)}.",
                fix="Restore the file or the dtype of the model, or start a new run "
                "without --llmlab-resume.",
            )


def _git_commit(root: Path) -> str | None:
    """Return the commit of `root`, with `+` when the work tree differs from it."""
    return _git(root, "describe", "--always", "--dirty=+", "--abbrev=40")


def _git_branch(root: Path) -> str | None:
    """Return the branch of `root`.

    A CI checks out a commit and tells the branch by a variable. Of a pull request it is
    `12/merge` or `merge-request/12`, never the name that its author gave the branch:
    anybody may call one `main`, and would be what others are compared with.
    """
    if number := os.environ.get("CI_MERGE_REQUEST_IID"):
        return f"merge-request/{number}"
    for variable in _BRANCH_VARIABLES:
        if name := os.environ.get(variable):
            return name
    return _git(root, "symbolic-ref", "--short", "-q", "HEAD")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        said = subprocess.run(
            ["git", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None
