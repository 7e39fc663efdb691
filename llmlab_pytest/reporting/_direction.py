"""Which numbers are better when they are lower."""

LOWER_IS_BETTER = frozenset(
    {"word_perplexity", "byte_perplexity", "bits_per_byte", "token_perplexity"}
    | {"perplexity", "nats_per_word", "nats_per_byte", "nats_per_token"}
    | {"ter"}
    | {"errors", "error_rate", "misses"}
    | {"cost_usd", "input_tokens", "output_tokens"}
    | {f"{kind}_{part}_s" for kind in ("latency", "ttft") for part in ("p50", "p95")}
    | {f"{kind}_{part}_s" for kind in ("latency", "ttft") for part in ("p99", "max")}
)
"""Names of metrics and scorers; of all others, and of those of plugins, more is
better."""
