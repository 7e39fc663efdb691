"""The marks that say what tests may take: `llm_limits`, `llm_gate`, `llm_budget`."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from llmlab_pytest.asserting import check_limits, parse_limit
from llmlab_pytest.collecting._groups import plain_nodeid
from llmlab_pytest.collecting._outcomes import TESTS
from llmlab_pytest.core import ConfigError
from llmlab_pytest.engine import Allowance
from llmlab_pytest.gates import parse_gate
from llmlab_pytest.metrics import MetricRegistry
from llmlab_pytest.session import completions_key

LIMITS_MARK = "llm_limits"
GATE_MARK = "llm_gate"
BUDGET_MARK = "llm_budget"
_broken_key = pytest.StashKey[bool]()


def check_item_limits(item: pytest.Item) -> None:
    """Judge what a test's answers took, once its function has ended.

    Raises:
        LlmAssertionError: a limit of its marks does not hold.
        ConfigError: what is limited was not measured.
    """
    limits = list(_texts(item, LIMITS_MARK))
    if not limits:
        return
    completions = item.stash.get(completions_key, [])
    try:
        check_limits(completions, limits, where=_where(item, LIMITS_MARK))
    except (AssertionError, ConfigError):
        item.stash[_broken_key] = True
        raise


def show_limits(item: pytest.Item, report: pytest.TestReport, error: object) -> None:
    """Show the message of broken limits only: the trace would be ours."""
    if report.when == "call" and item.stash.get(_broken_key, False):
        report.longrepr = f"{type(error).__name__}: {error}"


def marked_gates(item: pytest.Item) -> tuple[str, ...]:
    """Return the gates that marks put on the group of a test, outermost first."""
    return tuple(dict.fromkeys(_texts(item, GATE_MARK)))


def allowance_of(item: pytest.Item, case_id: str = "") -> Allowance | None:
    """Return what the closest `llm_budget` mark lets a test spend.

    Args:
        item: the test, or the function that becomes several.
        case_id: which of them, for a function.

    Raises:
        ConfigError: the mark's arguments are wrong.
    """
    mark = item.get_closest_marker(BUDGET_MARK)
    if mark is None:
        return None
    usd, together = _budget(mark, where=_where(item, BUDGET_MARK))
    name = plain_nodeid(item)
    if together:
        function = getattr(item, "originalname", item.name)
        return Allowance(name.removesuffix(item.name) + function, usd, is_shared=True)
    return Allowance(f"{name}[{case_id}]" if case_id else name, usd)


def check_marks(definition: pytest.Function) -> None:
    """Raise `ConfigError` for a limit or budget of a test that cannot be read."""
    for text in _texts(definition, LIMITS_MARK):
        parse_limit(text, where=_where(definition, LIMITS_MARK))
    for mark in definition.iter_markers(BUDGET_MARK):
        _budget(mark, where=_where(definition, BUDGET_MARK))


def check_behaviour_gates(definition: pytest.Function, metrics: MetricRegistry) -> None:
    """Raise `ConfigError` for a gate on tests without a task that cannot be judged."""
    where = _where(definition, GATE_MARK)
    for text in marked_gates(definition):
        gate = parse_gate(text, where=where)
        if gate.part is not None:
            raise ConfigError(
                f"The gate {gate.text!r} in {where} is of a part of a task.",
                allowed="Tests without a task have no rows with fields.",
            )
        if gate.metric != TESTS:
            metrics.get_or_raise(gate.metric, where=where)


def _texts(item: pytest.Item, name: str) -> Iterator[str]:
    for mark in reversed(list(item.iter_markers(name))):
        for text in mark.args:
            if not isinstance(text, str):
                raise ConfigError(
                    f"{_where(item, name)} has {text!r}.",
                    allowed="It takes conditions as text.",
                    fix=f'For example: @pytest.mark.{name}("latency_p95_s <= 2")',
                )
            yield text
        if mark.kwargs or not mark.args:
            raise ConfigError(
                f"{_where(item, name)} has {mark.kwargs or 'no argument'}.",
                allowed="It takes conditions as text, and nothing else.",
                fix=f'For example: @pytest.mark.{name}("cost_usd <= 0.01")',
            )


def _budget(mark: pytest.Mark, *, where: str) -> tuple[float, bool]:
    given: dict[str, Any] = {"together": False, **mark.kwargs}
    if len(mark.args) == 1 and "usd" not in given:
        given["usd"] = mark.args[0]
    usd: Any = given.get("usd")
    together = given["together"]
    is_amount = type(usd) in (int, float) and math.isfinite(usd) and usd >= 0
    is_known = set(given) == {"usd", "together"} and type(together) is bool
    is_once = len(mark.args) + ("usd" in mark.kwargs) == 1
    if not (is_amount and is_known and is_once):
        written = ", ".join(
            [*map(repr, mark.args), *(f"{k}={v!r}" for k, v in mark.kwargs.items())]
        )
        raise ConfigError(
            f"{where} is llm_budget({written}).",
            allowed="It takes usd, a number at least 0, and together=True.",
            fix="For example: @pytest.mark.llm_budget(usd=0.05)",
        )
    return float(usd), together


def _where(item: pytest.Item, name: str) -> str:
    return f"{item.nodeid} (@{name})"
