"""What an action of `llmlab` is, and what it returns."""

import argparse
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Outcome(NamedTuple):
    """What a command says, and whether all is well."""

    lines: list[str]
    is_good: bool = True
    code: int | None = None
    """The exit code, where a command knows more than good and bad."""


Action: TypeAlias = Callable[[argparse.Namespace], Outcome]
