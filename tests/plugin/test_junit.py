"""`--junitxml` of a run: valid by what its readers demand, with scores and costs."""

import xml.etree.ElementTree as ET

import pytest

SUITE = r"""
from llmlab_pytest import llm_task

ROWS = [
    {"id": "ok", "input": "say 4", "target": "4"},
    {"id": "odd \x07\x00\uffff", "input": "odd", "target": "4"},
]


@llm_task(data=ROWS, scorers=["numeric", "contains_any"], gate="numeric >= 0.9")
def test_sums(score): ...


def test_said(llm):
    print("\x1b[31m\x00")
    assert llm("odd \x0b").text + "\ud800" == "no \x00"
"""
SCRIPT = """
[[reply]]
pattern = "say 4"
text = "4"

[[reply]]
pattern = "."
text = "\\u001b[2J \\u0000 5 ]]> <b>"
"""
_OUTPUT = {"system-out", "system-err"}
_MORE = "disabled package assertions file log url"
_ENDS = {"failure", "error", "skipped"}
JENKINS = {
    "testsuites": ({"testsuite"}, set(), "name time tests failures disabled errors"),
    "testsuite": (
        {"testsuite", "properties", "testcase", *_OUTPUT},
        {"tests"},
        "name tests failures errors skipped skips skip time timestamp hostname id "
        + _MORE,
    ),
    "testcase": (
        {*_ENDS, *_OUTPUT, "rerunFailure", "rerunError"},
        {"name"},
        "name assertions time timestamp classname status class file line log group url",
    ),
    "properties": ({"property"}, set(), ""),
    "property": (set(), {"name", "value"}, "name value"),
    **{name: (set(), set(), "type message") for name in _ENDS},
    **{name: (set(), set(), "") for name in _OUTPUT},
}
"""What junit-10.xsd of Jenkins' xUnit plugin allows: children, and attributes that must
and may be there, by element."""


def faults_of(element: ET.Element) -> list[str]:
    """Return what an element and those in it have that the schema does not allow."""
    children, needed, allowed = JENKINS[element.tag]
    faults = [f"{element.tag}/{e.tag}" for e in element if e.tag not in children]
    faults += [f"{element.tag} @{a}" for a in needed - element.attrib.keys()]
    faults += [f"{element.tag} @{a}" for a in element.attrib.keys() - allowed.split()]
    return faults + [
        fault for e in element if e.tag in JENKINS for fault in faults_of(e)
    ]


def junit_of(pytester: pytest.Pytester, *options: str) -> ET.Element:
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    pytester.runpytest_subprocess(
        *("-pno:cacheprovider", "--llm=scripted:script.toml", "--junitxml=junit.xml"),
        *options,
    )
    return ET.parse(pytester.path / "junit.xml").getroot()  # noqa: S314


def properties_of(element: ET.Element) -> dict[str, str]:
    return {p.get("name", ""): p.get("value", "") for p in element.iter("property")}


@pytest.mark.parametrize("workers", ["-pno:xdist", "-n2"])
def test_strict_file_has_what_jenkins_schema_allows(
    pytester: pytest.Pytester, workers: str
) -> None:
    """The numbers of the run are properties of its suite; hostile text stays XML."""
    root = junit_of(pytester, "--llmlab-junit=suite", workers)
    assert faults_of(root) == []
    (suite,) = root
    found = properties_of(suite)
    model = "scripted-script.toml"
    assert found[f"llmlab_sums/{model}/numeric"] == "0.5"
    assert found[f"llmlab_sums/{model}/numeric/interval"] == "0.0945312 0.905469"
    assert found[f"llmlab_sums/{model}/cost_usd"] == "0.0"
    assert found["llmlab_run"]
    ends = [[e.tag for e in case if e.tag in _ENDS] for case in suite.iter("testcase")]
    assert sorted(ends) == [[], [], ["failure"], ["failure"]]


def test_file_has_scores_cost_and_latency_of_each_sample(
    pytester: pytest.Pytester,
) -> None:
    """Of all scorers; the schema allows all but these properties."""
    root = junit_of(pytester)
    assert set(faults_of(root)) == {"testcase/properties"}
    cases = {
        case.get("name", ""): properties_of(case) for case in root.iter("testcase")
    }
    (ok,) = (found for name, found in cases.items() if name.endswith("-ok]"))
    latency_s = ok.pop("llmlab_latency_s")
    assert float(latency_s) >= 0
    assert ok == {
        "llmlab_outcome": "hit",
        "llmlab_numeric": "1.0",
        "llmlab_contains_any": "1.0",
        "llmlab_input_tokens": "2",
        "llmlab_output_tokens": "1",
        "llmlab_cost_usd": "0.0",
        "llmlab_answer": "4",
    }
    (gate,) = (found for name, found in cases.items() if "-gate" in name)
    assert gate == {"llmlab_verdict": "inconclusive"}
    (said,) = (found for name, found in cases.items() if name.startswith("test_said"))
    assert said["llmlab_passed"] == "0.0"
