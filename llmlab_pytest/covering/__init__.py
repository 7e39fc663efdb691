"""What a suite exercised of what a project declares that it should."""

from llmlab_pytest.covering._declared import Declared, read_declared
from llmlab_pytest.covering._exercised import (
    COVERS,
    TESTS_COVER,
    cover,
    coverage_of,
    verdicts_of,
)

__all__ = [
    "COVERS",
    "TESTS_COVER",
    "Declared",
    "cover",
    "coverage_of",
    "read_declared",
    "verdicts_of",
]
