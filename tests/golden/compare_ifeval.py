"""Compare our IFEval verdicts with lm-eval 0.4.13's, instruction by instruction.

    python tests/golden/compare_ifeval.py --python LM_EVAL/bin/python --data DIR

LM_EVAL is a virtual environment with `lm-eval[hf,ifeval]==0.4.13`; DIR holds the
benchmark rows (LLMLAB_DATA). Every prompt gets several responses: written towards its
instructions, spoilt, of stock texts, and of hypothesis. lm-eval's nltk reads punkt_tab
from NLTK_DATA where that is set, else from the tables of our package; langdetect gets
our seed. Not compared is the one verdict that lm-eval draws at random: letters of
`keywords:letter_frequency` that are none. Prints a table and exits with 1 if any
verdict differs.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import punkt
from _reference import asked
from hypothesis import HealthCheck, Phase, given, settings
from ifeval_responses import MARKS, golden_responses, golden_rows, responses_for

from llmlab_pytest.core import Sample
from llmlab_pytest.scorers import _linguistics
from llmlab_pytest.scorers._ifeval import loose_variants
from llmlab_pytest.scorers._ifeval_instructions import instructions_of
from llmlab_pytest.tasks import load_rows


def texts_of_hypothesis(count: int) -> list[str]:
    texts: list[str] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(MARKS)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    return texts


def cases(rows: list[dict], per_row: int) -> list[dict]:
    stock = texts_of_hypothesis(400)
    found = []
    for row in rows:
        draw = random.Random(row["key"])
        responses = responses_for(row, draw)
        responses += draw.sample(stock, max(0, per_row - len(responses)))
        found.append({"row": row, "responses": responses})
    return found


def write_punkt_tab(folder: Path) -> None:
    """Write our package's English model as the files that nltk reads."""
    model = punkt.load_model("english")
    target = folder / "tokenizers" / "punkt_tab" / "english"
    target.mkdir(parents=True)
    files = {
        "abbrev_types.txt": sorted(model.abbrev_types),
        "sent_starters.txt": sorted(model.sent_starters),
        "collocations.tab": ["\t".join(pair) for pair in sorted(model.collocations)],
        "ortho_context.tab": [
            f"{word}\t{flags}" for word, flags in model.ortho_context.items()
        ],
    }
    for name, lines in files.items():
        (target / name).write_text("\n".join(lines), encoding="utf-8")


def reference(python: str, wanted: list[dict], nltk_data: str) -> list[list[dict]]:
    given = {"seed": _linguistics._SEED, "cases": wanted}
    return asked(python, "reference_ifeval.py", given, {"NLTK_DATA": nltk_data})


def write_golden(path: Path, python: str, nltk_data: str) -> None:
    """Keep lm-eval's verdicts on our own instructions and responses, as bits."""
    responses, rows = golden_responses(), golden_rows()
    wanted = [{"row": row, "responses": responses} for row in rows]
    kept = []
    for row, verdicts in zip(rows, reference(python, wanted, nltk_data), strict=True):
        bits = {
            kind: "".join(str(int(found[kind][0])) for found in verdicts)
            for kind in ("strict", "loose")
        }
        name, arguments = row["instruction_id_list"][0], row["kwargs"][0]
        kept.append({"id": name, "kwargs": arguments, **bits})
    content = {"responses": responses, "instructions": kept}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def compare(case: dict, theirs: list[dict], table: dict[str, Counter]) -> None:
    sample = Sample(id=str(case["row"]["key"]), input="", metadata=case["row"])
    for n, instruction in enumerate(instructions_of(sample)):
        letter = str(instruction.arguments.get("letter", "a"))
        if not letter.isascii() or not letter.isalpha():
            table[instruction.id]["random"] += 1
            continue
        for response, verdicts in zip(case["responses"], theirs, strict=True):
            variants = {"strict": [response], "loose": loose_variants(response)}
            for kind, texts in variants.items():
                ours = any(map(instruction.is_followed, texts))
                same = ours == verdicts[kind][n]
                table[instruction.id][f"{kind} {ours}"] += 1
                table[instruction.id]["different"] += not same
                if not same:
                    print("DIFFERENT", sample.id, kind, instruction, repr(response))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--responses", type=int, default=16)
    parser.add_argument("--write", type=Path, help="the golden of the unit tests")
    options = parser.parse_args()
    wanted = cases(
        load_rows(options.data / "ifeval" / "input_data.jsonl"), options.responses
    )
    with tempfile.TemporaryDirectory() as folder:
        nltk_data = os.environ.get("NLTK_DATA") or folder
        if nltk_data == folder:
            write_punkt_tab(Path(folder))
        if options.write:
            write_golden(options.write, options.python, nltk_data)
            return 0
        theirs = reference(options.python, wanted, nltk_data)
    table: dict[str, Counter] = defaultdict(Counter)
    for case, verdicts in zip(wanted, theirs, strict=True):
        compare(case, verdicts, table)
    return report(table)


def report(table: dict[str, Counter]) -> int:
    kinds = ("strict True", "strict False", "loose True", "loose False", "different")
    print(f"{'instruction':<46}" + "".join(f"{kind:>13}" for kind in kinds))
    for name, counts in sorted(table.items()):
        print(f"{name:<46}" + "".join(f"{counts[kind]:>13,}" for kind in kinds))
    total = Counter()
    for counts in table.values():
        total.update(counts)
    compared = sum(total[kind] for kind in kinds[:4])
    print(f"{compared:,} verdicts, {total['different']:,} different", end="")
    print(f"; {total['random']} instructions not compared: lm-eval draws a letter")
    return bool(total["different"]) or len(table) != 25


if __name__ == "__main__":
    sys.exit(main())
