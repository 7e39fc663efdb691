"""A cassette is text that people read and edit, and says where it is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.cassettes._layout import CassetteText, to_text
from llmlab_pytest.core import CassetteError

TEXTS = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["", "\n", "a\n", "\nb", "a\r\nb", "\ud800", "\u202e", "é 👩‍🔬\n日本"]
)


def _read(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text, encoding="utf-8", newline="")
    return CassetteText(path).content


@given(text=TEXTS, stop=st.lists(TEXTS))
def test_every_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, text: str, stop: list[str]
) -> None:
    """Texts of any characters return from the file; lists of texts stay lists."""
    content = {"completion": {"text": text}, "request": {"stop": stop, "prompt": text}}
    path = tmp_path_factory.getbasetemp() / "one.json"
    assert _read(path, to_text(content)) == content


def test_the_text_is_made_for_reviewers() -> None:
    """Sorted keys, a line per line, letters as they are, nothing that hides."""
    content = {"text": "Grüße,\n日本 \u202e!", "call": {"owner": "é"}}
    assert to_text(content) == (
        "{\n"
        '  "call": {\n'
        '    "owner": "é"\n'
        "  },\n"
        '  "text": [\n'
        '    "Grüße,",\n'
        '    "日本 \\u202e!"\n'
        "  ]\n"
        "}\n"
    )


@pytest.mark.parametrize("key", ["model", "arguments", "parameters", "response_schema"])
def test_lists_below_the_keys_of_others_stay_lists(tmp_path: Path, key: str) -> None:
    """There the keys are not ours: a list of texts is no text."""
    content = {key: {"options": {"extra": {"text": ["a", "b"], "prompt": "a\nb"}}}}
    text = to_text(content)
    assert json.loads(text) == content
    assert _read(tmp_path / "one.json", text) == content


def test_texts_beside_images_are_lists_of_lines(tmp_path: Path) -> None:
    """A turn of several parts is as readable as a turn of one."""
    content = {"content": [{"text": "a\nb"}, {"image": {"url": "https://a.example"}}]}
    text = to_text(content)
    assert json.loads(text)["content"][0] == {"text": ["a", "b"]}
    assert _read(tmp_path / "one.json", text) == content


@pytest.mark.parametrize(
    ("data", "line", "trouble"),
    [
        (b'{\n  "a": 1,\n<<<<<<< HEAD\n', 3, "not JSON"),
        (b'{\n  "a": "caf\xe9"\n}', 2, "not UTF-8"),
        (b'{\n  "a": NaN\n}', 1, "NaN, which is no number"),
        (b"[]\n", 1, "not a JSON object"),
        (b"", 1, "not JSON"),
    ],
    ids=["conflict", "encoding", "nan", "list", "empty"],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, data: bytes, line: int, trouble: str
) -> None:
    """What an editor or a merge breaks is found where it is."""
    path = tmp_path / "one.json"
    path.write_bytes(data)
    with pytest.raises(CassetteError) as caught:
        CassetteText(path)
    assert caught.value.seen.startswith(f"{path}:{line}: ")
    assert trouble in caught.value.seen
    assert "--llmlab-record" in caught.value.fix


def test_editors_may_change_line_ends_and_add_a_mark(tmp_path: Path) -> None:
    """A file that Windows has saved is the same cassette."""
    text = "\ufeff" + to_text({"text": "a\nb"}).replace("\n", "\r\n")
    assert _read(tmp_path / "one.json", text) == {"text": "a\nb"}
