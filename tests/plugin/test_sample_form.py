"""Form 2: a test function bound to a task, one item per model, sample and epoch."""

import json
import sqlite3

import pytest

CAPITALS = """
    from llmlab_pytest import llm_task

    ROWS = [
        {"id": "fr", "country": "France", "target": "Paris"},
        {"id": "xx", "country": "Atlantis", "target": "Poseidonis"},
    ]

    @llm_task(data=ROWS, prompt="What is the capital of {{ country }}?", %s)
    def test_capital(sample, completion):
        assert sample.target in completion.text
"""


def run(pytester: pytest.Pytester, *arguments: str, code: str = "") -> pytest.RunResult:
    if code:
        pytester.makepyfile(test_it=code)
    return pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--llm", "scripted", *arguments
    )


def test_wrong_answer_is_a_miss_not_a_failure(pytester: pytest.Pytester) -> None:
    """A failed assert in a task test is counted as a miss; the run passes."""
    result = run(pytester, "-v", code=CAPITALS % "")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.re_match_lines(
        [
            r".*::test_capital\[scripted-fr\] PASSED.*",
            r".*::test_capital\[scripted-xx\] MISS.*",
        ]
    )
    assert result.parseoutcomes() == {"passed": 1, "miss": 1}


def test_items_can_be_selected_by_sample_and_model(pytester: pytest.Pytester) -> None:
    """`-k` selects single samples."""
    result = run(pytester, "-k", "scripted and fr", code=CAPITALS % "")
    assert result.parseoutcomes() == {"passed": 1, "deselected": 1}


def test_epochs_repeat_each_sample(pytester: pytest.Pytester) -> None:
    """Two epochs give two items per sample, told apart by their ids."""
    result = run(pytester, "--collect-only", "-q", code=CAPITALS % "epochs=2")
    ids = [line for line in result.outlines if "::" in line]
    assert [line.rpartition("[")[2] for line in ids] == [
        "scripted-fr-e1]",
        "scripted-fr-e2]",
        "scripted-xx-e1]",
        "scripted-xx-e2]",
    ]


FUNCTIONS = """
    from llmlab_pytest import llm_task
    from llmlab_pytest.scorers import exact

    def is_short(completion):
        return len(completion.text) < 60

    async def is_polite(completion):
        return "please" not in completion.text

    @llm_task(
        data=[{"id": "fr", "input": "Capital of France?", "target": "Paris"}],
        scorers=%s,
        gate=["accuracy >= 0.9 point", "is_short >= 0.9 point"],
    )
    def test_capital(score):
        assert score.value == 1
"""
EVERY_KIND = """[
            {"name": "all_of", "scorers": ["contains_any", is_polite]},
            is_short,
        ]"""


def test_functions_are_scorers_of_a_mark(pytester: pytest.Pytester) -> None:
    """A plain function and a coroutine stand among names and inside tables."""
    result = run(pytester, code=FUNCTIONS % EVERY_KIND)
    assert result.parseoutcomes() == {"passed": 3}
    result.stdout.re_match_lines([r"capital +scripted +all_of +1\.000", r" +is_short "])


@pytest.mark.parametrize(
    ("scorers", "shown"),
    [
        ("[exact()]", "'score' holds variables that its source does not show"),
        ("[lambda completion: True]", "a lambda has no name"),
        ("[len]", "'len' has no source"),
        ('[{"name": "pydantic_model", "model": int}]', "the option 'model' is <class"),
    ],
    ids=["made", "lambda", "builtin", "object"],
)
def test_scorer_that_is_not_known_by_its_source_is_refused(
    pytester: pytest.Pytester, scorers: str, shown: str
) -> None:
    """What would look the same whatever it does is told to be a table, or asserted."""
    result = run(pytester, code=FUNCTIONS % scorers)
    said = " ".join(" ".join(result.outlines).split())
    assert shown in said
    assert "{'name': 'exact'" in said
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_changed_function_makes_another_task(pytester: pytest.Pytester) -> None:
    """A resumed run does not take scores of a function that is another one now."""
    first = FUNCTIONS % EVERY_KIND
    for code in (first, first, first.replace("< 60", "< 61")):
        result = run(pytester, "--llmlab-store", "sqlite:///runs.db", code=code)
        assert result.ret == pytest.ExitCode.OK
    with sqlite3.connect(pytester.path / "runs.db") as database:
        rows = database.execute("select factors from plans order by rowid").fetchall()
    database.close()
    hashes = [json.loads(factors)["task_hash"] for (factors,) in rows]
    assert hashes[0] == hashes[1] != hashes[2]


