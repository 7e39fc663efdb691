"""`pytest promptfooconfig.yaml` runs promptfoo's file: models, judges, gates, names."""

import json
from typing import Any

import pytest

CONFIG = """
description: Capitals
prompts:
  - "What is the capital of {{country}}?"
  - label: chat
    raw: |
      [{"role": "system", "content": "Be short."},
       {"role": "user", "content": "Capital of {{country}}?"}]
providers: [openai:gpt-4o-mini]
tests:
  - description: France is easy
    vars: {country: France}
    assert:
      - {type: icontains, value: paris, weight: 2}
      - {type: not-contains, value: Lyon}
  - vars: {country: [Japan, Chile]}
    threshold: 0.5
    assert:
      - {type: contains-any, value: [Tokyo, Santiago], metric: names}
      - {type: word-count, value: {max: 3}}
"""
SCRIPT = """
[[reply]]
pattern = "France"
text = "It is Paris."

[[reply]]
pattern = "Japan"
text = "Kyoto."

[[reply]]
pattern = "."
text = "Santiago"
"""
MODELS = """
[[model]]
alias = "gpt-4o-mini-double"
provider = "scripted"
id = "script.toml"
capabilities = ["chat"]

[[model]]
alias = "judge"
provider = "scripted"
id = "judge.toml"
capabilities = ["chat"]
"""
JUDGE = """
[[reply]]
pattern = "(?s)Japan|Kyoto"
text = '{"reason": "it is wrong", "verdict": "no"}'

[[reply]]
pattern = "."
text = '{"reason": "it is polite", "verdict": "yes"}'
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A configuration and two doubles of models."""
    for name, text in (
        ("promptfooconfig.yaml", CONFIG),
        ("script.toml", SCRIPT),
        ("judge.toml", JUDGE),
        ("llmlab_models.toml", MODELS),
    ):
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


def _run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ("-pno:cacheprovider", "--llm=gpt-4o-mini-double")
    files = ("--llmlab-json=t.json", "--llmlab-samples=s.jsonl")
    return project.runpytest_subprocess(*options, *files, *arguments)


def _rows(project: pytest.Pytester) -> dict[str, dict[str, float]]:
    report = json.loads((project.path / "t.json").read_text("utf-8"))
    return {
        row["plan"]["task"]: {each["name"]: each["value"] for each in row["metrics"]}
        for row in report["rows"]
    }


def _samples(project: pytest.Pytester) -> list[dict[str, Any]]:
    text = (project.path / "s.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_each_prompt_is_a_task_with_promptfoos_verdicts(
    project: pytest.Pytester,
) -> None:
    """Passed by the threshold, scored by the mean, and a metric of its own."""
    result = _run(project, "promptfooconfig.yaml")
    assert result.ret == 0
    values = _rows(project)
    name = project.path.name
    assert list(values) == [f"{name}-What-is-the-capital-of-country", f"{name}-chat"]
    for metrics in values.values():
        assert metrics == {
            "passed": 1.0,
            "score": pytest.approx((1 + 0.5 + 1) / 3),
            "names": 0.5,
        }
    chats = [s for s in _samples(project) if s["task"].endswith("-chat")]
    assert [turn["role"] for turn in chats[0]["prompt"]] == ["system", "user"]
    assert chats[0]["sample_id"] == "0000-France-is-easy"


def test_test_that_fails_fails_the_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As promptfoo's exit code says it; its variable lowers what is asked for."""
    text = CONFIG.replace("threshold: 0.5", "threshold: 0.9")
    (project.path / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    result = _run(project, "promptfooconfig.yaml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*passed is 0.6667 over 3 samples*"])
    missed = [s for s in _samples(project) if s["scores"][0]["value"] == 0]
    assert "score 0.5, asked for 0.9; contains-any" in json.dumps(missed[0]["scores"])
    monkeypatch.setenv("PROMPTFOO_PASS_RATE_THRESHOLD", "60")
    assert _run(project, "promptfooconfig.yaml").ret == 0


def test_models_of_the_file_are_asked_where_none_is_chosen(
    project: pytest.Pytester,
) -> None:
    """Here one that is not known: the error names the line and `--llm`."""
    text = CONFIG.replace("openai:gpt-4o-mini", "exec:own")
    (project.path / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    result = project.runpytest_subprocess("-pno:cacheprovider", "promptfooconfig.yaml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*promptfooconfig.yaml:9: the provider 'exec:own'*--llm*"]
    )


def test_models_of_the_file_have_their_decoding(project: pytest.Pytester) -> None:
    """Two providers are two models; collecting asks neither."""
    text = CONFIG.replace(
        "[openai:gpt-4o-mini]",
        "[openai:gpt-4o-mini, {id: 'anthropic:messages:claude-x', "
        "config: {temperature: 0.5}}]",
    )
    (project.path / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    result = project.runpytest_subprocess(
        "-pno:cacheprovider", "--collect-only", "-q", "promptfooconfig.yaml"
    )
    assert result.ret == 0
    lines = [
        line for line in result.outlines if "-chat[" in line and "gate" not in line
    ]
    assert len(lines) == 6
    assert sum("anthropic-claude-x" in line for line in lines) == 3


def test_file_that_is_not_named_is_left_alone(project: pytest.Pytester) -> None:
    """A project's own tests do not begin to ask models that cost money."""
    project.makepyfile("def test_own(): pass")
    result = _run(project)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("own.promptfoo.yaml", ()),
        ("evals/any.yml", ("--llmlab-promptfoo=evals/*.yml",)),
        ("any.yaml", ("-ollmlab_promptfoo=x.yaml, any.yaml",)),
    ],
)
def test_other_names_are_opted_in(
    project: pytest.Pytester, name: str, options: tuple[str, ...]
) -> None:
    """By their ending, by the option, or by the ini key."""
    path = project.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(CONFIG, encoding="utf-8")
    result = _run(project, *options)
    assert result.ret == 0
    stem = path.name.partition(".")[0]
    assert [task.partition("-")[0] for task in _rows(project)] == [stem, stem]


def test_judge_is_asked_once_for_all_scores(project: pytest.Pytester) -> None:
    """The verdict, the mean and the metric of an assertion share its judgement."""
    text = (
        "prompts: ['{{country}}?']\ntests:\n"
        "  - vars: {country: [Japan, France]}\n    assert:\n"
        "      - {type: llm-rubric, value: polite, metric: tone}\n"
    )
    (project.path / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    result = _run(project, "--llmlab-judge=judge", "promptfooconfig.yaml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert _rows(project)[project.path.name] == {
        "passed": 0.5,
        "score": 0.5,
        "tone": 0.5,
    }
    table = next(n for n, line in enumerate(result.outlines) if "scorer  judge" in line)
    name, *_, calls, _ = result.outlines[table + 1].split()
    assert (name, calls) == ("passed", "2")


def test_judge_that_nobody_names_is_an_error(project: pytest.Pytester) -> None:
    """Never a score."""
    text = "prompts: [hi]\ntests:\n  - assert: [{type: llm-rubric, value: polite}]\n"
    (project.path / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    result = _run(project, "promptfooconfig.yaml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*none is chosen*--llmlab-judge*"])


def test_workers_agree(project: pytest.Pytester) -> None:
    """Under xdist the verdicts are the same."""
    assert _run(project, "promptfooconfig.yaml", "-n2").ret == 0
    assert [values["names"] for values in _rows(project).values()] == [0.5, 0.5]
