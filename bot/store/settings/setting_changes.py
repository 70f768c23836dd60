"""Who changed which setting of a server: functions of a connection, called where it is changed."""

from __future__ import annotations

from bot.core.choices import SettingChange
from bot.store.connection import Connection

MOST_KEPT = 500
"""Changes kept of a server; the oldest are forgotten."""

_COLUMNS = "changed, person_id, setting, channel_id, feed_id, old, new"


def note(connection: Connection, server_id: int, change: SettingChange) -> None:
    """Write down a change of a server that is known; one that changes nothing is none."""
    if change.old == change.new:
        return
    connection.execute(
        f"INSERT INTO setting_change (server_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            server_id,
            change.changed,
            change.person_id,
            change.setting,
            change.channel_id,
            change.feed_id,
            change.old,
            change.new,
        ),
    )
    connection.execute(
        "DELETE FROM setting_change WHERE server_id = ?1 AND id <= "
        "(SELECT id FROM setting_change WHERE server_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        (server_id, MOST_KEPT),
    )


def changes_of(connection: Connection, person_id: int) -> list[tuple[int, SettingChange]]:
    """A person's changes with the servers they were made in, newest first."""
    rows = connection.execute(
        f"SELECT server_id, {_COLUMNS} FROM setting_change WHERE person_id = ? ORDER BY id DESC", (person_id,)
    )
    return [(server_id, SettingChange(*row)) for server_id, *row in rows]


def changes(connection: Connection, server_id: int, limit: int, offset: int) -> list[SettingChange]:
    """The changes of a server, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM setting_change WHERE server_id = ? ORDER BY id DESC LIMIT ? OFFSET ?",
        (server_id, limit, offset),
    )
    return [SettingChange(*row) for row in rows]
