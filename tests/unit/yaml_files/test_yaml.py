"""YAML 1.2, with the line of every value."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError, DataError
from llmlab_pytest.yaml_files import parse_yaml, read_yaml

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(min_codepoint=97, max_codepoint=122)), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_what_it_is(value: object) -> None:
    """Whatever JSON says, YAML says: JSON is a part of it."""
    assert parse_yaml(json.dumps(value, ensure_ascii=False), "f").value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'1'", "1"),
        ("~", None),
        ("TRUE", True),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("[&x {a: 1}, {<<: *x, b: 2}]", [{"a": 1}, {"a": 1, "b": 2}]),
        ("", None),
    ],
    ids=str,
)
def test_plain_text_means_what_yaml_1_2_says(text: str, value: object) -> None:
    """Norway stays Norway, and half past twelve a text."""
    assert parse_yaml(text, "f").value == value


def test_every_value_knows_its_line() -> None:
    """Messages name the line, through lists and mappings."""
    root = parse_yaml("a:\n  - b: 1\n    c: 2\n  - 3\n", "f.yaml")
    first, second = root.fields()["a"].entries()
    assert first.fields()["c"].where == "f.yaml:3"
    assert second.where == "f.yaml:4"
    assert first.get("absent") is None


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n"
    for n in range(7)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "f:2: the key 'a' stands here twice"),
        ("a: [1", "f:2: not YAML"),
        ("{a: *x, b: &x 1}", "undefined alias"),
        ("a: !!python/name:os.system x", "the tag 'tag:yaml.org,2002:python"),
        ("a: !own x", "the tag '!own'"),
        ("- &a [*a]", "an alias stands for what holds it"),
        ("? [1]\n: 2", "a key is a list or mapping"),
        ("a: {<<: 1}", "<< brings 1"),
        (BOMB, "with aliases written out"),
        ("a: 1\n---\nb: 2", "not YAML: but found another document"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(text: str, message: str) -> None:
    """Nothing is run, made up or expanded without end."""
    with pytest.raises(ConfigError) as error:
        parse_yaml(text, "f")
    assert message in str(error.value)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """By the class that the caller asks for."""
    with pytest.raises(DataError, match=r"absent\.yaml"):
        read_yaml(tmp_path / "absent.yaml", error=DataError)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xe4\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("fields", "Here stands a mapping"),
        ("entries", "Here stands a list"),
        ("text", "Here stands a text"),
        ("number", "Here stands a number"),
    ],
)
def test_value_of_another_kind_is_named(call: str, message: str) -> None:
    """A place that wants one kind of value says which."""
    with pytest.raises(ConfigError, match=message):
        getattr(parse_yaml("true", "f"), call)()
