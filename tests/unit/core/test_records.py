"""Digests, registries, lazy imports and the errors that they raise."""

import pickle
from pathlib import Path

import pytest

from llmlab_pytest.core import (
    ConfigError,
    HashMismatch,
    LlmlabError,
    MissingDependency,
    ModelSpec,
    Registry,
    Unsupported,
    canonical_json,
    digest_of,
    digest_of_file,
    load,
    unknown_name,
)


def test_equal_values_have_one_digest() -> None:
    """Order of keys and the kind of sequence do not count; order of items does."""
    assert digest_of({"b": (1, "ü"), "a": None}) == digest_of(
        {"a": None, "b": [1, "ü"]}
    )
    assert canonical_json({"b": (1, "ü"), "a": None}) == '{"a":null,"b":[1,"ü"]}'
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("") == (
        "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"
    )


def test_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    """Also of a file that is longer than one read."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert digest_of_file(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    path.write_bytes(b"a" * 3_000_000)
    first = digest_of_file(path)
    path.write_bytes(b"a" * 2_999_999 + b"b")
    assert digest_of_file(path) != first


def test_registry_names_both_owners_of_a_name() -> None:
    """Two plugins with one name are an error unless one says that it replaces."""
    registry: Registry[int] = Registry("scorer")
    registry.register("b", 1, source="acme")
    registry.register("a", 2)
    with pytest.raises(ConfigError, match="registered twice: by acme and by other"):
        registry.register("b", 3, source="other")
    registry.register("b", 3, replace=True)
    assert list(registry) == ["a", "b"]
    assert registry["b"] == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [("exakt", "Did you mean 'exact'?"), ("zzz", "Known: exact, regex.")],
)
def test_unknown_name_suggests_or_lists(name: str, said: str) -> None:
    """Close names are suggested; else all are listed."""
    error = unknown_name("scorer", name, ["regex", "exact"], where="card.toml:3")
    assert str(error) == f"Unknown scorer {name!r} in card.toml:3. {said}"


def test_missing_package_names_the_pip_line() -> None:
    """Whatever optional package is missing, the message is the same sentence."""
    with pytest.raises(MissingDependency) as caught:
        load("no_such_package.x:Y", extra="local", needed_by="The provider 'x'")
    assert str(caught.value) == (
        "The provider 'x' needs the package 'no_such_package', which is not "
        "installed. Run: pip install 'llmlab-pytest[local]'"
    )
    with pytest.raises(ModuleNotFoundError):
        load("llmlab_pytest.no_such_room:Y")


def test_errors_cross_process_boundaries_whole() -> None:
    """A worker's error arrives with its class and its three sentences."""
    error = HashMismatch("Seen.", allowed="Allowed.", fix="Fix.")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    assert type(again) is HashMismatch
    assert isinstance(again, LlmlabError)
    assert (again.seen, again.allowed, again.fix) == ("Seen.", "Allowed.", "Fix.")
    assert str(again) == "Seen. Allowed. Fix."


def test_missing_capability_says_what_there_is() -> None:
    """The model, what it declares, and the mark that skips."""
    spec = ModelSpec(alias="m", provider="p", id="i")
    spec.require("chat", needed_by="llm()")
    with pytest.raises(
        Unsupported, match=r"'loglikelihood' of 'm'.*declares: chat\."
    ) as caught:
        spec.require("loglikelihood", needed_by="acc")
    assert "llm_requires('loglikelihood')" in str(caught.value)
    assert "declares: chat." in str(caught.value)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"alias": "other"}, True),
        ({"groups": ("g",)}, True),
        ({"licence": "MIT"}, True),
        ({"id": "j"}, False),
        ({"provider": "q"}, False),
        ({"defaults": {"temperature": 1}}, False),
        ({"options": {"dtype": "float32"}}, False),
    ],
)
def test_fingerprint_follows_what_can_change_an_answer(
    change: dict[str, object], same: bool
) -> None:
    """The name of a model does not change its answers; its settings do."""
    base = {"alias": "m", "provider": "p", "id": "i"}
    first = ModelSpec(**base)  # type: ignore[arg-type]
    second = ModelSpec(**{**base, **change})  # type: ignore[arg-type]
    assert (first.fingerprint == second.fingerprint) is same
