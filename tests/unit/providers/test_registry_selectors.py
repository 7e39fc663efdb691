from collections.abc import Callable
from pathlib import Path

import pytest

from llmlab_pytest.core import CAPABILITIES, ConfigError, ModelSpec
from llmlab_pytest.providers import ModelRegistry

SPECS = [
    ModelSpec(alias="smol-a", provider="scripted", id="a", groups=("small", "ours")),
    ModelSpec(alias="smol-b", provider="scripted", id="b", groups=("small",)),
    ModelSpec(alias="big", provider="litellm", id="gpt-4o"),
]


@pytest.fixture
def registry() -> ModelRegistry:
    built = ModelRegistry()
    for spec in SPECS:
        built.register(spec)
    return built


@pytest.fixture
def chosen(registry: ModelRegistry) -> Callable[..., list[str]]:
    """Return the aliases that selectors choose."""

    def choose(*selectors: str) -> list[str]:
        return [spec.alias for spec in registry.resolve(selectors, where="--llm")]

    return choose


@pytest.mark.parametrize(
    ("selectors", "aliases"),
    [
        (["big"], ["big"]),
        (["smol-b", "smol-a"], ["smol-b", "smol-a"]),
        (["smol-b, big"], ["smol-b", "big"]),
        (["smol*"], ["smol-a", "smol-b"]),
        (["smol-[b-z]"], ["smol-b"]),
        (["@small"], ["smol-a", "smol-b"]),
        (["smol-b", "@small", "smol-b"], ["smol-b", "smol-a"]),
        (["big", "", "smol-a,"], ["big", "smol-a"]),
    ],
    ids=["alias", "order", "comma", "glob", "class", "group", "twice", "blanks"],
)
def test_resolve_keeps_order_and_drops_duplicates(
    chosen: Callable[..., list[str]], selectors: list[str], aliases: list[str]
) -> None:
    """Models come in the order asked for, each once."""
    assert chosen(*selectors) == aliases


@pytest.mark.parametrize(
    ("selector", "alias", "provider", "model_id"),
    [
        ("litellm:gpt-4o-mini", "litellm-gpt-4o-mini", "litellm", "gpt-4o-mini"),
        ("openai/gpt-4o", "openai-gpt-4o", "litellm", "openai/gpt-4o"),
        ("ollama/llama3:1b", "ollama-llama3-1b", "litellm", "ollama/llama3:1b"),
        ("a/b/c+d e", "a-b-c-d-e", "litellm", "a/b/c+d e"),
        ("transformers:org/m", "transformers-org-m", "transformers", "org/m"),
    ],
    ids=["provider-id", "vendor-name", "colon-in-name", "unsafe", "hub-name"],
)
def test_resolve_takes_models_that_are_not_registered(
    registry: ModelRegistry, selector: str, alias: str, provider: str, model_id: str
) -> None:
    """A direct form names provider and id; the alias is safe in a test id."""
    (spec,) = registry.resolve([selector], where="--llm")
    assert (spec.alias, spec.provider, spec.id) == (alias, provider, model_id)
    assert spec.source == "--llm"


def test_resolve_takes_paths(registry: ModelRegistry, tmp_path: Path) -> None:
    """A .gguf path goes to llamacpp; a folder is called after its last part."""
    weights = tmp_path / "My Model.Q4.gguf"
    weights.touch()
    bare, folder = registry.resolve(
        [str(weights), f"transformers:{tmp_path}"], where="--llm"
    )
    assert (bare.alias, bare.provider) == ("My-Model.Q4.gguf", "llamacpp")
    assert bare.id == str(weights)
    assert folder.alias == f"transformers-{tmp_path.name}"


def test_resolve_declares_what_a_provider_can_do(
    registry: ModelRegistry,
) -> None:
    """A direct form has the capabilities of its provider, and no more."""
    specs = registry.resolve(
        ["openai/x", "transformers:y", "scripted:z"], where="--llm"
    )
    remote, local, scripted = (spec.capabilities for spec in specs)
    assert remote == {"chat", "streaming"}
    assert local == set(CAPABILITIES) - {
        *("top_logprobs", "tools", "images", "json_schema")
    }
    assert scripted == set(CAPABILITIES)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("smol-c", "Unknown model 'smol-c' in --llm. Did you mean 'smol-b' or"),
        ("zzz", "Known: big, smol-a, smol-b. A model that is not registered is"),
        ("@smal", "Unknown model group 'smal' in --llm. Did you mean 'small'?"),
        ("x*", "--llm has the pattern 'x*', which matches no model. Registered: big,"),
        ("lite:x", "Unknown provider 'lite' in --llm 'lite:x'. Did you mean"),
        ("no/such.gguf", "--llm names 'no/such.gguf', and there is no such file."),
        (" , ", "--llm is ' , ', which names no model."),
        ("litellm:", "Unknown model 'litellm:' in --llm."),
        ("http://a.b/c", "Unknown model 'http://a.b/c' in --llm."),
        ("./missing", "Unknown model './missing' in --llm."),
    ],
    ids=repr,
)
def test_resolve_explains_what_it_cannot_find(
    chosen: Callable[..., list[str]], selector: str, message: str
) -> None:
    """An unknown name is an error with the option, the value and a remedy."""
    with pytest.raises(ConfigError) as caught:
        chosen(selector)
    assert message in str(caught.value)


def test_resolve_asks_what_reads_a_folder(
    chosen: Callable[..., list[str]], tmp_path: Path
) -> None:
    """A path that is no .gguf file needs its provider before it."""
    with pytest.raises(ConfigError, match=f"e.g. transformers:{tmp_path}"):
        chosen(str(tmp_path))


def test_resolve_refuses_two_models_of_one_name(
    chosen: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Two files that would share a row of the report are an error."""
    paths = [tmp_path / name / "x.gguf" for name in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    with pytest.raises(ConfigError, match=r"would be called 'x\.gguf' as llamacpp:"):
        chosen(*map(str, paths))
    assert chosen(str(paths[0]), str(paths[0])) == ["x.gguf"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec(alias="big", provider="litellm", id="x"), "is registered twice"),
        (ModelSpec(alias="a b", provider="litellm", id="x"), "the alias is 'a b'"),
        (ModelSpec(alias="x", provider="litelm", id="x"), "mean 'litellm'?"),
        (
            ModelSpec(
                alias="x",
                provider="litellm",
                id="x",
                capabilities=frozenset({"chatt"}),  # type: ignore[arg-type]
            ),
            "Unknown capability 'chatt' in a plugin. Did you mean 'chat'?",
        ),
    ],
    ids=["taken", "alias", "provider", "capability"],
)
def test_register_checks_what_a_plugin_adds(
    registry: ModelRegistry, spec: ModelSpec, message: str
) -> None:
    """A spec from a hook is held to the rules of a file."""
    with pytest.raises(ConfigError) as caught:
        registry.register(spec)
    assert message in str(caught.value)
