"""Where the shipped registry, script and model cards are, installed or in a clone."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def shipped_models_dir() -> Path:
    """Return the folder with `models.toml`: inside the wheel, else in the clone."""
    in_wheel = _PACKAGE / "_shipped" / "models"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "models"


def shipped_registry_files() -> tuple[Path, ...]:
    """Return the registry files that come with this package."""
    return (shipped_models_dir() / "models.toml",)
