"""Functions on folders and files that only their owner may read."""

from contextlib import suppress
from pathlib import Path

_PRIVATE_FOLDER_MODE, _PRIVATE_FILE_MODE = 0o700, 0o600


def make_private_folder(folder: Path) -> None:
    """Create a folder with mode 0700, or set that mode on an existing folder.

    A folder of another user keeps its mode. Raises OSError if the folder cannot be created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # The folder belongs to another user who lets this one write there.
        folder.chmod(_PRIVATE_FOLDER_MODE)


def restrict_to_owner(folder: Path) -> None:
    """Restrict all that a private folder contains to its owner; index engines create files with default modes."""
    for path in folder.rglob("*"):
        with suppress(PermissionError, FileNotFoundError):  # An engine may delete a file at any time.
            path.chmod(_PRIVATE_FOLDER_MODE if path.is_dir() else _PRIVATE_FILE_MODE)
