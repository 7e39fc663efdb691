"""Images, turns and calls of tools as records."""

import base64
from pathlib import Path

import pytest

from llmlab_pytest.core import Completion, DataError, Image, Message, Tool, ToolCall

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, media_type: str) -> None:
    """Whatever its file is called; the bytes come back."""
    image = Image.of(data)
    assert (image.media_type, image.data, image.url) == (media_type, data, "")
    encoded = base64.b64encode(data).decode()
    assert image.address == f"data:{media_type};base64,{encoded}"


def test_an_image_is_the_same_as_path_text_and_bytes(tmp_path: Path) -> None:
    """Its digest is that of the file."""
    path = tmp_path / "dot.jpg"
    path.write_bytes(PNG)
    assert Image.of(path) == Image.of(str(path)) == Image.of(PNG)
    assert Image.of(path).sha256 == (
        "4624836652c450f26fc11e7e372a59af7963ea7613e59ce92186c60c22301c97"
    )
    assert "base64" not in repr(Image.of(path))


def test_an_address_is_handed_on() -> None:
    """Nothing is fetched: the provider does that."""
    image = Image.of("https://a.example/dot.png")
    assert (image.address, image.data) == ("https://a.example/dot.png", b"")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"%PDF-1.7", "8 bytes that begin with b'%PDF-1.7', which is no image."),
        ("nowhere.png", "'nowhere.png' cannot be read: No such file or directory."),
    ],
    ids=["bytes", "path"],
)
def test_what_is_no_image_is_refused(source: str | bytes, said: str) -> None:
    """Here, and not by each vendor in words of its own."""
    with pytest.raises(DataError) as caught:
        Image.of(source)
    assert said in str(caught.value)


def test_a_turn_gives_its_texts_and_images() -> None:
    """The order is that of the parts."""
    image = Image.of(PNG)
    turn = Message("user", ("What", image, "is it?"))
    assert (turn.text, turn.images) == ("What\nis it?", (image,))
    assert (Message("user", "Hi").text, Message("user", "Hi").images) == ("Hi", ())


def test_records_with_json_can_be_hashed_and_compared() -> None:
    """Requests are told apart by all that they ask, also as keys of a dict."""
    one, other = Tool("f", parameters={"a": 1}), Tool("f", parameters={"a": 2})
    assert one != other
    assert len({one, other}) == 2
    assert len({ToolCall("1", "f", {"a": [1]}) for _ in "ab"}) == 1
    assert ToolCall("1", "f", "{") != ToolCall("1", "f", {})


def test_an_answer_goes_on_as_a_turn() -> None:
    """With the calls that it asks for, so that a result can follow."""
    call = ToolCall("1", "f", {})
    completion = Completion(text="Wait.", model="m", tool_calls=(call,))
    assert completion.message == Message("assistant", "Wait.", tool_calls=(call,))
