"""`--llmlab-coverage`: what a suite exercised, as a table and as a gate."""

import json
from typing import Any

import pytest

LIST = """
[risk]
items = ["injection", "pii", "bias"]
at_least = {least}

[rule]
file = "system.md"

[topic]
items = ["billing", "travel"]
by = "field:topic"

[tool]
items = ["search", "pay"]
by = "tool"

[prompt]
files = "prompts/*.txt"

[part]
items = ["easy", "hard"]
by = "group"
"""
SYSTEM = "You help.\n1. Be kind.\n2. Name no price.\n10) Say so.\n"
CARD = """
prompt = "Say hello politely: {{ input }}"
scorers = ["contains_any"]
group = "level"
covers = { risk = "injection", rule = ["1", "{{ rule }}"], odd = "x" }
"""
ROWS = [
    {"id": "a", "input": "a", "target": "a", "rule": 10, "topic": ["billing"]},
    {"id": "b", "input": "b", "target": "a", "rule": 10, "topic": "billing"},
]
TESTS = """
import pytest
from llmlab_pytest import Tool

pytestmark = pytest.mark.llm_covers(rule="1")


@pytest.mark.llm_covers(risk=["pii", "injection"])
def test_said(llm):
    assert llm("hello").text


@pytest.mark.llm_covers(risk="bias")
def test_broken(llm):
    llm("break")


def test_tool(llm):
    search = Tool("search", "finds", {"type": "object", "properties": {}})
    assert llm.chat("find", tools=[search]).tool_calls
"""
SCRIPT = """
fallback = "error"

[[reply]]
pattern = "find"
tool_calls = [{ name = "search", arguments = {} }]

[[reply]]
pattern = "[ab]$|hello"
text = "a"
"""
REGISTRY = """
[[model]]
alias = "bot"
provider = "scripted"
id = "./bot.toml"
capabilities = ["chat", "tools"]
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A card and behaviour tests that exercise some of what is declared."""
    rows = [row | {"level": "easy"} for row in ROWS]
    (pytester.path / "prompts").mkdir()
    for name, text in {
        "polite.task.toml": CARD,
        "polite.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows),
        "test_it.py": TESTS,
        "bot.toml": SCRIPT,
        "llmlab_models.toml": REGISTRY,
        "system.md": SYSTEM,
        "prompts/hello.txt": "Say hello politely\n",
        "prompts/bye.txt": "Say goodbye",
        "coverage.toml": LIST.format(least=1),
    }.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-pno:cacheprovider", "--llm=bot", *options)


def coverage_of(pytester: pytest.Pytester) -> dict[str, dict[str, Any]]:
    content = json.loads((pytester.path / "run.json").read_text("utf-8"))
    return {
        each["kind"]: {item["name"]: item["samples"] for item in each["items"]}
        for each in content["coverage"]
    }


@pytest.mark.parametrize("workers", ["-pno:xdist", "-n2"])
def test_what_was_exercised_is_counted_by_sample(
    suite: pytest.Pytester, workers: str
) -> None:
    """By labels of cards and marks, rows, groups, tools and prompts; no errors."""
    run(suite, "--llmlab-coverage=coverage.toml", "--llmlab-json=run.json", workers)
    assert coverage_of(suite) == {
        "risk": {"injection": 3, "pii": 1, "bias": 0},
        "rule": {"1": 4, "2": 0, "10": 2},
        "topic": {"billing": 2, "travel": 0},
        "tool": {"search": 1, "pay": 0},
        "prompt": {"prompts/bye.txt": 0, "prompts/hello.txt": 2},
        "part": {"easy": 2, "hard": 0},
        "odd": {"x": 2},
    }


def test_table_names_what_was_never_exercised_and_the_gate_fails(
    suite: pytest.Pytester,
) -> None:
    """Exit code 1, though every test that ran has passed; in Markdown and page too."""
    result = run(
        suite,
        *("--llmlab-coverage=coverage.toml", "--llmlab-markdown=run.md"),
        *("--llmlab-html=run.html", "-k", "not broken"),
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "coverage*exercised*share*samples*never*not declared",
            "risk *2 of 3 *67% *4  bias *-",
            "rule *2 of 3 *67% *6  2 *-",
            "odd * 1 *- *2  - *x",
            "FAILED  all tasks on all models: coverage(risk) >= 1",
            "    2 of 3 exercised; never: bias",
        ]
    )
    assert "| `risk` | 2 of 3 | 67% | 4 | bias | \\- |" in (
        suite.path / "run.md"
    ).read_text("utf-8").replace("-", "\\-").replace("\\\\-", "\\-")
    page = (suite.path / "run.html").read_text("utf-8")
    assert '<td class="title">risk</td><td class="wide">2 of 3</td>' in page


def test_enough_coverage_passes(suite: pytest.Pytester) -> None:
    """A gate of two thirds; without a list, labels are shown and nothing decided."""
    (suite.path / "coverage.toml").write_text(LIST.format(least=0.66))
    options = ("-k", "not broken")
    result = run(suite, "--llmlab-coverage=coverage.toml", *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["PASSED  all tasks on all models: coverage(risk)*"])
    result = run(suite, *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["risk * 2 *- *4  - *injection, pii"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("risk = 1", "coverage.toml:1: 'risk' is 1."),
        ("[risk]\nitem = ['a']", "Did you mean 'items'"),
        ("[risk]\nitems = ['a']\nat_least = 2", "'at_least' is 2."),
        ("[risk]\nitems = ['a']\nby = 'row'", "'by' is 'row'."),
        ("[risk]\nitems = []", "nothing is declared"),
        ("[risk]\nfile = 'none.md'", "none.md' cannot be read"),
        ("[risk]\nfile = 'system.md'\npattern = '('", "'(' is no pattern"),
        ("[risk]\nitems = ['a']\nfile = 'x'", "has items and file, by 'covers'"),
    ],
    ids=["no table", "key", "share", "by", "empty", "file", "pattern", "two"],
)
def test_wrong_list_is_said(suite: pytest.Pytester, text: str, message: str) -> None:
    """With file and line."""
    (suite.path / "coverage.toml").write_text(text, encoding="utf-8")
    result = run(suite, "--llmlab-coverage=coverage.toml", "--llmlab-report")
    output = result.stderr.str() + result.stdout.str()
    assert result.ret != pytest.ExitCode.OK
    assert message in output, output


def test_wrong_mark_is_said(suite: pytest.Pytester) -> None:
    """Nothing is asked then."""
    wrong = TESTS.replace('(rule="1")', '("rule")')
    (suite.path / "test_it.py").write_text(wrong, encoding="utf-8")
    result = run(suite)
    assert result.ret != pytest.ExitCode.OK
    output = result.stderr.str() + result.stdout.str()
    assert "(@llm_covers) has ('rule',)." in output
    assert "INTERNALERROR" not in output
