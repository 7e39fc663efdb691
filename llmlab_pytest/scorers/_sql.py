"""The scorer of SQL, as sqlglot parses it: what it says and which tables it uses."""

from collections.abc import Callable, Sequence
from typing import Any

from llmlab_pytest.core import ConfigError, load, shorten
from llmlab_pytest.scorers._fences import body_of
from llmlab_pytest.scorers._judgement import Finding, check_texts, text_scorer
from llmlab_pytest.scorers._protocol import Scorer

_EXTRA = "scorers"
_STATEMENTS = frozenset(
    [
        "alter",
        "analyze",
        "comment",
        "commit",
        "copy",
        "create",
        "delete",
        "describe",
        "drop",
        "grant",
        "insert",
        "kill",
        "merge",
        "pragma",
        "revoke",
        "rollback",
        "select",
        "set",
        "show",
        "transaction",
        "truncatetable",
        "update",
        "use",
        "values",
    ]
)
"""sqlglot's keys of what is a statement; a lone word parses too, as a column."""


def is_sql(
    *,
    dialect: str | None = None,
    statements: Sequence[str] | None = None,
    tables: Sequence[str] | None = None,
    fenced: bool = True,
) -> Scorer:
    """Score 1 if the text is SQL that sqlglot parses, of statements that it knows.

    Args:
        dialect: one of sqlglot's, as `postgres`, `mysql`, `sqlite`, `bigquery`; by
            default what most have in common.
        statements: which statements may be there, as `["select"]`; unions are selects.
        tables: which tables may be used; names in a `with` are no tables.
        fenced: also accept SQL in a Markdown code fence, with prose around it.

    Raises:
        ConfigError: the dialect or a statement is unknown.
        MissingDependency: sqlglot is not installed.
    """
    check_texts("statements", statements)
    check_texts("tables", tables)
    for name in statements or ():
        if name not in _STATEMENTS:
            raise ConfigError(
                f"statements has {name!r}.",
                allowed=f"Known: {', '.join(sorted(_STATEMENTS))}.",
            )
    parse = _sql_parser(dialect)
    known_tables = None if tables is None else {table.casefold() for table in tables}

    def faults_of(statement: Any) -> list[str]:
        kind = _statement_kind(statement)
        faults = (
            [f"a {kind} statement"] if statements and kind not in statements else []
        )
        used = () if known_tables is None else sorted(_tables_in(statement))
        foreign = [name for name in used if name.casefold() not in (known_tables or ())]
        return faults + [f"the table {name!r}" for name in foreign]

    def look(text: str) -> Finding:
        body = body_of(text, ("sql", "postgresql", "mysql", "sqlite"), fenced=fenced)
        parsed = parse(body)
        if isinstance(parsed, str):
            return Finding(f"not SQL: {parsed}", body)
        if not parsed or any(_statement_kind(s) not in _STATEMENTS for s in parsed):
            return Finding("not SQL: no statement that is known", body)
        faults = [fault for statement in parsed for fault in faults_of(statement)]
        return Finding(f"not allowed: {', '.join(faults)}" if faults else None, body)

    return text_scorer("is_sql", look)


def _sql_parser(dialect: str | None) -> Callable[[str], list[Any] | str]:
    """Return what parses SQL to statements, or says why not."""
    parse = load("sqlglot:parse", extra=_EXTRA, needed_by="the scorer is_sql")
    failures = load("sqlglot.errors:SqlglotError")
    try:
        parse("select 1", read=dialect)
    except ValueError as error:
        raise ConfigError(
            f"dialect is {dialect!r}.", allowed="It is one of sqlglot's dialects."
        ) from error

    def parsed(text: str) -> list[Any] | str:
        try:
            found = parse(text, read=dialect)
        except failures as error:
            first = error.errors[0] if getattr(error, "errors", None) else {}
            place = f"line {first['line']}: " if first.get("line") else ""
            return place + shorten(str(first.get("description") or error), 120)
        except RecursionError:
            return "nested too deeply"
        return [each for each in found if each is not None]

    return parsed


def _statement_kind(statement: Any) -> str:
    query = load("sqlglot.expressions:Query")
    return "select" if isinstance(statement, query) else str(statement.key)


def _tables_in(statement: Any) -> set[str]:
    table, local = (load(f"sqlglot.expressions:{name}") for name in ("Table", "CTE"))
    names = {each.name for each in statement.find_all(table) if each.name}
    return names - {each.alias for each in statement.find_all(local)}
