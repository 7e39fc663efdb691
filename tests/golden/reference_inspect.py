"""What inspect_ai reads of a dataset; run it in an environment that has inspect_ai.

    python tests/golden/reference_inspect.py

Writes `tests/unit/tasks/formats/inspect.json` from `inspect.jsonl` beside it.
"""

import json
from pathlib import Path

from inspect_ai.dataset import json_dataset

FOLDER = Path(__file__).parents[1] / "unit" / "tasks" / "formats"


def main() -> None:
    """Write what inspect_ai makes of every row."""
    samples = [
        {
            "id": sample.id,
            "input": sample.input
            if isinstance(sample.input, str)
            else [[turn.role, turn.text] for turn in sample.input],
            "target": sample.target,
            "choices": sample.choices or [],
            "metadata": sample.metadata or {},
        }
        for sample in json_dataset(str(FOLDER / "inspect.jsonl"))
    ]
    text = json.dumps(samples, indent=1, ensure_ascii=False)
    (FOLDER / "inspect.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
