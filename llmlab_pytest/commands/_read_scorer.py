"""A scorer as a command line gives it."""

import json

from llmlab_pytest.core import ConfigError, Json
from llmlab_pytest.scorers import ScorerSpec


def read_scorer(text: str) -> ScorerSpec:
    """Read a scorer: its name, or a JSON object with its name and options.

    Raises:
        ConfigError: it is an object that cannot be read.
    """
    if not text.lstrip().startswith("{"):
        return text
    try:
        spec: dict[str, Json] = json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"--scorer is {text!r}: {error}.",
            allowed='It is a name, or like {"name": "rubric", "criteria": "…"}.',
        ) from error
    return spec
