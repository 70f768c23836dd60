"""Functions that insert the rows of servers and channels to which other rows refer."""

from bot.store.connection import Connection
from bot.store.store_errors import StoreError


def ensure_server(db: Connection, server_id: int) -> None:
    """Insert the row of a server unless it exists."""
    db.execute("INSERT INTO server (id, joined_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (server_id, db.now))


def ensure_channel(
    db: Connection, channel_id: int, *, server_id: int | None = None, dm_user_id: int | None = None
) -> None:
    """Insert the row of a channel, and that of its server, unless they exist.

    A channel belongs to `server_id`, or is the direct message channel of `dm_user_id`. Raises StoreError if
    the stored channel belongs to another server or user.
    """
    if server_id is not None:
        ensure_server(db, server_id)
    db.execute(
        "INSERT INTO channel (id, server_id, user_id) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (channel_id, server_id, dm_user_id),
    )
    owner_row = db.fetch_row("SELECT server_id, user_id FROM channel WHERE id = ?", (channel_id,))
    if tuple(owner_row) != (server_id, dm_user_id):
        raise StoreError("This channel is another server's or person's.")
