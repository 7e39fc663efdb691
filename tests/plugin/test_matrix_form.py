"""A matrix of prompts and datasets: a task for each, on the same samples."""

import json
from typing import Any

import pytest

CARD = """
prompt = "{{ country }}?"
scorers = ["contains_any"]
gate = "accuracy >= 0.1 point"
"""
SCRIPT = """
[[reply]]
pattern = "please.*0|0.*please"
text = "I do not know."

[[reply]]
pattern = "."
text = "Paris"
"""
EXPERT = """+++
system = "You know all."
temperature = 0.5
+++
please {{ country }}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A card with 30 rows, two prompt files, and a model that dislikes one."""
    folder = pytester.path
    rows = [
        {"id": f"q{n}", "country": f"Land {n}", "target": "Paris"} for n in range(30)
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "capitals.jsonl").write_text(lines, encoding="utf-8")
    (folder / "capitals.task.toml").write_text(CARD, encoding="utf-8")
    (folder / "script.toml").write_text(SCRIPT, encoding="utf-8")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "plain.md").write_text("{{ country }}?\n", encoding="utf-8")
    (folder / "prompts" / "expert.md").write_text(EXPERT, encoding="utf-8")
    return pytester


def _run(project: pytest.Pytester, matrix: str, *arguments: str) -> pytest.RunResult:
    (project.path / "wording.matrix.toml").write_text(matrix, encoding="utf-8")
    options = (
        "-pno:cacheprovider",
        "--llm=scripted:script.toml",
        "--llmlab-json=t.json",
    )
    files = ("--llmlab-samples=s.jsonl", "wording.matrix.toml")
    return project.runpytest_subprocess(*options, *files, *arguments)


def _values(project: pytest.Pytester) -> dict[str, float]:
    report = json.loads((project.path / "t.json").read_text("utf-8"))
    return {r["plan"]["task"]: r["metrics"][0]["value"] for r in report["rows"]}


def _samples(project: pytest.Pytester) -> list[dict[str, Any]]:
    text = (project.path / "s.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


FILES = 'task = "capitals.task.toml"\nprompts = ["prompts/*.md"]\n'


def test_each_prompt_is_a_task(project: pytest.Pytester) -> None:
    """With its own system message and temperature, and the gate of the card."""
    result = _run(project, FILES)
    assert _values(project) == {
        "wording-expert": pytest.approx(27 / 30),
        "wording-plain": 1.0,
    }
    result.stdout.fnmatch_lines(["PASSED  wording-expert on *: accuracy >= 0.1 point"])
    asked = {sample["task"]: sample for sample in _samples(project)}
    roles = [turn["role"] for turn in asked["wording-expert"]["prompt"]]
    assert roles == ["system", "user"]
    assert asked["wording-expert"]["config"]["temperature"] == 0.5
    assert asked["wording-plain"]["prompt"][0]["content"].endswith("?")


def test_all_prompts_get_the_same_samples(project: pytest.Pytester) -> None:
    """Of a subset, too: else prompts would be compared on other questions."""
    _run(project, FILES, "--llmlab-limit=7")
    by_task: dict[str, set[str]] = {}
    for sample in _samples(project):
        by_task.setdefault(sample["task"], set()).add(sample["sample_id"])
    expert, plain = by_task.values()
    assert expert == plain
    assert len(expert) == 7


def test_prompts_cross_datasets(project: pytest.Pytester) -> None:
    """Two texts on two files are four tasks."""
    (project.path / "more.csv").write_text("id,country,target\nx,Rome 0,Paris\n")
    matrix = (
        'task = "capitals.task.toml"\ndata = ["capitals.jsonl", "more.csv"]\n'
        '[prompts]\nask = "{{ country }}"\nbeg = "please {{ country }}"\n'
    )
    _run(project, matrix)
    assert _values(project) == {
        "wording-ask-capitals": 1.0,
        "wording-ask-more": 1.0,
        "wording-beg-capitals": pytest.approx(27 / 30),
        "wording-beg-more": 0.0,
    }


@pytest.mark.parametrize(
    ("matrix", "files", "message"),
    [
        ('prompts = ["p/*.md"]', {}, "'task' is missing"),
        ('task = "capitals.task.toml"', {}, "'prompts' is missing"),
        (FILES.replace("*.md", "*.txt"), {}, "no prompt matches 'prompts/*.txt'"),
        (FILES + "datas = []", {}, "Did you mean 'data'"),
        (FILES, {"prompts/x.md": "+++\na = 1\n"}, "x.md:1 begins with +++"),
        (FILES, {"prompts/x.md": "+++\nsytem = 'a'\n+++\n"}, "Did you mean 'system'?"),
        (
            FILES,
            {"prompts/x.md": "+++\na b\n+++\nHi"},
            "x.md: the settings are no",
        ),
        (FILES, {"prompts/x.md": "+++\nprompt = 'a'\n+++\nHi"}, "hold a prompt"),
        (FILES, {"prompts/plain.en.md": "Hi"}, "several prompts are called plain"),
        (FILES, {"prompts/x.md": "{{ land }}"}, "'land' is undefined"),
    ],
)
def test_mistakes_name_their_file(
    project: pytest.Pytester, matrix: str, files: dict[str, str], message: str
) -> None:
    """Nothing is guessed."""
    for name, text in files.items():
        (project.path / name).write_text(text, encoding="utf-8")
    result = _run(project, matrix)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert message in result.stdout.str()
