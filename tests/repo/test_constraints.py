"""constraints.txt pins everything that the extras install."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LEFT_OUT = {"pip": "an environment brings its own"}


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, Requirement]:
    """Every line of constraints.txt by distribution name."""
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pinned}


@pytest.fixture(scope="module")
def requirements(repository: Path) -> list[Requirement]:
    """What pyproject.toml asks for, all extras included."""
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    extras = project["optional-dependencies"].values()
    return [Requirement(r) for r in sum(extras, start=[*project["dependencies"]])]


def _closure(start: list[Requirement]) -> Iterator[str]:
    """Yield the names of installed distributions that requirements lead to."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(start)
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            further = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        yield name
        todo += [r for r in map(Requirement, further) if _applies(r, extras)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({"extra": extra}) for extra in ("", *extras)
    )


def test_pins_are_exact(pins: dict[str, Requirement]) -> None:
    """Each pin is one public version: no range, no local build like `+cpu`."""
    exact = re.compile(r"==[^*+,]+")
    assert [
        str(p) for p in pins.values() if not exact.fullmatch(str(p.specifier))
    ] == []


def test_pins_satisfy_the_requirements(
    pins: dict[str, Requirement], requirements: list[Requirement]
) -> None:
    """Each requirement of pyproject.toml has a pin that it accepts."""
    wrong = [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(
            str(pins[canonicalize_name(requirement.name)].specifier).removeprefix("==")
        )
    ]
    assert wrong == []


def test_pins_cover_the_closure(
    pins: dict[str, Requirement], requirements: list[Requirement]
) -> None:
    """Nothing that the requirements lead to on this machine is without a pin."""
    assert set(_closure(requirements)) - pins.keys() - LEFT_OUT.keys() == set()


def test_ci_installs_the_pins(pins: dict[str, Requirement]) -> None:
    """In .ci/venv, every pinned distribution has its pinned version."""
    if ".ci" not in Path(pytest.__file__).parts:
        pytest.skip("only the environment of .ci/run is built from the pins alone")
    wrong = []
    for name, pin in pins.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if not pin.specifier.contains(installed):
            wrong.append(f"{pin} but {installed} is installed")
    assert wrong == []


def test_the_proxy_has_pins_of_its_own(
    repository: Path, pins: dict[str, Requirement]
) -> None:
    """With constraints.txt they are all that the two servers' extras ask for."""
    file = repository / "tests" / "live" / "litellm-proxy-requirements.txt"
    lines = file.read_text("utf-8").splitlines()
    own = [Requirement(line) for line in lines if not line.startswith("#")]
    known = {**pins, **{canonicalize_name(pin.name): pin for pin in own}}
    wrong = []
    for name, extra in (("litellm", "proxy"), ("llama-cpp-python", "server")):
        for line in importlib.metadata.requires(name) or []:
            asked = Requirement(line)
            if asked.marker is None or not _applies(asked, frozenset({extra})):
                continue
            pin = known.get(canonicalize_name(asked.name))
            version = str(pin.specifier).removeprefix("==") if pin else ""
            if pin is None or not asked.specifier.contains(version):
                wrong.append(line)
    assert wrong == []
    assert {pin.name for pin in own} & {pin.name for pin in pins.values()} == {"rich"}
