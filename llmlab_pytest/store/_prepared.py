"""Statements that are compiled once: that takes ten times as long as to run them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
Row = Mapping[str, Any]


def insert_of(dialect: Dialect) -> Any:
    """Return the insert of a dialect: the one that knows what to do on a conflict."""
    return _INSERT.get(dialect.name, sqlite.insert)


class PreparedWrites:
    """Writes rows by statements whose text is kept.

    Args:
        dialect: of the database.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._insert = insert_of(dialect)
        self._upserts: dict[tuple[str, bool, tuple[str, ...]], _Text] = {}
        self._others: dict[int, _Text] = {}

    def upsert(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Row],
        *,
        replace: bool,
    ) -> None:
        """Insert rows of the same columns; what is there stays, or is replaced."""
        names = tuple(rows[0])
        key = table.name, replace, names
        if key not in self._upserts:
            statement = self._new_upsert(table, replace=replace)
            self._upserts[key] = _Text(statement, self._dialect, names)
        self._upserts[key].run(connection, rows)

    def write(
        self, connection: Connection, statement: UpdateBase, rows: Sequence[Row]
    ) -> None:
        """Run a statement that lives as long as the program."""
        if id(statement) not in self._others:
            self._others[id(statement)] = _Text(statement, self._dialect, None)
        self._others[id(statement)].run(connection, rows)

    def _new_upsert(self, table: Table, *, replace: bool) -> Any:
        statement = self._insert(table)
        keys = [column.name for column in table.primary_key.columns]
        if not replace:
            return statement.on_conflict_do_nothing(index_elements=keys)
        changed = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if column.name not in keys
        }
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)


class _Text:
    """A compiled statement, as the driver takes it."""

    def __init__(
        self, statement: Any, dialect: Dialect, names: Sequence[str] | None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it once for each row."""
        order = self._order
        given: list[Any] = (
            [dict(row) for row in rows]
            if order is None
            else [tuple(row[name] for name in order) for row in rows]
        )
        connection.exec_driver_sql(self._text, given if len(given) > 1 else given[0])
