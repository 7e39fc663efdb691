"""How the terminal shows what pytest has no word for: misses, inconclusive gates."""

from llmlab_pytest.collecting._gate_item import VERDICT
from llmlab_pytest.collecting._outcomes import OUTCOME


def status_of(report: object) -> tuple[str, str, str] | None:
    """Return category, letter and word of a report, or `None` for pytest's own.

    A miss is counted apart and never as a failure. A behaviour test whose model could
    not answer is an error, though pytest only knows errors outside the test function.
    An inconclusive gate that fails the run stays in pytest's category of failures.
    """
    if getattr(report, "when", None) != "call":
        return None
    properties = [tuple(pair) for pair in getattr(report, "user_properties", ())]
    if getattr(report, "passed", False) and (OUTCOME, "miss") in properties:
        return "miss", "m", "MISS"
    if getattr(report, "failed", False) and (OUTCOME, "error") in properties:
        return "error", "E", "ERROR"
    if getattr(report, "failed", False) and (VERDICT, "inconclusive") in properties:
        return "failed", "?", "INCONCLUSIVE"
    return None
