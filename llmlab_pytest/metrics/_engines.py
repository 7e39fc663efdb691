"""The account of each local model's engine, from the rows and factors of a run."""

from collections.abc import Mapping, Sequence

from llmlab_pytest.core import LAYER_FLOP, MATRIX_FLOPS, EngineAccount, TaskRow


def engine_accounts(
    rows: Sequence[TaskRow], factors: Mapping[str, str]
) -> tuple[EngineAccount, ...]:
    """Add up what each model that computed on this machine did, by name.

    Args:
        rows: of all tasks and models.
        factors: of the run; those of a model are called `FACT:ALIAS`.
    """
    models = sorted({row.plan.model for row in rows if row.compute_s})
    return tuple(
        _account([row for row in rows if row.plan.model == model], factors)
        for model in models
    )


def _account(rows: Sequence[TaskRow], factors: Mapping[str, str]) -> EngineAccount:
    model = rows[0].plan.model
    kept = [row.original.usage for row in rows if row.original]
    asked = sum(row.usage.tokens for row in rows) - sum(u.tokens for u in kept)
    shared = sum(row.usage.cached_input_tokens for row in rows)
    computed = asked - shared + sum(usage.cached_input_tokens for usage in kept)
    compute_s = sum(row.compute_s or 0.0 for row in rows)
    per_token = _number(factors, f"{LAYER_FLOP}:{model}")
    matrix_flops = _number(factors, f"{MATRIX_FLOPS}:{model}")
    layer_flops = computed * per_token / compute_s if per_token else None
    share = layer_flops / matrix_flops if layer_flops and matrix_flops else None
    return EngineAccount(
        model=model,
        asked_tokens=asked,
        computed_tokens=computed,
        compute_s=compute_s,
        computed_tokens_per_s=computed / compute_s,
        layer_flops=layer_flops,
        matrix_flops=matrix_flops,
        # Above 1, others had the machine while it was measured.
        of_matrix_rate=share if share is not None and share <= 1 else None,
    )


def _number(factors: Mapping[str, str], name: str) -> float | None:
    return float(factors[name]) if name in factors else None
