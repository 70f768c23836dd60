"""Disks that run full, and files whose disk fails: what a test can do to the database of a running bot."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.wire.scene import Scene

FILE_SIZE_LIMIT = 256 * 1024
"""Bytes after which no file of the bot grows, while it is limited."""


@contextmanager
def mount_small_disk(folder: Path, *, size: str = "16m") -> Iterator[Path]:
    """A disk of its own. Skips the test where none may be mounted."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no disk may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def exhaust_disk(disk: Path) -> None:
    """Leave no room at all."""
    with (disk / "filling").open("ab", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def free_disk(disk: Path) -> None:
    (disk / "filling").unlink()


def remount_disk(disk: Path, mode: str) -> None:
    """Let a disk be read-only (`ro`), or not (`rw`)."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


def limit_file_size(scene: Scene) -> None:
    """Let every write of the running bot to its database fail, as on a disk at its quota."""
    with closing(sqlite3.connect(scene.database_path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('ballast', ?)", ("x" * 2 * FILE_SIZE_LIMIT,)
        )
    wal = scene.database_path.with_name("telex.db-wal")
    assert wal.stat().st_size > FILE_SIZE_LIMIT, "what is written next would not be beyond the limit"
    resource.prlimit(scene.bot.pid, resource.RLIMIT_FSIZE, (FILE_SIZE_LIMIT, resource.RLIM_INFINITY))


def lift_file_size_limit(scene: Scene) -> None:
    resource.prlimit(scene.bot.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def corrupt_tables(path: Path, *tables: str) -> None:
    """Overwrite the first page of tables and of their indices with rubbish, while a bot may be using them."""
    with closing(sqlite3.connect(path)) as connection:
        marks = ", ".join("?" * len(tables))
        pages = connection.execute(
            f"SELECT rootpage FROM sqlite_master WHERE tbl_name IN ({marks}) AND rootpage > 0", tables
        ).fetchall()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            for (page,) in pages:
                file.seek((page - 1) * size)
                file.write(b"\xa5" * size)
            os.fsync(file.fileno())
        with connection:  # so that nobody trusts pages that they remember
            connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('ballast', '')")


def corrupt_schema(path: Path) -> None:
    """Let the name of an index be bytes that are no UTF-8, and what it is made with no SQL."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = CAST(x'6964785fe9ff1b' AS TEXT), sql = 'CREATE INDEX ?' "
            "WHERE name = (SELECT max(name) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL)"
        )
