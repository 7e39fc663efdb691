"""The scorers that run code: a completion is right if its tests pass, or if it runs.

As HumanEval and MBPP are scored (Chen et al. 2021, Austin et al. 2021; `code_eval` in
lm-eval 0.4.13), but the tests run apart from the program, see `sandbox`. By name they
are there only where the user allows it: a card cannot switch them on.
"""

from collections.abc import Mapping

from llmlab_pytest.core import (
    CodeExecutionOff,
    Completion,
    ConfigError,
    DataError,
    Sample,
    Score,
    Target,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.sandbox import require_sandbox, run_tests
from llmlab_pytest.scorers._fences import body_of
from llmlab_pytest.scorers._judgement import Finding, text_scorer
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_WHERE = "passes_tests"


def passes_tests(*, program: str = "completion", timeout_s: float = 3.0) -> Scorer:
    """Score 1 if the program runs and the target, its tests, then raises nothing.

    Args:
        program: expression over the fields of the row and `completion`, the text; its
            value is the Python source that is run.
        timeout_s: processor time of the program, in seconds, above 0; by the clock it
            may take three times as long.

    Raises:
        ConfigError: the timeout is not above 0.
        SandboxError: this machine cannot confine a program.
    """
    _check_timeout(timeout_s)
    require_sandbox()

    def score(
        completion: Completion | str, target: Target, sample: Sample | None = None
    ) -> Score:
        fields: Mapping[str, object] = sample.metadata if sample else {}
        text = text_of(completion)
        source = evaluate(program, {**fields, "completion": text}, where=_WHERE)
        tests = _tests(target, sample)
        execution = run_tests(str(source), tests, timeout_s=timeout_s)
        return Score(
            scorer="passes_tests",
            value=float(execution.has_passed),
            answer=text,
            explanation=execution.reason,
        )

    return score


def refuses_code(*, program: str = "completion", timeout_s: float = 3.0) -> Scorer:
    """Stand in for `passes_tests` where running code is not allowed.

    Raises:
        CodeExecutionOff: always; says what would run and how to allow it.
    """
    del program, timeout_s
    raise _off("passes_tests")


def runs_python(*, timeout_s: float = 3.0, fenced: bool = True) -> Scorer:
    """Score 1 if the text is a Python program that ends without an exception.

    Args:
        timeout_s: as for `passes_tests`.
        fenced: also accept Python in a Markdown code fence, with prose around it.

    Raises:
        ConfigError: the timeout is not above 0.
        SandboxError: this machine cannot confine a program.
    """
    _check_timeout(timeout_s)
    require_sandbox()

    def look(text: str) -> Finding:
        body = body_of(text, ("python", "py", "python3"), fenced=fenced)
        if not body:
            return Finding("there is no code")
        execution = run_tests(body, "", timeout_s=timeout_s)
        reason = execution.reason or "it did not end"
        return Finding(None if execution.has_passed else reason, body)

    return text_scorer("runs_python", look)


def refuses_program(*, timeout_s: float = 3.0, fenced: bool = True) -> Scorer:
    """Stand in for `runs_python` where running code is not allowed.

    Raises:
        CodeExecutionOff: always; says what would run and how to allow it.
    """
    del timeout_s, fenced
    raise _off("runs_python")


def _check_timeout(timeout_s: float) -> None:
    if not timeout_s > 0:
        raise ConfigError(
            f"timeout_s is {timeout_s!r}.", allowed="It is a number of seconds above 0."
        )


def _off(scorer: str) -> CodeExecutionOff:
    return CodeExecutionOff(
        f"The scorer {scorer!r} runs the code that a model writes, and that is off.",
        allowed="It would run confined: without network, other processes, or files "
        "outside a temporary directory (docs/code-execution.md says what that covers).",
        fix="Allow it with --llmlab-allow-code-execution.",
    )


def _tests(target: Target, sample: Sample | None) -> str:
    """Return the target as source: one text, or one line per text.

    Raises:
        DataError: it is no Python; that is no fault of the model.
    """
    tests = "\n".join(targets_of(target))
    try:
        compile(tests, "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        named = f" of the sample {sample.id!r}" if sample else ""
        raise DataError(
            f"The tests{named} are no Python: {error}.",
            fix="Correct the target: it is Python source that raises if it fails.",
        ) from error
    return tests
