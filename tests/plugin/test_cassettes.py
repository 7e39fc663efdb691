"""`--llmlab-record` and `--llmlab-replay`: the same table, and no model is asked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n} + 2?", "target": "4"} for n in range(3)]

    @llm_task(data=ROWS, scorers=["numeric"], epochs=2, temperature=0.5)
    def test_sums(score): ...

    def test_asks_twice(llm):
        assert llm("one").text == llm("one").text

    def test_reads_latency(llm):
        completion = llm("two", stream=True)
        if completion.original is not None:
            assert completion.original.source == "cassette"
            assert completion.original.ttft_s is not None
            assert completion.cost_usd == 0
"""
REMOTE = """
[[model]]
alias = "mine"
provider = "litellm"
id = "openai/echo"
capabilities = ["chat", "streaming"]
input_usd_per_million_tokens = 1000.0
output_usd_per_million_tokens = 1000.0
options = { base_url = "%s", api_key_env = "MY_API_KEY" }
"""
OURS = """
[[model]]
alias = "mine"
provider = "ours"
id = "echo"
capabilities = ["chat", "streaming"]
options = { base_url = "http://planted-user:planted-password@host/", extra = "%s" }
"""
SCRIPTED = """
[[model]]
alias = "mine"
provider = "scripted"
id = "./script.toml"
input_usd_per_million_tokens = 1000.0
output_usd_per_million_tokens = 1000.0
"""
CONFTEST = """
    import os
    import sys

    from llmlab_pytest import ProviderError
    from llmlab_pytest.testing import ScriptedModel, echo

    def provider(spec):
        first = os.environ.get("ANSWER", "first")
        rules = {"0 [+]": first, "error": ProviderError("gone")}
        return ScriptedModel(rules=rules, fallback=echo, latency_s=0.01, spec=spec)

    def pytest_llmlab_register_providers(register):
        register("ours", provider)

    def pytest_unconfigure():
        with open("imported.txt", "a") as file:
            file.write(f"{'litellm' in sys.modules}\\n")
"""
KEY = "planted-secret-value"
CALLS = 3 * 2 + 2 + 1
VARYING = (
    *("plan", "original", "kept", "cost_usd"),
    *("latency_p50_s", "latency_p95_s", "tokens_per_s"),
)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Samples with two epochs, tests that ask twice and streamed; a model of ours."""
    pytester.makepyfile(test_it=SUITE)
    pytester.makeconftest(CONFTEST)
    _register(pytester, OURS % "none")
    return pytester


@pytest.fixture(scope="module")
def tape(
    tmp_path_factory: pytest.TempPathFactory, openai_server: Any
) -> tuple[Path, dict[str, Any]]:
    """A folder recorded of a real server that is gone now, and the recording run."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "test_it.py").write_text(dedent(SUITE), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *_options("mine")]
    with openai_server.OpenAIServer(answers={r"2 \+ 2": "4"}) as server:
        text = REMOTE % server.url
        (folder / "llmlab_models.toml").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [*command, "--llmlab-record=cassettes"],
            cwd=folder,
            env={**os.environ, "MY_API_KEY": KEY},
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(server.bodies) == CALLS
    lines = done.stdout.splitlines()
    outcomes = pytest.RunResult.parse_summary_nouns(lines)
    return folder / "cassettes", {"rows": _rows(folder), "outcomes": outcomes}


@pytest.fixture
def cassettes(
    project: pytest.Pytester, tape: tuple[Path, dict[str, Any]]
) -> dict[str, Any]:
    """The recording run; its folder is in a project elsewhere, its server is not."""
    recorded, run = tape
    shutil.copytree(recorded, project.path / "cassettes")
    _register(project, REMOTE % "http://127.0.0.1:1/elsewhere")
    return run


def _register(pytester: pytest.Pytester, models: str) -> None:
    (pytester.path / "llmlab_models.toml").write_text(models, encoding="utf-8")


def _options(alias: str) -> list[str]:
    return ["-pno:cacheprovider", f"--llm={alias}", "--llmlab-json=table.json"]


def _rows(folder: Path) -> dict[str, Any]:
    table = folder / "table.json"
    rows = json.loads(table.read_text("utf-8"))["rows"] if table.exists() else []
    return {row["plan"]["task"].rpartition(":")[2]: row for row in rows}


def _run(
    pytester: pytest.Pytester, *arguments: str, alias: str = "mine"
) -> dict[str, Any]:
    (pytester.path / "table.json").unlink(missing_ok=True)
    result = pytester.runpytest_subprocess(*_options(alias), *arguments)
    return {
        "rows": _rows(pytester.path),
        "outcomes": result.parseoutcomes(),
        "said": " ".join((result.stdout.str() + result.stderr.str()).split()),
        "code": result.ret,
    }


def _files(pytester: pytest.Pytester) -> list[Path]:
    return sorted((pytester.path / "cassettes").rglob("*.json"))


