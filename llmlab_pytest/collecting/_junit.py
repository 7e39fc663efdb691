"""What pytest's `--junitxml` says of scores, costs and times.

A sample's own stand in its `<testcase>` as properties. Jenkins' JUnit step, GitLab and
Azure read or ignore them; the schema `junit-10.xsd` of Jenkins' xUnit plugin knows
properties of a suite only, and `--llmlab-junit suite` keeps to it.
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from llmlab_pytest.core import Report, SampleResult, escape_control
from llmlab_pytest.session import LlmlabSession

_OURS = "llmlab_"
_HALVES = re.compile("[\ud800-\udfff]")


def sample_properties(result: SampleResult) -> Iterator[tuple[str, object]]:
    """Yield the scores of a result, and what its answers took, by name."""
    for score in result.scores:
        yield f"{_OURS}{escape_control(score.scorer)}", score.value
    yield f"{_OURS}input_tokens", result.usage.input_tokens
    yield f"{_OURS}output_tokens", result.usage.output_tokens
    for name in ("cost_usd", "latency_s"):
        value = getattr(result, name)
        if value is not None:  # unknown, or not measured
            yield f"{_OURS}{name}", value


def make_printable(report: pytest.TestReport) -> None:
    """Replace halves of surrogate pairs in a failure's text, which models may answer.

    They can be written to no file, and sent by xdist to no controller: the whole run
    would end in an internal error.
    """
    if report.failed and _HALVES.search(text := report.longreprtext):
        report.longrepr = text.encode("utf-8", "backslashreplace").decode()


def finish_junit(llmlab: LlmlabSession) -> None:
    """Add what the whole run gave to a JUnit file, before pytest writes it."""
    writer = _writer(llmlab.config)
    if writer is None:
        return
    for name, value in _run_properties(llmlab.report()):
        writer.add_global_property(f"{_OURS}{escape_control(name)}", f"{value}")
    if llmlab.settings.junit == "suite":
        for reporter in writer.node_reporters_ordered:
            _strip(reporter.to_xml())


def _writer(config: pytest.Config) -> "_JunitWriter | None":
    """Return pytest's writer of JUnit files, which has no public name."""
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "add_global_property"):
            writer: _JunitWriter = plugin
            return writer
    return None


def _run_properties(report: Report) -> Iterator[tuple[str, object]]:
    yield "run", report.run_id
    for row in report.rows:
        where = f"{row.plan.task}/{row.plan.model}"
        for metric in row.metrics:
            if metric.value is not None:
                yield f"{where}/{metric.name}", metric.value
            if ends := metric.interval:
                span = f"{ends.low:.6g} {ends.high:.6g}"
                yield f"{where}/{metric.name}/interval", span
        yield f"{where}/errors", row.errors
        if row.cost_usd is not None:
            yield f"{where}/cost_usd", row.cost_usd
        if row.latency_p50_s is not None:
            yield f"{where}/latency_p50_s", row.latency_p50_s


def _strip(case: Element) -> None:
    """Remove our properties of a test case, and their list if nothing is left."""
    for properties in case.findall("properties"):
        for each in properties.findall("property"):
            if each.get("name", "").startswith(_OURS):
                properties.remove(each)
        if not len(properties):
            case.remove(properties)


class _JunitWriter:
    """What is used of `_pytest.junitxml.LogXML` (pytest 9.2)."""

    node_reporters_ordered: "list[_Reporter]"

    def add_global_property(self, name: str, value: str) -> None:
        """Add a property of the suite."""


class _Reporter:
    """What is used of a reporter of one test."""

    def to_xml(self) -> Element:
        """Return the test case, which is made once."""
        raise NotImplementedError
