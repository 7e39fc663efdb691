"""How fast samples of a remote model are evaluated, beside inspect_ai and promptfoo.

    python benchmarks/speed/remote.py --inspect PYTHON --promptfoo COMMAND
    python benchmarks/speed/remote.py --samples 10000 --connections 500
    python benchmarks/speed/remote.py --memory 2000 10000 50000

PYTHON is the interpreter of an environment with inspect_ai and openai, COMMAND the file
`node_modules/.bin/promptfoo`; a side that is not given is left out. Each side evaluates
the same sums with an exact scorer against a server of its own (`latency_server.py`), as
a whole process, one side after the other: ours are pytest items with the store on.

Printed per side: wall seconds of the process; samples per second after start-up, where
start-up is the shorter of two runs with one sample; CPU seconds; the peak of resident
memory of the largest process (as Linux counts it); what the server has seen. A run
counts only if the server saw each question exactly once and the side found the accuracy
that the server is known to have: a speed-up of wrong numbers is none.

The bars are printed below: 2,000 samples at 100 connections in 8 s, and as whole
processes five times as fast as inspect_ai and three times as fast as promptfoo; 10,000
samples at 500 connections with 800 samples/s.
"""

import argparse
import math
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from latency_server import LatencyServer
from remote_sides import (
    Command,
    Inspect,
    Ours,
    Promptfoo,
    Setup,
    Side,
    known_accuracy,
    questions,
)

LATENCY_S = 0.2
MOST_WALL_S = {(2_000, 100): 8.0}
"""By samples and connections, at the default latency: the longest whole process."""
LEAST_SAMPLES_PER_S = {(10_000, 500): 800.0}
"""Likewise, after start-up."""
LEAST_RATIO = {"inspect_ai": 5.0, "promptfoo": 3.0}
"""How many times a peer's whole process takes of ours, at least."""
MEMORY_SAMPLES = (2_000, 10_000, 50_000)
SHOWN_CHARS = 2_000
"""Of the output of a side that failed."""
_FOREIGN = ("LLMLAB_", "INSPECT_", "PROMPTFOO_", "OPENAI_", "PYTEST_")
"""Settings of the user that must not reach a side."""
_START_NOISE_S = 0.1
"""Starts of one process differ by as much."""
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One whole process of a side."""

    wall_s: float
    cpu_s: float
    """User and system, children included."""
    peak_mib: float
    """Resident memory of its largest process."""
    accuracy: float
    requests: int
    """Requests that the server answered."""
    peak_in_flight: int
    """Most requests that the server held at once."""
    server_cpu_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """A side's run and its start-up."""

    side: str
    samples: int
    start: Measured
    run: Measured

    @property
    def samples_per_s(self) -> float:
        """Samples per second after start-up; nan where the run hardly took longer."""
        took_s = self.run.wall_s - self.start.wall_s
        return (self.samples - 1) / took_s if took_s > _START_NOISE_S else math.nan


def measure(side: Side, samples: int, connections: int, latency_s: float) -> Measured:
    """Run a side once, in a folder and against a server of its own.

    Raises:
        SystemExit: it failed, left questions out, asked some twice, or found another
            accuracy than the server has.
    """
    asked = questions(samples)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LatencyServer(latency_s) as server:
            command = side.prepare(folder, Setup(asked, connections, server.url))
            started = time.perf_counter()
            usage = run(command, folder)
            wall_s = time.perf_counter() - started
        accuracy = side.accuracy(folder)
    seen = server.seen
    check(side.name, samples, seen, accuracy, known_accuracy(asked))
    return Measured(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / _KIB_PER_MIB,
        accuracy=accuracy,
        requests=seen["requests"],
        peak_in_flight=seen["peak_in_flight"],
        server_cpu_s=seen["cpu_s"],
    )


def run(command: Command, folder: Path) -> resource.struct_rusage:
    """Run a command to its end and return what it used.

    Raises:
        SystemExit: it failed; with the end of its output.
    """
    env = {name: text for name, text in os.environ.items() if not is_foreign(name)}
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command.arguments,
            cwd=folder,
            env=env | dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.statuses:
        shown = output.read_text("utf-8", "replace")[-SHOWN_CHARS:]
        raise SystemExit(f"{shown}\n{command.arguments[0]}: {process.returncode}")
    return usage


def is_foreign(name: str) -> bool:
    """Say whether a variable would change how a side runs."""
    return name == "PYTHONDONTWRITEBYTECODE" or name.startswith(_FOREIGN)


def check(
    side: str, samples: int, seen: dict[str, int], accuracy: float, known: float
) -> None:
    """Refuse a run that did not do the work.

    Raises:
        SystemExit: with what was seen and what should have been.
    """
    counts = (seen["requests"], seen["prompts"], seen["refused"])
    if counts != (samples, samples, 0):
        raise SystemExit(
            f"{side}: {counts[0]} requests for {counts[1]} questions, {counts[2]} "
            f"refused; it was given {samples} samples."
        )
    if abs(accuracy - known) > 1e-9:  # noqa: PLR2004 -- sums of floats, nothing else
        raise SystemExit(f"{side} found the accuracy {accuracy}; it is {known}.")


