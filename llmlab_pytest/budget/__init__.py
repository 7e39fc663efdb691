"""Budgets: what a run, a model, a day or a month may cost, and who watches over it."""

from llmlab_pytest.budget._limits import (
    BudgetStanding,
    Limit,
    check_models,
    parse_limits,
    parse_share,
    standings,
)
from llmlab_pytest.budget._purse import LedgerPurse

__all__ = [
    "BudgetStanding",
    "LedgerPurse",
    "Limit",
    "check_models",
    "parse_limits",
    "parse_share",
    "standings",
]
