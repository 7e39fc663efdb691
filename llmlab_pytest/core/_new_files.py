"""Files that are made for a user: never over another, and all of them or an error."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from llmlab_pytest.core._errors import ConfigError


def refuse_existing(files: Iterable[Path]) -> None:
    """Raise `ConfigError` for a place where something is."""
    for file in files:
        if file.exists():
            raise ConfigError(f"{file} exists.", fix="Choose another name.")


def write_new(files: Mapping[Path, str], *, where: str) -> list[Path]:
    """Write new files in UTF-8, and return their places.

    Args:
        files: texts by place.
        where: what named the place, for messages: an option and its value.

    Raises:
        ConfigError: there is such a file, or it cannot be written.
    """
    refuse_existing(files)
    try:
        for file, text in files.items():
            with file.open("x", encoding="utf-8") as made:  # nor over a later one
                made.write(text)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{where} cannot be written: {error}.", fix="Correct the path."
        ) from error
    return list(files)
