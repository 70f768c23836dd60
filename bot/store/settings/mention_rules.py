"""Repository of mention rules, by which posts of a channel that match a query mention a role."""

from collections.abc import Collection

from bot.core.preferences import MentionRule, SettingKind
from bot.store.connection import Connection
from bot.store.repository import Repository, bind_write, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel


def save_mention_rule(
    db: Connection, rule: MentionRule, *, server_id: int, channel_id: int, user_id: int, limit: int
) -> bool:
    """Save a rule by which posts that match a query mention a role; return False beyond `limit` rules of the channel.

    It replaces a rule of the channel with the same role and query.

    Raises StoreError if the channel belongs to another server.
    """
    ensure_channel(db, channel_id, server_id=server_id)
    other_rule_count = db.fetch_value(
        "SELECT count(*) FROM mention_rule WHERE channel_id = ? AND NOT (role_id = ? AND query = ?)",
        (channel_id, rule.role_id, rule.query),
    )
    if other_rule_count >= limit:
        return False
    old_rule = _load_rule(db, channel_id, rule)
    db.execute(
        "INSERT INTO mention_rule (channel_id, role_id, query, daily_limit) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (channel_id, role_id, query) DO UPDATE SET daily_limit = excluded.daily_limit",
        (channel_id, *rule),
    )
    if old_rule != rule:
        _log_change(db, server_id, channel_id, user_id, old_rule, rule)
    return True


def remove_mention_rule(db: Connection, rule: MentionRule, *, server_id: int, channel_id: int, user_id: int) -> bool:
    """Remove a channel's mention rule with the role and the query of `rule`; return whether it existed."""
    old_rule = _load_rule(db, channel_id, rule)
    if old_rule is None:
        return False
    db.execute(
        "DELETE FROM mention_rule WHERE channel_id = ? AND role_id = ? AND query = ?",
        (channel_id, rule.role_id, rule.query),
    )
    _log_change(db, server_id, channel_id, user_id, old_rule, None)
    return True


class MentionRules(Repository):
    """Repository of rules by which posts in a channel that match a query mention a role. Methods raise StoreError."""

    async def list_by_channel(self, channel_id: int) -> list[MentionRule]:
        """List the rules by which a channel's posts mention roles, ordered by their roles and queries."""
        return await self._fetch_objects(
            MentionRule._make,
            "SELECT role_id, query, daily_limit FROM mention_rule WHERE channel_id = ? ORDER BY role_id, query",
            (channel_id,),
        )

    async def load_role_ids(self, server_ids: Collection[int]) -> set[int]:
        """Return the ids of the roles that rules in the channels of servers mention."""
        return await self._fetch_set(
            "SELECT DISTINCT role_id FROM mention_rule JOIN channel ON channel.id = mention_rule.channel_id "
            "WHERE channel.server_id IN (:server_ids)",
            {"server_ids": server_ids},
        )

    save = bind_write(save_mention_rule)
    remove = bind_write(remove_mention_rule)

    @write_transaction
    def remove_by_role(self, db: Connection, role_id: int) -> None:
        """Remove all rules that mention a role, which was deleted."""
        db.execute("DELETE FROM mention_rule WHERE role_id = ?", (role_id,))

    @write_transaction
    def remove_by_channel(self, db: Connection, channel_id: int) -> None:
        """Remove all mention rules of a channel, which was deleted."""
        db.execute("DELETE FROM mention_rule WHERE channel_id = ?", (channel_id,))


def _load_rule(db: Connection, channel_id: int, rule: MentionRule) -> MentionRule | None:
    return db.fetch_object(
        MentionRule._make,
        "SELECT role_id, query, daily_limit FROM mention_rule WHERE channel_id = ? AND role_id = ? AND query = ?",
        (channel_id, rule.role_id, rule.query),
    )


def _log_change(
    db: Connection,
    server_id: int,
    channel_id: int,
    user_id: int,
    old_rule: MentionRule | None,
    new_rule: MentionRule | None,
) -> None:
    setting_changes.log_change(
        db,
        server_id,
        user_id,
        SettingKind.MENTION_RULE,
        None if old_rule is None else str(old_rule),
        None if new_rule is None else str(new_rule),
        channel_id=channel_id,
    )
