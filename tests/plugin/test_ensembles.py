"""An ensemble as users meet it: chosen by name, kept, shown, within a budget."""

import json

import pytest

MODELS = """
[[model]]
alias = "committee"
provider = "ensemble"
members = ["one", "two", "three"]
answer = 'is (\\w+)'

[[model]]
alias = "one"
provider = "scripted"
id = "./one.toml"
defaults = { max_tokens = 10 }
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000

[[model]]
alias = "two"
provider = "scripted"
id = "./two.toml"

[[model]]
alias = "three"
provider = "scripted"
id = "./three.toml"
"""
REPLY = """
[[reply]]
pattern = "[{wrong}]$"
text = "It is anything"

[[reply]]
pattern = "[02468]$"
text = "It is even"

[[reply]]
pattern = "."
text = "This is odd"
"""
TASK = """
from llmlab_pytest import llm_task

ROWS = [
    {"id": f"s{n}", "input": f"{n}", "target": "odd" if n % 2 else "even"}
    for n in range(10)
]

@llm_task(data=ROWS, prompt="{{ input }}", scorers=["contains_any"])
def test_parity(score): ...
"""
BUDGET_SPENT = 10


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Three models that are each wrong on other numbers, and one of all of them."""
    files = {"llmlab_models.toml": MODELS, "test_parity.py": TASK}
    for name, wrong in (("one", "123"), ("two", "345"), ("three", "67")):
        files[f"{name}.toml"] = REPLY.format(wrong=wrong)
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess(
        "-pno:cacheprovider", "--llmlab-json=run.json", *options
    )


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_committee_is_right_where_its_members_are_not(
    project: pytest.Pytester, workers: str
) -> None:
    """All but 3, on which two are wrong; it costs what the one with a price does."""
    run(project, "--llm=committee,one", workers)
    rows = json.loads((project.path / "run.json").read_text("utf-8"))["rows"]
    committee, one = sorted(rows, key=lambda row: row["plan"]["model"])
    assert committee["metrics"][0]["value"] == 0.9
    assert one["metrics"][0]["value"] == 0.7
    assert committee["cost_usd"] == pytest.approx(one["cost_usd"])
    assert committee["usage"]["input_tokens"] == 3 * one["usage"]["input_tokens"]


def test_votes_are_kept_and_shown_in_the_page(project: pytest.Pytester) -> None:
    """Also of a run that is reported again."""
    run(project, "--llm=committee")
    run(project, "--llmlab-report", "--llmlab-html=run.html")
    page = (project.path / "run.html").read_text("utf-8")
    assert "2 of 3 for 'anything'" in page
    assert "3 of 3 for 'even'" in page


@pytest.mark.parametrize(
    ("keep", "recall"),
    [
        ("--llmlab-record=tapes", "--llmlab-replay=tapes"),
        ("--llmlab-cache=auto", "--llmlab-cache=only"),
    ],
)
def test_answers_are_recalled_with_their_votes(
    project: pytest.Pytester, keep: str, recall: str
) -> None:
    """No member is asked again: their scripts are gone, or say something else."""
    first = run(project, "--llm=committee", keep)
    assert first.ret == 0
    if "replay" in recall:
        for name in ("one", "two", "three"):
            (project.path / f"{name}.toml").unlink()
    again = run(project, "--llm=committee", recall, "--llmlab-html=run.html")
    assert again.ret == 0
    assert "2 of 3 for 'anything'" in (project.path / "run.html").read_text("utf-8")


def test_budget_counts_the_members(project: pytest.Pytester) -> None:
    """The worst case of the one with a price is held: two samples fit."""
    result = run(project, "--llm=committee", "--llmlab-budget=0.05usd")
    assert result.ret == BUDGET_SPENT
    assert result.parseoutcomes()["skipped"] > 0


def test_unknown_member_is_an_error_before_anything_is_asked(
    project: pytest.Pytester,
) -> None:
    """It names the file, the member, and the models that there are."""
    path = project.path / "llmlab_models.toml"
    path.write_text(MODELS.replace('"three"]', '"nobody"]'), encoding="utf-8")
    result = run(project, "--llm=committee")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    text = "\n".join([*result.outlines, *result.errlines])
    assert "llmlab_models.toml:2" in text
    assert "'nobody'" in text
