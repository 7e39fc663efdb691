"""`--llmlab-cache`: what was answered once is not asked again, and the run says so."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n} + 2?", "target": "4"} for n in range(3)]

    @llm_task(data=ROWS, scorers=["numeric"], epochs=2, temperature=0.5)
    def test_sums(score): ...

    def test_asks_twice(llm):
        assert llm("one").text == llm("one").text
"""
MODEL = """
[[model]]
alias = "%s"
provider = "litellm"
id = "openai/%s"
capabilities = ["chat", "streaming"]
input_usd_per_million_tokens = 1000.0
output_usd_per_million_tokens = 1000.0
options = { base_url = "%s" }
"""
CALLS = 3 * 2 + 2


@pytest.fixture
def server(openai_server: Any) -> Iterator[Any]:
    """A real server; it counts what it is asked."""
    with openai_server.OpenAIServer(answers={r"2 \\+ 2": "4"}) as server:
        yield server


@pytest.fixture
def project(pytester: pytest.Pytester, server: Any) -> pytest.Pytester:
    """Samples with two epochs, and a test that asks the same twice."""
    pytester.makepyfile(test_it=SUITE)
    _register(pytester, server)
    return pytester


def _register(
    pytester: pytest.Pytester, server: Any, *, alias: str = "mine", id_: str = "echo"
) -> None:
    text = MODEL % (alias, id_, server.url)
    (pytester.path / "llmlab_models.toml").write_text(text, encoding="utf-8")


def _run(
    pytester: pytest.Pytester, *arguments: str, alias: str = "mine"
) -> dict[str, Any]:
    options = ["-pno:cacheprovider", f"--llm={alias}", "--llmlab-json=table.json"]
    result = pytester.runpytest_subprocess(*options, *arguments)
    text = (pytester.path / "table.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return {
        "rows": {row["plan"]["task"].rpartition(":")[2]: row for row in table["rows"]},
        "outcomes": result.parseoutcomes(),
        "said": " ".join(result.stdout.str().split()),
    }


def test_answers_are_asked_once(project: pytest.Pytester, server: Any) -> None:
    """The second run asks nothing, costs nothing, and shows what it saved."""
    first = _run(project, "--llmlab-cache=auto")
    assert len(server.bodies) == CALLS
    second = _run(project, "--llmlab-cache=auto")
    assert len(server.bodies) == CALLS
    assert second["outcomes"] == first["outcomes"]
    for task, row in second["rows"].items():
        before = first["rows"][task]
        assert row["metrics"] == before["metrics"]
        assert row["usage"] == before["usage"]
        assert (row["cost_usd"], row["kept"]) == (0.0, row["samples"])
        assert (row["latency_p50_s"], row["tokens_per_s"]) == (None, None)
        assert row["original"]["cost_usd"] == pytest.approx(before["cost_usd"])
        assert before["kept"] == 0
        assert before["cost_usd"] > 0
    assert "7 of 7 from the cache, not asked now; once: $" in second["said"]
    assert "from the cache" not in first["said"]


def test_without_the_option_every_run_asks(
    project: pytest.Pytester, server: Any
) -> None:
    """The default measures what the model says now, and leaves no cache behind."""
    _run(project)
    _run(project)
    assert len(server.bodies) == 2 * CALLS
    assert not (project.path / ".llmlab" / "cache").exists()


def test_workers_share_the_cache(project: pytest.Pytester, server: Any) -> None:
    """What two workers kept is read by two others, under another name of the model."""
    _run(project, "--llmlab-cache=auto", "-k", "sums", "-n2")
    asked = len(server.bodies)
    assert asked == CALLS - 2
    _register(project, server, alias="renamed")
    arguments = ("--llmlab-cache=auto", "-k", "sums", "-n2")
    again = _run(project, *arguments, alias="renamed")
    assert len(server.bodies) == asked
    assert [row["kept"] for row in again["rows"].values()] == [CALLS - 2]


def test_refresh_asks_anew_and_keeps_the_answers(
    project: pytest.Pytester, server: Any
) -> None:
    """A model that has changed behind its name: asked again, then read."""
    _run(project, "--llmlab-cache=auto", "-k", "s0")
    server.answers = {r"0 \+ 2": "four: 4"}
    fresh = _run(project, "--llmlab-cache=refresh", "-k", "s0")
    asked = len(server.bodies)
    again = _run(project, "--llmlab-cache=auto", "-k", "s0")
    assert len(server.bodies) == asked == 4
    hits = [run["rows"]["sums"]["metrics"][0]["value"] for run in (fresh, again)]
    assert hits == [1.0, 1.0]


