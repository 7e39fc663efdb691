"""The tables, and the numbered migrations that lead to them.

Text that may hold anything (prompts, completions) is kept as JSON with ASCII escapes:
PostgreSQL stores no NUL character and no database stores a lone surrogate, but models
emit both.
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    text,
)

metadata = MetaData()

versions = Table("schema_version", metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
)

factors = Table(
    "factors",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("planned", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("available", Integer, nullable=False),
    Column("gates", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("factors", Text, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("task", String, primary_key=True),
    Column("sample_hash", String, primary_key=True),
    Column("sample_id", String, nullable=False),
    Column("content", Text, nullable=False),
)

completions = Table(
    "completions",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("call_key", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("model", String, nullable=False),
    Column("request_hash", String, nullable=False),
    Column("request", Text),
    Column("content", Text, nullable=False),
    Column("stop_reason", String, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost_usd", Float),
    Column("latency_s", Float, nullable=False),
    Column("ttft_s", Float),
    Column("attempts", Integer, nullable=False),
)

errors = Table(
    "errors",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("call_key", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("model", String, nullable=False),
    Column("error", Text, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("sample_id", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("sample_hash", String),
    Column("call_key", String),
    Column("error", Text),
    Column("usage", Text, nullable=False),
    Column("cost_usd", Float),
    Column("latency_s", Float),
    Column("ttft_s", Float),
    Column("compute_s", Float),
    Column("original", Text),
)

scores = Table(
    "scores",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("sample_id", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("scorer", String, nullable=False),
    Column("value", Float),
    Column("weight", Float, nullable=False, server_default="1"),
    Column("answer", Text),
    Column("explanation", Text),
    Column("share", Text),
    Column("judgements", Text),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", String, primary_key=True),
    Column("spent_nano_usd", BigInteger, nullable=False),
    Column("held_nano_usd", BigInteger, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", String, primary_key=True),
    Column("accounts", Text, nullable=False),
    Column("worst_nano_usd", BigInteger, nullable=False),
    Column("is_charged", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("held_at_s", Float, nullable=False),
)

Index("runs_by_start", runs.c.started_at)
Index("completions_by_request", completions.c.request_hash)


def m001_first_tables(connection: Connection) -> None:
    """Create the tables of the first release."""
    metadata.create_all(connection)


def _add_column(connection: Connection, table: str, name: str, kind: str) -> None:
    """Add a column, unless the table is new and has it already."""
    if name not in {found["name"] for found in inspect(connection).get_columns(table)}:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {name} {kind}"))


def m002_weights(connection: Connection) -> None:
    """Add the weight of a score; the tables of a new store have it already."""
    _add_column(connection, "scores", "weight", "FLOAT NOT NULL DEFAULT 1")


def m003_shares(connection: Connection) -> None:
    """Add what a score adds to a measure of the corpus; older scores have none."""
    _add_column(connection, "scores", "share", "TEXT")


def m004_ledger(connection: Connection) -> None:
    """Add accounts and holds; what was spent before is on no account."""
    metadata.create_all(connection, tables=[accounts, holds])


def m005_kept_answers(connection: Connection) -> None:
    """Add what kept answers took once; older results have none."""
    _add_column(connection, "results", "original", "TEXT")


def m006_first_tokens(connection: Connection) -> None:
    """Add the time to the first token of results; older ones have none."""
    _add_column(connection, "results", "ttft_s", "FLOAT")


def m007_judgements(connection: Connection) -> None:
    """Add who gave a score; older ones asked no judge."""
    _add_column(connection, "scores", "judgements", "TEXT")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    m001_first_tables,
    m002_weights,
    m003_shares,
    m004_ledger,
    m005_kept_answers,
    m006_first_tokens,
    m007_judgements,
)
"""Append only: a store at version N has seen the first N migrations."""
