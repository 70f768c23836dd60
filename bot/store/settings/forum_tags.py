"""Forum tags: which tags of a forum its posts are given, by what they are about."""

from __future__ import annotations

from bot.core.choices import Setting, SettingChange, TagRule
from bot.store.connection import Connection
from bot.store.outbox.place_rows import need_channel, need_server
from bot.store.repository import Repository, writes
from bot.store.settings import setting_changes


class ForumTags(Repository):
    """The rules of forums."""

    async def of(self, channel_id: int) -> list[TagRule]:
        """The rules of a forum."""
        rows = await self._rows(
            "SELECT tag_id, query FROM forum_tag WHERE channel_id = ? ORDER BY query, tag_id", (channel_id,)
        )
        return [TagRule(*row) for row in rows]

    @writes
    def add(
        self,
        connection: Connection,
        rule: TagRule,
        name: str,
        *,
        server_id: int,
        channel_id: int,
        person_id: int,
        limit: int,
    ) -> bool:
        """Add a rule, for the history with the tag's name; False when there would be more than `limit`.

        Raises `StoreError` for another server's channel.
        """
        now = self._clock.now()
        need_server(connection, server_id, now)
        need_channel(connection, channel_id, server_id)
        count = connection.value(
            "SELECT count(*) FROM forum_tag WHERE channel_id = ? AND NOT (tag_id = ? AND query = ?)",
            (channel_id, *rule),
        )
        if count >= limit:
            return False
        added = connection.execute(
            "INSERT INTO forum_tag (channel_id, tag_id, query) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (channel_id, *rule),
        ).rowcount
        if added:
            setting_changes.note(
                connection, server_id, _change(rule, name, channel_id, person_id, now, is_new=True)
            )
        return True

    @writes
    def remove(
        self,
        connection: Connection,
        rule: TagRule,
        name: str,
        *,
        server_id: int,
        channel_id: int,
        person_id: int,
    ) -> bool:
        """Remove a rule; False when there was none."""
        removed = connection.execute(
            "DELETE FROM forum_tag WHERE channel_id = ? AND tag_id = ? AND query = ?", (channel_id, *rule)
        ).rowcount
        if removed:
            change = _change(rule, name, channel_id, person_id, self._clock.now(), is_new=False)
            setting_changes.note(connection, server_id, change)
        return removed > 0


def _change(
    rule: TagRule, name: str, channel_id: int, person_id: int, now: int, *, is_new: bool
) -> SettingChange:
    text = f"{name} ({rule.query})" if rule.query else name
    old, new = (None, text) if is_new else (text, None)
    return SettingChange(now, person_id, Setting.FORUM_TAG, channel_id, None, old, new)
