"""The fixture llm_snapshot, as users meet it."""

from pathlib import Path

import pytest

MODELS = """
[[model]]
alias = "one"
provider = "scripted"
id = "./one.toml"
[[model]]
alias = "two"
provider = "scripted"
id = "./two.toml"
"""
TEST = """
def test_capital(llm, llm_snapshot):
    assert llm("What is the capital of France?") == llm_snapshot
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two models with answers of their own."""
    (pytester.path / "llmlab_models.toml").write_text(MODELS, encoding="utf-8")
    _let_say(pytester, "one", "It is Paris.")
    _let_say(pytester, "two", "Paris!")
    return pytester


def _let_say(project: pytest.Pytester, model: str, text: str) -> None:
    script = f'[[reply]]\npattern = ".*"\ntext = "{text}"\n'
    (project.path / f"{model}.toml").write_text(script, encoding="utf-8")


def _run(
    project: pytest.Pytester, *arguments: str, body: str = TEST
) -> pytest.RunResult:
    (project.path / "test_it.py").write_text(body, encoding="utf-8")
    options = ["-pno:cacheprovider", "-oasyncio_default_fixture_loop_scope=function"]
    if not any(argument.startswith("--llm") for argument in arguments):
        options.append("--llm=one")
    return project.runpytest_subprocess(*options, "-Werror", *arguments)


def _kept(project: pytest.Pytester) -> dict[str, str]:
    folder = project.path / "__answers__" / "test_it"
    return {path.name: _read(path) for path in sorted(folder.glob("*"))}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_each_model_has_a_snapshot_of_its_own(project: pytest.Pytester) -> None:
    """A snapshot is a text file that names test and model, written when told so."""
    result = _run(project, "--llm=one,two")
    assert result.parseoutcomes() == {"failed": 2}
    assert _kept(project) == {}
    result = _run(project, "--llm=one,two", "--snapshot-update")
    assert result.parseoutcomes() == {"passed": 2}
    assert _kept(project) == {
        "test_capital[one].txt": "It is Paris.\n",
        "test_capital[two].txt": "Paris!\n",
    }
    result = _run(project, "--llm=one,two")
    assert result.parseoutcomes() == {"passed": 2}
    result.stdout.fnmatch_lines(["2 snapshots passed."])


def test_another_answer_is_shown_word_by_word(project: pytest.Pytester) -> None:
    """What was stored and what came differ in one word, and it is named."""
    _run(project, "--snapshot-update")
    _let_say(project, "one", "It is Lyon.")
    result = _run(project)
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "E*the text is another one ?-snapshot-?{+received+}:",
            "E*It is ?-Paris.-?{+Lyon.+}",
        ]
    )
    assert _kept(project) == {"test_capital[one].txt": "It is Paris.\n"}
    assert _run(project, "--snapshot-update").ret == 0
    assert _kept(project) == {"test_capital[one].txt": "It is Lyon.\n"}


def test_normalised_answers_keep_the_stored_text(project: pytest.Pytester) -> None:
    """Case and punctuation may differ; an update then changes nothing."""
    body = TEST.replace("== llm_snapshot", "== llm_snapshot.normalised()")
    _run(project, "--snapshot-update", body=body)
    _let_say(project, "one", "it is PARIS")
    assert _run(project, body=body).ret == 0
    assert _run(project, "--snapshot-update", body=body).ret == 0
    assert _kept(project) == {"test_capital[one].txt": "It is Paris.\n"}
    _let_say(project, "one", "it is Lyon")
    result = _run(project, body=body)
    result.stdout.fnmatch_lines(
        ["E*the text is another one after casefold, punctuation, whitespace *"]
    )


@pytest.mark.live
def test_similar_answers_keep_the_stored_text(project: pytest.Pytester) -> None:
    """By MiniLM, other words for the same pass, and another meaning does not."""
    body = TEST.replace("== llm_snapshot", "== llm_snapshot.semantic(at_least=0.7)")
    _let_say(project, "one", "The capital of France is Paris.")
    _run(project, "--snapshot-update", body=body)
    _let_say(project, "one", "Paris is the capital city of France.")
    assert _run(project, body=body).ret == 0
    assert _run(project, "--snapshot-update", body=body).ret == 0
    kept = {"test_capital[one].txt": "The capital of France is Paris.\n"}
    assert _kept(project) == kept
    _let_say(project, "one", "I like to eat bananas.")
    result = _run(project, body=body)
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "E*the similarity is 0.*, below 0.7 ?-snapshot-?{+received+}:",
            "E*?-The capital of France is Paris.-?{+I like to eat bananas.+}",
        ]
    )


