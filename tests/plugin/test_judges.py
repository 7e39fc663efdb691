"""Judges in a run: chosen by option, asked ahead, paid, kept and reported apart."""

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

MODELS = """
[[model]]
alias = "tested"
provider = "scripted"
id = "./tested.toml"
capabilities = ["chat"]
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000

[[model]]
alias = "strict"
provider = "scripted"
id = "./strict.toml"
capabilities = ["chat"]
defaults = { max_tokens = 64 }
input_usd_per_million_tokens = 1000
output_usd_per_million_tokens = 1000

[[model]]
alias = "kind"
provider = "scripted"
id = "./kind.toml"
capabilities = ["chat"]

[[model]]
alias = "mute"
provider = "scripted"
id = "./mute.toml"
capabilities = ["chat"]
"""
YES = '{"reason": "it is right", "verdict": "yes"}'
NO = '{"reason": "it is wrong", "verdict": "no"}'
SCRIPTS = {
    "tested": [("France", "It is Paris."), (".*", "I do not know.")],
    "strict": [("It is Paris", YES), (".*", NO)],
    "kind": [(".*", YES)],
    "mute": [("Italy", "Who knows?"), (".*", YES)],
}
CARD = """
prompt = "What is the capital of {{ country }}?"
scorers = ["correctness", "contains_any"]
"""
ROWS = [
    {"id": "fr", "country": "France", "target": "Paris"},
    {"id": "it", "country": "Italy", "target": "Rome"},
]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A card that a judge scores, and models that follow scripts."""
    folder = pytester.path
    (folder / "llmlab_models.toml").write_text(MODELS, encoding="utf-8")
    for name, replies in SCRIPTS.items():
        tables = [
            f"[[reply]]\npattern = {json.dumps(pattern)}\ntext = {json.dumps(text)}\n"
            for pattern, text in replies
        ]
        (folder / f"{name}.toml").write_text("\n".join(tables), encoding="utf-8")
    (folder / "capitals.task.toml").write_text(CARD, encoding="utf-8")
    _write_rows(folder, ROWS)
    return pytester


def _write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    for row in rows:
        row["input"] = f"What is the capital of {row['country']}?"
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "capitals.jsonl").write_text(lines, encoding="utf-8")


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    fixed = ("-pno:cacheprovider", "--llm=tested", "--llmlab-json=table.json")
    return pytester.runpytest_subprocess(*fixed, *arguments)


def _row(pytester: pytest.Pytester) -> dict[str, Any]:
    report = json.loads((pytester.path / "table.json").read_text("utf-8"))
    (row,) = report["rows"]
    return dict(row)


@pytest.mark.parametrize("how", ["ahead", "when needed", "two workers"])
def test_a_card_is_scored_by_the_judge(project: pytest.Pytester, how: str) -> None:
    """The judge's value is the score; its calls and cost stand by themselves."""
    more = {
        "ahead": [],
        "when needed": ["--llmlab-look-ahead=0"],
        "two workers": ["-n2"],
    }[how]
    result = _run(project, "--llmlab-judge=strict", *more)
    assert result.parseoutcomes() == {"passed": 1, "miss": 1}
    row = _row(project)
    values = {metric["name"]: metric["value"] for metric in row["metrics"]}
    assert values == {"correctness": 0.5, "contains_any": 0.5}
    (judge,) = row["judges"]
    assert (judge["scorer"], judge["judge"]) == ("correctness", "strict")
    assert (judge["calls"], judge["metric"]["value"]) == (2, 0.5)
    assert 0 < row["cost_usd"] < judge["cost_usd"]
    assert judge["usage"]["input_tokens"] > row["usage"]["input_tokens"]
    result.stdout.re_match_lines(
        [
            r"scorer +judge +value +95% interval +calls +cost$",
            r"correctness +strict +0\.500 .* 2 +\$0\.43$",
            r"estimated .*; judges, not estimated: \$0\.43$",
        ]
    )


def test_judges_are_in_the_estimate_once_they_were_measured(
    project: pytest.Pytester,
) -> None:
    """Before, nobody knows what a judge will read, and the sum says so."""
    result = _run(project, "--llmlab-judge=strict")
    result.stdout.re_match_lines(
        [
            r"estimate: 2 items, .* \+ \?",
            r"estimated .*; judges, not estimated: \$0\.43$",
        ]
    )
    again = _run(project, "--llmlab-judge=strict", "--llmlab-estimate")
    again.stdout.re_match_lines(
        [
            r"capitals +strict judges tested +2 .*\$0\.43 \[\$0\.\d+, \$0\.\d+\]",
            r"all +2 .*",
        ]
    )
    again.stdout.fnmatch_lines(["*strict judges tested*judgements of 2 samples"])
    last = _run(project, "--llmlab-judge=strict")
    last.stdout.re_match_lines(
        [r"estimated \$0\.\d+ .*, spent \$0\.\d+: as estimated$"]
    )