def test_only_asks_no_model(project: pytest.Pytester, server: Any) -> None:
    """What is cached is answered; the rest is an error that says what to do."""
    _run(project, "--llmlab-cache=auto", "-k", "s1")
    asked = len(server.bodies)
    result = _run(project, "--llmlab-cache=only", "-k", "sums")
    assert len(server.bodies) == asked
    row = result["rows"]["sums"]
    assert (row["kept"], row["errors"]) == (2, 4)
    assert "NotRecorded: The cache" in result["said"]
    assert "--llmlab-cache auto" in result["said"]


def test_errors_are_not_cached(project: pytest.Pytester, server: Any) -> None:
    """A run that failed is asked again; the answers it has had are not."""
    _register(project, server, id_="error-400")
    failed = _run(project, "--llmlab-cache=auto", "-k", "s1")
    assert failed["rows"]["sums"]["errors"] == 2
    asked = len(server.bodies)
    _run(project, "--llmlab-cache=auto", "-k", "s1")
    assert len(server.bodies) == 2 * asked


def test_a_cache_that_cannot_be_used_stops_the_run_at_once(
    project: pytest.Pytester, server: Any
) -> None:
    """Before anything is asked, as a usage error."""
    folder = project.mkdir("answers")
    (folder / "answers.sqlite").write_text("a diary\n" * 200, encoding="utf-8")
    options = ["--llm=mine", "--llmlab-cache=auto", "--llmlab-cache-dir=answers"]
    result = project.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*answers.sqlite' cannot be used*not a database*"])
    assert server.bodies == []


def test_a_changed_script_is_another_model(pytester: pytest.Pytester) -> None:
    """Local models are told apart by their content, not by the name of the file."""
    pytester.makepyfile(test_it="def test_it(llm): assert llm('x').text == '4'")
    models = '[[model]]\nalias = "mine"\nprovider = "scripted"\nid = "./script.toml"\n'
    (pytester.path / "llmlab_models.toml").write_text(models, encoding="utf-8")
    script = Path(pytester.path / "script.toml")
    outcomes = []
    for answer in ("4", "5", "4"):
        script.write_text(f'[[reply]]\npattern = "x"\ntext = "{answer}"\n', "utf-8")
        run = _run(pytester, "--llmlab-cache=auto")
        outcomes.append((run["outcomes"], [r["kept"] for r in run["rows"].values()]))
    assert outcomes == [
        ({"passed": 1}, [0]),
        ({"failed": 1}, [0]),
        ({"passed": 1}, [1]),
    ]


def test_no_key_is_written(
    project: pytest.Pytester, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that is sent with every request is not in the file."""
    monkeypatch.setenv("MY_API_KEY", "planted-secret-value")
    text = (MODEL % ("mine", "echo", server.url)).replace(
        " }\n", ', api_key_env = "MY_API_KEY" }\n'
    )
    (project.path / "llmlab_models.toml").write_text(text, encoding="utf-8")
    _run(project, "--llmlab-cache=auto")
    path = project.path / ".llmlab" / "cache" / "answers.sqlite"
    connection = sqlite3.connect(path)
    dumped = "\n".join(connection.iterdump())
    connection.close()
    assert "echo" in dumped
    assert "planted" not in dumped


SAME = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": "2 + 2?", "target": "4"} for n in range(12)]

    @llm_task(data=ROWS, scorers=["numeric"])
    def test_sums(score): ...
"""


def test_the_same_in_flight_is_asked_once(
    pytester: pytest.Pytester, server: Any
) -> None:
    """Samples that ask the same side by side share an answer, and its cost."""
    pytester.makepyfile(test_it=SAME)
    _register(pytester, server, id_="slow")
    row = _run(pytester, "--llmlab-cache=auto")["rows"]["sums"]
    assert len(server.bodies) == 1
    assert (row["samples"], row["kept"], row["errors"]) == (12, 11, 0)
    assert row["cost_usd"] == pytest.approx(row["original"]["cost_usd"] / 11)


def test_without_a_cache_each_asks(pytester: pytest.Pytester, server: Any) -> None:
    """Who keeps nothing wants to see what a model says each time."""
    pytester.makepyfile(test_it=SAME)
    _register(pytester, server, id_="slow")
    row = _run(pytester)["rows"]["sums"]
    assert len(server.bodies) == 12
    assert (row["samples"], row["kept"]) == (12, 0)


def test_those_that_waited_for_a_failed_call_ask(
    pytester: pytest.Pytester, server: Any
) -> None:
    """An error is that of one call; the others find out for themselves."""
    pytester.makepyfile(test_it=SAME)
    _register(pytester, server, id_="error-400")
    row = _run(pytester, "--llmlab-cache=auto")["rows"]["sums"]
    assert len(server.bodies) == 12
    assert (row["samples"], row["errors"]) == (12, 12)
