"""Rows of a query to a database that is opened for reading only.

SQLite opens the file so that it cannot be written; PostgreSQL, MySQL and MariaDB are
told that the session only reads. A query is one statement, so that it cannot end the
transaction, which is rolled back, whatever the database. Values go as parameters beside
the text of the query, never into it.
"""

import os
import re
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from llmlab_pytest.core import DataError, know_password, redact, shorten
from llmlab_pytest.tasks._rows import Row
from llmlab_pytest.tasks._task import Query

_ENVIRONMENT = "env:"
_READS_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
_NO_STATEMENT = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)
"""Texts, names and comments: a semicolon in one of them ends nothing."""


def rows_of(query: Query) -> list[Row]:
    """Return the rows of a query, in the order that it asks for.

    Raises:
        DataError: the database cannot be read, or the query is wrong or gives no row.
    """
    _check_single(query.query)
    url = _url(query)
    shown = url.render_as_string(hide_password=True)
    try:
        engine = create_engine(_opened(url, query.folder), poolclass=NullPool)
        with engine.connect() as connection:
            _read_only(connection, url.get_backend_name())
            found = connection.execute(text(query.query), dict(query.parameters))
            rows = [dict(row) for row in found.mappings()] if found.returns_rows else []
            connection.rollback()
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise DataError(
            f"The database {shown!r} needs a driver that is not installed: {error}.",
            fix="Install it, for PostgreSQL: pip install 'llmlab-pytest[postgresql]'",
        ) from error
    except SQLAlchemyError as error:
        why = redact(str(getattr(error, "orig", None) or error)).splitlines()[0]
        raise DataError(
            f"The query {shorten(query.query)!r} to {shown!r} fails: {why}.",
            allowed="It is a SELECT; the database is opened for reading only.",
        ) from error
    if not rows:
        raise DataError(
            f"The query {shorten(query.query)!r} to {shown!r} gives no rows.",
            fix="Correct the query.",
        )
    return rows


def _url(query: Query) -> URL:
    given = query.url
    if given.startswith(_ENVIRONMENT):
        name = given.removeprefix(_ENVIRONMENT)
        given = os.environ.get(name, "")
        if not given:
            raise DataError(
                f"The database stands in the variable {name}, which is not set.",
                fix="Set it, or use --llmlab-env-file.",
            )
    know_password(given)
    try:
        return make_url(given)
    except ArgumentError as error:
        raise DataError(
            f"{redact(given)!r} is no database URL.",
            allowed="It is sqlite:///PATH, postgresql+psycopg://… or another that "
            "SQLAlchemy knows.",
        ) from error


def _opened(url: URL, folder: Path) -> URL:
    """Return the URL that is opened; SQLite's says that nothing is to be written."""
    if url.get_backend_name() != "sqlite":
        return url
    path = folder / Path(url.database or "").expanduser()
    if not path.is_file():
        raise DataError(
            f"The database {str(path)!r} does not exist.",
            fix="Correct its path, which is relative to the card.",
        )
    # As a URI the file is opened without the right to write.
    uri = f"file:{path.absolute().as_uri().removeprefix('file://')}"
    return url.set(database=uri, query={"mode": "ro", "uri": "true"})


def _check_single(statement: str) -> None:
    """Raise `DataError` for several statements: one could end the transaction."""
    if ";" in _NO_STATEMENT.sub("", statement).rstrip("; \t\r\n"):
        raise DataError(
            f"The query {shorten(statement)!r} is several statements.",
            allowed="It is one SELECT.",
        )


def _read_only(connection: Connection, backend: str) -> None:
    if statement := _READS_ONLY.get(backend):
        connection.execute(text(statement))
        connection.commit()  # it holds for the transactions that begin behind it
