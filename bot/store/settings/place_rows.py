"""The rows of servers and channels that other rows point to."""

from bot.store.connection import Connection
from bot.store.store_errors import StoreError


def need_server(db: Connection, server_id: int) -> None:
    """Know a server."""
    db.execute(
        "INSERT INTO server (id, joined) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (server_id, db.now)
    )


def need_person_channel(db: Connection, channel_id: int, person_id: int) -> None:
    """Know the channel of a person's direct messages. Raises `StoreError` when it is somebody else's."""
    db.execute(
        "INSERT INTO channel (id, person_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        (channel_id, person_id),
    )
    row = db.row("SELECT person_id FROM channel WHERE id = ?", (channel_id,))
    if row["person_id"] != person_id:
        raise StoreError("This channel is another server's or person's.")


def need_channel(db: Connection, channel_id: int, server_id: int) -> None:
    """Know a channel as one of a known server's. Raises `StoreError` when it is another server's."""
    db.execute(
        "INSERT INTO channel (id, server_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        (channel_id, server_id),
    )
    row = db.row("SELECT server_id FROM channel WHERE id = ?", (channel_id,))
    if row["server_id"] != server_id:
        raise StoreError("This channel belongs to another server.")
