"""Repository of how a server's users react to the posts of each feed: bookmarks, opinions and muted stories.

Reactions are counted in batches: those of one kind to the posts of one feed, in order of time, are cut at the first
midnight (UTC) by which at least `MIN_PEOPLE_PER_BATCH` people have reacted since the last cut. A batch is stored as it
is counted first, without people, and counts as a whole or not at all. Two counts, of any two days or periods, thus
differ by whole batches, never by what one or two people did, took back or had deleted.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from bot.core import local_time
from bot.core.local_time import SECONDS_PER_DAY
from bot.core.models import DispatchKind, DispatchState
from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.store.outbox.held_posts import count_outlets
from bot.store.outbox.muted_articles import ACTIVE_MUTE_SQL
from bot.store.processes import ShardedRepository
from bot.store.records.outbox_records import REPORT_KEY_PREFIX, DueReport
from bot.store.records.people_records import ChannelPost, FeedReactionCounts, PostedTitle
from bot.store.repository import Repository, bind_write, read_transaction, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_server

REPORT_MINUTE = 9 * 60
"""Minute of the first day of a month, in the server's time zone, at which the server's monthly report is due."""


def set_report_enabled(db: Connection, server_id: int, *, is_enabled: bool, user_id: int) -> None:
    """Have a server get monthly reports on its feeds (scorecards) from the next month on, or no more."""
    ensure_server(db, server_id)
    old_due_at = db.fetch_value("SELECT report_due_at FROM server WHERE id = ?", (server_id,))
    if (old_due_at is not None) == is_enabled:
        return
    new_due_at = _compute_next_due_at(db, server_id) if is_enabled else None
    db.execute("UPDATE server SET report_due_at = ? WHERE id = ?", (new_due_at, server_id))
    old_text, new_text = (None if due_at is None else str(due_at) for due_at in (old_due_at, new_due_at))
    setting_changes.log_change(db, server_id, user_id, SettingKind.MONTHLY_REPORT, old_text, new_text)


class MonthlyReports(ShardedRepository):
    """Repository of when servers get their monthly reports on feeds (scorecards). Methods raise StoreError."""

    set_enabled = bind_write(set_report_enabled)

    async def get_next_due_at(self) -> int | None:
        """Return when the next monthly report of a server of this process is due (Unix time in seconds), or None."""
        return await self._fetch_value(
            "SELECT min(report_due_at) FROM server WHERE report_due_at IS NOT NULL AND left_at IS NULL "
            f"AND {self._shards.build_served_condition('id')}"
        )

    async def list_due(self, now: int) -> list[DueReport]:
        """List the monthly reports of this process's servers due at a Unix time in seconds, longest due first."""
        return await self._fetch_objects(
            DueReport._make,
            "SELECT server.id, report_due_at, channel.id FROM server "
            "LEFT JOIN channel ON channel.id = server.alerts AND channel.problem IS NULL "
            f"WHERE report_due_at <= ? AND left_at IS NULL AND {self._shards.build_served_condition('server.id')} "
            "ORDER BY report_due_at",
            (now,),
        )

    @write_transaction
    def enqueue_due(self, db: Connection, report: DueReport, payload: str | None) -> None:
        """Enqueue a due monthly report, unless `payload` (its content) is None, and schedule the next one.

        It is not enqueued, either, if the report has no channel. Does nothing if the report was enqueued or stopped
        since it was loaded.
        """
        updated_count = db.execute_rowcount(
            "UPDATE server SET report_due_at = ? WHERE id = ? AND report_due_at = ?",
            (_compute_next_due_at(db, report.server_id), report.server_id, report.due_at),
        )
        if updated_count and payload is not None and report.channel_id is not None:
            transitions.insert_dispatches(
                db,
                DispatchState.PENDING,
                [
                    {
                        "channel_id": report.channel_id,
                        "kind": DispatchKind.FEED_ALERT,
                        "dedupe_key": f"{REPORT_KEY_PREFIX}{report.due_at}",
                        "created_at": report.due_at,  # After a restored backup it is looked up from then on.
                        "position": db.now,
                        "due_at": db.now,
                        "payload": payload,
                    }
                ],
            )


def reschedule_report(db: Connection, server_id: int) -> None:
    """Recompute the time at which the monthly report of a server is due, after its time zone changed."""
    db.execute(
        "UPDATE server SET report_due_at = ? WHERE id = ? AND report_due_at IS NOT NULL",
        (_compute_next_due_at(db, server_id), server_id),
    )


def _compute_next_due_at(db: Connection, server_id: int) -> int:
    zone_name = db.fetch_value("SELECT time_zone FROM server WHERE id = ?", (server_id,))
    return local_time.find_next_month_start(db.now, REPORT_MINUTE, zone_name)


MIN_PEOPLE_PER_BATCH = 3
"""Minimum number of people whose reactions are counted together."""
MAX_REPORTED_ROWS = 100_000
"""Maximum number of rows that a query for posts, or for reactions, returns: the newest ones."""
MAX_REPORT_DAYS = 90
"""Maximum number of days that a report on feeds covers; users' opinions are stored for as long."""

