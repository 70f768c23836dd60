"""Run lock of a SQLite file: one running bot per database, even if files are deleted or replaced.

A lock file beside the database keeps a second bot out if the database is replaced, and a lock on the database
itself does so if the lock file is deleted. If the whole directory is replaced, the running bot notices within
seconds (`FileIdentityGuard`) and locks the new file, or ends if another bot has locked it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from bot.store.store_errors import DatabaseFileGone, DatabaseUnusable, ProcessMustEnd


@contextmanager
def lock_for_run(path: Path) -> Iterator[None]:
    """Hold the run lock of a database file within the `with` block.

    Its folder, and an empty file, are created if they are missing. Raises `ProcessMustEnd` if another process holds it,
    `DatabaseUnusable` if it cannot be taken.
    """
    file_lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file_lock.acquire(timeout=0)
        try:
            descriptor = open_locked(path)
        except BaseException:
            file_lock.release()
            raise
    except (filelock.Timeout, BlockingIOError) as error:
        raise ProcessMustEnd(f"Telex is already running with the database {path}.") from error
    except OSError as error:
        raise DatabaseUnusable(f"The database {path} cannot be locked: {error.strerror}.") from error
    try:
        yield
    finally:
        # SQLite's connections are closed before: closing any descriptor of a file drops all POSIX locks of the
        # process on it.
        os.close(descriptor)
        file_lock.release()


def open_locked(path: Path) -> int:
    """Open a file, creating it if it is missing, and return a descriptor that holds a lock on the file.

    Raises BlockingIOError if another process holds the lock, another OSError if the file cannot be opened.
    """
    # Private to the owner, because feed URLs may contain secrets.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class FileIdentityGuard:
    """Guard that checks whether the file at a path is still the opened one, and locks one that replaced it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened_identity: tuple[int, int] | None = None
        self._replacement_descriptor: int | None = None

    def remember_file(self) -> None:
        """Remember the file that is now at the path as the one that was opened."""
        self._opened_identity = self._load_identity()

    def require_same_file(self) -> None:
        """Raise `DatabaseFileGone` if the opened file was deleted or replaced: writes to it would be lost."""
        if self._opened_identity is not None and self._load_identity() != self._opened_identity:
            raise DatabaseFileGone(
                f"The database {self._path} is gone: it was deleted or replaced, or its disk was unmounted. "
                "What is in its place is not touched; start Telex again to use it."
            )

    def lock_replacement(self) -> None:
        """Lock the file that replaced the opened one, if there is one that can be opened.

        Raises `ProcessMustEnd` if another bot has locked it.
        """
        if self._replacement_descriptor is not None or self._load_identity() in {None, self._opened_identity}:
            return
        try:
            self._replacement_descriptor = open_locked(self._path)
        except BlockingIOError as error:
            raise ProcessMustEnd(f"Another Telex runs with a new database {self._path}.") from error
        except OSError:
            return

    def release_replacement(self) -> None:
        """Release the lock on the file that replaced the opened one, if it is held."""
        if self._replacement_descriptor is not None:
            os.close(self._replacement_descriptor)
            self._replacement_descriptor = None

    def _load_identity(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            file_status = self._path.stat()
            return file_status.st_dev, file_status.st_ino
        return None
