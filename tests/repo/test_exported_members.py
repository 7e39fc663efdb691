"""The public surface: `__all__` says all, and every address leads somewhere."""

import ast
import contextlib
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llmlab_pytest
from llmlab_pytest.core import MissingDependency, load

_ADDRESS = re.compile(r"llmlab_pytest[\w.]*:\w+")


def _rooms(sources: list[Any]) -> list[Any]:
    return [source for source in sources if source.path.name == "__init__.py"]


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield the public names of ours that a module's top level imports or defines."""
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith(
                "llmlab_pytest"
            ):
                bound = [alias.asname or alias.name for alias in names]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound = [name]
            case ast.Assign(targets=[ast.Name(id=name)]):
                bound = [name]
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                bound = list(_bound_names(ast.Module(body, [])))
            case _:
                bound = []
        yield from (name for name in bound if not name.startswith("_"))


def _all_of(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and "__all__" in map(ast.unparse, node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _addresses(sources: list[Any]) -> dict[str, str]:
    """Return every string address in the source and the place that names it."""
    found = {}
    for source in sources:
        constants = dict(_string_constants(source.tree))
        for node in ast.walk(source.tree):
            text = _text(node, constants)
            if text and _ADDRESS.fullmatch(text):
                found[text] = source.place(node)
    return found


def _string_constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that are assigned a string: addresses are built from them."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))
            ):
                yield name, text


def _text(node: ast.AST, constants: dict[str, str]) -> str | None:
    """Return the string that a literal or an f-string of constants stands for."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            texts = [_text(part, constants) for part in parts]
            return None if None in texts else "".join(filter(None, texts))
        case ast.FormattedValue(value=ast.Name(id=name)):
            return constants.get(name)
    return None


def test_rooms_export_exactly_their_public_names(sources: list[Any]) -> None:
    """Each room's `__all__` equals what its `__init__` binds (ruff keeps it sorted)."""
    wrong = {}
    for room in _rooms(sources):
        exported, bound = _all_of(room.tree), set(_bound_names(room.tree))
        if set(exported or []) != bound:
            wrong[room.module] = set(exported or []) ^ bound
    assert wrong == {}


def test_rooms_sort_their_exports(sources: list[Any]) -> None:
    """`__all__` is in isort's order: CONSTANTS, Classes, functions."""
    for room in _rooms(sources):
        exported = _all_of(room.tree) or []
        ordered = sorted(exported, key=lambda n: (_kind(n), n.casefold(), n))
        assert exported == ordered, room.module


def _kind(name: str) -> int:
    if name.isupper():
        return 0
    return 1 if name[0].isupper() else 2


def test_rooms_keep_their_modules_private(sources: list[Any]) -> None:
    """Inside a room every module has a leading underscore: the room is the door."""
    public = [
        source.short
        for source in sources
        if "/" in source.short and not source.path.name.startswith("_")
    ]
    assert public == []


def test_exports_resolve(sources: list[Any]) -> None:
    """Each name in a room's `__all__` exists at run time, also where it is lazy."""
    for room in _rooms(sources):
        module = importlib.import_module(room.module)
        assert [n for n in _all_of(room.tree) or [] if not hasattr(module, n)] == []


def test_facade_names_are_documented() -> None:
    """Each name in `llmlab_pytest.__all__` has a docstring and is in dir()."""
    documented = [
        name
        for name in llmlab_pytest.__all__
        if getattr(getattr(llmlab_pytest, name), "__doc__", None)
    ]
    assert documented == llmlab_pytest.__all__
    assert set(documented) <= set(dir(llmlab_pytest))


def test_facade_tells_its_version() -> None:
    """`llmlab_pytest.__version__` is the installed distribution's."""
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", str(llmlab_pytest.__version__))


def test_facade_types_equal_its_lazy_table(sources: list[Any]) -> None:
    """What type checkers see of the facade is what it loads."""
    facade = next(s for s in sources if s.module == "llmlab_pytest")
    typed = set(_bound_names(facade.tree))
    assert typed == set(llmlab_pytest.__all__) == set(llmlab_pytest._ADDRESSES)


def test_facade_import_imports_nothing_of_ours() -> None:
    """`import llmlab_pytest` costs the package, `core` and no third-party module."""
    code = (
        "import sys; before = set(sys.modules); import llmlab_pytest;"
        "print(*sorted(set(sys.modules) - before))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name.split(".")[1] for name in out if name.startswith("llmlab_pytest.")}
    roots = {name.partition(".")[0] for name in out} - {"llmlab_pytest"}
    assert ours <= {"core"}
    assert roots <= set(sys.stdlib_module_names) | {"_distutils_hack"}


def test_addresses_name_existing_attributes(sources: list[Any]) -> None:
    """Each string address points at a name that its module binds, extra or not."""
    bound = {source.module: set(_bound_names(source.tree)) for source in sources}
    wrong = {}
    for address, place in _addresses(sources).items():
        module, _, name = address.partition(":")
        if name not in bound.get(module, set()):
            wrong[address] = place
    assert wrong == {}


def test_addresses_load_where_their_extra_is_installed(sources: list[Any]) -> None:
    """Each address loads, unless a package that it needs is not installed."""
    loaded = []
    for address in _addresses(sources):
        with contextlib.suppress(MissingDependency):
            loaded.append(load(address))
    assert all(callable(attribute) for attribute in loaded)
    assert loaded


def test_entry_point_exists(repository: Path) -> None:
    """The pytest11 entry point is called llmlab and names the plugin module."""
    text = (repository / "pyproject.toml").read_text("utf-8")
    assert 'pytest11]\nllmlab = "llmlab_pytest.plugin"' in text
    assert importlib.util.find_spec("llmlab_pytest.plugin")