def test_a_judge_that_a_test_asks_is_named_as_not_estimated(
    project: pytest.Pytester,
) -> None:
    """What a test asks is known when it runs."""
    project.makepyfile(test_own="def test_own(llm): assert llm('France').text")
    result = _run(project, "--llmlab-judge=strict", "--llmlab-estimate")
    result.stdout.fnmatch_lines(["judges that tests ask themselves are not in it"])


def test_each_answer_is_judged_once(project: pytest.Pytester) -> None:
    """A judge that was asked ahead is not asked again by the test."""
    _run(project, "--llmlab-judge=strict")
    with sqlite3.connect(project.path / ".llmlab" / "llmlab.db") as store:
        query = "SELECT model, COUNT(*) FROM completions GROUP BY model"
        assert dict(store.execute(query)) == {"strict": 2, "tested": 2}


def test_a_judge_is_needed_only_where_a_scorer_asks_one(
    project: pytest.Pytester,
) -> None:
    """Without one each sample is an error that says how to name one."""
    result = _run(project)
    assert _row(project)["errors"] == 2
    result.stdout.fnmatch_lines(["*none is chosen. Name one: --llmlab-judge MODEL*"])


@pytest.mark.parametrize("judge", ["nobody", "llmlab-no-such-*"])
def test_an_unknown_judge_is_an_error_before_anything_is_asked(
    project: pytest.Pytester, judge: str
) -> None:
    """It names the option, whether or not a scorer would ask for a judge."""
    card = project.path / "capitals.task.toml"
    card.write_text(CARD.replace('"correctness", ', ""), encoding="utf-8")
    result = _run(project, f"--llmlab-judge={judge}")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*--llmlab-judge*"])
    assert f"'{judge}'" in result.stdout.str()
    assert not (project.path / ".llmlab").exists()


def test_what_a_judge_mumbles_is_an_error_and_no_miss(project: pytest.Pytester) -> None:
    """The other sample is scored all the same."""
    result = _run(project, "--llmlab-judge=mute")
    row = _row(project)
    assert (row["errors"], row["misses"]) == (1, 0)
    assert row["cost_usd"] == pytest.approx(19 * 1000 / 1e6)  # both answers
    assert row["metrics"][0]["n"] == 1
    result.stdout.fnmatch_lines(["*MalformedJudgement: The judge 'mute' answered*"])


def test_a_jury_is_told_apart_and_its_agreement_reckoned(
    project: pytest.Pytester,
) -> None:
    """One says yes and no, the other always yes."""
    result = _run(
        project, "--llmlab-judge=strict", "--llmlab-judge=kind", "--llmlab-html=r.html"
    )
    row = _row(project)
    assert row["metrics"][0]["value"] == 0.75
    strict, kind = row["judges"]
    assert (strict["metric"]["value"], kind["metric"]["value"]) == (0.5, 1.0)
    # Of 4 values, pairs within samples differ in half, any two in 3 of 6.
    assert strict["agreement"] == kind["agreement"] == pytest.approx(0.0)
    result.stdout.re_match_lines([r"correctness +strict .* 0\.00$"])
    page = (project.path / "r.html").read_text("utf-8")
    assert '<h2 id="judges">Judges</h2>' in page


def test_what_people_say_corrects_a_kind_judge(project: pytest.Pytester) -> None:
    """`llmlab judge` compares, and the report shows what people would have said."""
    question = ROWS[0]["input"]
    ratings = [
        {"input": question, "answer": answer, "target": "Paris", "rating": rating}
        for answer, rating in [("It is Paris.", True), ("It is Lyon.", False)] * 20
    ]
    (project.path / "rated.jsonl").write_text(
        "".join(f"{json.dumps(row)}\n" for row in ratings), encoding="utf-8"
    )
    options = ("--scorer", "correctness", "--judge", "kind", "--out", "kind.json")
    llmlab = Path(sys.executable).with_name("llmlab")
    compared = project.run(llmlab, "judge", "rated.jsonl", *options)
    assert compared.ret == 0
    compared.stdout.fnmatch_lines(
        [
            "correctness by kind: 40 answers that people have rated",
            "people*judge        0        1",
            "0                          0       20",
            "1                          0       20",
            "same        0.500 *",
            "judge minus people, mean  +0.500 *",
            "wrote kind.json, for --llmlab-calibration",
        ]
    )
    arguments = ("--llmlab-judge=kind", "--llmlab-calibration=kind.json")
    result = _run(project, *arguments)
    (judge,) = _row(project)["judges"]
    assert judge["metric"]["value"] == 1.0
    # The judge says yes to everything: only the people's ratings count.
    assert judge["corrected"]["value"] == 0.5
    result.stdout.re_match_lines(
        [r"as people rate correctness of capitals on tested: 0\.500 \[0\.\d+, 0\.\d+\]"]
    )
    _run(project, "--llmlab-judge=strict", "--llmlab-calibration=kind.json")
    assert _row(project)["judges"][0]["corrected"] is None


