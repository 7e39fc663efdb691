"""The tests of a configuration: inline, from files, by default and in scenarios."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import cast

from llmlab_pytest.core import ConfigError, Json, shorten
from llmlab_pytest.promptfoo._csv_tests import test_from_row
from llmlab_pytest.promptfoo._files import (
    PREFIX,
    content_of,
    data_of,
    is_file,
    matching,
    refuse_code,
)
from llmlab_pytest.promptfoo._keys import check_keys
from llmlab_pytest.promptfoo._templates import as_json, resolved
from llmlab_pytest.tasks import load_rows
from llmlab_pytest.yaml_files import Placed, read_yaml

_ASSERT = "assert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One test: its variables, what it asserts, and how it is asked."""

    __test__ = False
    variables: Mapping[str, Json]
    asserted: tuple[Placed, ...]
    options: Mapping[str, Placed]
    threshold: float | None
    prompts: tuple[str, ...] | None
    """Names of the prompts that ask it; `None`: all."""
    description: str
    metadata: Mapping[str, Json]
    folder: Path
    """What files are relative to that it names with `file://`: the configuration's."""
    where: str

    def over(self, base: "Test") -> "Test":
        """Return it with what a scenario or the default says besides."""
        return replace(
            self,
            variables={**base.variables, **self.variables},
            asserted=base.asserted + self.asserted,
            options={**base.options, **self.options},
            threshold=base.threshold if self.threshold is None else self.threshold,
            prompts=base.prompts if self.prompts is None else self.prompts,
            description=self.description or base.description,
            metadata={**base.metadata, **self.metadata},
        )

    def option(self, name: str) -> Json:
        """Return the value of an option, `None` where it is not given."""
        return self.options[name].value if name in self.options else None


def tests_of(config: Placed, folder: Path) -> list[Test]:
    """Return the tests of a configuration, with their defaults.

    Raises:
        ConfigError: a file cannot be read, or a key is unknown or not taken over.
    """
    default = _default(config, folder)
    given = config.get("tests")
    tests = [] if given is None else list(_read(given, folder))
    scenarios = config.get("scenarios")
    if scenarios is not None:
        for scenario in scenarios.entries():
            tests += _scenario(scenario, folder)
    elif not tests:
        tests = [_test(Placed({}, config.where), folder)]
    return [_with_default(test, default) for test in tests]


def variants(test: Test) -> list[dict[str, Json]]:
    """Return the variables of each sample: one for every text of a list.

    Raises:
        ConfigError: a file cannot be read, or a template has an error.
    """
    is_whole = test.option("disableVarExpansion") is True
    names = list(test.variables)
    values = [
        [test.variables[name]] if is_whole else _values(test.variables[name], test)
        for name in names
    ]
    return [
        resolved(dict(zip(names, each, strict=True)), where=test.where)
        for each in product(*([_loaded(v, test) for v in some] for some in values))
    ]


def _values(value: Json, test: Test) -> Sequence[Json]:
    """Return the values that make a sample each."""
    if is_file(value):
        paths = matching(str(value), test.folder, where=test.where)
        return [f"{PREFIX}{path}" for path in paths]
    # A list of objects is one value, as in promptfoo.
    is_many = isinstance(value, list) and bool(value) and isinstance(value[0], str)
    return cast("list[Json]", value) if is_many else [value]


def _loaded(value: Json, test: Test) -> Json:
    """Return what a variable is: of a file its text, of YAML as JSON."""
    if not is_file(value):
        return value
    (path,) = matching(str(value), test.folder, where=test.where)
    if path.suffix in (".yaml", ".yml"):
        return as_json(data_of(path, where=test.where))
    return content_of(path, where=test.where).strip()


def _default(config: Placed, folder: Path) -> Test | None:
    given = config.get("defaultTest")
    if given is None:
        return None
    if is_file(given.value):
        found = matching(given.text(), folder, where=given.where)[0]
        return _test(read_yaml(found), folder, beside=found.parent)
    return _test(given, folder)


def _with_default(test: Test, default: Test | None) -> Test:
    if default is None:
        return test
    if test.option("disableDefaultAsserts") is True:
        default = replace(default, asserted=())
    return test.over(default)


