"""`--llmlab-markdown`: what a pull request shows of a run, whatever models say."""

import json
import re

import pytest

HOSTILE = "@everyone ![x](http://evil/) | ``` </details> <script> `one` ````` end"
SCRIPT = f"""
[[reply]]
pattern = "France"
text = "It is Paris."

[[reply]]
pattern = "."
text = '''{HOSTILE}'''
"""
CARD = """
prompt = "What is the capital of {{ country }}?"
scorers = ["contains_any"]
gate = "accuracy >= 0.99"
"""


@pytest.fixture
def page(pytester: pytest.Pytester) -> str:
    """What is written of a run with one hit and 12 misses."""
    countries = ["France", *(f"Land {n}" for n in range(12))]
    rows = [
        {"id": f"q{n}", "country": country, "target": "Paris"}
        for n, country in enumerate(countries)
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (pytester.path / "capitals.jsonl").write_text(lines, encoding="utf-8")
    (pytester.path / "capitals.task.toml").write_text(CARD, encoding="utf-8")
    (pytester.path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    options = ("--llm=scripted:script.toml", "--llmlab-markdown=run.md")
    pytester.runpytest_subprocess("-pno:cacheprovider", *options)
    return (pytester.path / "run.md").read_text("utf-8")


def test_gates_come_first_then_the_table(page: str) -> None:
    """Verdict and reason, and a row per metric."""
    lines = page.splitlines()
    assert lines[0].startswith("### llmlab: run `")
    assert lines[2].startswith("- ❌ **failed** `capitals on scripted-script.toml: ")
    assert "| `capitals` | `scripted-script.toml` | `contains_any` | 0.077 |" in page


def test_the_first_samples_that_went_wrong_are_shown(page: str) -> None:
    """Ten of twelve, with prompt, target and answer."""
    assert "the first 10 that went wrong" in page
    assert len(re.findall(r"^\*\*`q\d+`\*\* miss$", page, re.MULTILINE)) == 10
    assert "prompt:\n```text\nuser: What is the capital of Land 0?\n```" in page


def test_no_answer_breaks_out_of_its_block(page: str) -> None:
    """Its fence is longer than any run of backticks in it."""
    fence = "`" * 6
    assert f"answer:\n{fence}text\n{HOSTILE}\n{fence}\n" in page
    outside = page.replace(HOSTILE, "")
    assert outside.count("</details>") == 1
    assert "@everyone" not in outside


def test_a_job_summary_is_added_to(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps, two runs; any other file is written anew."""
    summary = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    pytester.makepyfile("def test_it(llm): assert llm('2 + 2?').text")
    for _ in range(2):
        for path in (summary, "other.md"):
            pytester.runpytest_subprocess(
                "-pno:cacheprovider", "--llm=scripted", f"--llmlab-markdown={path}"
            )
    assert summary.read_text("utf-8").count("### llmlab") == 2
    assert (pytester.path / "other.md").read_text("utf-8").count("### llmlab") == 1
