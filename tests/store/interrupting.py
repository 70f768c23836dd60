"""Migrates copies of a database and dies after a statement: in the first copy after the first, and so on.

`python -m tests.store.interrupting DATABASE FOLDER STATEMENTS`; the copies are FOLDER/1.db, FOLDER/2.db, …
After those of so many statements one is brought to the end. A process of its own because it forks.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from bot.store.sqlite.migrations import migrate, split_statements
from tests.store.old_databases import connect


def main(database: Path, folder: Path, statement_count: int) -> None:
    """Let a copy die after each statement, and one survive."""
    for last in range(1, statement_count + 2):
        copy = folder / f"{last}.db"
        shutil.copy(database, copy)
        child = os.fork()
        if child == 0:
            die_after(last if last <= statement_count else None, copy)
        _pid, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != (-signal.SIGKILL if last <= statement_count else 0):
            sys.exit(1)


def die_after(last: int | None, path: Path) -> NoReturn:
    """Migrate up to a statement, or (None) to the end."""
    number = 0

    def counted(script: str) -> Iterator[str]:
        nonlocal number
        for statement in split_statements(script):
            yield statement
            number += 1
            if number == last:
                os.kill(os.getpid(), signal.SIGKILL)

    module = importlib.import_module("bot.store.sqlite.migrations")  # the package has a function of that name
    module.split_statements = counted  # type: ignore[attr-defined]  # of any module
    try:
        with closing(connect(path)) as connection:
            migrate(connection)
    except BaseException:  # noqa: BLE001 - it must not go on as its parent
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
