"""Functions that record and list who changed which setting of a server."""

from bot.core.preferences import SettingChange
from bot.store.connection import Connection

MAX_CHANGES_PER_SERVER = 500
"""Maximum number of changes stored per server; the oldest are deleted."""

_COLUMNS_SQL = "changed_at, user_id, setting, channel_id, feed_id, old_value, new_value"


def log_change(
    db: Connection,
    server_id: int,
    user_id: int | None,
    setting: str,
    old_text: str | None,
    new_text: str | None,
    *,
    channel_id: int | None = None,
    feed_id: int | None = None,
) -> None:
    """Record that a user changed a setting of a server, which must exist.

    The oldest changes beyond `MAX_CHANGES_PER_SERVER` are deleted. Do nothing without a `user_id`, or if `old_text`
    equals `new_text`.
    """
    if user_id is None or old_text == new_text:
        return
    db.execute(
        f"INSERT INTO setting_change (server_id, {_COLUMNS_SQL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (server_id, db.now, user_id, setting, channel_id, feed_id, old_text, new_text),
    )
    db.execute(
        "DELETE FROM setting_change WHERE server_id = :server_id AND id <= "
        "(SELECT id FROM setting_change WHERE server_id = :server_id "
        "ORDER BY id DESC LIMIT 1 OFFSET :max_changes_per_server)",
        {"server_id": server_id, "max_changes_per_server": MAX_CHANGES_PER_SERVER},
    )


def list_changes_by_user(db: Connection, user_id: int) -> list[tuple[int, SettingChange]]:
    """List the changes that a user made as (server id, change), newest first."""
    rows = db.execute(
        f"SELECT server_id, {_COLUMNS_SQL} FROM setting_change WHERE user_id = ? ORDER BY id DESC",
        (user_id,),
    )
    return [(server_id, SettingChange(*row)) for server_id, *row in rows]


def list_changes(db: Connection, server_id: int, limit: int, offset: int = 0) -> list[SettingChange]:
    """List at most `limit` changes of a server's settings, newest first."""
    return db.fetch_objects(
        SettingChange._make,
        f"SELECT {_COLUMNS_SQL} FROM setting_change WHERE server_id = ? ORDER BY id DESC LIMIT ? OFFSET ?",
        (server_id, limit, offset),
    )
