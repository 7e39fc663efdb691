"""A store that takes no more results: the run says so, and is no success."""

import pytest

CARD = 'prompt = "{{ question }}"\nscorers = ["numeric"]\n'
ROWS = "\n".join(
    f'{{"id": "{name}", "question": "What is 2 + {n}?", "target": "{2 + n}"}}'
    for n, name in enumerate("abcd")
)
BREAK = """
    import sqlite3

    def pytest_runtest_logreport(report):
        if report.when == "call" and "-a]" in report.nodeid:
            with sqlite3.connect(".llmlab/llmlab.db") as store:
                store.execute("ALTER TABLE results RENAME TO elsewhere")
"""


def test_results_that_cannot_be_written_end_the_run_without_a_trace(
    pytester: pytest.Pytester,
) -> None:
    """Those that waited to be written together, too."""
    (pytester.path / "sums.task.toml").write_text(CARD)
    (pytester.path / "sums.jsonl").write_text(ROWS)
    pytester.makeconftest(BREAK)
    result = pytester.runpytest_subprocess("--llm=scripted", "sums.task.toml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["StoreError: *cannot be used: no such table*"])
    assert "Traceback" not in result.stderr.str()
