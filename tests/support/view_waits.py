"""Whether a task waits for a view or form to end, found out more quickly than simcord does.

simcord asks that of each task whenever it settles, each open view has a task, and simcord 3.2.1 looks at every
attribute of the view of every item for each answer: four fifths of what a test with fifty open panels cost.
"""

from __future__ import annotations

import asyncio

import discord
from simcord import _dpy_internals as simcord_internals


def is_view_wait_future(client: discord.Client, waiter: asyncio.Future[object] | None) -> bool:
    """Whether a future is the unfinished end of a view or form that the bot listens to."""
    if waiter is None or waiter.done():
        return False
    store = client._connection._view_store  # noqa: SLF001 - discord.py's, as simcord does
    views = {item.view for items in store._views.values() for item in items.values() if item.view}  # noqa: SLF001
    return any(
        vars(view).get("_BaseView__stopped") is waiter
        for view in (*views, *store._modals.values())  # noqa: SLF001
    )


def quicken_simcord() -> None:
    """Let simcord ask this module."""
    assert simcord_internals.is_view_wait_future
    simcord_internals.is_view_wait_future = is_view_wait_future
