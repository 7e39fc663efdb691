"""An error as results keep it."""

from llmlab_pytest.core import LlmlabError, redact


def error_text(error: LlmlabError) -> str:
    """Return class and message of an error, without secrets."""
    return redact(f"{type(error).__name__}: {error}")
