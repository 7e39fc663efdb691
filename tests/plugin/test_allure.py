"""What Allure is given of a run: texts, figures, groups; no secret among them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-0123456789abcdef0123456789"
CARD = """
prompt = "What is the capital of {{ country }}?"
scorers = ["contains_any"]
gate = "accuracy >= 0.99"
epochs = 2
"""
ROWS = [
    {"id": "fr", "country": "France", "target": "Paris"},
    {"id": "it", "country": "Italy", "target": "Rome"},
    {"id": "xx", "country": "Nowhere", "target": "None"},
]
SCRIPT = f"""
fallback = "error"

[[reply]]
pattern = "France"
text = "It is Paris. {KEY}"

[[reply]]
pattern = "Italy"
text = "It is Lyon."
"""


@pytest.fixture
def results(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """The results of a card with a hit, a miss and an error."""
    monkeypatch.setenv("MY_API_KEY", KEY)
    (pytester.path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    (pytester.path / "capitals.task.toml").write_text(CARD, encoding="utf-8")
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    (pytester.path / "capitals.jsonl").write_text(lines, encoding="utf-8")
    options = ("-pno:cacheprovider", "--llm=scripted:script.toml", "--alluredir=allure")
    pytester.runpytest_subprocess(*options)
    folder = pytester.path / "allure"
    return [json.loads(file.read_text()) for file in folder.glob("*-result.json")]


def _of(results: list[dict[str, Any]], sample: str) -> dict[str, Any]:
    return next(r for r in results if r["name"].endswith(f"-{sample}-e1]"))


def _labels(result: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}


def _attached(result: dict[str, Any], folder: Path) -> dict[str, str]:
    return {
        each["name"]: (folder / each["source"]).read_text("utf-8")
        for each in result["attachments"]
    }


def test_a_sample_has_its_texts_and_figures(
    results: list[dict[str, Any]], pytester: pytest.Pytester
) -> None:
    """Prompt, completion and scores; what differs in each run is not in the history."""
    result = _of(results, "it")
    texts = _attached(result, pytester.path / "allure")
    assert texts["prompt"] == "[user]\nWhat is the capital of Italy?"
    assert texts["completion"] == "It is Lyon."
    (score,) = json.loads(texts["scores"])
    assert (score["scorer"], score["value"]) == ("contains_any", 0.0)
    excluded = {p["name"] for p in result["parameters"] if p.get("excluded")}
    assert excluded == {
        *("cost_usd", "latency_s", "input_tokens", "output_tokens", "contains_any")
    }
    labels = _labels(result)
    assert (labels["parentSuite"], labels["tag"]) == ("capitals", "miss")
    assert labels["suite"].startswith("scripted")


def test_each_item_has_a_history_of_its_own(results: list[dict[str, Any]]) -> None:
    """Else Allure takes the samples of a task for retries of one test."""
    counts = Counter(result["historyId"] for result in results)
    assert len(results) == 7
    assert set(counts.values()) == {1}


def test_trouble_has_its_prompt_and_a_category(
    results: list[dict[str, Any]], pytester: pytest.Pytester
) -> None:
    """It is broken, not failed: no model answered wrongly."""
    result = _of(results, "xx")
    folder = pytester.path / "allure"
    assert result["status"] == "broken"
    assert _attached(result, folder)["prompt"].endswith("capital of Nowhere?")
    categories = json.loads((folder / "categories.json").read_text("utf-8"))
    assert {"broken", "failed"} == {s for c in categories for s in c["matchedStatuses"]}
    facts = (folder / "environment.properties").read_text("utf-8")
    assert "\nseed=1234\n" in facts


def test_no_key_is_in_what_allure_gets(
    results: list[dict[str, Any]], pytester: pytest.Pytester
) -> None:
    """The model said it; the report does not."""
    assert results
    files = list((pytester.path / "allure").iterdir())
    assert files
    assert [file.name for file in files if KEY in file.read_text("utf-8")] == []
