from collections.abc import Callable
from pathlib import Path

import pytest

from llmlab_pytest.core import ConfigError
from llmlab_pytest.providers import ModelRegistry

ENTRY = '[[model]]\nalias = "a"\nprovider = "scripted"\nid = "x"\n'


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., ModelRegistry]:
    """Load registry files with these texts: `0.toml`, `1.toml` and so on."""

    def load_texts(*texts: str) -> ModelRegistry:
        paths = [tmp_path / f"{number}.toml" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        return ModelRegistry.load(paths)

    return load_texts


def test_file_fills_every_field(
    load: Callable[..., ModelRegistry], tmp_path: Path
) -> None:
    """Every key of an entry becomes a field of the spec."""
    (tmp_path / "card.md").touch()
    registry = load(
        "# a comment\n" + ENTRY + 'capabilities = ["chat", "seed"]\n'
        'groups = ["g", "h"]\ndefaults = { max_tokens = 9, stop = ["\\n"] }\n'
        'options = { threads = 2 }\ncontext_tokens = 100\nlicence = "MIT"\n'
        'card = "card.md"\ninput_usd_per_million_tokens = 1\n'
        "output_usd_per_million_tokens = 2.5\n"
    )
    spec = registry["a"]
    assert spec.capabilities == {"chat", "seed"}
    assert spec.groups == ("g", "h")
    assert spec.defaults == {"max_tokens": 9, "stop": ["\n"]}
    assert spec.options == {"threads": 2}
    assert (spec.context_tokens, spec.licence, spec.card) == (100, "MIT", "card.md")
    assert spec.input_usd_per_million_tokens == 1
    assert spec.output_usd_per_million_tokens == 2.5
    assert spec.source == f"{tmp_path / '0.toml'}:2"


def test_file_places_relative_ids_beside_it(
    load: Callable[..., ModelRegistry], tmp_path: Path
) -> None:
    """An id that starts with ./ is relative to the file; other ids are kept."""
    registry = load(ENTRY.replace('"x"', '"./w/x.gguf"'))
    assert registry["a"].id == str(tmp_path / "w" / "x.gguf")


def test_file_without_capabilities_gets_the_providers(
    load: Callable[..., ModelRegistry],
) -> None:
    """An entry that declares nothing has what its provider can do at least."""
    registry = load(ENTRY.replace("scripted", "litellm"))
    assert registry["a"].capabilities == {"chat", "streaming"}


def test_later_file_replaces_an_entry_when_it_says_so(
    load: Callable[..., ModelRegistry],
) -> None:
    """`replace = true` overrides the entry as a whole."""
    first = ENTRY + "context_tokens = 5\n"
    registry = load(first, ENTRY.replace('"x"', '"y"') + "replace = true\n")
    assert (registry["a"].id, registry["a"].context_tokens) == ("y", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[model]\n", "0.toml:1: this is not TOML: Expected ']]'"),
        ('alias = "a\n', "0.toml:1: this is not TOML"),
        ('[[models]]\nalias = "a"\n', "'models' in {}0.toml:1. Did you mean 'model'?"),
        ('[model]\nalias = "a"\n', "0.toml:1: 'model' is {'alias': 'a'}."),
        (ENTRY + "licens = 1\n", "'licens' in {}0.toml:5. Did you mean 'licence'?"),
        ("\n[[model]]\nalias = 'a'\n", "0.toml:2: the entry has no 'provider'."),
        (ENTRY.replace('"x"', "3"), "0.toml:4: 'id' is 3. It takes a non-empty string"),
        (ENTRY.replace('"a"', '"a/b"'), "0.toml:2: the alias is 'a/b'. It takes"),
        (ENTRY.replace("scripted", "script"), "'script' in {}0.toml:3. Did you mean"),
        (ENTRY + 'capabilities = ["chat", "sed"]', "capability 'sed' in {}0.toml:5."),
        (ENTRY + 'groups = "g"', "0.toml:5: 'groups' is 'g'. It takes a list"),
        (ENTRY + "defaults = { max_token = 1 }", "default 'max_token' in {}0.toml:5."),
        (ENTRY + "[model.defaults]\ntop_p = 'x'", "0.toml:6: 'top_p' is 'x'."),
        (ENTRY + "context_tokens = 0", "0.toml:5: 'context_tokens' is 0."),
        (ENTRY + "context_tokens = true", "0.toml:5: 'context_tokens' is True."),
        (ENTRY + 'card = "no.md"', "0.toml:5: the card 'no.md' does not exist."),
        (ENTRY + ENTRY, "0.toml:5: the alias 'a' is taken by {}0.toml:1."),
        (ENTRY + "replace = true", "model 'a' in {}0.toml:5 (replace = true)."),
        (
            ENTRY + "input_usd_per_million_tokens = 1",
            "0.toml:5: the entry has 'input_usd_per_million_tokens' alone.",
        ),
    ],
    ids=lambda value: value.rpartition("0.toml")[2][:16] if ":" in value else "",
)
def test_file_errors_name_file_and_line(
    load: Callable[..., ModelRegistry], tmp_path: Path, text: str, message: str
) -> None:
    """Whatever is wrong in a file is found by file and line."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert message.replace("{}", f"{tmp_path}/") in str(caught.value)


def test_file_line_is_that_of_the_right_entry(
    load: Callable[..., ModelRegistry], tmp_path: Path
) -> None:
    """A key that stands in several entries is found in the one that is wrong."""
    second = ENTRY.replace('"a"', '"b"') + "context_tokens = 'long'\n"
    with pytest.raises(ConfigError) as caught:
        load(ENTRY + "context_tokens = 10\n\n" + second)
    assert f"{tmp_path / '0.toml'}:11: 'context_tokens'" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "cannot be read: No such file"), (b"\xff", "byte 0 is not UTF-8")],
    ids=["missing", "bytes"],
)
def test_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, data: bytes | None, message: str
) -> None:
    """A registry file that is missing or binary says so."""
    path = tmp_path / "models.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        ModelRegistry.load([path])
