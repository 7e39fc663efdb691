"""Read and check the header of a GGUF file with nothing but the standard library.

Follows the GGUF specification, versions 2 and 3 (ggml `docs/gguf.md`): magic, version,
counts, key-value pairs, tensor table, then the tensor data. Loaders in native code may
abort the process when a file is damaged, so files are checked here first. It is also
thirty times faster than `gguf.GGUFReader` on a file with a large vocabulary.
Big-endian files and version 1 are left out.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.core import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT_BYTES = 32
_START_BYTES = 24  # magic, version, number of tensors, number of pairs
_STRING, _ARRAY = 8, 9
# Metadata value type -> struct format: u8 i8 u16 i16 u32 i32 f32 bool u64 i64 f64.
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
# ggml type -> (elements per block, bytes per block), from ggml.h.
_BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24),
    8: (32, 34), 9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144),
    13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
_MAX_DIMENSIONS = 4
# What reading random bytes as a header raises.
_DAMAGE = (struct.error, UnicodeDecodeError, KeyError, OverflowError, RecursionError)


GgufValue = str | int | float | bool | list["GgufValue"]


class GgufTensor(NamedTuple):
    """One row of the tensor table."""

    name: str
    shape: tuple[int, ...]
    """In the order of torch: the slowest-moving dimension first."""
    ggml_type: int
    offset_bytes: int
    """From the start of the file."""
    length_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Everything a GGUF file says before its tensor data."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]

    @property
    def architecture(self) -> str:
        """What kind of model it is, e.g. `llama`."""
        return str(self.metadata["general.architecture"])

    def number(self, key: str) -> int | None:
        """Return an integer under the architecture's prefix, e.g. `context_length`."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) else None


def read_gguf_header(path: Path) -> GgufHeader:
    """Read the header of `path` and check that the file holds all its tensors.

    Raises:
        ModelError: not a GGUF file, of another version, damaged, or cut short.
    """
    with path.open("rb") as file:
        start = file.read(_START_BYTES)
        _check_start(path, start)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(path, content).read()


def _check_start(path: Path, start: bytes) -> None:
    if start[:4] != _MAGIC:
        found = "an empty file" if not start else f"the bytes {start[:4]!r}"
        raise _unusable(path, f"it starts with {found} instead of {_MAGIC!r}")
    if len(start) < _START_BYTES:
        raise _unusable(path, f"it ends after {len(start)} bytes, inside the header")
    version = int.from_bytes(start[4:8], "little")
    if version not in _VERSIONS:
        raise _unusable(path, f"it is GGUF version {version}, not 2 or 3")


def _unusable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{str(path)!r} cannot be loaded: {reason}.",
        allowed="A complete GGUF file of version 2 or 3 is needed.",
        fix="Download or copy the file again and compare its sha256 with the source.",
    )


class _Reader:
    """A position in the mapped file."""

    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self._path = path
        self._content = content
        self._at = 8

    def read(self) -> GgufHeader:
        try:
            tensor_count, pair_count = self._numbers("QQ")
            metadata = dict(self._pair() for _ in range(pair_count))
            rows = [self._tensor_row() for _ in range(tensor_count)]
        except _DAMAGE as error:
            reason = f"its header is damaged at byte {self._at:,} ({error})"
            raise _unusable(self._path, reason) from error
        if not isinstance(metadata.get("general.architecture"), str):
            raise _unusable(self._path, "its header has no 'general.architecture'")
        return GgufHeader(self._path, metadata, self._place(rows, metadata))

    def _place(
        self, rows: list[GgufTensor], metadata: Mapping[str, Any]
    ) -> tuple[GgufTensor, ...]:
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT_BYTES)
        if not isinstance(alignment, int) or alignment < 1:
            raise _unusable(self._path, f"its 'general.alignment' is {alignment!r}")
        data_start = -(-self._at // alignment) * alignment
        placed = tuple(
            row._replace(offset_bytes=row.offset_bytes + data_start) for row in rows
        )
        needed = max((row.offset_bytes + row.length_bytes for row in placed), default=0)
        if needed > len(self._content):
            reason = (
                f"it has {len(self._content):,} bytes but its tensors need {needed:,}"
            )
            raise _unusable(self._path, f"{reason}, so it was cut short")
        return placed

    def _numbers(self, layout: str) -> tuple[Any, ...]:
        layout = "<" + layout
        values = struct.unpack_from(layout, self._content, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _string(self) -> str:
        (length,) = self._numbers("Q")
        end = self._at + length
        if end > len(self._content):
            msg = f"a string of {length:,} bytes"
            raise struct.error(msg)
        text = self._content[self._at : end].decode()
        self._at = end
        return text

    def _pair(self) -> tuple[str, GgufValue]:
        key = self._string()
        (kind,) = self._numbers("I")
        return key, self._value(kind)

    def _value(self, kind: int) -> GgufValue:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            number: int | float | bool = self._numbers(_SCALARS[kind])[0]
            return number
        element_kind, count = self._numbers("IQ")
        if element_kind in _SCALARS:
            if count > len(self._content):
                msg = f"an array of {count:,} numbers"
                raise struct.error(msg)
            return list(self._numbers(f"{count}{_SCALARS[element_kind]}"))
        return [self._value(element_kind) for _ in range(count)]

    def _tensor_row(self) -> GgufTensor:
        name = self._string()
        (dimensions,) = self._numbers("I")
        if dimensions > _MAX_DIMENSIONS:
            msg = f"tensor {name!r} with {dimensions} dimensions"
            raise struct.error(msg)
        shape = self._numbers(f"{dimensions}Q")[::-1]
        ggml_type, offset = self._numbers("IQ")
        elements, block_bytes = _BLOCKS[ggml_type]
        return GgufTensor(
            name, shape, ggml_type, offset, prod(shape) // elements * block_bytes
        )
