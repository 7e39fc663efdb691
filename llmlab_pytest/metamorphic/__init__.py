"""Prompts that say the same in other ways, as hypothesis strategies, and relations.

A metamorphic test needs no target: it says how the answer may change when the prompt
does (Chen et al. 1998). The perturbations are those of CheckList's invariance tests
(Ribeiro et al. 2020), as strategies that shrink to the unchanged text.
"""

from llmlab_pytest.metamorphic._context import (
    IRRELEVANT,
    PARAPHRASES,
    paraphrased,
    reordered,
    with_irrelevant_context,
)
from llmlab_pytest.metamorphic._letters import changed_case, typos, unicode, whitespace
from llmlab_pytest.metamorphic._perturbed import Variant, changes, perturbed, variants
from llmlab_pytest.metamorphic._relations import SAME_WORDS, assert_same_answer

__all__ = [
    "IRRELEVANT",
    "PARAPHRASES",
    "SAME_WORDS",
    "Variant",
    "assert_same_answer",
    "changed_case",
    "changes",
    "paraphrased",
    "perturbed",
    "reordered",
    "typos",
    "unicode",
    "variants",
    "whitespace",
    "with_irrelevant_context",
]
