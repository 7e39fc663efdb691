"""How values cross between the program under test and its tests: as plain data.

The receiver of a message trusts nothing in it: decoding builds `None`, numbers, text,
bytes and containers of them, and runs no code. A subclass, such as `Counter`, crosses
as its base. Any other object stays where it is; a number stands for it (`Handle`).
A message is a 4-byte length and its bytes; a value is a tag, a length and its content.
"""

import os
import struct
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

MAX_MESSAGE_BYTES = 8 << 20
_MAX_DEPTH = 100
_LENGTH = struct.Struct(">I")
_DOUBLE, _PAIR = struct.Struct(">d"), struct.Struct(">dd")


class Handle(NamedTuple):
    """Stands for an object that stays in the other process."""

    number: int
    kind: str
    """Name of its type."""


class Module(NamedTuple):
    """A module was sent; the receiver may import one of that name."""

    name: str


class WireError(Exception):
    """A message is malformed, too long or too deep; or the other end closed."""


class _Scalar(NamedTuple):
    """A kind of value without parts, its tag, and the way to bytes and back."""

    kind: type
    tag: bytes
    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], object]


class _Container(NamedTuple):
    """A kind of value with parts; `parts` reads them past what a subclass says."""

    kind: type
    tag: bytes
    parts: Callable[[Any], Iterable[object]]
    build: Callable[[list[Any]], object]


_CONSTANTS: dict[bytes, object] = {b"N": None, b"T": True, b"F": False, b".": ...}
_SCALARS = (
    _Scalar(int, b"i", lambda v: b"%x" % int.__int__(v), lambda b: int(b, 16)),
    _Scalar(float, b"f", _DOUBLE.pack, lambda b: _DOUBLE.unpack(b)[0]),
    _Scalar(
        complex,
        b"c",
        lambda v: _PAIR.pack(v.real, v.imag),
        lambda b: complex(*_PAIR.unpack(b)),
    ),
    _Scalar(
        str,
        b"s",
        lambda v: str.encode(v, errors="surrogatepass"),
        lambda b: b.decode(errors="surrogatepass"),
    ),
    _Scalar(bytes, b"b", bytes, bytes),
    _Scalar(bytearray, b"a", bytes, bytearray),
    _Scalar(
        ModuleType,
        b"m",
        lambda v: str(v.__name__).encode(),
        lambda b: Module(b.decode()),
    ),
)
_CONTAINERS = (
    _Container(list, b"l", list.__iter__, list),
    _Container(tuple, b"t", tuple.__iter__, tuple),
    _Container(set, b"S", set.__iter__, set),
    _Container(frozenset, b"z", frozenset.__iter__, frozenset),
    _Container(
        dict,
        b"d",
        lambda v: (part for pair in dict.items(v) for part in pair),
        lambda parts: dict(zip(parts[::2], parts[1::2], strict=True)),
    ),
)
_UNPACK = {scalar.tag: scalar.unpack for scalar in _SCALARS}
_BUILD = {container.tag: container.build for container in _CONTAINERS}


def encode(value: object, keep: Callable[[object], Handle]) -> bytes:
    """Return the bytes of a value.

    Args:
        value: what to send.
        keep: called for an object that is no plain data; returns what stands for it.

    Raises:
        WireError: the value is too long, or nested too deeply, as one that holds
            itself is.
    """
    parts: list[bytes] = []
    _encode(value, keep, parts, 0)
    content = b"".join(parts)
    if len(content) > MAX_MESSAGE_BYTES:
        raise WireError(f"a value of {len(content)} bytes, at most {MAX_MESSAGE_BYTES}")
    return content


def decode(content: bytes, resolve: Callable[[Handle], object]) -> Any:
    """Return the value of some bytes.

    Args:
        content: one whole message.
        resolve: returns what a handle is on this side.

    Raises:
        WireError: the bytes are no value.
    """
    try:
        value, end = _decode(content, 0, resolve, 0)
    except (struct.error, ValueError, TypeError, OverflowError) as error:
        raise WireError(f"malformed: {error}") from error
    if end != len(content):
        raise WireError("malformed: something follows the value")
    return value


def send(descriptor: int, content: bytes) -> None:
    """Write one message.

    Raises:
        WireError: nobody reads.
    """
    view = memoryview(_LENGTH.pack(len(content)) + content)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise WireError(f"cannot write: {error}") from error


def receive(read: Callable[[int], bytes]) -> bytes:
    """Return the content of the next message.

    Args:
        read: returns at most so many bytes, none at the end.

    Raises:
        WireError: the stream ends, or announces too much.
    """
    (length,) = _LENGTH.unpack(_exactly(read, _LENGTH.size))
    if length > MAX_MESSAGE_BYTES:
        raise WireError(f"a value of {length} bytes, at most {MAX_MESSAGE_BYTES}")
    return _exactly(read, length)


def _exactly(read: Callable[[int], bytes], wanted: int) -> bytes:
    content = bytearray()
    while len(content) < wanted:
        piece = read(wanted - len(content))
        if not piece:
            raise WireError("the other end closed")
        content += piece
    return bytes(content)


def _encode(
    value: object, keep: Callable[[object], Handle], parts: list[bytes], depth: int
) -> None:
    if depth > _MAX_DEPTH:
        raise WireError("a value nested too deeply")
    for container in _CONTAINERS:
        if isinstance(value, container.kind) and not isinstance(value, Handle):
            items = list(container.parts(value))
            parts += [container.tag, _LENGTH.pack(len(items))]
            for item in items:
                _encode(item, keep, parts, depth + 1)
            return
    tag, content = _scalar(value) or _kept(value, keep)
    parts += [tag, _LENGTH.pack(len(content)), content]


def _scalar(value: object) -> tuple[bytes, bytes] | None:
    for tag, constant in _CONSTANTS.items():
        if value is constant:
            return tag, b""
    for scalar in _SCALARS:
        if isinstance(value, scalar.kind):
            return scalar.tag, scalar.pack(value)
    return None


def _kept(value: object, keep: Callable[[object], Handle]) -> tuple[bytes, bytes]:
    handle = value if isinstance(value, Handle) else keep(value)
    return b"h", b"%d " % handle.number + handle.kind.encode(errors="replace")


def _decode(
    content: bytes, at: int, resolve: Callable[[Handle], object], depth: int
) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise WireError("a value nested too deeply")
    tag = content[at : at + 1]
    (length,) = _LENGTH.unpack_from(content, at + 1)
    at += 1 + _LENGTH.size
    if tag in _BUILD:
        items = []
        for _ in range(length):
            item, at = _decode(content, at, resolve, depth + 1)
            items.append(item)
        return _BUILD[tag](items), at
    piece = content[at : at + length]
    if len(piece) < length:
        raise WireError("malformed: it ends early")
    return _content(tag, piece, resolve), at + length


def _content(tag: bytes, piece: bytes, resolve: Callable[[Handle], object]) -> object:
    if tag in _UNPACK:
        return _UNPACK[tag](piece)
    if tag in _CONSTANTS:
        return _CONSTANTS[tag]
    if tag != b"h":
        raise WireError(f"malformed: no value begins with {tag!r}")
    number, _, kind = piece.decode(errors="replace").partition(" ")
    return resolve(Handle(int(number), kind))
