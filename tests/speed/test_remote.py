"""The command that compares harnesses runs, and lets no side leave work out."""

import argparse
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ASKING = """
import json, sys, urllib.request
url = sys.argv[1] + "/chat/completions"
for question in sys.argv[2:]:
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body)).read()
"""


class Peer:
    """A harness that asks a part of its questions, and the first again at the end.

    It finds the accuracy that it is told, else the right one.
    """

    name = "peer"

    def __init__(self, sides: ModuleType, asked: slice, says: float | None) -> None:
        self.sides = sides
        self.asked = asked
        self.says = says

    def prepare(self, _: Path, setup: Any) -> Any:
        """Write nothing: the questions are arguments."""
        texts = [question.text for question in setup.questions]
        self.known = self.sides.known_accuracy(setup.questions)
        chosen = (texts + texts[:1])[self.asked] if len(texts) > 1 else texts
        return self.sides.Command(
            [sys.executable, "-c", ASKING, setup.url, *chosen], {}
        )

    def accuracy(self, _: Path) -> float:
        """Say what was told."""
        return self.known if self.says is None else self.says


def options(**given: Any) -> argparse.Namespace:
    settings = {"samples": 2_000, "connections": 100, "latency_s": 0.2} | given
    return argparse.Namespace(**settings)


def result(remote: ModuleType, side: str, *, wall_s: float, samples: int) -> Any:
    run = remote.Measured(
        wall_s=wall_s,
        cpu_s=3.0,
        peak_mib=200.0,
        accuracy=0.9,
        requests=samples,
        peak_in_flight=100,
        server_cpu_s=0.5,
    )
    return remote.Result(side, samples, replace(run, wall_s=2.0), run)


def test_our_own_side_evaluates_twenty_samples(repository: Path) -> None:
    """The command runs pytest, which asks twenty questions and finds the accuracy."""
    script = repository / "benchmarks" / "speed" / "remote.py"
    arguments = ["--memory", "20", "--connections", "5", "--latency-s", "0.01"]
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    heading, row = done.stdout.splitlines()
    assert heading.startswith(" samples   wall s  peak MiB")
    samples, wall_s, peak_mib = map(float, row.split())
    assert samples == 20
    assert wall_s > 0
    assert peak_mib > 10


