"""The files of lm-eval, compared with those that lm-eval 0.4.13 wrote of our rows.

`lm_eval_0_4_13/` was written by its EvaluationTracker, over two rows per task of our
own making and with the answers below: see tests/golden/reference_files.py.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Report,
    SampleRecord,
    SampleResult,
    Score,
    TaskPlan,
    canonical_json,
)
from llmlab_pytest.metrics import build_row, default_metrics
from llmlab_pytest.reporting import TaskSamples, render_harness
from llmlab_pytest.reporting._harness_results import results_of

GOLDEN = Path(__file__).with_name("lm_eval_0_4_13")
TEXTS = ["3 + 4 = 7. #### 7", "It holds 2,400 nails."]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line]


def golden(task: str) -> list[dict[str, Any]]:
    return lines_of((GOLDEN / f"samples_{task}.jsonl").read_text(encoding="utf-8"))


def rows_of(task: str) -> list[dict[str, Any]]:
    return list({line["doc_id"]: line["doc"] for line in golden(task)}.values())


def likelihoods(task: str) -> list[list[tuple[float, bool]]]:
    return [
        [(float(value), greedy == "True") for ((value, greedy),) in line["resps"]]
        for line in golden(task)
    ]


@pytest.fixture
def tables(card: Callable[..., Any], judged: Callable[..., Any]) -> list[TaskSamples]:
    """Both tasks, asked and judged by us."""
    return [
        judged(card("gsm8k", rows_of("gsm8k")), TEXTS),
        judged(card("arc_easy", rows_of("arc_easy")), likelihoods("arc_easy")),
    ]


def rendered(report: Report, tables: list[TaskSamples]) -> dict[str, str]:
    return {name: "".join(parts) for name, parts in render_harness(report, tables)}


def test_sample_lines_equal_those_of_lm_eval(
    tables: list[TaskSamples], report: Callable[..., Report]
) -> None:
    """Every field in its order: hashes, log-likelihoods, filters, metric values."""
    files = rendered(report(*tables), tables)
    for task in ("arc_easy", "gsm8k"):
        mine = lines_of(files[f"m/samples_{task}_2026-11-24T18-05-01.jsonl"])
        theirs = golden(task)
        for line in mine if task == "gsm8k" else []:
            # lm-eval leaves the limit to the model; ours records what was asked.
            assert line["arguments"]["gen_args_0"]["arg_1"].pop("max_gen_toks") == 256
        assert mine == theirs
        assert [list(line) for line in mine] == [list(line) for line in theirs]


def test_results_equal_those_of_lm_eval(
    tables: list[TaskSamples], report: Callable[..., Report]
) -> None:
    """Metrics, errors, counts, versions and the hash of all samples; no key lacks."""
    content = json.loads(
        rendered(report(*tables), tables)["m/results_2026-11-24T18-05-01.json"]
    )
    theirs = json.loads((GOLDEN / "results.json").read_text(encoding="utf-8"))
    for part in theirs.keys() - {"keys", "config_keys"}:
        assert content[part] == theirs[part], part
    assert set(theirs["keys"]) <= set(content)
    assert set(theirs["config_keys"]) <= set(content["config"])
    assert content["total_evaluation_time_seconds"] == "90.0"


def test_whole_text_is_a_rolling_request_of_lm_eval(
    whole_text: TaskSamples, report: Callable[..., Report]
) -> None:
    """One argument, the text; one answer, its likelihood; lower metrics are better."""
    files = rendered(report(whole_text), [whole_text])
    results, lines = (files[name] for name in sorted(files))
    (line,) = lines_of(lines)
    assert line["arguments"] == {"gen_args_0": {"arg_0": "a b"}}
    assert (line["resps"], line["filtered_resps"]) == ([["-6.0"]], ["-6.0"])
    assert line["target"] == "a b"
    content = json.loads(results)
    assert content["configs"]["notes"]["output_type"] == "loglikelihood_rolling"
    values = content["results"]["notes"]
    assert values["word_perplexity,none"] == pytest.approx(math.exp(3))
    assert values["word_perplexity_stderr,none"] == "N/A"
    assert set(content["higher_is_better"]["notes"].values()) == {False}


def test_target_with_unconditional_choices_is_the_cards(
    card: Callable[..., Any],
    judged: Callable[..., Any],
    report: Callable[..., Report],
) -> None:
    """Contexts that differ do not make a first choice the one end of all."""
    task = card("arc_easy", rows_of("arc_easy")[:1], has_unconditional=True)
    asked = likelihoods("arc_easy")[0]
    table = judged(task, [[*asked, *asked]])
    (line,) = lines_of(
        next(
            text
            for name, text in rendered(report(table), [table]).items()
            if "samples" in name
        )
    )
    assert line["target"] == golden("arc_easy")[0]["target"]
    assert len(line["arguments"]) == 2 * len(asked)


def test_errors_and_behaviour_tests_are_left_out(
    tables: list[TaskSamples], report: Callable[..., Report]
) -> None:
    """lm-eval knows neither: an error is no wrong answer, a test has no row."""
    failed = SampleRecord(
        result=SampleResult(task="gsm8k", model="m", sample_id="x", error="Timeout")
    )
    records = [*tables[0].records, failed]
    table = TaskSamples(row=tables[0].row, stratified_by="", strata=(), records=records)
    files = rendered(report(table), [table])
    (name,) = [name for name in files if "samples" in name]
    assert len(lines_of(files[name])) == 4
    row = table.row
    plain = type(row.plan)(task="tests/test_x", model="m", planned=1, available=1)
    row = type(row)(**{**{f: getattr(row, f) for f in row.__slots__}, "plan": plain})
    behaviour = TaskSamples(row=row, stratified_by="", strata=(), records=[failed])
    assert rendered(report(behaviour), [behaviour]) == {}


@pytest.mark.parametrize(
    ("model", "folder"),
    [("a/b:c", "a__b__c"), ("../..", "__.."), ("..", "_"), ("smollm2", "smollm2")],
)
def test_names_stay_below_the_folder(
    card: Callable[..., Any],
    judged: Callable[..., Any],
    report: Callable[..., Report],
    model: str,
    folder: str,
) -> None:
    """No name of a model leads out of the folder that the user names."""
    table = judged(card("gsm8k", rows_of("gsm8k")), TEXTS, model)
    names = list(rendered(report(table), [table]))
    assert {name.rpartition("/")[0] for name in names} == {folder}


GROUPED = {
    ("stem", "anatomy"): [1, 0, 1],
    ("stem", "astronomy"): [0, 0, 1, 1],
    ("social sciences", "econometrics"): [1, 1, 0],
}
"""The scores that `tests/golden/reference_groups.py` gives to lm-eval."""


def rounded(entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return entries whose numbers may differ in the 13th digit."""
    return {
        name: {
            key: round(value, 12) if isinstance(value, float) else value
            for key, value in entry.items()
        }
        for name, entry in entries.items()
    }


def test_groups_equal_those_of_lm_eval(report: Callable[..., Report]) -> None:
    """Names, members, values, pooled errors and counts of MMLU's groups and parts."""
    results, paths = [], {}
    for path, values in GROUPED.items():
        for number, value in enumerate(values):
            name = f"{path[-1]}-{number}"
            paths[name] = path
            score = Score(scorer="acc", value=float(value))
            results.append(
                SampleResult(task="mmlu", model="m", sample_id=name, scores=(score,))
            )
    definition = canonical_json({"shots": 0, "scorers": ["acc"]})
    plan = TaskPlan(
        task="mmlu",
        model="m",
        planned=10,
        available=10,
        factors={"definition": definition},
    )
    row = build_row(plan, results, default_metrics(), groups=paths)
    mine = results_of(report(), [row], {})
    theirs = json.loads((GOLDEN / "groups.json").read_text("utf-8"))
    for part in ("results", "groups"):
        assert rounded(mine[part]) == rounded(theirs[part])
    members = {name: set(names) for name, names in mine["group_subtasks"].items()}
    assert members == {n: set(names) for n, names in theirs["group_subtasks"].items()}
    for part in ("n-shot", "higher_is_better"):
        for name, value in theirs[part].items():
            assert mine[part][name] == value
