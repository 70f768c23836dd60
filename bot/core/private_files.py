"""Folders that only their owner may enter, as the database is: what they hold tells what is read."""

import os
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o077
_OWNERS_FOLDER = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone; one that is there is closed to others.

    Whatever this process writes from then on is its owner's alone: engines write files in threads of their
    own, at any time. Raises OSError.
    """
    os.umask(_OTHERS)
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # it is another user's, who lets this one write there
        folder.chmod(_OWNERS_FOLDER)
