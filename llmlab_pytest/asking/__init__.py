"""Asking models outside pytest: what commands and the web page share."""

from llmlab_pytest.asking._asking import Asking
from llmlab_pytest.asking._registry_files import registry_files

__all__ = ["Asking", "registry_files"]