_POSTS_SQL = """
    SELECT dispatch.channel_id, article.feed_id, article.id FROM channel
    JOIN dispatch /*+ INDEXED BY dispatch_channel_sent */ ON dispatch.channel_id = channel.id
    JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
    JOIN article ON article.id = delivery_status.article_id
    WHERE channel.server_id = :server_id AND dispatch.sent_at >= :since AND dispatch.sent_at < :until
      AND dispatch.kind IN ('post', 'catch-up')
    ORDER BY dispatch.sent_at DESC, article.id LIMIT :limit
"""
_REACTIONS_SQL = f"""
    SELECT 'saved' AS kind, user_id, article_id, created_at AS reacted_at FROM bookmark
    WHERE server_id = :server_id AND removed_at IS NULL AND created_at >= :since AND created_at < :until
    UNION ALL
    SELECT opinion, user_id, article_id, given_at FROM opinion
    WHERE server_id = :server_id AND opinion <> 'opened' AND given_at >= :since AND given_at < :until
    UNION ALL
    SELECT 'muted', story_mute.user_id, article.id, story_mute.created_at FROM story_mute
    JOIN muted_article ON muted_article.mute_id = story_mute.id
    JOIN article ON article.id = muted_article.article_id AND article.title = story_mute.title
        AND article.published = story_mute.published
    WHERE story_mute.server_id = :server_id AND story_mute.user_id IS NOT NULL
      AND story_mute.created_at >= :since AND story_mute.created_at < :until AND {ACTIVE_MUTE_SQL}
    ORDER BY reacted_at DESC LIMIT :limit
"""
"""Query for reactions of a server's users, newest first. A muted story counts only for the article that was muted."""


class _Reaction(NamedTuple):
    """A user's reaction to an article at a Unix time in seconds."""

    reacted_at: int
    user_id: int
    article_id: int


class FeedReactions(Repository):
    """Repository of reactions to the posts of each feed. Articles added to the post of another article do not count.

    Methods raise StoreError.
    """

    @write_transaction
    def add_batches_until_midnight(self, db: Connection, server_id: int) -> int:
        """Count a server's reactions until the last midnight (UTC) in batches of several people, and store the batches.

        Return the Unix time in seconds of that midnight.
        """
        midnight = db.now - db.now % SECONDS_PER_DAY
        updated_count = db.execute_rowcount(
            "UPDATE server SET reactions_batched_until = :midnight "
            "WHERE id = :server_id AND coalesce(reactions_batched_until, 0) < :midnight",
            {"server_id": server_id, "midnight": midnight},
        )
        if updated_count:
            _add_batches(db, server_id, since=midnight - MAX_REPORT_DAYS * SECONDS_PER_DAY, until=midnight)
        return midnight

    @read_transaction
    def count_by_feed(self, db: Connection, server_id: int, *, since: int, until: int) -> list[FeedReactionCounts]:
        """Count, by feed, a server's posts from `since` until before `until`, and the batches of reactions within.

        Both are Unix times in seconds. Only the newest `MAX_REPORTED_ROWS` posts count. Feeds with neither posts nor
        reactions are left out.
        """
        parameters = {"server_id": server_id, "since": since, "until": until, "limit": MAX_REPORTED_ROWS}
        channel_counts_by_feed_id: defaultdict[int, Counter[int]] = defaultdict(Counter)
        article_ids_by_feed_id: defaultdict[int, set[int]] = defaultdict(set)
        for channel_id, feed_id, article_id in db.execute(_POSTS_SQL, parameters):
            channel_counts_by_feed_id[feed_id][channel_id] += 1
            article_ids_by_feed_id[feed_id].add(article_id)
        reaction_counts_by_feed_id: defaultdict[int, Counter[str]] = defaultdict(Counter)
        kept_article_ids_by_feed_id: defaultdict[int, set[int]] = defaultdict(set)
        for feed_id, kind, reaction_count, article_ids_json in db.execute(
            "SELECT feed_id, kind, reaction_count, article_ids FROM reaction_batch "
            "WHERE server_id = :server_id AND starts_at >= :since AND ends_at <= :until",
            parameters,
        ):
            reaction_counts_by_feed_id[feed_id][kind] += reaction_count
            if kind in {"saved", "liked"}:
                kept_article_ids_by_feed_id[feed_id].update(json.loads(article_ids_json))
        return [
            FeedReactionCounts(
                feed_id,
                article_count=len(article_ids_by_feed_id[feed_id]),
                post_count_by_channel=channel_counts_by_feed_id[feed_id],
                bookmark_count=reaction_counts_by_feed_id[feed_id]["saved"],
                like_count=reaction_counts_by_feed_id[feed_id]["liked"],
                dislike_count=reaction_counts_by_feed_id[feed_id]["disliked"],
                mute_count=reaction_counts_by_feed_id[feed_id]["muted"],
                kept_article_ids=frozenset(kept_article_ids_by_feed_id[feed_id]),
            )
            for feed_id in {**channel_counts_by_feed_id, **reaction_counts_by_feed_id}
        ]

    @read_transaction
    def list_posts(self, db: Connection, *, channel_id: int, feed_id: int, since: int, limit: int) -> list[PostedTitle]:
        """List at most `limit` of a feed's posts in a channel since a Unix time in seconds, newest first.

        An article in a message for many articles counts as a post.
        """
        return [
            PostedTitle(*row)
            for row in db.execute(
                """
                SELECT article.id, substr(title, 1, 500), language
                FROM dispatch /*+ INDEXED BY dispatch_channel_sent */
                JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
                JOIN article ON article.id = delivery_status.article_id AND article.feed_id = :feed_id
                WHERE dispatch.channel_id = :channel_id AND dispatch.sent_at >= :since
                  AND dispatch.kind IN ('post', 'catch-up')
                ORDER BY dispatch.sent_at DESC, article.id DESC LIMIT :limit
                """,
                {"channel_id": channel_id, "feed_id": feed_id, "since": since, "limit": limit},
            )
        ]

    @read_transaction
    def list_channel_posts(
        self, db: Connection, channel_ids: Sequence[int], *, since: int, until: int
    ) -> list[ChannelPost]:
        """List the posts in channels from `since` until before `until`, newest first, at most `MAX_REPORTED_ROWS`.

        Both are Unix times in seconds. An article in a message for many articles counts as a post.
        """
        rows = db.fetch_rows(
            """
            SELECT dispatch.channel_id, article.feed_id, dispatch.id, dispatch.sent_at, article.published
            FROM dispatch JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
            JOIN article ON article.id = delivery_status.article_id
            WHERE dispatch.channel_id IN (:channel_ids) AND dispatch.sent_at >= :since AND dispatch.sent_at < :until
              AND dispatch.kind IN ('post', 'catch-up')
            ORDER BY dispatch.sent_at DESC, article.id LIMIT :limit
            """,
            {"channel_ids": channel_ids, "since": since, "until": until, "limit": MAX_REPORTED_ROWS},
        )
        outlet_counts = count_outlets(db, [row["id"] for row in rows])
        return [
            ChannelPost(row["channel_id"], row["feed_id"], row["sent_at"], row["published"], outlet_counts[row["id"]])
            for row in rows
        ]


