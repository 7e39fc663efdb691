"""A folder of cassettes: one file per answer, `MODEL/OWNER/ITEM-ADDRESS.json`.

One file per answer, because version control compares and merges files, and because
workers that record at the same time then never wait for each other. A file appears
whole or not at all: it is written beside its place and renamed.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from llmlab_pytest.cassettes._call import RecordedCall, hidden, model_folder
from llmlab_pytest.cassettes._entry import (
    Entry,
    entry_content,
    read_entry,
    without_incidents,
)
from llmlab_pytest.cassettes._layout import CassetteText, to_text
from llmlab_pytest.core import CassetteError, Completion, redactor


class CassetteFolder:
    """Writes and finds recorded answers. Safe for several processes at a time.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.used: set[str] = set()
        """Files that this process wrote or replayed, relative to the folder."""
        self._names: dict[PurePosixPath, list[PurePosixPath]] = {}
        self._greedy: dict[PurePosixPath, dict[str, PurePosixPath]] = {}
        self._asked: dict[PurePosixPath, str] = {}

    def prepare(self) -> None:
        """Create the folder.

        Raises:
            CassetteError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(self.path, error) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._unwritable(self.path, PermissionError(13, "Permission denied"))

    def record(
        self, call: RecordedCall, completion: Completion, *, weights: str | None
    ) -> None:
        """Keep an answer; the same answer as before leaves its file untouched.

        Args:
            call: what was asked.
            completion: as the model gave it.
            weights: digest of the local weights that answered, if any did.

        Raises:
            CassetteError: the file cannot be written, or is that of another call which
                differs in secrets only.
        """
        before = self._asked.setdefault(call.file, call.asked)
        if before != call.asked:
            raise CassetteError(
                f"Two calls of {call.parts['item']!r} differ in nothing but secrets, "
                "which are not written: a replay could not tell them apart.",
                fix="Ask with made-up values that do not look like keys.",
            )
        path = self.path / call.file
        content = entry_content(call, completion, weights=weights)
        content["completion"] = hidden(content["completion"], redactor())
        if self._before(path) != without_incidents(content):
            try:
                _replace(path, to_text(content))
            except OSError as error:
                raise self._unwritable(path, error) from error
        self.used.add(str(call.file))

    def find(self, call: RecordedCall) -> Entry | None:
        """Return the recorded answer to a call, `None` without one.

        A greedy call that was not recorded for this item is answered by the same
        request of another item of its owner: a test that got a new name.

        Raises:
            CassetteError: the file is not a sound cassette; names file and line.
        """
        file = call.file
        if (entry := self._read(file, call.alias)) is None and call.greedy_address:
            file = self._same_requests(call).get(call.greedy_address, file)
            entry = self._read(file, call.alias)
        if entry is not None:
            self.used.add(str(file))
        return entry

    def files(self) -> list[str]:
        """Return every cassette, relative to the folder, sorted."""
        found = self.path.glob("*/*/*.json")
        return sorted(path.relative_to(self.path).as_posix() for path in found)

    def aliases(self) -> list[str]:
        """Return the names of the models that have answers here."""
        return _folders_with(self.path, "*/*.json")

    def owners(self, alias: str) -> list[str]:
        """Return the folder names of the owners that have answers of a model."""
        return _folders_with(self.path / model_folder(alias), "*.json")

    def answers_of(self, call: RecordedCall) -> Iterator[tuple[str, RecordedCall]]:
        """Yield file and call of the sound answers to the item of a call."""
        for file in self._names_in(call.folder):
            if not file.name.startswith(f"{call.item_name}-"):
                continue
            if entry := self._sound(file, call.alias):
                yield str(file), entry.call

    def _same_requests(self, call: RecordedCall) -> dict[str, PurePosixPath]:
        """Return the greedy answers of an owner by request; read once, when missed."""
        if call.folder not in self._greedy:
            found: dict[str, PurePosixPath] = {}
            for file in self._names_in(call.folder):
                entry = self._sound(file, call.alias)
                if entry and (address := entry.call.greedy_address):
                    found.setdefault(address, file)
            self._greedy[call.folder] = found
        return self._greedy[call.folder]

    def _names_in(self, folder: PurePosixPath) -> list[PurePosixPath]:
        """Return the files of an owner, sorted; listed once, when one is missed."""
        if folder not in self._names:
            found = (self.path / folder).glob("*.json")
            self._names[folder] = sorted(folder / path.name for path in found)
        return self._names[folder]

    def _read(self, file: PurePosixPath, alias: str) -> Entry | None:
        try:
            return read_entry(CassetteText(self.path / file), alias=alias)
        except FileNotFoundError:
            return None

    def _sound(self, file: PurePosixPath, alias: str) -> Entry | None:
        """Return a cassette, `None` where the one of another item is damaged."""
        try:
            return self._read(file, alias)
        except CassetteError:
            return None

    def _before(self, path: Path) -> dict[str, object] | None:
        """Return what is recorded already; a file that is not sound is replaced."""
        try:
            file = CassetteText(path)
            read_entry(file, alias="")
        except (CassetteError, FileNotFoundError):
            return None
        return without_incidents(file.content)

    def _unwritable(self, path: Path, error: OSError) -> CassetteError:
        return CassetteError(
            f"The cassette {str(path)!r} cannot be written: {error.strerror}.",
            fix="Make room, or name another folder with --llmlab-record.",
        )


def _folders_with(path: Path, pattern: str) -> list[str]:
    """Return the names of the folders in `path` that hold a file of the pattern."""
    inside = path.iterdir() if path.is_dir() else ()
    return sorted(child.name for child in inside if any(child.glob(pattern)))


def _replace(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
