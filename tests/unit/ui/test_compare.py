"""Runs side by side: the figures of `llmlab compare`, and the samples behind them."""

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.commands import main
from llmlab_pytest.reporting import pieces_of

OLD = [1.0] * 30 + [0.0] * 10
NEW = [1.0] * 36 + [0.0] * 4
WORSE = [0.0] * 15 + [1.0] * 15 + [0.0] * 10


def fill(kept: Any, run_id: str, day: int, values: dict[str, list[float]]) -> None:
    kept.run(run_id, day=day)
    for name, own in values.items():
        task, _, model = name.partition("/")
        kept.plan(run_id, task, model, len(own))
        for number, value in enumerate(own):
            said = f"the answer of {model} to {number} is {value}"
            kept.result(run_id, task, model, f"s{number:02d}", value=value, said=said)


def lines_of(text: str, name: str) -> list[list[str]]:
    """Return the cells of a table by its name, as texts."""
    table = text.partition(f'aria-label="{name}"')[2].partition("</table>")[0]
    rows = table.partition("<tbody>")[2].split("<tr>")[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", c)).strip() for c in row] for row in cells]


@pytest.mark.parametrize("correct", ["holm", "fdr"])
def test_figures_are_those_of_the_command(
    kept: Any, page: Any, correct: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Value, difference, intervals, counts and p values, of three models."""
    fill(kept, "r1", 1, {"quiz/new": NEW, "quiz/old": OLD, "quiz/worse": WORSE})
    assert main(["compare", "r1", "--store", kept.url, "--correct", correct]) == 0
    printed = capsys.readouterr().out.splitlines()
    told = [" ".join(line.split()) for line in printed if line.startswith("quiz ")]
    text = page.get(f"/compare?run=r1&correct={correct}").text
    sides = [" ".join(c for c in cells if c) for cells in lines_of(text, "sides")]
    changes = [" ".join(c for c in line if c) for line in lines_of(text, "differences")]
    assert len(changes) == 3
    assert sides + changes == told


def test_runs_are_compared_as_the_command_does(
    kept: Any, page: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model of the later run with itself in the earlier one, by task."""
    fill(kept, "r1", 1, {"quiz/a": OLD, "other/a": OLD})
    fill(kept, "r2", 2, {"quiz/a": NEW, "other/a": WORSE})
    main(["compare", "r1", "r2", "--store", kept.url])
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    text = page.get("/compare?run=r1&run=r2").text
    for line in lines_of(text, "differences"):
        assert " ".join(cell for cell in line if cell) in told
    assert "bold" in text.lower()
    assert 'data-name="task">quiz' in text


def test_flips_are_shown_and_marked(kept: Any, page: Any) -> None:
    """Those that differ first; each with value and answer on every side."""
    fill(kept, "r1", 1, {"quiz/new": NEW, "quiz/old": OLD})
    text = page.get("/compare?run=r1").text
    rows = lines_of(text, "samples side by side")
    assert [row[0] for row in rows] == [f"s{n}" for n in range(30, 36)]
    assert rows[0][1].startswith("1.000")
    assert rows[0][2].split()[:2] == ["▼", "0.000"]
    assert "the answer of old to 30 is 0.0" in rows[0][2]
    assert text.count('class="side lower"') == 6
    for show, count in (("changed", 6), ("lower", 6), ("higher", 0), ("all", 40)):
        assert f'<option value="{show}"' in text
        found = page.get(f"/compare?run=r1&show={show}").text
        assert (f"of {count} samples" if count else "No samples.") in found


def test_sample_of_another_row_is_not_compared(kept: Any, page: Any) -> None:
    """The same id in a dataset that has changed is another sample."""
    fill(kept, "r1", 1, {"quiz/a": OLD})
    fill(kept, "r2", 2, {"quiz/a": NEW})
    kept.result("r2", "quiz", "a", "s31", value=1.0, row={"q": "moved"})
    text = page.get("/compare?run=r1&run=r2").text
    assert "1 samples are not in both, or differ" in text
    assert "s31" not in [row[0] for row in lines_of(text, "samples side by side")]
    found = page.get("/compare?run=r1&run=r2&show=all&page=2").text
    (row,) = [r for r in lines_of(found, "samples side by side") if r[0] == "s31"]
    assert row[2].split()[0] == "-"


def test_words_of_a_sample_are_compared(kept: Any, page: Any) -> None:
    """Struck where only the first answer has them, underlined where it has not."""
    fill(kept, "r1", 1, {"quiz/new": NEW, "quiz/old": OLD})
    text = page.get("/compare/sample?run=r1&task=quiz&id=s30").text
    assert "<del>new </del><ins>old </ins>" in text
    assert "lower than the first" in text
    assert "it is 0.0" in text


def test_comparison_never_reads_a_file(kept: Any, page: Any, tmp_path: Any) -> None:
    """The command takes files of samples; a visitor names none."""
    fill(kept, "r1", 1, {"quiz/a": OLD})
    path = tmp_path / "secret.jsonl"
    path.write_text('{"task": "quiz", "model": "b", "sample_id": "s00"}\n')
    reply = page.get(f"/compare?run=r1&run={path}")
    assert reply.status == 404
    assert "does not hold the run" in reply.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "No run is chosen"),
        ("?run=r1", "nothing to compare"),
        ("?run=r9", "does not hold the run"),
        ("?run=r1&run=r2&metric=acuracy", "acuracy"),
    ],
)
def test_what_cannot_be_compared_is_said(
    kept: Any, page: Any, query: str, told: str
) -> None:
    """With status 404, and no trace of the code."""
    fill(kept, "r1", 1, {"quiz/a": OLD})
    fill(kept, "r2", 2, {"quiz/a": NEW})
    reply = page.get(f"/compare{query}")
    assert reply.status == 404
    assert told in reply.text
    assert "Traceback" not in reply.text


