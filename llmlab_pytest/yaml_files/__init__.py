"""YAML whose values know their lines."""

from llmlab_pytest.yaml_files._placed import Placed
from llmlab_pytest.yaml_files._read import parse_yaml, read_yaml

__all__ = ["Placed", "parse_yaml", "read_yaml"]
