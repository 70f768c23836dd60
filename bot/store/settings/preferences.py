"""Preferences: what the people of a server chose for it and for its channels, and who changed what."""

from __future__ import annotations

from bot.core import hours
from bot.core.choices import (
    USUAL,
    ChannelPreferences,
    Look,
    Preference,
    ServerPreferences,
    Setting,
    SettingChange,
)
from bot.store.connection import Connection
from bot.store.outbox import digests, held_posts
from bot.store.outbox.place_rows import need_channel, need_server
from bot.store.repository import Repository, writes
from bot.store.settings import setting_changes

_OF_SERVER = frozenset(
    {
        Preference.LANGUAGE,
        Preference.TIME_ZONE,
        Preference.MANAGER_ROLE,
        Preference.ALERTS,
        Preference.NOTIFY_ROLES,
    }
)
_OF_CHANNEL = frozenset(
    {
        Preference.LANGUAGE,
        Preference.JOIN_STORIES,
        Preference.DAILY_THREAD,
        Preference.QUIET_HOURS,
        Preference.MOST_AN_HOUR,
        Preference.GAP,
        Preference.LEAST_OUTLETS,
        Preference.BEST_A_DAY,
        Preference.TRANSLATE,
        Preference.AS_OUTLET,
    }
)

Value = str | int | None


class Preferences(Repository):
    """Preferences of servers and channels. What nobody chose has its default."""

    async def of_server(self, server_id: int) -> ServerPreferences:
        """What a server chose."""
        row = await self._row(
            "SELECT language, time_zone, manager_role, alerts, look, notify_roles FROM server WHERE id = ?",
            (server_id,),
        )
        if row is None:
            return ServerPreferences()
        language, time_zone, manager_role, alerts, chosen, roles = row
        offered = tuple(int(role) for role in (roles or "").split(",") if role)
        return ServerPreferences(language, time_zone, manager_role, alerts, Look.of(chosen), offered)

    async def of_channel(self, channel_id: int) -> ChannelPreferences:
        """What was chosen for a channel."""
        row = await self._row(
            "SELECT language, join_stories, daily_thread, as_outlet, quiet_hours, most_an_hour, gap, "
            "least_outlets, best_a_day, translate FROM channel WHERE id = ?",
            (channel_id,),
        )
        if row is None:
            return ChannelPreferences()
        chosen = dict(row)
        flags = ("join_stories", "daily_thread", "as_outlet", "translate")
        return ChannelPreferences(**chosen | {name: bool(chosen[name]) for name in flags})

    async def translating(self) -> list[tuple[int, int]]:
        """Channels whose posts are to be translated, each with its server, in servers the bot is in."""
        rows = await self._rows(
            "SELECT channel.id, server.id FROM channel JOIN server ON server.id = channel.server_id "
            "WHERE channel.translate = 1 AND server.left IS NULL"
        )
        return [(row[0], row[1]) for row in rows]

    async def language(self, server_id: int, channel_id: int) -> str | None:
        """The language that posts of a channel were given: its own, else its server's; None: neither."""
        return await self._value(
            "SELECT coalesce((SELECT language FROM channel WHERE id = ?), "
            "(SELECT language FROM server WHERE id = ?))",
            (channel_id, server_id),
        )

    @writes
    def change(
        self,
        connection: Connection,
        preference: Preference,
        value: Value,
        *,
        server_id: int,
        person_id: int,
        channel_id: int | None = None,
    ) -> bool:
        """Set a preference of a server, or with `channel_id` of one of its channels; False when it was so.

        `value` must be one that the preference takes; None is the default of those that have none. Raises
        `StoreError` for another server's channel, ValueError for quiet hours that are none.
        """
        assert preference in (_OF_SERVER if channel_id is None else _OF_CHANNEL)
        if preference is Preference.QUIET_HOURS and value is not None:
            hours.quiet_minutes(str(value))
        now = self._clock.now()
        need_server(connection, server_id, now)
        table, id_ = ("server", server_id) if channel_id is None else ("channel", channel_id)
        if channel_id is not None:
            need_channel(connection, channel_id, server_id)
        if preference is Preference.ALERTS and isinstance(value, int):
            need_channel(connection, value, server_id)
        old = connection.value(f"SELECT {preference} FROM {table} WHERE id = ?", (id_,))
        if old == value:
            return False
        connection.execute(f"UPDATE {table} SET {preference} = ? WHERE id = ?", (value, id_))
        if preference is Preference.TIME_ZONE:
            digests.reschedule(connection, server_id, now)
            held_posts.reschedule(connection, server_id, now)
        if channel_id is not None and preference in {Preference.LEAST_OUTLETS, Preference.BEST_A_DAY}:
            held_posts.settle(connection, channel_id, now)
        change = SettingChange(now, person_id, preference, channel_id, None, _written(old), _written(value))
        setting_changes.note(connection, server_id, change)
        return True

    async def look(self, server_id: int) -> Look:
        """How posts of a server look where their subscription has no look of its own."""
        return (await self.of_server(server_id)).look

    @writes
    def set_look(self, connection: Connection, server_id: int, chosen: Look, *, person_id: int) -> bool:
        """Choose how posts of a server look; False when it was so."""
        now = self._clock.now()
        need_server(connection, server_id, now)
        old = connection.value("SELECT look FROM server WHERE id = ?", (server_id,))
        if Look.of(old) == chosen:
            return False
        new = None if chosen == USUAL else str(chosen)
        connection.execute("UPDATE server SET look = ? WHERE id = ?", (new, server_id))
        setting_changes.note(
            connection, server_id, SettingChange(now, person_id, Setting.LOOK, None, None, old, new)
        )
        return True

    async def changes(self, server_id: int, *, limit: int, offset: int = 0) -> list[SettingChange]:
        """Who changed what in a server, newest first."""
        return await self._database.read(setting_changes.changes, server_id, limit, offset)

    async def changes_of(self, person_id: int) -> list[tuple[int, SettingChange]]:
        """What a person changed, with the server's id, newest first."""
        return await self._database.read(setting_changes.changes_of, person_id)


def _written(value: Value) -> str | None:
    return None if value is None else str(value)
