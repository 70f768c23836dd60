"""One running bot a database, whatever becomes of the file and its folder.

A lock file beside the database keeps a second bot out where the database was replaced, a lock on the database
itself where the lock file was deleted. Where both went with their folder, the running bot finds out within
seconds (`FileIdentityGuard`) and takes the lock of the file that is there instead, or ends if another bot has
it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from bot.store.store_errors import AlreadyRunning, DatabaseGone, DatabaseUnusable


@contextmanager
def lock_for_run(path: Path) -> Iterator[None]:
    """Be the one running bot of a database within the block. Raises `AlreadyRunning`, `DatabaseUnusable`."""
    lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        try:
            held = open_locked(path)
        except BaseException:
            lock.release()
            raise
    except (filelock.Timeout, BlockingIOError) as error:
        raise AlreadyRunning(f"Telex is already running with the database {path}.") from error
    except OSError as error:
        raise DatabaseUnusable(f"The database {path} cannot be locked: {error.strerror}.") from error
    try:
        yield
    finally:
        os.close(held)  # after SQLite's: with any descriptor of a file that is closed all its locks go
        lock.release()


def open_locked(path: Path) -> int:
    """A descriptor that holds the lock of a file, which is made where it is missing.

    Raises BlockingIOError where another process has it, else OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)  # addresses of feeds may hold secrets
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class FileIdentityGuard:
    """Whether the file that was opened is still the one at its path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None
        self._successor: int | None = None

    def remember(self) -> None:
        """The file was opened just now."""
        self._opened = self._there()

    def require_same_file(self) -> None:
        """Raise `DatabaseGone` where the file is not there any more: what is written to it would be lost."""
        if self._opened is not None and self._there() != self._opened:
            raise DatabaseGone(
                f"The database {self._path} is gone: it was deleted or replaced, or its disk was unmounted. "
                "What is in its place is not touched; start Telex again to use it."
            )

    def lock_replacement(self) -> None:
        """Keep other bots off the file that is in the place of this one. Raises `AlreadyRunning`."""
        if self._successor is not None or self._there() in {None, self._opened}:
            return
        try:
            self._successor = open_locked(self._path)
        except BlockingIOError as error:
            raise AlreadyRunning(f"Another Telex runs with a new database {self._path}.") from error
        except OSError:
            return

    def end(self) -> None:
        """Let go of all."""
        if self._successor is not None:
            os.close(self._successor)
            self._successor = None

    def _there(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            found = self._path.stat()
            return found.st_dev, found.st_ino
        return None