def _add_batches(db: Connection, server_id: int, *, since: int, until: int) -> None:
    parameters = {"server_id": server_id, "since": since, "until": until, "limit": MAX_REPORTED_ROWS, "now": db.now}
    # What is deleted ended before the oldest reaction that is read: nothing is counted twice.
    db.execute("DELETE FROM reaction_batch WHERE server_id = :server_id AND ends_at <= :since", parameters)
    counted_until_by_group = {
        (row["feed_id"], row["kind"]): row["counted_until"]
        for row in db.execute(
            "SELECT feed_id, kind, max(ends_at) AS counted_until FROM reaction_batch "
            "WHERE server_id = :server_id GROUP BY feed_id, kind",
            parameters,
        )
    }
    # Joined here: PostgreSQL without statistics compares each post with each reaction.
    feed_id_by_article_id = {
        article_id: feed_id for _channel_id, feed_id, article_id in db.execute(_POSTS_SQL, parameters)
    }
    reactions_by_group: defaultdict[tuple[int, str], list[_Reaction]] = defaultdict(list)
    for kind, user_id, article_id, reacted_at in db.execute(_REACTIONS_SQL, parameters):
        group = (feed_id_by_article_id.get(article_id, 0), kind)
        if article_id in feed_id_by_article_id and reacted_at >= counted_until_by_group.get(group, 0):
            reactions_by_group[group].append(_Reaction(reacted_at, user_id, article_id))
    db.executemany(
        "INSERT INTO reaction_batch (server_id, feed_id, kind, starts_at, ends_at, reaction_count, article_ids) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                server_id,
                *group,
                _get_midnight(batch[0].reacted_at),
                _get_midnight(batch[-1].reacted_at) + SECONDS_PER_DAY,
                len(batch),
                json.dumps(sorted({reaction.article_id for reaction in batch})),
            )
            for group, reactions in reactions_by_group.items()
            for batch in _cut_batches(sorted(reactions))
        ],
    )


def _cut_batches(reactions: Sequence[_Reaction]) -> Iterator[list[_Reaction]]:
    """Yield reactions, given in order of time, in batches of enough people; the last ones wait for more people."""
    batch: list[_Reaction] = []
    for _midnight, day_reactions in groupby(reactions, key=lambda reaction: _get_midnight(reaction.reacted_at)):
        batch += day_reactions
        if len({reaction.user_id for reaction in batch}) >= MIN_PEOPLE_PER_BATCH:
            yield batch
            batch = []


def _get_midnight(timestamp: int) -> int:
    return timestamp - timestamp % SECONDS_PER_DAY
