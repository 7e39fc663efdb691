"""The folder in which the workers of a run find the process of their shared model.

Every worker derives the same path from the run's id. Two locks of the kernel, which no
`kill -9` leaves behind, say the rest: one on the folder itself serialises starting and
ending, one on the file `users` is shared by all who are here, so that the last to leave
knows it and removes the folder. Files are few:

    state.json   pid and key of the process that serves, while it serves
    socket       where it listens
    stderr       what it and its native libraries wrote
    refusal      the error, if the model cannot be loaded
    deaths.json  how processes ended that should not have, and how many in a row
    exit-PID     the exit code of one of them, noted by the worker that started it
"""

import fcntl
import json
import os
import pickle
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmlab_pytest.core import LlmlabError, ModelError, redact, shorten

_MOST_SOCKET_BYTES = 100
"""Paths of sockets are at most 104 bytes on macOS and 108 on Linux."""
_NOTE_WAIT_S = 2.0
_STDERR_BYTES = 2000
_OURS = stat.S_IRWXU


def shared_folder(digest: str) -> Path:
    """Return the folder of a run and model with this digest; it need not exist."""
    folder = Path(tempfile.gettempdir()).resolve() / f"llmlab-{digest[:24]}"
    if len(os.fsencode(folder / "socket")) > _MOST_SOCKET_BYTES:
        folder = Path("/", "tmp", folder.name)
    return folder


@dataclass(frozen=True, slots=True)
class State:
    """The process that serves."""

    pid: int
    starter_pid: int
    """The worker that started it, its parent."""
    key: bytes
    """What a worker shows before it is listened to."""


class Place:
    """The folder of one run and model, as one process uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self.stderr = folder / "stderr"
        self._users: int | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for oneself; it is created if it is not there.

        Raises:
            ModelError: somebody else made a folder of this name.
        """
        handle = self._locked_handle()
        try:
            yield
        finally:
            os.close(handle)

    def join(self) -> None:
        """Be one of those for whom the folder is kept, until `leave` or the end.

        Within `locked`, or while another process is known to be here.
        """
        if self._users is None:
            path = self.folder / "users"
            self._users = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def leave(self) -> None:
        """No longer need the folder; the last one removes it."""
        if self._users is None:
            return
        users, self._users = self._users, None
        if not self.folder.exists():  # someone tidies up temporary files
            os.close(users)
            return
        with self.locked():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                os.close(users)
            # Under another name nobody adds to it, and a new one may be made.
            gone = self.folder.with_name(f"{self.folder.name}-{os.getpid()}")
            self.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def state(self) -> State | None:
        """Return who serves, or served until it died."""
        content = self._read("state.json")
        if content is None:
            return None
        return State(**{**content, "key": bytes.fromhex(content["key"])})

    def publish(self, state: State) -> None:
        """Say who serves, once it listens."""
        content = {**asdict(state), "key": state.key.hex()}
        self._write("state.json", json.dumps(content).encode())

    def withdraw(self) -> None:
        """Say that nobody serves."""
        for name in ("state.json", "socket"):
            (self.folder / name).unlink(missing_ok=True)

    def refuse(self, error: LlmlabError) -> None:
        """Keep why the model cannot be loaded, so that nobody tries again."""
        self._write("refusal", pickle.dumps(error))

    def refusal(self) -> LlmlabError | None:
        """Return why the model cannot be loaded, if that is known."""
        path = self.folder / "refusal"
        if not path.exists():
            return None
        error: LlmlabError = pickle.loads(path.read_bytes())
        return error

    def note_exit(self, pid: int, code: int) -> None:
        """Keep the exit code of a child; the folder may be gone, if all went well."""
        with suppress(FileNotFoundError):
            self._write(f"exit-{pid}", str(code).encode())

    def bury(self, dead: State) -> str:
        """Record that a process died, and return how; nobody serves then."""
        self.withdraw()
        how = shorten(redact(f"{self._exit(dead)}{self._last_words()}"), 500)
        deaths = self._deaths()
        deaths["how"][str(dead.pid)] = how
        deaths["in_a_row"] += 1
        self._write("deaths.json", json.dumps(deaths).encode())
        return how

    def deaths_in_a_row(self) -> int:
        """Return how many processes died since the last answer."""
        return int(self._deaths()["in_a_row"])

    def forgive(self) -> None:
        """Begin to count deaths anew, since there is an answer."""
        deaths = self._deaths()
        if deaths["in_a_row"]:
            deaths["in_a_row"] = 0
            self._write("deaths.json", json.dumps(deaths).encode())

    def how_died(self, pid: int | None = None) -> str:
        """Return how a process died, or how the last one did."""
        how: dict[str, str] = self._deaths()["how"]
        last = next(reversed(how.values()), "ended")
        return last if pid is None else how.get(str(pid), "ended")

    def _locked_handle(self) -> int:
        while True:
            handle = None
            with suppress(FileNotFoundError):  # the last one to leave removed it
                handle = self._handle()
                fcntl.flock(handle, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(handle), self.folder.stat()):
                    return handle
            if handle is not None:
                os.close(handle)

    def _handle(self) -> int:
        """Open the folder, which must be a folder of this user alone."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            self.folder.mkdir(mode=_OURS, exist_ok=True)
        except OSError as error:
            raise self._not_ours() from error
        try:
            handle = os.open(self.folder, flags)
        except (NotADirectoryError, PermissionError) as error:
            raise self._not_ours() from error
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & ~_OURS:
            os.close(handle)
            raise self._not_ours()
        return handle

    def _not_ours(self) -> ModelError:
        return ModelError(
            f"{str(self.folder)!r} is no folder of this user alone.",
            allowed="The workers of a run share a model through a private folder.",
            fix="Remove it, or set TMPDIR to a folder of your own.",
        )

    def _exit(self, dead: State) -> str:
        """Say how a process ended: its parent, if that lives, notes the code."""
        path = self.folder / f"exit-{dead.pid}"
        end = time.monotonic() + _NOTE_WAIT_S
        while not path.exists():
            if time.monotonic() > end or not _is_alive(dead.starter_pid):
                return "ended; the worker that started it did not see how"
            time.sleep(0.01)
        code = int(path.read_text("utf-8"))
        if code >= 0:
            return f"ended with exit code {code}"
        names = {known.value: known.name for known in signal.Signals}
        return f"was killed by signal {-code} ({names.get(-code, 'unknown')})"

    def _last_words(self) -> str:
        """Return the end of what the process wrote, if it wrote anything."""
        try:
            words = self.stderr.read_bytes()[-_STDERR_BYTES:]
        except FileNotFoundError:
            return ""
        text = words.decode("utf-8", errors="replace").strip()
        return f"; its last words: {shorten(text[-300:], 300)}" if text else ""

    def _deaths(self) -> dict[str, Any]:
        return self._read("deaths.json") or {"in_a_row": 0, "how": {}}

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return None
        return content

    def _write(self, name: str, content: bytes) -> None:
        """Write a file at once: readers see the old one or the new one."""
        draft = self.folder / f"{name}.{os.getpid()}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.replace(self.folder / name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