def test_score_is_given_to_the_test(pytester: pytest.Pytester) -> None:
    """A test that takes `score` gets the primary score."""
    code = """
        from llmlab_pytest import llm_task

        @llm_task(data=[{"id": "a", "input": "yes", "target": "yes"}],
                  scorers=["exact", "contains_any"])
        def test_it(score, completion, sample, llm):
            assert (score.scorer, score.value) == ("exact", 1.0)
            assert completion.text == sample.input == "yes"
            assert llm.name == "scripted"
    """
    result = run(pytester, code=code)
    assert result.parseoutcomes() == {"passed": 1}


def test_other_exception_fails_and_counts_as_error(pytester: pytest.Pytester) -> None:
    """A bug in the test function is a failure, never a miss."""
    code = (CAPITALS % "").replace("assert sample.target in", "1 / 0;") + "\n"
    result = run(pytester, code=code)
    result.assert_outcomes(failed=2)


def test_wrong_argument_names_the_test(pytester: pytest.Pytester) -> None:
    """An unknown key of the mark suggests the right one."""
    result = run(pytester, code=CAPITALS % "scorer=['exact']")
    result.stdout.fnmatch_lines(["*'scorer'*test_capital*Did you mean 'scorers'*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_two_tasks_of_one_name_are_refused(pytester: pytest.Pytester) -> None:
    """Two tests cannot share a task name: their results would mix."""
    pytester.makepyfile(
        test_a=CAPITALS % "name='same'", test_b=CAPITALS % "name='same'"
    )
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*ERROR collecting test_b.py*", "*Two tests call their task 'same'*"]
    )
    assert "Rename one" in result.stdout.str()
    assert "samples" not in result.stdout.str()  # no table of what never ran


def test_task_test_without_task_arguments_is_refused(
    pytester: pytest.Pytester,
) -> None:
    """A bound function must take something of the task."""
    code = (CAPITALS % "").replace("(sample, completion)", "()")
    result = run(pytester, code=code)
    result.stdout.fnmatch_lines(["*A task test takes sample, completion or score.*"])


def test_fixtures_of_a_task_exist_only_beside_its_mark(
    pytester: pytest.Pytester,
) -> None:
    """A foreign suite may own fixtures called sample, completion and score."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture\ndef sample():\n    return 'mine'\n"
    )
    code = "def test_it(sample):\n    assert sample == 'mine'"
    run(pytester, code=code).assert_outcomes(passed=1)


def test_final_table_and_json_hold_the_numbers(pytester: pytest.Pytester) -> None:
    """The run ends with one table; --llmlab-json writes the same."""
    result = run(pytester, "--llmlab-json", "out.json", code=CAPITALS % "")
    result.stdout.re_match_lines([r".*capital\s+scripted.*0\.500.*\b2\b.*"])
    report = json.loads((pytester.path / "out.json").read_text())
    (row,) = report["rows"]
    assert (row["plan"]["task"], row["plan"]["model"]) == ("capital", "scripted")
    assert (row["samples"], row["misses"], row["errors"]) == (2, 1, 0)
    assert row["metrics"][0]["value"] == 0.5


def test_each_variant_is_a_group_of_its_own(pytester: pytest.Pytester) -> None:
    """Further parameters give further rows and gates, not one mixed number."""
    code = """
        import pytest
        from llmlab_pytest import llm_task

        ROWS = [{"id": "fr", "input": "What is the capital of France?"}]

        @pytest.mark.parametrize("word", ["Paris", "Rome"])
        @llm_task(data=ROWS, gate="accuracy >= 0.5")
        def test_word(sample, completion, word):
            assert word in completion.text
    """
    for workers in ("0", "2"):
        result = run(pytester, "-n", workers, "--llmlab-json=table.json", code=code)
        table = json.loads((pytester.path / "table.json").read_text(encoding="utf-8"))
        metrics = {
            row["plan"]["task"]: row["metrics"][0]["value"] for row in table["rows"]
        }
        assert metrics == {"word[Paris]": 1.0, "word[Rome]": 0.0}
        assert [verdict["task"] for verdict in table["verdicts"]] == list(metrics)
        assert result.parseoutcomes()["miss"] == 1