def _measured(run: dict[str, Any]) -> dict[str, Any]:
    """Return the table without what may differ in a replay."""
    return {
        task: {n: v for n, v in row.items() if n not in VARYING}
        for task, row in run["rows"].items()
    }


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_a_replay_shows_the_same_table(
    project: pytest.Pytester, cassettes: dict[str, Any], workers: tuple[str, ...]
) -> None:
    """Without server, key or litellm; free, and with what the answers took once."""
    assert len(_files(project)) == CALLS
    replayed = _run(project, "--llmlab-replay=cassettes", *workers)
    assert replayed["outcomes"] == cassettes["outcomes"]
    assert _measured(replayed) == _measured(cassettes)
    for task, row in replayed["rows"].items():
        assert (row["cost_usd"], row["kept"]) == (0.0, row["samples"])
        assert row["latency_p50_s"] is None
        original = row["original"]
        assert original["source"] == "cassette"
        before = cassettes["rows"][task]
        assert original["cost_usd"] == pytest.approx(before["cost_usd"])
        assert original["latency_s"] > 0
    assert "from the cassette, not asked now; once: $" in replayed["said"]
    assert f"cassettes: {CALLS} replayed in" in replayed["said"]
    assert "not asked for" not in replayed["said"]
    imported = (project.path / "imported.txt").read_text().split()
    assert set(imported) == {"False"}


def test_workers_record_what_one_process_records(project: pytest.Pytester) -> None:
    """Two workers write the same files and show the same table."""
    alone = _run(project, "--llmlab-record=cassettes")
    before = {path: json.loads(path.read_text("utf-8")) for path in _files(project)}
    shutil.rmtree(project.path / "cassettes")
    both = _run(project, "--llmlab-record=cassettes", "-n2")
    assert {path: json.loads(path.read_text("utf-8")) for path in before} == before
    assert _files(project) == list(before)
    assert len(before) == CALLS
    assert _measured(both) == _measured(alone)
    assert f"cassettes: {CALLS} recorded in" in both["said"]


