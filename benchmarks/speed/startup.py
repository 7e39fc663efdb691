"""What the installed, unused plugin costs a foreign suite, in CPU milliseconds.

    python benchmarks/speed/startup.py [--runs N] [--bytecode on|off] [--plugins P]

A one-test suite runs alternately with and without `-p no:llmlab`; the CPU time (user
and system) of each process comes from `wait4`. Alternating cancels slow drift, the
median of the paired differences ignores bursts, and its distribution-free 95 %
interval says whether the figure can be trusted. What disturbs CPU time only ever adds
to it, so the difference of the two minima is shown too. The bar is 30 ms. Compare
ratios, not milliseconds, between machines.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BAR_MS = 30.0
_MS = 1000.0


def cpu_ms(arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    """Return the user and system time of one pytest process, children included."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"pytest {' '.join(arguments)} ended with {process.returncode}"
        raise SystemExit(message)
    return (usage.ru_utime + usage.ru_stime) * _MS


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return the 95 % interval of a median from order statistics (sign test)."""
    ordered, n = sorted(values), len(values)
    below, rank = 0.0, 0
    while below + math.comb(n, rank) / 2**n <= 0.025:  # noqa: PLR2004 -- half of 5 %
        below += math.comb(n, rank) / 2**n
        rank += 1
    rank = max(rank - 1, 0)
    return ordered[rank], ordered[n - 1 - rank]


def measure(runs: int, *, bytecode: str, plugins: str) -> list[tuple[float, float]]:
    """Return (with, without) pairs after one unmeasured warm-up of each."""
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "" if bytecode == "on" else "1"}
    enabled: list[str] = []
    if plugins == "alone":
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        enabled = ["-p", "llmlab"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_one.py").write_text("def test_one():\n    pass\n")
        pairs = [
            (
                cpu_ms(enabled, folder, env),
                cpu_ms(["-p", "no:llmlab"], folder, env),
            )
            for _ in range(runs + 1)
        ]
    return pairs[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--bytecode", choices=("on", "off"), default="on")
    parser.add_argument("--plugins", choices=("all", "alone"), default="all")
    arguments = parser.parse_args()
    pairs = measure(
        arguments.runs, bytecode=arguments.bytecode, plugins=arguments.plugins
    )
    used, unused = (statistics.median(column) for column in zip(*pairs, strict=True))
    differences = [with_us - without for with_us, without in pairs]
    low, high = median_interval(differences)
    median = statistics.median(differences)
    print(f"with llmlab      {used:7.1f} ms CPU (median of {len(pairs)})")
    print(f"without          {unused:7.1f} ms CPU, ratio {used / unused:.3f}")
    print(f"difference       {median:7.1f} ms, 95 % interval {low:.1f} to {high:.1f}")
    least = min(with_us for with_us, _ in pairs) - min(without for _, without in pairs)
    print(f"between minima   {least:7.1f} ms")
    print(f"bar {BAR_MS:.0f} ms: {'kept' if median <= BAR_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
