"""Does a test of promptfoo get promptfoo's verdict here? Compares, or records it anew.

    python tests/golden/compare_promptfoo.py PROMPTFOO            # compare
    python tests/golden/compare_promptfoo.py PROMPTFOO --write    # and record

`PROMPTFOO` is its program, as `npm install promptfoo` leaves it in
`node_modules/.bin/promptfoo`; nothing leaves this machine. The file that is run is
`tests/unit/promptfoo/assertions.yaml`, whose answers are its variables; the recorded
verdicts are beside it, and tests in CI compare with those.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "unit" / "promptfoo"
sys.path.insert(0, str(FOLDER))

recorded = importlib.import_module("conftest")


def results_of(program: str, configuration: Path) -> list[dict[str, Any]]:
    """Run promptfoo on a configuration and return its results, in order."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "project"
        shutil.copytree(configuration.parent, folder)
        out = folder / "out.json"
        quiet = {
            "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1",
            "PROMPTFOO_CONFIG_DIR": str(Path(home) / "home"),
        }
        command = [program, "eval", "--no-cache", "--no-progress-bar", "--no-table"]
        done = subprocess.run(
            [*command, "-c", configuration.name, "-o", str(out)],
            cwd=folder,
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            check=False,
        )
        if not out.is_file():
            raise SystemExit(done.stdout + done.stderr)
        results = json.loads(out.read_text("utf-8"))["results"]["results"]
    return sorted(results, key=lambda one: (one["promptIdx"], one["testIdx"]))


def verdicts(program: str) -> list[dict[str, Any]]:
    """Return promptfoo's verdict on each test of assertions.yaml."""
    return [
        {"passed": result["success"], "score": round(result["score"], 6)}
        for result in results_of(program, recorded.CONFIGURATION)
    ]


def prompts(program: str) -> list[list[Any]]:
    """Return what promptfoo asks for each prompt of the project."""
    asked: dict[int, list[Any]] = {}
    for result in results_of(program, recorded.PROJECT):
        raw = result["prompt"]["raw"]
        asked.setdefault(result["promptIdx"], []).append(recorded.as_asked(raw))
    return [recorded.by_text(asked[number]) for number in sorted(asked)]


def write(path: Path, entries: list[Any]) -> None:
    """Write a list, an entry on a line."""
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main() -> int:
    """Compare, and say where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("promptfoo", help="its program")
    parser.add_argument("--write", action="store_true", help="record what it says")
    arguments = parser.parse_args()
    program = str(Path(arguments.promptfoo).resolve())
    theirs, asked = verdicts(program), prompts(program)
    if arguments.write:
        write(recorded.VERDICTS, theirs)
        write(recorded.ASKED, asked)
    found = recorded.differences(recorded.our_verdicts(), theirs)
    print("\n".join(found))
    print(f"{len(theirs)} tests, {len(found)} verdicts differ")
    is_same = list(recorded.our_prompts().values()) == asked
    print(f"prompts are {'the same' if is_same else 'others'}")
    return 0 if is_same and not found else 1


if __name__ == "__main__":
    sys.exit(main())
