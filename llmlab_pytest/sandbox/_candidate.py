"""The confined side: runs the program and serves what its tests ask of it.

It never sees the tests. They run in another process, which asks for names, calls
functions with arguments by value, and judges what comes back (`_tests`).
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from llmlab_pytest.sandbox._wire import (
    Handle,
    WireError,
    decode,
    encode,
    receive,
    send,
)

MAX_TEXT = 300
PROGRAM_FILE = "<program>"


class Raised(NamedTuple):
    """An exception, as it is told to the other side."""

    kind: str
    text: str


def attempt(action: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return the result of an action of unknown code, or whatever it raised.

    `SystemExit` and `KeyboardInterrupt` too: a program has no say in when we end.
    """
    try:
        return action(), None
    except BaseException as error:
        return None, error


def told(error: BaseException) -> Raised:
    """Return class and message of an exception, which may itself be hostile."""
    text, trouble = attempt(lambda: str(error)[:MAX_TEXT])
    name = type.__dict__["__name__"].__get__(type(error))
    return Raised(name, "" if trouble else text)


class Candidate:
    """A running program: its names, and the objects that its tests hold."""

    def __init__(self) -> None:
        # As the reference runs it: in an empty namespace, so no `__main__`.
        self._names: dict[str, Any] = {}
        self._kept: list[object] = []
        self._numbers: dict[int, int] = {}

    def start(self, program: str) -> bytes:
        """Run the program's top level and return the first reply."""

        def run() -> None:
            # What the program is for; this process can do nothing but compute.
            exec(compile(program, PROGRAM_FILE, "exec", dont_inherit=True), self._names)

        _, error = attempt(run)
        return self._encoded(("value", None) if error is None else _raised(error))

    def answer(self, message: bytes) -> bytes:
        """Return the reply to one request: ("value", …), ("raised", …), ("missing",).

        Raises:
            WireError: the request is malformed.
        """
        verb, subject, *rest = decode(message, lambda h: self._kept[h.number])
        if verb == "name":
            if subject not in self._names:
                return self._encoded(("missing", None))
            return self._encoded(("value", self._names[subject]))
        if verb == "truth":
            value, error = attempt(lambda: bool(subject))
        elif verb == "attribute":
            value, error = attempt(lambda: getattr(subject, rest[0]))
        else:
            value, error = attempt(lambda: subject(*rest[0], **rest[1]))
        return self._encoded(("value", value) if error is None else _raised(error))

    def _encoded(self, reply: tuple[str, Any]) -> bytes:
        content, error = attempt(lambda: encode(reply, self._keep))
        if error is not None:
            return encode(_raised(error), self._keep)
        return bytes(content)

    def _keep(self, value: object) -> Handle:
        # What is kept stays alive, so an id stands for one object.
        number = self._numbers.setdefault(id(value), len(self._kept))
        if number == len(self._kept):
            self._kept.append(value)
        return Handle(number, type.__dict__["__name__"].__get__(type(value)))


def serve(program: str, *, requests: int, replies: int) -> None:
    """Run a program and answer until the other side closes.

    Args:
        program: Python source.
        requests: descriptor to read from.
        replies: descriptor to write to.
    """
    candidate = Candidate()
    try:
        send(replies, candidate.start(program))
        while True:
            message = receive(lambda wanted: os.read(requests, wanted))
            send(replies, candidate.answer(message))
    except (WireError, OSError):
        return


def _raised(error: BaseException) -> tuple[str, Any]:
    return ("raised", tuple(told(error)))
