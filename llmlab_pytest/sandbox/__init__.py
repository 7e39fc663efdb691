"""Running Python that a model wrote: confined, with a verdict it cannot forge."""

from llmlab_pytest.sandbox._run import Execution, require_sandbox, run_tests

__all__ = ["Execution", "require_sandbox", "run_tests"]
