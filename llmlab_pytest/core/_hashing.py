"""Content addresses: the same value has the same digest on every machine."""

import hashlib
import json
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)
"""Made once: that takes as long as to encode a small value."""


def canonical_json(value: object) -> str:
    """Return compact JSON with sorted keys and raw Unicode; tuples become lists."""
    return _ENCODER.encode(value)


def digest_of(value: object) -> str:
    """Return the sha256 (64 hex digits) of a JSON-able value's canonical form."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the sha256 (64 hex digits) of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
