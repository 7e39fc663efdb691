"""Which registry files a command reads: it has no pytest, and so no root directory."""

from pathlib import Path

from llmlab_pytest.core import ConfigError
from llmlab_pytest.providers import PROJECT_REGISTRY, shipped_registry_files


def registry_files(given: Path | None) -> list[Path]:
    """Return the shipped files and the project's: the one given, else that of here.

    Raises:
        ConfigError: the given one does not exist.
    """
    own = given or Path(PROJECT_REGISTRY)
    if given is not None and not own.is_file():
        raise ConfigError(
            f"--registry is {str(own)!r}, and there is no such file.",
            fix="Correct it, or leave it out.",
        )
    return [*shipped_registry_files(), *([own] if own.is_file() else [])]
