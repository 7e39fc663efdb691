"""Several models in one run: the table at its end, the page, JSON, an earlier run."""

import json

import pytest

MODELS = """
[[model]]
alias = "careful"
provider = "scripted"
id = "./careful.toml"
input_usd_per_million_tokens = 4
output_usd_per_million_tokens = 8

[[model]]
alias = "hasty"
provider = "scripted"
id = "./hasty.toml"
"""
CAREFUL = """
[[reply]]
pattern = "[02468]$"
text = "even"

[[reply]]
pattern = "[1357]$"
text = "odd"

[[reply]]
pattern = "."
text = "who knows"
"""
HASTY = CAREFUL.replace("[02468]", "[0268]")
TASK = """
from llmlab_pytest import llm_task

ROWS = [{"number": n, "target": "odd" if n % 2 else "even"} for n in range(30)]

@llm_task(data=ROWS, prompt="{{ number }}", scorers=["exact"])
def test_parity(score): ...
"""
FILES = ("--llmlab-json=run.json", "--llmlab-html=run.html")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A task and two models, of which one is right more often and costs money."""
    for name, text in (
        ("llmlab_models.toml", MODELS),
        ("careful.toml", CAREFUL),
        ("hasty.toml", HASTY),
        ("test_parity.py", TASK),
    ):
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


def test_run_of_two_models_ends_with_both_side_by_side(
    project: pytest.Pytester,
) -> None:
    """In the terminal, the page and the JSON; the same when it is reported again."""
    options = ("-pno:cacheprovider", "--llm=careful,hasty", *FILES)
    lines = project.runpytest_subprocess(*options).outlines
    start = next(n for n, line in enumerate(lines) if "$/sample" in line)
    assert lines[start + 1].split()[:3] == ["parity", "careful", "0.900"]
    assert lines[start + 2].split()[:4] == ["parity", "hasty", "0.800", "$0"]
    (advice,) = (line for line in lines if line.startswith("parity: careful, $0.0000"))
    assert "is the cheapest shown to be less than 0.02 below the best" in advice
    kept = json.loads((project.path / "run.json").read_text("utf-8"))["side_by_side"]
    standings = kept["tasks"][0]["standings"]
    assert [one["model"] for one in standings] == ["careful", "hasty"]
    assert kept["tasks"][0]["separating"][0]["right"] == ["careful"]
    assert "Quality against cost" in (project.path / "run.html").read_text("utf-8")
    again = project.runpytest_subprocess("-pno:cacheprovider", "--llmlab-report")
    assert lines[start : start + 3] == [
        line for line in again.outlines if line in lines[start : start + 3]
    ]


def test_run_of_one_model_has_nothing_beside_it(project: pytest.Pytester) -> None:
    """Neither lines in the terminal nor a section or key in the files."""
    options = ("-pno:cacheprovider", "--llm=careful", *FILES)
    lines = project.runpytest_subprocess(*options).outlines
    assert not any("$/sample" in line for line in lines)
    assert "side_by_side" not in json.loads(
        (project.path / "run.json").read_text("utf-8")
    )
    assert "side by side" not in (project.path / "run.html").read_text("utf-8")


def test_workers_give_the_same_numbers(project: pytest.Pytester) -> None:
    """Chances are drawn with a fixed seed, whoever asked the models."""
    found = []
    for workers in ("0", "2"):
        options = ("-pno:cacheprovider", f"-n{workers}", "--llm=careful,hasty")
        project.runpytest_subprocess(*options, "--llmlab-json=run.json")
        kept = json.loads((project.path / "run.json").read_text("utf-8"))
        found.append(
            [
                (one["quality"], one["cost_usd"], one["cost_frontier_chance"])
                for one in kept["side_by_side"]["tasks"][0]["standings"]
            ]
        )
    assert found[0] == found[1]
