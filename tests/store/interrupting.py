"""Migrates copies of a database and dies after a statement.

`python -m tests.store.interrupting DATABASE FOLDER STATEMENT…`; the copies are FOLDER/STATEMENT.db, and that of the
statement 0 is brought to the end. A process of its own because it forks.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from bot.store.sqlite.migrations import migrate, split_statements
from tests.store.old_databases import connect


def main(database: Path, folder: Path, last_statements: Sequence[int]) -> None:
    """Migrate a copy for each statement, and kill the process after that statement."""
    for last in last_statements:
        copy = folder / f"{last}.db"
        shutil.copy(database, copy)
        child = os.fork()
        if child == 0:
            die_after(last, copy)
        _pid, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != (-signal.SIGKILL if last else 0):
            sys.exit(1)


def die_after(last: int, path: Path) -> NoReturn:
    """Migrate up to a statement, or to the end if it is 0, and end the process."""
    number = 0

    def split_and_die(script: str) -> Iterator[str]:
        nonlocal number
        for statement in split_statements(script):
            yield statement
            number += 1
            if number == last:
                os.kill(os.getpid(), signal.SIGKILL)

    module = importlib.import_module("bot.store.sqlite.migrations")  # the package has a function of that name
    module.split_statements = split_and_die  # type: ignore[attr-defined]  # of any module
    try:
        with closing(connect(path)) as connection:
            migrate(connection)
    except BaseException:  # noqa: BLE001 - it must not go on as its parent
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(number) for number in sys.argv[3:]])
