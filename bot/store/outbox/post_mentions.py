"""Repository of the roles that posts mention because they match rules of their channel, within each rule's limit."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from bot.core.models import MentionOutcome, PostMention
from bot.core.preferences import MENTION_LIMIT_SECONDS, MentionRule
from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.records.outbox_records import RoleMentionCounts, SentPost
from bot.store.repository import read_transaction, write_transaction

_COUNT_SQL = """
    SELECT role_id, sum(CASE WHEN outcome = 'mentioned' THEN 1 ELSE 0 END) AS mention_count,
        sum(CASE WHEN outcome = 'over-limit' THEN 1 ELSE 0 END) AS over_limit_count
    FROM post_mention JOIN dispatch ON dispatch.id = post_mention.dispatch_id
    WHERE role_id IN (:roles) AND decided_at > :since AND dispatch.state IN ('claimed', 'sent', 'uncertain')
    GROUP BY role_id
"""
"""Query for how often posts mentioned roles since `:since` (Unix time), and how often a limit prevented it."""


class PostMentions(ShardedRepository):
    """Repository of the mentions of roles in posts. Methods raise StoreError."""

    @write_transaction
    def decide(
        self, db: Connection, dispatch_id: int, rules: Sequence[MentionRule], *, mentionable_role_ids: Collection[int]
    ) -> tuple[int, ...]:
        """Decide which roles a post mentions that is about to be sent, and return their ids.

        `rules` are the rules that the post matches; of several for one role, the one with the highest limit counts.
        A decision of an earlier attempt to send the post is replaced. Raises LeaseLost if another process serves the
        post's server.
        """
        self._shards.require_served(db, dispatch_id)
        db.execute("DELETE FROM post_mention WHERE dispatch_id = ?", (dispatch_id,))
        rule_by_role_id = {rule.role_id: rule for rule in sorted(rules, key=lambda rule: rule.daily_limit)}
        count_by_role_id = {counts.role_id: counts.mention_count for counts in _count_recent(db, rule_by_role_id)}
        mentioned_role_ids: list[int] = []
        for role_id, rule in sorted(rule_by_role_id.items()):
            outcome = MentionOutcome.MENTIONED
            if role_id not in mentionable_role_ids:
                outcome = MentionOutcome.NOT_ALLOWED
            elif count_by_role_id.get(role_id, 0) >= rule.daily_limit:
                outcome = MentionOutcome.OVER_LIMIT
            else:
                mentioned_role_ids.append(role_id)
            db.execute(
                "INSERT INTO post_mention (dispatch_id, role_id, query, outcome, decided_at) VALUES (?, ?, ?, ?, ?)",
                (dispatch_id, role_id, rule.query, outcome, db.now),
            )
        return tuple(mentioned_role_ids)

    @read_transaction
    def count_recent(self, db: Connection, role_ids: Collection[int]) -> list[RoleMentionCounts]:
        """Return how often posts mentioned these roles in the last 24 hours, and how often a limit prevented it.

        Roles that no rule asked to mention in that time are left out.
        """
        return _count_recent(db, role_ids)

    async def list_sent_posts(self, channel_id: int, since: int, limit: int) -> list[SentPost]:
        """List at most `limit` single posts of a channel since a Unix time in seconds, newest first."""
        return await self._fetch_objects(
            SentPost._make,
            "SELECT article.id, dispatch.sent_at FROM dispatch /*+ INDEXED BY dispatch_channel_sent */ "
            "JOIN article ON article.key = dispatch.dedupe_key "
            "WHERE dispatch.channel_id = ? AND dispatch.sent_at >= ? AND dispatch.kind = 'post' "
            "ORDER BY dispatch.sent_at DESC, dispatch.id DESC LIMIT ?",
            (channel_id, since, limit),
        )


def load_by_dispatch(db: Connection, dispatch_ids: Collection[int]) -> defaultdict[int, list[PostMention]]:
    """Map the ids of posts to the roles that rules asked them to mention, with the outcomes."""
    mentions_by_dispatch_id: defaultdict[int, list[PostMention]] = defaultdict(list)
    for row in db.execute(
        "SELECT dispatch_id, role_id, query, outcome FROM post_mention WHERE dispatch_id IN (:ids) ORDER BY role_id",
        {"ids": dispatch_ids},
    ):
        mention = PostMention(row["role_id"], row["query"], MentionOutcome(row["outcome"]))
        mentions_by_dispatch_id[row["dispatch_id"]].append(mention)
    return mentions_by_dispatch_id


def _count_recent(db: Connection, role_ids: Collection[int]) -> list[RoleMentionCounts]:
    parameters = {"roles": list(role_ids), "since": db.now - MENTION_LIMIT_SECONDS}
    return [RoleMentionCounts(*map(int, row)) for row in db.execute(_COUNT_SQL, parameters)]
