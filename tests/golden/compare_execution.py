"""Compare verdicts on programs with plain execution, as `code_eval` defines it.

    python tests/golden/compare_execution.py --data DIR

DIR holds the benchmark rows (LLMLAB_DATA). For HumanEval and MBPP the reference
solutions and mutants of them are scored twice: by the scorer of the card, in the
sandbox, and by running program and tests in one namespace of a bare interpreter, which
is what lm-eval's metric `code_eval` does (its code is on the hub only). The mutants are
made from trusted solutions, so that running them in the open is safe: an operator, a
comparison or a number is changed, the first places first. Mutants that do not end are
counted and not compared. Prints a table and exits with 1 if a verdict differs.
"""

import argparse
import ast
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from _reference import card_of

from llmlab_pytest.core import Completion, Sample, Score
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import (
    PlannedTask,
    plan_task,
)

SOLUTIONS = {"humaneval": "canonical_solution", "mbpp": "code"}
TIMEOUT_S = 3.0
# code_eval's 3 s are by the clock. What a solution does is compared, not how fast this
# machine is: one of MBPP takes 2.5 s of processor time.
SOLUTION_TIMEOUT_S = 20.0
SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


class Change(ast.NodeTransformer):
    """Changes the n-th place of a program that can be changed."""

    def __init__(self, number: int) -> None:
        self.left = number

    def visit(self, node: ast.AST) -> ast.AST:
        """Change the node if it is the one that is wanted."""
        node = self.generic_visit(node)
        is_number = isinstance(node, ast.Constant) and type(node.value) is int
        if type(node) not in SWAPPED and not is_number:
            return node
        self.left -= 1
        if self.left != -1:
            return node
        return (
            ast.Constant(node.value + 1)
            if isinstance(node, ast.Constant)
            else SWAPPED[type(node)]()
        )


def mutants(program: str, count: int) -> Iterator[str]:
    for number in range(count):
        change = Change(number)
        tree = ast.fix_missing_locations(change.visit(ast.parse(program)))
        if change.left < 0:
            yield ast.unparse(tree)


def plainly(program: str, tests: str, timeout_s: float) -> bool | None:
    """Return the verdict of one interpreter; `None` if it did not end in time."""
    code = f"exec(compile({program + chr(10) + tests!r}, 'x', 'exec'), {{}})"
    command = [sys.executable, "-I", "-S", "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=3 * timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode == 0


def scored(program: str, sample: Sample, timeout_s: float) -> Score:
    """Return the score of a whole program, so that mutants may differ anywhere."""
    options = {"name": "passes_tests", "timeout_s": timeout_s}
    registry = scorer_registry(may_run_code=True)
    name, scorer = make_scorer(options, registry, where="here")
    completion = Completion(text=program, model="reference")
    return apply_scorer(name, scorer, completion=completion, sample=sample)


def compare(planned: PlannedTask, count: int) -> tuple[Counter, list[str]]:
    found: Counter = Counter()
    wrong = []
    for sample in planned.samples:
        solution = str(sample.metadata[SOLUTIONS[planned.task.name]])
        if planned.task.name == "humaneval":
            solution = str(sample.metadata["prompt"]) + solution
        for number, program in enumerate([solution, *mutants(solution, count)]):
            kind = "mutants" if number else "solutions"
            timeout_s = TIMEOUT_S if number else SOLUTION_TIMEOUT_S
            started = time.perf_counter()
            score = scored(program, sample, timeout_s)
            found[f"{kind} seconds"] += time.perf_counter() - started
            found[kind] += 1
            has_passed = plainly(program, str(sample.target), timeout_s)
            is_late = has_passed is None or "timeout" in (score.explanation or "")
            if number and is_late:
                found["mutants late"] += 1
                continue
            found[f"{kind} passed"] += bool(has_passed)
            if has_passed != (score.value == 1.0):
                wrong.append(told(sample, number, has_passed, score.explanation))
    return found, wrong


def told(sample: Sample, number: int, plain: bool | None, why: str | None) -> str:
    which = f"mutant {number}" if number else "solution"
    return f"{sample.id} {which}: plain {'pass' if plain else 'miss'}, ours: {why}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--mutants", type=int, default=2, help="per solution")
    options = parser.parse_args()
    worst = 0
    for task in SOLUTIONS:
        planned = plan_task(
            card_of(task), limit=0, seed=0, data_dir=options.data.resolve()
        )
        found, wrong = compare(planned, options.mutants)
        worst |= bool(wrong)
        for kind in ("solutions", "mutants"):
            total = found[kind]
            each_ms = 1000 * found[f"{kind} seconds"] / max(total, 1)
            counts = f"{found[f'{kind} passed']:>4} of {total:>4} pass plainly"
            counts += f", {found[f'{kind} late']} too slow"
            print(
                f"{task:<10} {kind:<10} {counts}, {each_ms:.0f} ms each in the sandbox"
            )
        print(f"{task:<10} {len(wrong)} verdicts differ")
        print("".join(f"   {line}\n" for line in wrong), end="")
    return worst


if __name__ == "__main__":
    sys.exit(main())
