"""The model registry: aliases read from TOML files and added by hooks.

The format is described in `models/README.md`. Nothing is loaded here; a spec says
everything about a model that is known without loading it.
"""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab_pytest.core import (
    ConfigError,
    Kind,
    ModelSpec,
    Registry,
    TomlFile,
    unknown_name,
)
from llmlab_pytest.providers._catalog import ENSEMBLE, provider_registry
from llmlab_pytest.providers._ensemble_entry import with_members
from llmlab_pytest.providers._entry import check_spec, read_entry
from llmlab_pytest.providers._selector import direct_spec, is_glob, split_selectors

PROJECT_REGISTRY = "llmlab_models.toml"
"""The file with a project's own models, in pytest's root directory."""
_TOP_LEVEL = {"model": Kind("[[model]] tables", lambda _: True)}


class ModelRegistry(Mapping[str, ModelSpec]):
    """Models by alias, in alphabetical order.

    Args:
        providers: the known providers by name; by default those that ship.
    """

    def __init__(self, *, providers: Mapping[str, Any] | None = None) -> None:
        self._providers = provider_registry() if providers is None else providers
        self._models: Registry[ModelSpec] = Registry("model")

    @classmethod
    def load(
        cls, files: Sequence[Path], *, providers: Mapping[str, Any] | None = None
    ) -> "ModelRegistry":
        """Read registry files; an entry with `replace = true` overrides an earlier one.

        Raises:
            ConfigError: a file cannot be read or has an error; names file and line.
        """
        registry = cls(providers=providers)
        for path in files:
            registry._read(path)
        return registry

    def register(self, spec: ModelSpec, *, replace: bool = False) -> None:
        """Add a model.

        Raises:
            ConfigError: the alias is taken and `replace` is false, or the spec names
                a provider or capability that does not exist.
        """
        source = spec.source or "a plugin"
        places = dict.fromkeys(("alias", "provider", "capabilities"), source)
        check_spec(spec, providers=self._providers, places=places)
        self._models.register(spec.alias, spec, source=source, replace=replace)

    def resolve(self, selectors: Sequence[str], *, where: str) -> list[ModelSpec]:
        """Return the chosen models, in the order asked for, each once.

        Args:
            selectors: aliases, globs over aliases, `@group`, and the direct forms
                `provider:id`, `vendor/name` and `PATH.gguf`; each may be a comma list.
            where: the place they were written: `--llm`, `ini llmlab_models`, …

        Raises:
            ConfigError: a name is unknown, a glob or group is empty, or two different
                models would have the same name in the report.
        """
        chosen: dict[str, ModelSpec] = {}
        for selector in split_selectors(selectors, where=where):
            for spec in map(self._whole, self._select(selector, where)):
                first = chosen.setdefault(spec.alias, spec)
                if (first.provider, first.id) != (spec.provider, spec.id):
                    raise _same_name(first, spec, where)
        return list(chosen.values())

    def groups(self) -> dict[str, list[str]]:
        """Return the aliases of each group, all in alphabetical order."""
        members: dict[str, list[str]] = {}
        for alias, spec in self.items():
            for group in spec.groups:
                members.setdefault(group, []).append(alias)
        return dict(sorted(members.items()))

    def __getitem__(self, alias: str) -> ModelSpec:
        """Return the model registered under `alias`, or raise `KeyError`."""
        return self._models[alias]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the aliases in alphabetical order."""
        return iter(self._models)

    def __len__(self) -> int:
        """Return the number of registered models."""
        return len(self._models)

    def _whole(self, spec: ModelSpec) -> ModelSpec:
        """Return a model with its members, if it is an ensemble."""
        if spec.provider != ENSEMBLE or spec.members:
            return spec

        def find(name: str, where: str) -> ModelSpec:
            if name in self:
                return self[name]
            raise unknown_name(kind="model", name=name, known=list(self), where=where)

        return with_members(spec, find)

    def _select(self, selector: str, where: str) -> list[ModelSpec]:
        if selector in self:
            return [self[selector]]
        if selector.startswith("@"):
            return self._group(selector.removeprefix("@"), where)
        if is_glob(selector) and not Path(selector).expanduser().is_file():
            return self._glob(selector, where)
        spec = direct_spec(
            selector, where=where, providers=self._providers, aliases=list(self)
        )
        if taken := self.get(spec.alias):
            raise _same_name(taken, spec, where)
        return [spec]

    def _group(self, group: str, where: str) -> list[ModelSpec]:
        groups = self.groups()
        if group not in groups:
            raise unknown_name(
                kind="model group", name=group, known=list(groups), where=where
            )
        return [self[alias] for alias in groups[group]]

    def _glob(self, pattern: str, where: str) -> list[ModelSpec]:
        found = [alias for alias in self if fnmatch.fnmatchcase(alias, pattern)]
        if not found:
            msg = f"{where} has the pattern {pattern!r}, which matches no model."
            raise ConfigError(msg, allowed=f"Registered: {', '.join(self) or 'none'}.")
        return [self[alias] for alias in found]

    def _read(self, path: Path) -> None:
        file = TomlFile(path, table="model")
        file.check_top_level(_TOP_LEVEL)
        for index, table in enumerate(file.tables()):
            spec = read_entry(file, index, table, providers=self._providers)
            replace = bool(table.get("replace", False))
            if replace and spec.alias not in self:
                place = f"{file.place(index, 'replace')} (replace = true)"
                raise unknown_name(
                    kind="model", name=spec.alias, known=list(self), where=place
                )
            if spec.alias in self and not replace:
                first = self[spec.alias].source
                msg = f"{spec.source}: the alias {spec.alias!r} is taken by {first}."
                fix = "Rename one, or write replace = true in the later entry."
                raise ConfigError(msg, fix=fix)
            self._models.register(spec.alias, spec, source=spec.source, replace=replace)


def _same_name(first: ModelSpec, second: ModelSpec, where: str) -> ConfigError:
    msg = (
        f"{where} names {second.provider}:{second.id}, which would be called "
        f"{second.alias!r} as {first.provider}:{first.id} is."
    )
    fix = "Give one an alias of its own in llmlab_models.toml."
    return ConfigError(msg, fix=fix)
