"""Repositories of where posts of a channel go: tags of forums, and the thread of the day."""

from datetime import date, timedelta

from bot.core.preferences import ForumTagRule, SettingKind
from bot.store.connection import Connection
from bot.store.repository import Repository, bind_write, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel

_RETENTION_PERIOD = timedelta(days=7)
"""Time for which a channel's daily threads are stored, counted back from the day of its newest thread."""


class DailyThreads(Repository):
    """Repository of daily threads, by channel and day in the server's time zone. Methods raise StoreError."""

    async def get(self, channel_id: int, day: date) -> int | None:
        """Return the id of the thread for a channel's posts of a day, or None if there is none."""
        return await self._fetch_value(
            "SELECT thread_id FROM daily_thread WHERE channel_id = ? AND day = ?",
            (channel_id, day.isoformat()),
        )

    @write_transaction
    def save(self, db: Connection, channel_id: int, day: date, thread_id: int) -> None:
        """Store the thread of a channel for a day, and forget the channel's threads of days over a week before."""
        db.execute(
            "INSERT INTO daily_thread (channel_id, day, thread_id) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, day) DO UPDATE SET thread_id = excluded.thread_id",
            (channel_id, day.isoformat(), thread_id),
        )
        db.execute(
            "DELETE FROM daily_thread WHERE channel_id = ? AND day < ?",
            (channel_id, (day - _RETENTION_PERIOD).isoformat()),
        )


def add_tag_rule(
    db: Connection,
    rule: ForumTagRule,
    tag_name: str,
    *,
    server_id: int,
    channel_id: int,
    user_id: int,
    max_rules: int,
) -> bool:
    """Add a rule that tags a forum's posts that match a query; return False beyond `max_rules` rules of the forum.

    `tag_name` is for the change history. Raises StoreError if the forum belongs to another server.
    """
    ensure_channel(db, channel_id, server_id=server_id)
    rule_count = db.fetch_value(
        "SELECT count(*) FROM forum_tag WHERE channel_id = ? AND NOT (tag_id = ? AND query = ?)",
        (channel_id, *rule),
    )
    if rule_count >= max_rules:
        return False
    added_count = db.execute_rowcount(
        "INSERT INTO forum_tag (channel_id, tag_id, query) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (channel_id, *rule),
    )
    if added_count:
        rule_text = _describe_rule(rule, tag_name)
        setting_changes.log_change(
            db, server_id, user_id, SettingKind.FORUM_TAG, None, rule_text, channel_id=channel_id
        )
    return True


def remove_tag_rule(
    db: Connection,
    rule: ForumTagRule,
    tag_name: str,
    *,
    server_id: int,
    channel_id: int,
    user_id: int,
) -> bool:
    """Remove a rule that tags a forum's posts; return whether it existed. `tag_name` is for the change history."""
    removed_count = db.execute_rowcount(
        "DELETE FROM forum_tag WHERE channel_id = ? AND tag_id = ? AND query = ?", (channel_id, *rule)
    )
    if removed_count:
        rule_text = _describe_rule(rule, tag_name)
        setting_changes.log_change(
            db, server_id, user_id, SettingKind.FORUM_TAG, rule_text, None, channel_id=channel_id
        )
    return removed_count > 0


class ForumTags(Repository):
    """Repository of the rules that tag a forum's posts that match a query. Methods raise StoreError."""

    async def list_by_channel(self, channel_id: int) -> list[ForumTagRule]:
        """List the rules that tag a forum's posts, ordered by their queries."""
        return await self._fetch_objects(
            ForumTagRule._make,
            "SELECT tag_id, query FROM forum_tag WHERE channel_id = ? ORDER BY query, tag_id",
            (channel_id,),
        )

    add = bind_write(add_tag_rule)
    remove = bind_write(remove_tag_rule)


def _describe_rule(rule: ForumTagRule, tag_name: str) -> str:
    return f"{tag_name} ({rule.query})" if rule.query else tag_name
