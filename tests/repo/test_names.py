"""Names that other plugins could also want are not ours (style.md 3.4)."""

import re
from typing import Any

import pytest

from llmlab_pytest import hookspecs, options, plugin

RESERVED = frozenset(
    {"model", "client", "benchmark", "snapshot", "cache", "context", "device", "budget"}
)


def _fixtures() -> list[str]:
    return [
        name
        for name, value in vars(plugin).items()
        if type(value).__name__ == "FixtureFunctionDefinition"
    ]


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.flag)
def test_option_has_our_prefix_everywhere(option: Any) -> None:
    """Flag, destination, ini key and variable of an option say whose it is."""
    assert re.fullmatch(r"--llm|--llmlab-[a-z-]+", option.flag)
    assert re.fullmatch(r"llmlab_[a-z_]+", option.dest)
    assert option.ini is None or re.fullmatch(r"llmlab_[a-z_]+", option.ini)
    assert option.env is None or re.fullmatch(r"LLMLAB_[A-Z_]+", option.env)


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.flag)
def test_option_help_follows_pytest(option: Any) -> None:
    """Help begins with a capital; one phrase has no full stop at its end."""
    assert option.help[0].isupper()
    assert not option.help.endswith(".") or ". " in option.help


def test_no_option_takes_a_secret() -> None:
    """Secrets are environment variables: a command line is visible to others."""
    words = re.compile(r"key|token|secret|password", re.IGNORECASE)
    assert [o.flag for o in options.OPTIONS if words.search(o.flag)] == []


def test_fixtures_have_our_prefix() -> None:
    """Plugin-wide fixtures are `llm` or start with `llm_` or `_llmlab_`."""
    wrong = [n for n in _fixtures() if not re.fullmatch(r"llm|llm_\w+|_llmlab_\w+", n)]
    assert wrong == []
    assert RESERVED.isdisjoint(_fixtures())


def test_marks_have_our_prefix() -> None:
    """Every mark starts with `llm_` and is declared with a meaning."""
    for mark in plugin._MARKS:
        assert re.match(r"llm_[a-z_]+(\(.*\))?: [a-z]", mark), mark


def test_hooks_are_documented() -> None:
    """Each hook says when it is called, who may implement it, what a failure does."""
    hooks = {n: h for n, h in vars(hookspecs).items() if n.startswith("pytest_")}
    assert all(name.startswith("pytest_llmlab_") for name in hooks)
    assert len(hooks) <= 16
    for name, hook in hooks.items():
        text = hook.__doc__ or ""
        for part in ("Called", "return value", "Use in conftest plugins:"):
            assert part in " ".join(text.split()), f"{name} lacks {part!r}"