def compare(sides: Sequence[Side], options: argparse.Namespace) -> list[Result]:
    """Measure every side, ours first, and print the table."""
    print(
        f"{options.samples} samples, {options.connections} connections, "
        f"{options.latency_s} s latency"
    )
    print(
        f"{'side':<12}{'wall s':>8}{'ratio':>7}{'start s':>9}{'samples/s':>11}"
        f"{'ratio':>7}{'CPU s':>8}{'peak MiB':>10}{'requests':>10}{'at once':>9}"
        f"{'accuracy':>10}{'server CPU s':>14}"
    )
    results: list[Result] = []
    for side in sides:
        setting = (options.connections, options.latency_s)
        starts = [measure(side, 1, *setting) for _ in range(2)]
        start = min(starts, key=lambda measured: measured.wall_s)
        run = measure(side, options.samples, *setting)
        results.append(Result(side.name, options.samples, start, run))
        print(row_of(results[-1], results[0]), flush=True)
    return results


def row_of(found: Result, ours: Result) -> str:
    """Return a row of the table; ratios say how many times faster ours is."""
    run = found.run
    ratios = ("", "")
    if found is not ours:
        ratios = (
            f"{run.wall_s / ours.run.wall_s:.1f}x",
            f"{ours.samples_per_s / found.samples_per_s:.1f}x",
        )
    return (
        f"{found.side:<12}{run.wall_s:>8.1f}{ratios[0]:>7}{found.start.wall_s:>9.1f}"
        f"{found.samples_per_s:>11.0f}{ratios[1]:>7}{run.cpu_s:>8.1f}"
        f"{run.peak_mib:>10.0f}{run.requests:>10}{run.peak_in_flight:>9}"
        f"{run.accuracy:>10.3f}{run.server_cpu_s:>14.1f}"
    )


def bars(results: Sequence[Result], options: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each bar; none where a run is of other samples or latency."""
    ours, *peers = results
    asked = (options.samples, options.connections)
    if options.latency_s != LATENCY_S:
        return
    if asked in LEAST_SAMPLES_PER_S:
        least = LEAST_SAMPLES_PER_S[asked]
        is_kept = ours.samples_per_s >= least
        yield verdict(f"at least {least:.0f} samples/s", is_kept=is_kept)
    if asked in MOST_WALL_S:
        most_s = MOST_WALL_S[asked]
        yield verdict(f"at most {most_s:.0f} s", is_kept=ours.run.wall_s <= most_s)
        for peer in peers:
            least = LEAST_RATIO[peer.side]
            is_kept = peer.run.wall_s / ours.run.wall_s >= least
            yield verdict(f"{least:.0f}x {peer.side}", is_kept=is_kept)


def verdict(bar: str, *, is_kept: bool) -> str:
    """Return the line of a bar."""
    return f"bar {bar}: {'kept' if is_kept else 'MISSED'}"


def show_memory(counts: Sequence[int], options: argparse.Namespace) -> None:
    """Print our peak memory for several numbers of samples, and what one more takes."""
    print(f"{'samples':>8}{'wall s':>9}{'peak MiB':>10}{'KiB per further sample':>24}")
    before: tuple[int, float] | None = None
    for samples in counts:
        found = measure(Ours(), samples, options.connections, options.latency_s)
        growth = ""
        if before is not None and samples > before[0]:
            more_kib = (found.peak_mib - before[1]) * _KIB_PER_MIB
            growth = f"{more_kib / (samples - before[0]):.2f}"
        before = samples, found.peak_mib
        print(
            f"{samples:>8}{found.wall_s:>9.1f}{found.peak_mib:>10.0f}{growth:>24}",
            flush=True,
        )


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inspect", type=Path, metavar="PYTHON")
    parser.add_argument("--promptfoo", type=Path, metavar="COMMAND")
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--latency-s", type=float, default=LATENCY_S)
    parser.add_argument("--memory", type=int, nargs="*", metavar="SAMPLES")
    options = parser.parse_args()
    if options.memory is not None:
        show_memory(options.memory or MEMORY_SAMPLES, options)
        return
    sides: list[Side] = [Ours()]
    if options.inspect:
        sides.append(Inspect(options.inspect.absolute()))
    if options.promptfoo:
        sides.append(Promptfoo(options.promptfoo.absolute()))
    for line in bars(compare(sides, options), options):
        print(line)
    for name in ("inspect", "promptfoo"):
        if getattr(options, name) is None:
            print(f"left out: {name}; say with --{name} where it is")


if __name__ == "__main__":
    main()
