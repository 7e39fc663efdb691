"""From the assertions of a test to what its row lists, and the scorers of all rows.

Rows of one file mostly assert the same in other words, so the scorers stand with the
task, each once, and a row says which of them it uses, with what target.
"""

from collections.abc import Mapping
from pathlib import Path

from llmlab_pytest.core import ConfigError, Json, canonical_json, unknown_name
from llmlab_pytest.promptfoo._files import is_file, value_of
from llmlab_pytest.promptfoo._keys import check_keys
from llmlab_pytest.promptfoo._mapped import JUDGED, MAPPED, Assertion, Part, Spec
from llmlab_pytest.promptfoo._models import judge_name
from llmlab_pytest.promptfoo._refused import REFUSED, refusal_of
from llmlab_pytest.promptfoo._templates import render
from llmlab_pytest.promptfoo._tests import Test
from llmlab_pytest.yaml_files import Placed

_NOT = "not-"
_SET = "assert-set"
Entry = dict[str, Json]


class Parts:
    """The scorers that the tests of a file use, each once.

    Args:
        has_judge: whether the run names a judge, which then judges everything.
    """

    def __init__(self, *, has_judge: bool) -> None:
        self._has_judge = has_judge
        self._numbers: dict[str, int] = {}
        self.specs: list[Spec] = []
        self.metrics: dict[str, None] = {}
        """Names of the metrics that assertions belong to, in order."""

    def entries(self, test: Test, variables: Mapping[str, Json]) -> list[Json]:
        """Return what the row of a sample lists.

        Raises:
            ConfigError: an assertion is unknown, wrong, or not taken over.
        """
        return [self._entry(each, test, variables) for each in test.asserted]

    def _entry(self, given: Placed, test: Test, variables: Mapping[str, Json]) -> Entry:
        if "$ref" in given.fields():
            raise ConfigError(
                f"{given.where}: an assertion is written as $ref.",
                fix="Write it here, or use a YAML alias.",
            )
        kind = given.get("type")
        if kind is None:
            raise ConfigError(
                f"{given.where}: an assertion has no type.", fix="Give it one."
            )
        entry = self._common(given, variables)
        entry["kind"] = kind.text()
        if kind.value == _SET:
            check_keys(given, _SET)
            inner = given.get("assert")
            inside = inner.entries() if inner else []
            entry["set"] = [self._entry(each, test, variables) for each in inside]
            return entry
        check_keys(given, "assertion")
        return entry | self._single(given, kind.text(), test, variables)

    def _common(self, given: Placed, variables: Mapping[str, Json]) -> Entry:
        """Return what single assertions and sets of them have alike."""
        entry: Entry = {}
        if weight := given.get("weight"):
            entry["weight"] = weight.number()
        if threshold := given.get("threshold"):
            entry["threshold"] = threshold.number()
        if metric := given.get("metric"):
            name = render(metric.text(), variables, where=metric.where)
            entry["metric"] = name
            self.metrics[name] = None
        return entry

    def _single(
        self, given: Placed, kind: str, test: Test, variables: Mapping[str, Json]
    ) -> Entry:
        base = kind.removeprefix(_NOT)
        if refusal := refusal_of(base):
            raise ConfigError(
                f"{given.where}: the assertion {kind!r} is not taken over: "
                f"{refusal.why}.",
                fix=refusal.instead,
            )
        if base not in MAPPED:
            known = [*MAPPED, *REFUSED, _SET]
            raise unknown_name("assertion", kind, known, where=given.where)
        threshold = given.get("threshold")
        part = MAPPED[base].make(
            Assertion(
                kind=kind,
                value=_value(given.get("value"), test.folder, variables),
                threshold=threshold.number() if threshold else None,
                judge=self._judge(given, base, test),
                where=given.where,
            )
        )
        return self._listed(part, variables, given.where) | (
            {"negate": True} if kind != base else {}
        )

    def _listed(self, part: Part, variables: Mapping[str, Json], where: str) -> Entry:
        entry: Entry = {"scorer": self._number(part.spec)}
        if part.target is not None:
            entry["target"] = (
                part.target if isinstance(part.target, str) else list(part.target)
            )
        if part.at_least is not None:
            entry["at_least"] = part.at_least
        for name, variable in part.reads.items():
            if not variables.get(variable):
                raise ConfigError(
                    f"{where}: the assertion reads the variable {variable!r}.",
                    fix="Give the test that variable.",
                )
            entry[name] = variables[variable]
        return entry

    def _number(self, spec: Spec) -> int:
        text = canonical_json(spec)
        if text not in self._numbers:
            self._numbers[text] = len(self.specs)
            self.specs.append(spec)
        return self._numbers[text]

    def _judge(self, given: Placed, kind: str, test: Test) -> str | None:
        named = given.get("provider")
        if named is not None and kind not in JUDGED:
            raise ConfigError(
                f"{named.where}: the provider of {kind!r} is not taken over.",
                allowed=f"Providers of judges are: {', '.join(sorted(JUDGED))}.",
                fix="Remove it; models of this machine compare meaning.",
            )
        named = named or test.options.get("provider")
        if named is None or self._has_judge or kind not in JUDGED:
            return None
        return judge_name(named)


def _value(given: Placed | None, folder: Path, variables: Mapping[str, Json]) -> Json:
    """Return the value of an assertion: templates rendered, or what a file holds."""
    if given is None:
        return None
    value = given.value
    if is_file(value):
        return value_of(str(value), folder, where=given.where)
    if isinstance(value, str):
        return render(value, variables, where=given.where)
    if isinstance(value, list):
        return [
            _value(each, folder, variables)
            if isinstance(each.value, str)
            else each.value
            for each in given.entries()
        ]
    return value
