"""The table and the verdicts do not depend on workers or distribution."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

WAYS = {
    "one process": ("-n", "0"),
    "without xdist": ("-p", "no:xdist"),
    "no look-ahead": ("-n", "0", "--llmlab-look-ahead", "0"),
    "two workers": ("-n", "2"),
    "four workers": ("-n", "4"),
    "by file": ("-n", "2", "--dist", "loadfile"),
    "by group": ("-n", "2", "--dist", "loadgroup"),
    "stealing": ("-n", "2", "--dist", "worksteal"),
}
GATES = {
    "gone: accuracy >= 0.2": "error",
    "holds: accuracy >= 0.2": "passed",
    "straddles: accuracy >= 0.5": "inconclusive",
    "cities: accuracy >= 0.9": "failed",
}


@pytest.fixture(scope="module")
def runs(full_project: Any) -> dict[str, Any]:
    """Run the project in every way."""
    return {
        name: full_project.run(
            *arguments,
            *("--junitxml", f"{name}.xml", "--alluredir", f"{name} allure"),
        )
        for name, arguments in WAYS.items()
    }


def test_table_of_one_process_is_right(runs: dict[str, Any]) -> None:
    """The counts are those of the project: rows, misses, errors, intervals."""
    run = runs["one process"]
    counts = {
        row["plan"]["task"]: (row["samples"], row["misses"], row["errors"])
        for row in run.rows()
    }
    assert counts == {
        "gone": (4, 1, 1),
        "holds": (12, 6, 0),
        "cities": (16, 8, 0),  # two epochs of 8
        "straddles": (12, 6, 0),
        "test_behaviour": (3, 0, 0),
    }
    assert run.verdicts() == GATES
    assert run.code == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("name", list(WAYS)[1:])
def test_table_is_the_same_in_every_way(name: str, runs: dict[str, Any]) -> None:
    """Rows, intervals, verdicts and exit code are equal; only times differ."""
    one, other = runs["one process"], runs[name]
    assert other.rows() == one.rows()
    assert other.verdicts() == one.verdicts()
    assert other.code == one.code


@pytest.mark.parametrize("name", ["one process", "two workers"])
def test_gates_are_test_cases_in_junit(
    name: str, runs: dict[str, Any], full_project: Any
) -> None:
    """JUnit names every gate once, and says failure or error as it was."""
    assert runs[name].report
    cases = ET.parse(  # noqa: S314 -- our own file
        full_project.folder / f"{name}.xml"
    ).iter("testcase")
    states = {
        case.attrib["name"]: [child.tag for child in case if child.tag != "properties"]
        for case in cases
        if "gate" in case.attrib["name"]
    }
    assert states == {
        "holds[counter-gate accuracy >= 0.2]": [],
        "straddles[counter-gate accuracy >= 0.5]": ["failure"],
        "gone[counter-gate accuracy >= 0.2]": ["error"],
        "test_cities[counter-gate accuracy >= 0.9]": ["failure"],
    }


@pytest.mark.parametrize("name", ["one process", "two workers"])
def test_samples_and_gates_are_results_in_allure(
    name: str, runs: dict[str, Any], full_project: Any
) -> None:
    """Allure holds each item once: samples, behaviour tests and gates."""
    assert runs[name].report
    folder: Path = full_project.folder / f"{name} allure"
    results = [json.loads(file.read_text()) for file in folder.glob("*-result.json")]
    names = Counter(result["name"] for result in results)
    assert max(names.values()) == 1, names
    assert len(names) == 12 + 12 + 4 + 16 + 3 + 4
    assert len({result["historyId"] for result in results}) == len(results)
    gates = {r["name"]: r["status"] for r in results if "gate" in r["name"]}
    assert gates["holds[counter-gate accuracy >= 0.2]"] == "passed"
    assert gates["straddles[counter-gate accuracy >= 0.5]"] == "failed"
    assert gates["test_cities[counter-gate accuracy >= 0.9]"] == "failed"
    assert gates["gone[counter-gate accuracy >= 0.2]"] == "broken"


@pytest.mark.parametrize("name", ["one process", "two workers"])
def test_terminal_counts_misses_apart(name: str, runs: dict[str, Any]) -> None:
    """The last line says passed, misses, failures and errors."""
    last = runs[name].out.splitlines()[-1]
    # 47 samples less 15 misses and 1 error, 3 behaviour tests and 1 gate pass.
    assert "2 failed" in last
    assert "2 errors" in last
    assert "21 miss" in last
