"""Folders that only their owner may enter, as the database is: what they hold tells what is read."""

from contextlib import suppress
from pathlib import Path

_OWNERS_FOLDER, _OWNERS_FILE = 0o700, 0o600


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone; one that is there is closed to others. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # it is another user's, who lets this one write there
        folder.chmod(_OWNERS_FOLDER)


def close_files(folder: Path) -> None:
    """Close what is in a private folder to others, too: engines write files as readable as any."""
    for path in folder.rglob("*"):
        with suppress(PermissionError, FileNotFoundError):  # an engine may drop a file at any time
            path.chmod(_OWNERS_FOLDER if path.is_dir() else _OWNERS_FILE)
