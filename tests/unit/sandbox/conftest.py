"""What the tests of the sandbox need: a machine that can confine."""

import pytest

from llmlab_pytest.core import SandboxError
from llmlab_pytest.sandbox import require_sandbox


@pytest.fixture
def confined() -> None:
    """Skip where this machine cannot confine a program; the reason says why."""
    try:
        require_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))
