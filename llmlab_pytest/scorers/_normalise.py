"""Named normalisers: how two texts are made comparable. Each is idempotent."""

import re
import string
import unicodedata
from collections.abc import Callable, Sequence

from llmlab_pytest.core import ConfigError, Registry

Normaliser = Callable[[str], str]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BETWEEN_DIGITS = re.compile(r"(?<=\d),(?=\d{3}\b)")

NORMALISERS: Registry[Normaliser] = Registry("normaliser")
for _name, _function in (
    ("strip", str.strip),
    ("casefold", str.casefold),
    ("whitespace", lambda text: " ".join(text.split())),
    ("punctuation", lambda text: text.translate(_PUNCTUATION)),
    ("articles", lambda text: " ".join(_ARTICLES.sub(" ", text).split())),
    ("unicode", lambda text: unicodedata.normalize("NFKC", text)),
    ("thousands", lambda text: _BETWEEN_DIGITS.sub("", text)),
):
    NORMALISERS.register(_name, _function)

DEFAULT = ("strip",)


def normaliser_of(names: Sequence[str] | str) -> Normaliser:
    """Return the composition of named normalisers, applied in the order given.

    Raises:
        ConfigError: a name is unknown.
    """
    if isinstance(names, str):
        raise ConfigError(
            f"normalise is {names!r}.",
            allowed="It takes a list of names.",
            fix=f"Write normalise = [{names!r}].",
        )
    steps = [NORMALISERS.get_or_raise(name, where="normalise") for name in names]

    def normalise(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return normalise
