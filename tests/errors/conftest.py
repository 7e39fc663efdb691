"""The table of real causes: each provokes one error through the public way to it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def normalised(tmp_path: Path) -> Callable[[str], str]:
    """Make a message the same on every machine: no temporary path, checkout or port."""
    places = {str(tmp_path): "<tmp>", str(Path(__file__).parents[2]): "<checkout>"}

    def normalise(text: str) -> str:
        for path, name in places.items():
            text = text.replace(path, name)
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)

    return normalise
