from llmlab_pytest.core import SampleResult, TaskPlan, TaskRow, Usage
from llmlab_pytest.metrics import build_row, default_metrics, engine_accounts


def row(task: str, model: str, *results: tuple[Usage, float | None]) -> TaskRow:
    """Return the row of samples with these tokens and seconds."""
    return build_row(
        TaskPlan(task=task, model=model, planned=len(results), available=9),
        [
            SampleResult(
                task=task, model=model, sample_id=f"{n}", usage=usage, compute_s=spent_s
            )
            for n, (usage, spent_s) in enumerate(results)
        ],
        default_metrics(),
    )


def usage(read: int, cached: int = 0, written: int = 0) -> Usage:
    return Usage(input_tokens=read, cached_input_tokens=cached, output_tokens=written)


def test_an_engine_is_accounted_over_all_tasks() -> None:
    """Shared tokens are asked and not computed; written ones are both."""
    rows = [
        row("mmlu", "m", (usage(1000, 900), 0.5), (usage(600, 500), 0.5)),
        row("gsm8k", "m", (usage(100, 0, 50), 1.5)),
    ]
    factors = {"layer_flop:m": "2e8", "matrix_flops:m": "8e10"}
    (account,) = engine_accounts(rows, factors)
    assert account.asked_tokens == 1750
    assert account.computed_tokens == 350
    assert account.compute_s == 2.5
    assert account.computed_tokens_per_s == 140
    assert account.layer_flops == 140 * 2e8
    assert account.matrix_flops == 8e10
    assert account.of_matrix_rate == 0.35


def test_what_was_not_measured_is_left_out() -> None:
    """A short run and llama.cpp have no rate; facts of other models do not count."""
    (account,) = engine_accounts(
        [row("mmlu", "m", (usage(10), 1.0))],
        {"layer_flop:n": "1", "matrix_flops:m": "2"},
    )
    assert account.computed_tokens_per_s == 10
    assert account.layer_flops is None
    assert account.of_matrix_rate is None


def test_a_rate_that_was_measured_on_a_busy_machine_gives_no_share() -> None:
    """Layers cannot be faster together than one of them alone."""
    factors = {"layer_flop:m": "200", "matrix_flops:m": "1000"}
    (account,) = engine_accounts([row("mmlu", "m", (usage(10), 1.0))], factors)
    assert account.layer_flops == 2000
    assert account.matrix_flops == 1000
    assert account.of_matrix_rate is None


def test_only_models_that_compute_here_have_an_account() -> None:
    """By name; a remote model's seconds are not this machine's."""
    rows = [
        row("a", "remote", (usage(10), None)),
        row("a", "second", (usage(10), 1.0)),
        row("a", "first", (usage(10), 2.0)),
        row("behaviour", "remote", (usage(10), 0.0)),
    ]
    assert [account.model for account in engine_accounts(rows, {})] == [
        "first",
        "second",
    ]
    assert rows[0].compute_s is None
    assert rows[1].compute_s == 1.0
