"""An image in a prompt, as plain values: bytes in base64, or an address."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Self

from llmlab_pytest.core._errors import DataError
from llmlab_pytest.core._text import shorten

_ADDRESSES = ("http://", "https://")
_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""First bytes of the formats that every vendor reads; WebP's are in two places."""
_WEBP_BYTES = 12


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG, JPEG, GIF or WebP image; make one with `Image.of`."""

    media_type: str = ""
    """E.g. `image/png`; empty for an image by address."""
    base64: str = field(default="", repr=False)
    """Its bytes; empty for an image by address."""
    url: str = ""
    """Where the provider finds it, if it is not sent along."""

    @classmethod
    def of(cls, source: str | PathLike[str] | bytes) -> Self:
        """Return the image of a file, of its bytes, or at an http(s) address.

        An address is handed on: the provider fetches the image, and an answer in a
        cache or cassette is found by the address alone.

        Args:
            source: a path, the bytes of a file, or an address.

        Raises:
            DataError: the file cannot be read, or is no image that vendors take.
        """
        if isinstance(source, str) and source.startswith(_ADDRESSES):
            return cls(url=source)
        if isinstance(source, bytes):
            return cls._of_bytes(source, f"{len(source)} bytes that begin with")
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise DataError(
                f"The image {str(source)!r} cannot be read: {error.strerror}.",
                allowed="An image is a path, bytes, or an http(s) address.",
                fix="Correct the path: it is relative to the working directory.",
            ) from error
        return cls._of_bytes(data, f"The file {str(source)!r} begins with")

    @property
    def data(self) -> bytes:
        """The bytes; empty for an image by address."""
        return base64.b64decode(self.base64)

    @property
    def sha256(self) -> str:
        """Digest of the bytes, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def address(self) -> str:
        """An address for protocols: the image's own, or one that holds its bytes."""
        return self.url or f"data:{self.media_type};base64,{self.base64}"

    @classmethod
    def _of_bytes(cls, data: bytes, what: str) -> Self:
        media_type = next((kind for mark, kind in _MARKS if data.startswith(mark)), "")
        if data[:4] == b"RIFF" and data[8:_WEBP_BYTES] == b"WEBP":
            media_type = "image/webp"
        if not media_type:
            raise DataError(
                f"{what} {shorten(repr(data[:_WEBP_BYTES]))}, which is no image.",
                allowed="Images are PNG, JPEG, GIF or WebP.",
                fix="Convert it, e.g. to PNG.",
            )
        return cls(media_type, binascii.b2a_base64(data, newline=False).decode())
