"""Rows of servers and channels that other rows refer to."""

from bot.store.connection import Connection
from bot.store.store_errors import StoreError


def ensure_server(db: Connection, server_id: int) -> None:
    """Insert the row of a server unless it exists."""
    db.execute(
        "INSERT INTO server (id, joined) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (server_id, db.now)
    )


def ensure_channel(
    db: Connection, channel_id: int, *, server_id: int | None = None, dm_user_id: int | None = None
) -> None:
    """Insert the row of a channel unless it exists, and that of its server.

    A channel belongs to `server_id`, or is the direct message channel of `dm_user_id`. Raises StoreError if
    the existing row belongs to another.
    """
    if server_id is not None:
        ensure_server(db, server_id)
    db.execute(
        "INSERT INTO channel (id, server_id, person_id) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (channel_id, server_id, dm_user_id),
    )
    owner_row = db.fetch_row("SELECT server_id, person_id FROM channel WHERE id = ?", (channel_id,))
    if tuple(owner_row) != (server_id, dm_user_id):
        raise StoreError("This channel is another server's or person's.")