@pytest.mark.parametrize("query", ["task=quiz&id=s99", "task=none&id=s01", ""])
def test_sample_that_is_not_compared_is_said(kept: Any, page: Any, query: str) -> None:
    """As what is not there."""
    fill(kept, "r1", 1, {"quiz/new": NEW, "quiz/old": OLD, "lone/new": OLD})
    reply = page.get(f"/compare/sample?run=r1&{query}")
    assert reply.status == 404
    assert page.get("/compare/sample?run=r1&task=lone&id=s01").status == 404


WORDS = st.text(st.sampled_from("ab \n\té"), max_size=40)


@given(first=WORDS, second=WORDS)
def test_pieces_make_both_texts(first: str, second: str) -> None:
    """Nothing is lost, and equal texts have no piece that differs."""
    pieces = pieces_of(first, second)
    assert "".join(p.text for p in pieces if p.kind != "new") == first
    assert "".join(p.text for p in pieces if p.kind != "gone") == second
    if first == second:
        assert {piece.kind for piece in pieces} <= {"same"}


@pytest.mark.parametrize("unit", ["a ", "a\n", "a"])
def test_long_texts_are_compared_by_larger_parts(unit: str) -> None:
    """Words, then lines, then whole: a text of a model cannot keep the page busy."""
    first, second = unit * 100_000, unit * 99_999 + "b"
    pieces = pieces_of(first, second)
    assert "".join(p.text for p in pieces if p.kind != "gone") == second


def test_prompts_of_a_matrix_are_compared(
    kept: Any, page: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the command does; their samples open where they are kept."""
    kept.run("r1", day=1)
    for prompt, values in (("ask[brief]", NEW), ("ask[long]", OLD)):
        plan = {"factors": {"prompts_of": "ask", "data_hash": "d"}}
        kept.plan("r1", prompt, "m", len(values), **plan)
        for number, value in enumerate(values):
            said = f"{prompt} says {value}"
            kept.result("r1", prompt, "m", f"s{number:02d}", value=value, said=said)
    main(["compare", "r1", "--store", kept.url])
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    text = page.get("/compare?run=r1").text
    (change,) = lines_of(text, "differences")
    assert " ".join(cell for cell in change if cell) in told
    assert change[0] == "ask on m"
    assert "ask[long] says 0.0" in text
    (link, *_) = re.findall(r'href="(/compare/sample[^"]+)"', text)
    sample = page.get(unescape(link)).text
    assert "ask[brief]" in sample
    (transcript, *_) = re.findall(r'href="(/runs/r1/sample[^"]+)"', sample)
    assert "says" in page.get(unescape(transcript)).text


def test_runs_are_named_as_the_command_takes_them(kept: Any, page: Any) -> None:
    """The latest, and those before it."""
    fill(kept, "r1", 1, {"quiz/a": OLD})
    fill(kept, "r2", 2, {"quiz/a": NEW})
    named = page.get("/compare?run=last~1&run=last").text
    assert lines_of(named, "sides") == lines_of(
        page.get("/compare?run=r1&run=r2").text, "sides"
    )
    assert len(lines_of(named, "sides")) == 2