def test_recording_again_leaves_equal_answers_alone(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the answer that changed is a difference; the rest is named as unused."""
    _run(project, "--llmlab-record=cassettes")
    before = {path: path.read_bytes() for path in _files(project)}
    monkeypatch.setenv("ANSWER", "changed")
    run = _run(project, "--llmlab-record=cassettes", "-k", "s0 or s1", "-v")
    changed = [p.name for p, text in before.items() if p.read_bytes() != text]
    assert len(changed) == 2  # two epochs
    assert {name.partition("-")[0] for name in changed} == {"s0"}
    assert f"cassettes: 4 recorded in {project.path / 'cassettes'}" in run["said"]
    assert f"{CALLS - 4} others there were not asked for" in run["said"]
    assert run["said"].count("not asked for: mine/") == CALLS - 4


def test_an_unrecorded_call_says_what_differs(
    project: pytest.Pytester, cassettes: dict[str, Any]
) -> None:
    """Another temperature: the error names owner, model and folder; others replay."""
    suite = (project.path / "test_it.py").read_text("utf-8")
    project.makepyfile(test_it=suite.replace("temperature=0.5", "temperature=0.7"))
    run = _run(project, "--llmlab-replay=cassettes")
    assert run["rows"]["sums"]["errors"] == 6
    assert run["rows"]["test_it"]["errors"] == 0
    assert "NotRecorded: " in run["said"]
    assert "has no answer of 'mine' for 's0' of 'sums'." in run["said"]
    assert "request.config.temperature is 0.5 there and 0.7 now" in run["said"]
    assert "--llmlab-record" in run["said"]


def test_an_answer_may_be_edited_and_a_broken_file_is_one_error(
    project: pytest.Pytester, cassettes: dict[str, Any]
) -> None:
    """A corrected answer counts; a slip is shown with its line; the rest replays."""
    paths = [path for path in _files(project) if path.name.startswith("s1")]
    text = paths[0].read_text("utf-8")
    paths[0].write_text(text.replace('"text": "1 + 2?"', '"text": "4"'), "utf-8")
    paths[1].write_text(text.replace('"format": 1', '"format": 1,,'), "utf-8")
    run = _run(project, "--llmlab-replay=cassettes")
    row, before = run["rows"]["sums"], cassettes["rows"]["sums"]
    assert row["misses"] == before["misses"] - 2
    assert row["errors"] == 1
    assert "CassetteError: " in run["said"]
    line = text.split("\n").index('  "format": 1') + 1
    assert f"{paths[1].name}:{line}: this is not JSON" in run["said"]


def test_a_replay_needs_no_money(
    project: pytest.Pytester, cassettes: dict[str, Any]
) -> None:
    """A budget that pays for nothing is not touched."""
    run = _run(project, "--llmlab-replay=cassettes", "--llmlab-budget=0.000001usd")
    assert run["outcomes"] == cassettes["outcomes"]
    assert "$0.0000 spent (0%)" in run["said"]


def test_a_run_is_resumed_by_a_replay(
    project: pytest.Pytester, cassettes: dict[str, Any]
) -> None:
    """What the run has is kept; the rest comes from the folder."""
    begun = _run(project, "--llmlab-replay=cassettes", "-k", "s0")
    assert begun["rows"]["sums"]["kept"] == 2
    run = _run(project, "--llmlab-replay=cassettes", "--llmlab-resume")
    assert run["outcomes"] == cassettes["outcomes"]
    assert _measured(run)["sums"]["metrics"] == _measured(cassettes)["sums"]["metrics"]
    assert f"cassettes: {CALLS} replayed" in run["said"]


def test_answers_of_the_cache_are_recorded(project: pytest.Pytester) -> None:
    """As the model gave them: with the price of then, though reading them was free."""
    _register(project, SCRIPTED)
    (project.path / "script.toml").write_text('fallback = "echo"\n', encoding="utf-8")
    _run(project, "--llmlab-cache=auto", "-k", "s0")
    options = ("--llmlab-cache=only", "--llmlab-record=cassettes", "-k", "s0")
    run = _run(project, *options)
    assert run["rows"]["sums"]["kept"] == 2
    answers = [json.loads(p.read_text("utf-8"))["completion"] for p in _files(project)]
    assert [answer["text"] for answer in answers] == ["0 + 2?", "0 + 2?"]
    assert all(answer["cost_usd"] > 0 for answer in answers)


def test_errors_are_not_recorded(project: pytest.Pytester) -> None:
    """A call that failed leaves no file: a replay says that it is missing."""
    project.makepyfile(test_it='def test_it(llm): llm("error")')
    run = _run(project, "--llmlab-record=cassettes")
    assert run["rows"]["test_it"]["errors"] == 1
    assert _files(project) == []
    assert "has no answer of 'mine'" in _run(project, "--llmlab-replay=.")["said"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--llmlab-record=a", "--llmlab-replay=."],
            "A run records answers or replays them.",
        ),
        (["--llmlab-replay=.", "--llmlab-cache=auto"], "--llmlab-cache is 'off'."),
        (["--llmlab-replay=.", "--llmlab-cache=refresh"], "--llmlab-cache is 'off'."),
        (["--llmlab-replay=.", "--llmlab-cache=only"], "--llmlab-cache is 'off'."),
        (["--llmlab-replay=nowhere"], "nowhere', which does not exist."),
        (["--llmlab-record=test_it.py"], "test_it.py' cannot be written"),
    ],
    ids=["both", "auto", "refresh", "only", "missing", "file"],
)
def test_options_that_contradict_are_refused(
    project: pytest.Pytester, options: list[str], says: str
) -> None:
    """Before anything is asked, and with what is allowed."""
    run = _run(project, *options, alias="scripted")
    assert run["code"] in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)
    assert says in run["said"]


def test_recording_sets_the_projects_own_replay_aside(
    project: pytest.Pytester,
) -> None:
    """`llmlab_replay` of the ini file: plain runs replay, and can be recorded."""
    project.makeini("[pytest]\nllmlab_replay = cassettes\n")
    _run(project, "--llmlab-record=cassettes", alias="scripted")
    assert len(_files(project)) == CALLS
    run = _run(project, alias="scripted")
    assert f"cassettes: {CALLS} replayed" in run["said"]


def test_weights_that_are_here_must_be_those_that_answered(
    project: pytest.Pytester,
) -> None:
    """A changed script is another model; a script that is not here is not missed."""
    _register(project, SCRIPTED)
    script = project.path / "script.toml"
    script.write_text('fallback = "echo"\n', encoding="utf-8")
    recorded = _run(project, "--llmlab-record=cassettes")
    texts = [path.read_text("utf-8") for path in _files(project)]
    assert [text for text in texts if str(project.path) in text] == []
    script.write_text('fallback = "error"\n', encoding="utf-8")
    changed = _run(project, "--llmlab-replay=cassettes")
    assert changed["rows"]["sums"]["errors"] == 6
    assert "is of other weights of 'mine'" in changed["said"]
    script.unlink()
    gone = _run(project, "--llmlab-replay=cassettes")
    assert _measured(gone) == _measured(recorded)


def test_no_secret_is_in_any_file(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys in prompt, answer, test id, options and server address are all hidden."""
    monkeypatch.setenv("SOME_TOKEN", "opaque-planted-token")
    monkeypatch.setenv("MY_API_KEY", KEY)
    _register(project, OURS % "http://a:planted@proxy/opaque-planted-token")
    project.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.parametrize("key", ["sk-planted-0123456789abcdef"])
        def test_says(llm, key):
            said = f"{key} hf_planted0123456789 AKIA" + "Q" * 16
            llm(f"{said}, opaque-planted-token,\\nplanted-secret-value")
        """
    )
    run = _run(project, "--llmlab-record=cassettes")
    assert run["outcomes"] == {"passed": 1}
    [path] = _files(project)
    shown = path.read_text("utf-8") + str(path.relative_to(project.path))
    assert [s for s in ("planted", "AKIA", "opaque", "password") if s in shown] == []
    assert shown.count("[redacted]") >= 2 * 5 + 2  # prompt and answer, id and options
    assert _run(project, "--llmlab-replay=cassettes")["outcomes"] == {"passed": 1}