def _scenario(scenario: Placed, folder: Path) -> Iterator[Test]:
    """Yield each test with each of a scenario's settings."""
    if isinstance(scenario.value, str):
        for path in matching(scenario.text(), folder, where=scenario.where):
            yield from _scenario(read_yaml(path), folder)
        return
    check_keys(scenario, "scenario")
    settings = scenario.get("config") or Placed([{}], scenario.where)
    tests = scenario.get("tests") or Placed([{}], scenario.where)
    for setting in settings.entries():
        for test in _read(tests, folder):
            yield test.over(_test(setting, folder))


def _read(given: Placed, folder: Path) -> Iterator[Test]:
    """Yield tests that are written down, or that files hold."""
    if isinstance(given.value, str):
        yield from _from_files(given, folder)
    elif isinstance(given.value, dict):
        raise ConfigError(
            f"{given.where}: the tests are {shorten(repr(given.value))}.",
            allowed="They are a list, or the name of a file with them.",
        )
    else:
        for each in given.entries():
            if isinstance(each.value, str):
                yield from _from_files(each, folder)
            else:
                yield _test(each, folder)


def _from_files(given: Placed, folder: Path) -> Iterator[Test]:
    name = given.text()
    if "://" in name and not is_file(name):
        raise ConfigError(
            f"{given.where}: the tests are at {name!r}.",
            allowed="Tests are read from files.",
            fix="Save the table as CSV, and name that.",
        )
    refuse_code(name, where=given.where)
    for path in matching(name, folder, where=given.where):
        for test in _tests_in(path, given.where):
            yield _test(test, folder, beside=path.parent)


def _tests_in(path: Path, where: str) -> Iterator[Placed]:
    if path.suffix == ".csv":
        for number, row in enumerate(load_rows(path), start=1):
            test = test_from_row(row, f"{path} (row {number})")
            yield test
    elif path.suffix == ".jsonl":
        for number, row in enumerate(load_rows(path), start=1):
            yield Placed(row, f"{path} (row {number})")
    elif path.suffix == ".json":
        found = data_of(path, where=where)
        entries = found if isinstance(found, list) else [found]
        for number, entry in enumerate(entries):
            yield Placed(entry, f"{path} (entry {number})")
    elif path.suffix in (".yaml", ".yml"):
        root = read_yaml(path)
        yield from root.entries() if isinstance(root.value, list) else [root]
    else:
        content_of(path, where=where)
        raise ConfigError(
            f"{where}: tests in {str(path)!r}.",
            allowed="Tests are read from .yaml, .json, .jsonl and .csv.",
        )


def _test(given: Placed, folder: Path, *, beside: Path | None = None) -> Test:
    check_keys(given, "test")
    options = given.get("options")
    if options is not None:
        check_keys(options, "options")
    threshold, prompts = given.get("threshold"), given.get("prompts")
    asserted, description = given.get(_ASSERT), given.get("description")
    metadata = given.get("metadata")
    return Test(
        variables=_variables(given.get("vars"), beside or folder),
        asserted=tuple(asserted.entries()) if asserted else (),
        options=options.fields() if options else {},
        threshold=threshold.number() if threshold else None,
        prompts=tuple(each.text() for each in prompts.entries()) if prompts else None,
        description=description.text() if description else "",
        metadata=cast("dict[str, Json]", metadata.value) if metadata else {},
        folder=folder,
        where=given.where,
    )


def _variables(given: Placed | None, folder: Path) -> dict[str, Json]:
    """Return variables; files of them stand beside the test's own, and are joined."""
    if given is None:
        return {}
    if isinstance(given.value, dict):
        return given.value
    names = [given] if isinstance(given.value, str) else given.entries()
    together: dict[str, Json] = {}
    for name in names:
        for path in matching(name.text(), folder, where=name.where):
            found = data_of(path, where=name.where)
            if not isinstance(found, dict):
                raise ConfigError(
                    f"{name.where}: {str(path)!r} holds {shorten(repr(found))}.",
                    allowed="A file of variables holds them by name.",
                )
            together |= found
    return together
