"""The only dynamic import: objects addressed as `"package.module:Name"`.

Heavy leaves are never imported by statement. The static import graph therefore stays
exact for import-linter, and start-up stays cheap. A missing optional package becomes
one uniform error that names the pip line.
"""

import importlib
from typing import Any

from llmlab_pytest.core._errors import MissingDependency


def load(address: str, *, extra: str = "", needed_by: str = "") -> Any:
    """Import `module` and return its attribute for an address `"module:attribute"`.

    Args:
        address: e.g. `"llmlab_pytest.providers._litellm:LiteLLM"`.
        extra: the extra of this package that installs the dependency.
        needed_by: what needs it, as the message should name it.

    Raises:
        MissingDependency: a package outside llmlab_pytest is not installed.
    """
    module_name, _, attribute = address.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or "?"
        if missing.partition(".")[0] == "llmlab_pytest":
            raise
        raise _missing(missing, extra, needed_by or address) from error
    return getattr(module, attribute) if attribute else module


def _missing(package: str, extra: str, needed_by: str) -> MissingDependency:
    wanted = f"'llmlab-pytest[{extra}]'" if extra else package.partition(".")[0]
    return MissingDependency(
        f"{needed_by} needs the package {package!r}, which is not installed.",
        fix=f"Run: pip install {wanted}",
    )
