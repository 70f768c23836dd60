"""Repository of the preferences of servers and channels."""

from bot.core import local_time
from bot.core.preferences import (
    DEFAULT_LOOK,
    ChannelPreferences,
    PostLook,
    Preference,
    ServerPreferences,
    SettingKind,
)
from bot.store.connection import Connection
from bot.store.outbox import digests, held_posts
from bot.store.repository import Repository, bind_read, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel, ensure_server

_SERVER_PREFERENCES = frozenset(
    {
        Preference.LANGUAGE,
        Preference.TIME_ZONE,
        Preference.MANAGER_ROLE,
        Preference.ALERT_CHANNEL,
        Preference.SELF_ASSIGNABLE_ROLES,
    }
)
"""Preferences that can be set for a server."""
_CHANNEL_PREFERENCES = frozenset(
    {
        Preference.LANGUAGE,
        Preference.JOIN_STORIES,
        Preference.DAILY_THREAD,
        Preference.QUIET_HOURS,
        Preference.MAX_POSTS_PER_HOUR,
        Preference.MIN_POST_INTERVAL,
        Preference.MIN_OUTLETS,
        Preference.TOP_STORIES_PER_DAY,
        Preference.TRANSLATE,
        Preference.POST_AS_OUTLET,
    }
)
"""Preferences that can be set for a channel."""

PreferenceValue = str | int | None
"""Stored value of a preference; None stands for the default."""


class Preferences(Repository):
    """Repository of the preferences of servers and channels, whose changes are logged.

    Methods raise StoreError.
    """

    async def by_server(self, server_id: int) -> ServerPreferences:
        """Return the preferences of a server, or the defaults if the server is unknown."""
        row = await self._fetch_row(
            "SELECT language, time_zone, manager_role, alerts, look, notify_roles FROM server WHERE id = ?",
            (server_id,),
        )
        if row is None:
            return ServerPreferences()
        language, time_zone, manager_role, alerts, look_json, roles_csv = row
        self_assignable_role_ids = tuple(int(role_id) for role_id in (roles_csv or "").split(",") if role_id)
        return ServerPreferences(
            language, time_zone, manager_role, alerts, PostLook.from_json(look_json), self_assignable_role_ids
        )

    async def by_channel(self, channel_id: int) -> ChannelPreferences:
        """Return the preferences of a channel, or the defaults if the channel is unknown."""
        row = await self._fetch_row(
            "SELECT language, join_stories, daily_thread, as_outlet, quiet_hours, most_an_hour, gap, "
            "least_outlets, best_a_day, translate FROM channel WHERE id = ?",
            (channel_id,),
        )
        if row is None:
            return ChannelPreferences()
        columns = dict(row)
        flag_names = ("join_stories", "daily_thread", "as_outlet", "translate")
        return ChannelPreferences(**columns | {flag_name: bool(columns[flag_name]) for flag_name in flag_names})

    async def list_channels_to_translate(self) -> list[tuple[int, int]]:
        """List (channel id, server id) of channels with translated posts, in servers that the bot is in."""
        rows = await self._fetch_rows(
            "SELECT channel.id, server.id FROM channel JOIN server ON server.id = channel.server_id "
            "WHERE channel.translate = 1 AND server.left IS NULL"
        )
        return [(row[0], row[1]) for row in rows]

    async def get_language(self, server_id: int, channel_id: int) -> str | None:
        """Return the language chosen for a channel, or else for its server, or None if none was chosen."""
        return await self._fetch_value(
            "SELECT coalesce((SELECT language FROM channel WHERE id = ?), (SELECT language FROM server WHERE id = ?))",
            (channel_id, server_id),
        )

    @write_transaction
    def change(
        self,
        db: Connection,
        preference: Preference,
        value: PreferenceValue,
        *,
        server_id: int,
        user_id: int,
        channel_id: int | None = None,
    ) -> bool:
        """Set a preference of a server, or of a channel if `channel_id` is given; return whether it changed.

        `value` must be valid for the preference; None restores the default. Raises StoreError if the channel
        belongs to another server, ValueError for malformed quiet hours.
        """
        assert preference in (_SERVER_PREFERENCES if channel_id is None else _CHANNEL_PREFERENCES)
        if preference is Preference.QUIET_HOURS and value is not None:
            local_time.parse_quiet_hours(str(value))
        ensure_server(db, server_id)
        table_name, row_id = ("server", server_id) if channel_id is None else ("channel", channel_id)
        if channel_id is not None:
            ensure_channel(db, channel_id, server_id=server_id)
        if preference is Preference.ALERT_CHANNEL and isinstance(value, int):
            ensure_channel(db, value, server_id=server_id)
        old_value = db.fetch_value(f"SELECT {preference} FROM {table_name} WHERE id = ?", (row_id,))
        if old_value == value:
            return False
        db.execute(f"UPDATE {table_name} SET {preference} = ? WHERE id = ?", (value, row_id))
        if preference is Preference.TIME_ZONE:
            digests.reschedule_digests(db, server_id)
            held_posts.reschedule_selections(db, server_id)
        if channel_id is not None and preference in {Preference.MIN_OUTLETS, Preference.TOP_STORIES_PER_DAY}:
            held_posts.reevaluate_channel(db, channel_id)
        old_text, new_text = (
            None if stored_value is None else str(stored_value) for stored_value in (old_value, value)
        )
        setting_changes.log_change(db, server_id, user_id, preference, old_text, new_text, channel_id=channel_id)
        return True

    async def get_look(self, server_id: int) -> PostLook:
        """Return the look of a server's posts, which applies to subscriptions without a look of their own."""
        return (await self.by_server(server_id)).look

    @write_transaction
    def set_look(self, db: Connection, server_id: int, look: PostLook, *, user_id: int) -> bool:
        """Set the look of a server's posts; return whether the look changed."""
        ensure_server(db, server_id)
        old_look_json = db.fetch_value("SELECT look FROM server WHERE id = ?", (server_id,))
        if PostLook.from_json(old_look_json) == look:
            return False
        new_look_json = None if look == DEFAULT_LOOK else str(look)
        db.execute("UPDATE server SET look = ? WHERE id = ?", (new_look_json, server_id))
        setting_changes.log_change(db, server_id, user_id, SettingKind.LOOK, old_look_json, new_look_json)
        return True

    changes = bind_read(setting_changes.list_changes)
    changes_of = bind_read(setting_changes.list_changes_by_user)