def test_snapshots_of_one_test_are_numbered_together(
    project: pytest.Pytester,
) -> None:
    """Whatever they are compared by, each has a file; a name may be given."""
    body = """
def test_many(llm, llm_snapshot):
    assert llm("A") == llm_snapshot
    assert "second" == llm_snapshot.normalised("casefold")
    assert "third" == llm_snapshot
    assert "named" == llm_snapshot(name="end")
    assert "fourth" == llm_snapshot.normalised()
"""
    assert _run(project, "--snapshot-update", body=body).ret == 0
    assert _kept(project) == {
        "test_many[one].txt": "It is Paris.\n",
        "test_many[one].1.txt": "second\n",
        "test_many[one].2.txt": "third\n",
        "test_many[one].3.txt": "fourth\n",
        "test_many[one][end].txt": "named\n",
    }
    assert _run(project, body=body).ret == 0


def test_unused_snapshots_are_reported_and_removed(project: pytest.Pytester) -> None:
    """As with syrupy's own: a run fails, and an update deletes them."""
    _run(project, "--snapshot-update")
    body = TEST.replace("test_capital", "test_renamed")
    _run(project, "--snapshot-update", "--snapshot-no-cleanup", body=body)
    assert len(_kept(project)) == 2
    result = _run(project, body=body)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 snapshot unused.*"])
    assert _run(project, "--snapshot-update", body=body).ret == 0
    assert list(_kept(project)) == ["test_renamed[one].txt"]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_models_that_are_not_asked_keep_their_snapshots(
    project: pytest.Pytester, workers: str
) -> None:
    """A run, or an update, of one model leaves those of another alone."""
    _run(project, "--llm=one,two", "--snapshot-update")
    result = _run(project, "--llm=one", workers)
    assert result.ret == 0
    assert "unused" not in result.stdout.str()
    assert _run(project, "--llm=one", workers, "--snapshot-update").ret == 0
    assert len(_kept(project)) == 2


def test_collecting_alone_finds_nothing_unused(project: pytest.Pytester) -> None:
    """A run that asks nothing does not take answers for unused."""
    _run(project, "--snapshot-update")
    result = _run(project, "--collect-only", "-q")
    assert result.ret == 0
    assert len(_kept(project)) == 1


def test_snapshots_go_with_workers(project: pytest.Pytester) -> None:
    """Under xdist they are written, compared and reported as without."""
    result = _run(project, "--llm=one,two", "-n2", "--snapshot-update")
    assert result.ret == 0
    assert len(_kept(project)) == 2
    result = _run(project, "--llm=one,two", "-n2")
    assert result.parseoutcomes() == {"passed": 2}
    result.stdout.fnmatch_lines(["2 snapshots passed."])


def test_no_secret_is_stored(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in an answer is hidden in the file, and the test still holds."""
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    _let_say(project, "one", "The key is correct-horse-battery.")
    assert _run(project, "--snapshot-update").ret == 0
    assert _kept(project) == {"test_capital[one].txt": "The key is [redacted].\n"}
    assert _run(project).ret == 0


def test_without_syrupy_the_fixture_says_so(project: pytest.Pytester) -> None:
    """With -p no:syrupy the test is an error that names the option."""
    result = _run(project, "-pno:syrupy")
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(
        ["ConfigError: llm_snapshot was asked for, and syrupy's plugin is not loaded.*"]
    )


def test_other_values_are_refused(project: pytest.Pytester) -> None:
    """A number is an error that names syrupy's own fixture, not a difference."""
    body = "\ndef test_it(llm_snapshot):\n    assert 4 == llm_snapshot\n"
    result = _run(project, body=body)
    result.stdout.fnmatch_lines(["E*ConfigError: llm_snapshot is compared with int.*"])
