"""Workers that ask one server keep to its limits together, as one process would."""

import time
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

Server: TypeAlias = Any  # its module is loaded by path
Project: TypeAlias = Any

MODEL = """
[[model]]
alias = "counter"
provider = "litellm"
id = "openai/slow"
capabilities = ["chat"]
options = {{ base_url = "{url}", {options} }}
"""
COUNT = 40


@pytest.fixture
def server(openai_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that takes 0.2 seconds for each answer."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef0123")
    with openai_server.OpenAIServer() as running:
        yield running


def run(project: Project, server: Server, options: str, *arguments: str) -> float:
    """Run a project's card on a model with options; return the seconds it took."""
    model = MODEL.format(url=server.url, options=options)
    project.write(llmlab_models__toml=model)
    started = time.monotonic()
    done = project.run("-k", "not gate", *arguments)
    assert done.code == pytest.ExitCode.OK, done.out
    assert server.counts.total() == COUNT
    return time.monotonic() - started


def test_requests_in_flight_are_counted_together(
    bare_project: Project, server: Server
) -> None:
    """With room for one, two workers take turns."""
    run(bare_project, server, "concurrency = 1", "-n", "2")
    assert server.peak == 1


def test_requests_per_minute_are_counted_together(
    bare_project: Project, server: Server
) -> None:
    """Forty at ten a second, of which the first ten may be sent at once."""
    taken_s = run(bare_project, server, "requests_per_minute = 600", "-n", "3")
    assert taken_s > (COUNT - 11) / 10