def test_a_budget_holds_for_judges(project: pytest.Pytester) -> None:
    """The judge's model has a limit of its own; what it cannot judge is left."""
    result = _run(project, "--llmlab-judge=strict", "--llmlab-budget=strict=0.01usd")
    assert result.ret == 10
    assert _row(project)["errors"] == 0


@pytest.mark.parametrize("source", ["cassette", "cache", "resume"])
def test_judgements_of_before_are_not_asked_again(
    project: pytest.Pytester, source: str
) -> None:
    """Replayed, cached and resumed runs have the same scores, and ask nobody."""
    first, again = {
        "cassette": (["--llmlab-record=kept"], ["--llmlab-replay=kept"]),
        "cache": (["--llmlab-cache=auto"], ["--llmlab-cache=only"]),
        "resume": ([], ["--llmlab-resume"]),
    }[source]
    _run(project, "--llmlab-judge=strict", *first)
    before = _row(project)
    if source == "resume":  # else the script's digest is part of an answer's address
        for name in ("strict", "tested"):
            (project.path / f"{name}.toml").write_text('fallback = "error"\n')
    result = _run(project, "--llmlab-judge=strict", *again)
    assert result.parseoutcomes() == {"passed": 1, "miss": 1}
    after = _row(project)
    assert [m["value"] for m in after["metrics"]] == [
        m["value"] for m in before["metrics"]
    ]
    assert after["judges"][0]["calls"] == 2


def test_a_composition_asks_its_judges_ahead_too(project: pytest.Pytester) -> None:
    """Within `all_of`, with another scorer beside it."""
    card = (
        'prompt = "What is the capital of {{ country }}?"\n'
        '[[scorers]]\nname = "all_of"\nscorers = ["contains_any", "correctness"]\n'
    )
    (project.path / "capitals.task.toml").write_text(card, encoding="utf-8")
    result = _run(project, "--llmlab-judge=strict")
    assert result.parseoutcomes() == {"passed": 1, "miss": 1}
    assert _row(project)["metrics"][0]["value"] == 0.5


BEHAVIOUR = """
from llmlab_pytest import assert_score
from llmlab_pytest.judging import correctness, rubric

def test_by_fixture(llm, llm_judge):
    answer = llm("Capital of France?")
    assert llm_judge.names == ("strict",)
    score = llm_judge(answer, correctness(), question="Capital?", target="Paris")
    assert score.value == 1.0
    assert score.explanation == "it is right"
    assert llm_judge("I see.", {"name": "toxicity"}).value == 1.0

def test_by_assertion(llm):
    polite = rubric(criteria="It is polite.", material=["answer"])
    assert_score(llm("Capital of France?"), polite)

def test_that_fails(llm):
    assert_score("Go away!", rubric(criteria="It is polite.", material=["answer"]))
"""


def test_tests_ask_judges_by_fixture_and_assertion(project: pytest.Pytester) -> None:
    """A failure shows the judge's reason; what judges took is told by file."""
    project.makepyfile(test_polite=BEHAVIOUR)
    result = _run(project, "--llmlab-judge=strict", "test_polite.py")
    assert result.parseoutcomes() == {"passed": 2, "failed": 1}
    result.stdout.fnmatch_lines(["*LlmAssertionError: rubric: it is wrong"])
    (judge,) = _row(project)["judges"]
    assert (judge["judge"], judge["calls"]) == ("strict", 4)
    assert judge["cost_usd"] > 0


def test_the_fixture_needs_a_judge(project: pytest.Pytester) -> None:
    """Trouble of the set-up, not of the test."""
    project.makepyfile(test_it="def test_it(llm_judge): ...\n")
    result = _run(project, "test_it.py")
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*none is chosen*--llmlab-judge*"])