def test_the_table_has_a_row_per_side(
    remote: ModuleType, sides: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each side is started three times, and has its figures below their names."""
    peers = [Peer(sides, slice(0, 10), None), Peer(sides, slice(0, 10), None)]
    asked = options(samples=10, connections=1, latency_s=0.0)
    results = remote.compare(peers, asked)
    title, heading, *rows = capsys.readouterr().out.splitlines()
    assert title == "10 samples, 1 connections, 0.0 s latency"
    assert [len(row) for row in rows] == [len(heading)] * 2
    assert [row.split()[0] for row in rows] == ["peer", "peer"]
    assert [found.start.requests for found in results] == [1, 1]
    assert [found.run.requests for found in results] == [10, 10]


def test_a_peer_that_asks_every_question_once_is_measured(
    remote: ModuleType, sides: ModuleType
) -> None:
    """Its requests, memory and CPU seconds are counted."""
    found = remote.measure(Peer(sides, slice(0, 10), 0.9), 10, 1, 0.0)
    assert (found.requests, found.peak_in_flight, found.accuracy) == (10, 1, 0.9)
    assert found.peak_mib > 1
    assert found.wall_s > 0
    assert found.cpu_s > 0


@pytest.mark.parametrize(
    ("asked", "says", "message"),
    [
        (slice(0, 9), 0.9, "peer: 9 requests for 9 questions, 0 refused"),
        (slice(0, 11), 0.9, "peer: 11 requests for 10 questions, 0 refused"),
        (slice(1, 11), 1.0, "peer found the accuracy 1.0; it is 0.9"),
    ],
    ids=["skips", "asks-twice", "wrong-accuracy"],
)
def test_a_peer_that_does_other_work_is_refused(
    remote: ModuleType, sides: ModuleType, asked: slice, says: float, message: str
) -> None:
    """A figure counts only with every question asked once and the known accuracy."""
    with pytest.raises(SystemExit, match=re.escape(message)):
        remote.measure(Peer(sides, asked, says), 10, 1, 0.0)


def test_a_side_that_fails_shows_the_end_of_its_output(
    remote: ModuleType, sides: ModuleType, tmp_path: Path
) -> None:
    """Its own words come before the exit code."""
    program = "import sys; print('no key'); sys.exit(3)"
    command = sides.Command([sys.executable, "-c", program], {})
    with pytest.raises(SystemExit, match=r"(?s)no key.*: 3$"):
        remote.run(command, tmp_path)


def test_settings_of_the_user_do_not_reach_a_side(
    remote: ModuleType,
    sides: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variable that changes how a harness runs is taken away, others stay."""
    monkeypatch.setenv("LLMLAB_STORE", "elsewhere.db")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n 2")
    monkeypatch.setenv("OTHER", "kept")
    program = (
        "import os; print(sorted({'LLMLAB_STORE', 'PYTEST_ADDOPTS', 'OTHER', 'OWN'}"
        " & set(os.environ)))"
    )
    command = sides.Command([sys.executable, "-c", program], {"OWN": "1"})
    remote.run(command, tmp_path)
    assert (tmp_path / "output.txt").read_text() == "['OTHER', 'OWN']\n"


def test_ratios_say_how_many_times_faster_ours_is(remote: ModuleType) -> None:
    """Of whole processes by seconds, after start-up by samples per second."""
    ours = result(remote, "llmlab", wall_s=6.0, samples=2_001)
    peer = result(remote, "inspect_ai", wall_s=42.0, samples=2_001)
    assert (ours.samples_per_s, peer.samples_per_s) == (500.0, 50.0)
    assert remote.row_of(peer, ours).split()[:6] == [
        "inspect_ai",
        "42.0",
        "7.0x",
        "2.0",
        "50",
        "10.0x",
    ]
    assert "x" not in remote.row_of(ours, ours)


def test_a_run_as_short_as_its_start_up_has_no_rate(remote: ModuleType) -> None:
    """Noise of starting is not divided by, and the columns keep their width."""
    ours = result(remote, "llmlab", wall_s=6.0, samples=2_001)
    peer = result(remote, "inspect_ai", wall_s=2.01, samples=2_001)
    assert remote.row_of(peer, ours).split()[4:6] == ["nan", "nanx"]
    assert len(remote.row_of(peer, ours)) == len(remote.row_of(ours, ours))


def test_bars_are_judged_where_they_were_set(remote: ModuleType) -> None:
    """Eight seconds and the peers' ratios at 2,000 samples, a rate at 10,000."""
    ours = result(remote, "llmlab", wall_s=7.0, samples=2_000)
    slow = result(remote, "inspect_ai", wall_s=46.9, samples=2_000)
    quick = result(remote, "promptfoo", wall_s=20.0, samples=2_000)
    assert list(remote.bars([ours, slow, quick], options())) == [
        "bar at most 8 s: kept",
        "bar 5x inspect_ai: kept",
        "bar 3x promptfoo: MISSED",
    ]
    many = options(samples=10_000, connections=500)
    ours = result(remote, "llmlab", wall_s=14.5, samples=10_000)
    assert list(remote.bars([ours], many)) == ["bar at least 800 samples/s: MISSED"]
    assert list(remote.bars([ours], options(latency_s=0.0))) == []
    assert list(remote.bars([ours], options(samples=20))) == []


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Ours", ["--llmlab-look-ahead 14", "concurrency = 7"]),
        ("Inspect", ["--max-connections 7", "--max-samples 7"]),
        ("Promptfoo", ["-j 7 ", "--no-cache"]),
    ],
)
def test_each_side_is_given_the_same_questions(
    sides: ModuleType, tmp_path: Path, name: str, settings: list[str]
) -> None:
    """Whichever form a side reads, it has every question, the server and its limit."""
    side = getattr(sides, name)(*([Path("peer")] if name != "Ours" else []))
    asked = sides.questions(30)
    command = side.prepare(tmp_path, sides.Setup(asked, 7, "http://127.0.0.1:1/v1"))
    lines = (tmp_path / "sums.jsonl").read_text("utf-8").splitlines()
    for question, line in zip(asked, lines, strict=True):
        assert f'"{question.text}"' in line
        assert f'"{question.target}"' in line
    written = " ".join([*command.arguments, *command.env.values()])
    written += "".join(path.read_text("utf-8") for path in tmp_path.iterdir())
    assert [
        text for text in [*settings, "http://127.0.0.1:1/v1"] if text not in written
    ] == []


def test_the_known_accuracy_is_that_of_the_server(sides: ModuleType) -> None:
    """No question is asked twice, and nine of ten are answered right."""
    asked = sides.questions(2_000)
    assert len({question.text for question in asked}) == 2_000
    assert sides.known_accuracy(asked) == pytest.approx(0.9)
    assert sides.known_accuracy(sides.questions(1)) == 1
