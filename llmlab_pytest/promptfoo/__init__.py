"""Files of promptfoo, run as they are: each prompt becomes a task."""

from llmlab_pytest.promptfoo._catalog import PROMPTFOO_SCORERS
from llmlab_pytest.promptfoo._composite import promptfoo
from llmlab_pytest.promptfoo._load import Configuration, load_configuration
from llmlab_pytest.promptfoo._mapped import MAPPED
from llmlab_pytest.promptfoo._models import NamedModel
from llmlab_pytest.promptfoo._refused import REFUSED

__all__ = [
    "MAPPED",
    "PROMPTFOO_SCORERS",
    "REFUSED",
    "Configuration",
    "NamedModel",
    "load_configuration",
    "promptfoo",
]
