"""`NAME.explain.toml`: one run says which factor moves a number, and how far."""

import json

import pytest

CARD = """
prompt = "{{ input }}"
scorers = ["contains_any"]
"""
ROWS = """\
{"id": "fr", "input": "What is the capital of France?", "target": "Paris"}
{"id": "jp", "input": "What is the capital of Japan?", "target": "Tokyo"}
"""
WHY = """
task = "capitals.task.toml"
[to]
prompt = "Say nothing of {{ id }}."
max_tokens = 90
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_contributions_follow_the_table(
    pytester: pytest.Pytester, workers: str
) -> None:
    """The prompt costs what it costs, the length nothing, and both together no more."""
    files = {"capitals.task.toml": CARD, "capitals.jsonl": ROWS}
    for name, text in {**files, "why.explain.toml": WHY}.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    options = ["--llm=scripted", "--llmlab-json=out.json", "-pno:cacheprovider"]
    result = pytester.runpytest_subprocess(*options, f"-n{workers}", "why.explain.toml")
    report = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    values = {row["plan"]["task"]: row["metrics"][0]["value"] for row in report["rows"]}
    lost = 100 * (values["why-to"] - values["why-from"])
    assert values["why-from"] == values["why-max_tokens"] > values["why-prompt"]
    assert [(c["factor"], c["points"], c["n"]) for c in report["contributions"]] == [
        ("prompt", lost, 2),
        ("max_tokens", 0.0, 2),
        ("interactions", 0.0, 2),
        ("total", lost, 2),
    ]
    result.stdout.re_match_lines(
        [
            r"explanation  model     changed alone  points +95% interval  n",
            rf"why          scripted  prompt +{lost:+.1f} .*",
        ]
    )


def test_wrong_explanation_is_a_collection_error(pytester: pytest.Pytester) -> None:
    """It names the file, and nothing is asked."""
    (pytester.path / "why.explain.toml").write_text("task = 3\n", encoding="utf-8")
    result = pytester.runpytest_subprocess("--llm=scripted", "-pno:cacheprovider")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.re_match_lines([r".*why\.explain\.toml:1: 'task' is 3\..*"])
