"""Repository of the preferences of servers and channels."""

from typing import TypeVar

from bot.core.preferences import DEFAULT_LOOK, NOTICES_OFF, PostLook, Preference, ServerPreferences, SettingKind
from bot.core.setting_registry import CHANNEL_SETTINGS, ChangeEffect, ChannelSetting, ChannelSettings, StoredValue
from bot.store.connection import Connection
from bot.store.operating import notices
from bot.store.outbox import digests, held_posts
from bot.store.people import feed_reactions
from bot.store.repository import Repository, bind_read, bind_write
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel, ensure_server

T = TypeVar("T")


def change_preference(
    db: Connection, preference: Preference, value: StoredValue, *, server_id: int, user_id: int
) -> bool:
    """Set a preference of a server and return whether the preference changed.

    `value` must be valid for the preference; None restores the default. The change is recorded in the change history. A
    new time zone changes when digests, top stories and the monthly report are due; turning the operator's notices off
    withdraws pending ones. Raises StoreError if a channel for alerts belongs to another server.
    """
    ensure_server(db, server_id)
    if preference is Preference.ALERT_CHANNEL and isinstance(value, int):
        ensure_channel(db, value, server_id=server_id)
    old_value = _replace_value(db, "server", server_id, preference, value)
    if old_value == value:
        return False
    if preference is Preference.TIME_ZONE:
        digests.reschedule_digests(db, server_id)
        held_posts.reschedule_selections(db, server_id)
        feed_reactions.reschedule_report(db, server_id)
    if preference is Preference.OPERATOR_NOTICES and value == NOTICES_OFF:
        notices.withdraw_from_server(db, server_id)
    setting_changes.log_change(db, server_id, user_id, preference, _to_text(old_value), _to_text(value))
    return True


def change_channel_setting(
    db: Connection,
    setting: ChannelSetting[T],
    value: T,
    *,
    server_id: int,
    channel_id: int,
    user_id: int,
) -> bool:
    """Change a setting of a channel and return whether it changed.

    The change is recorded in the change history. Held posts are sent, or held for another time, if it concerns them.
    Raises StoreError if the channel belongs to another server, ValueError if the setting cannot have the value.
    """
    stored_value = setting.to_column(value)
    ensure_server(db, server_id)
    ensure_channel(db, channel_id, server_id=server_id)
    old_value = _replace_value(db, "channel", channel_id, setting.column_name, stored_value)
    if old_value == stored_value:
        return False
    if setting.effect is ChangeEffect.REEVALUATE_HELD_POSTS:
        held_posts.reevaluate_channel(db, channel_id)
    old_text, new_text = _to_text(old_value), _to_text(stored_value)
    setting_changes.log_change(db, server_id, user_id, setting.column_name, old_text, new_text, channel_id=channel_id)
    return True


def set_server_look(db: Connection, server_id: int, look: PostLook, *, user_id: int) -> bool:
    """Set the look (style, text length, colour…) of a server's posts; return whether the look changed."""
    ensure_server(db, server_id)
    old_look_json = db.fetch_value("SELECT look FROM server WHERE id = ?", (server_id,))
    if PostLook.from_json(old_look_json) == look:
        return False
    new_look_json = None if look == DEFAULT_LOOK else str(look)
    db.execute("UPDATE server SET look = ? WHERE id = ?", (new_look_json, server_id))
    setting_changes.log_change(db, server_id, user_id, SettingKind.LOOK, old_look_json, new_look_json)
    return True


class Preferences(Repository):
    """Repository of the preferences of servers and channels, whose changes are logged.

    Methods raise StoreError.
    """

    async def get_by_server(self, server_id: int) -> ServerPreferences:
        """Return the preferences of a server, or the defaults if the server is unknown."""
        row = await self._fetch_row(
            "SELECT language, time_zone, manager_role, alerts, look, notify_roles, proposals, report_due_at, notices "
            "FROM server WHERE id = ?",
            (server_id,),
        )
        if row is None:
            return ServerPreferences()
        (
            language,
            time_zone,
            manager_role_id,
            alert_channel_id,
            look_json,
            roles_csv,
            proposer_policy,
            report_due_at,
            notices_choice,
        ) = row
        self_assignable_role_ids = tuple(int(role_id) for role_id in (roles_csv or "").split(",") if role_id)
        return ServerPreferences(
            language,
            time_zone,
            manager_role_id,
            alert_channel_id,
            PostLook.from_json(look_json),
            self_assignable_role_ids,
            proposer_policy,
            report_due_at,
            notices_choice != NOTICES_OFF,
        )

    async def get_by_channel(self, channel_id: int) -> ChannelSettings:
        """Return the settings of a channel, or the defaults if the channel is unknown."""
        row = await self._fetch_row(f"SELECT {', '.join(CHANNEL_SETTINGS)} FROM channel WHERE id = ?", (channel_id,))
        return ChannelSettings(None if row is None else dict(row))

    async def list_channels_to_translate(self) -> list[tuple[int, int]]:
        """List (channel id, server id) of channels with translated posts, in servers that the bot is in."""
        rows = await self._fetch_rows(
            "SELECT channel.id, server.id FROM channel JOIN server ON server.id = channel.server_id "
            "WHERE channel.translate = 1 AND server.left_at IS NULL"
        )
        return [(row[0], row[1]) for row in rows]

    async def get_language(self, server_id: int, channel_id: int) -> str | None:
        """Return the language chosen for a channel, or else for its server, or None if none was chosen."""
        return await self._fetch_value(
            "SELECT coalesce((SELECT language FROM channel WHERE id = ?), (SELECT language FROM server WHERE id = ?))",
            (channel_id, server_id),
        )

    change = bind_write(change_preference)
    change_channel = bind_write(change_channel_setting)
    set_look = bind_write(set_server_look)

    async def get_look(self, server_id: int) -> PostLook:
        """Return the look (style, length, colour…) of a server's posts, except of feeds with a look of their own."""
        return (await self.get_by_server(server_id)).look

    list_changes = bind_read(setting_changes.list_changes)
    list_changes_by_user = bind_read(setting_changes.list_changes_by_user)


def _replace_value(db: Connection, table_name: str, row_id: int, column: str, value: StoredValue) -> StoredValue:
    """Write a value into a row of a server or channel, and return the value that it replaces."""
    old_value: StoredValue = db.fetch_value(f"SELECT {column} FROM {table_name} WHERE id = ?", (row_id,))
    if old_value != value:
        db.execute(f"UPDATE {table_name} SET {column} = ? WHERE id = ?", (value, row_id))
    return old_value


def _to_text(value: StoredValue) -> str | None:
    return None if value is None else str(value)
