"""Processes that this one did not start itself, as Linux lists them in /proc."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest


def list_child_pids(pid: int) -> list[int]:
    """Return the ids of the processes that a process started; skips the test on a system without /proc."""
    if not Path(f"/proc/{pid}").exists():
        pytest.skip("needs /proc to see the processes of a process")
    child_pids = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while it is looked at
            child_pids += [int(child) for child in (task / "children").read_text().split()]
    return child_pids


def is_process_running(pid: int) -> bool:
    """Return whether a process goes on; one that has ended, but whose parent took no note of it, does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
