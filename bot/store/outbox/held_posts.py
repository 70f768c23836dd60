"""Repository of held posts, and functions that join articles to posts of other articles about the same event."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence

from bot.core import local_time
from bot.core.models import DispatchState
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.core.preferences import MAX_OUTLETS_WAIT_SECONDS, TOP_STORY_WINDOW_SECONDS
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import outbox_writes, transitions
from bot.store.records.content_records import ArticleProfile, PostedArticle, StoryMatches
from bot.store.records.outbox_records import DueTopStorySelection, HeldStory
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.text import urls
from bot.text.words import fold

MAX_SELECTION_CANDIDATES = 500
"""Maximum number of stories, the newest, from which top stories are selected."""

_HELD_STATES = frozenset({DispatchState.HELD})
_FROM_SQL = "FROM dispatch JOIN channel ON channel.id = dispatch.channel_id"
_SELECTION_FROM_SQL = """
    FROM channel JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
    WHERE channel.best_due_at IS NOT NULL
"""


class HeldPosts(Repository):
    """Repository of posts held until enough outlets report their story, or top stories are selected.

    Methods raise StoreError.
    """

    async def get_next_due_at(self) -> int | None:
        """Return the Unix time in seconds at which the next held post expires or the next top stories are selected.

        Return None if there is neither.
        """
        return await self._fetch_value(
            "SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM dispatch WHERE state = 'held' "
            f"UNION ALL SELECT min(channel.best_due_at) {_SELECTION_FROM_SQL}) AS due_times"
        )

    async def count(self, channel_id: int) -> int:
        """Count the held posts of a channel."""
        return await self._fetch_int(
            "SELECT count(*) FROM dispatch WHERE channel_id = ? AND state = 'held'", (channel_id,)
        )

    @write_transaction
    def withhold_expired(self, db: Connection) -> None:
        """Delete the held posts that have expired, and mark their articles as withheld."""
        rows = db.fetch_rows(
            f"SELECT dispatch.id, channel.least_outlets AS min_outlets {_FROM_SQL} "
            "WHERE dispatch.state = 'held' AND dispatch.due_at <= ?",
            (db.now,),
        )
        outlet_counts = count_outlets(db, [row["id"] for row in rows])
        for row in rows:
            outlet_count = outlet_counts[row["id"]]
            if outlet_count >= (row["min_outlets"] or 1):
                reason = Reason(WithheldReason.NOT_SELECTED)
            else:
                reason_values = {"count": outlet_count, "least": row["min_outlets"]}
                reason = Reason(WithheldReason.TOO_FEW_OUTLETS, reason_values)
            transitions.withhold_pages(
                db,
                "dispatch_id = :post OR joined_dispatch_id = :post",
                {"post": row["id"]},
                reason,
                origins=transitions.MEMBER_STATUSES,
            )
            transitions.delete_dispatches(db, [row["id"]], origins=_HELD_STATES)

    async def list_due_selections(self) -> list[DueTopStorySelection]:
        """List the channels whose top stories are due for selection; the longest due come first."""
        return await self._fetch_objects(
            DueTopStorySelection._make,
            "SELECT server.id, channel.id, channel.best_a_day, channel.best_due_at, server.time_zone "
            f"{_SELECTION_FROM_SQL} AND channel.best_due_at <= ? ORDER BY channel.best_due_at, channel.id",
            (self._clock.now(),),
        )

    @read_transaction
    def list_eligible_stories(self, db: Connection, selection: DueTopStorySelection) -> list[HeldStory]:
        """List a channel's held stories that enough outlets report, newest first, up to `MAX_SELECTION_CANDIDATES`."""
        held_rows = db.fetch_rows(
            f"SELECT dispatch.id, dispatch.position AS published, channel.least_outlets AS min_outlets {_FROM_SQL} "
            "WHERE dispatch.channel_id = ? AND dispatch.state = 'held' "
            "ORDER BY dispatch.position DESC, dispatch.id DESC",
            (selection.channel_id,),
        )
        outlet_counts = count_outlets(db, [row["id"] for row in held_rows])
        eligible_rows = [row for row in held_rows if outlet_counts[row["id"]] >= (row["min_outlets"] or 1)]
        del eligible_rows[MAX_SELECTION_CANDIDATES:]
        post_ids = [row["id"] for row in eligible_rows]
        articles_by_post_id: dict[int, list[ArticleProfile]] = {}
        for post_id, title, outlet, language, tags in db.execute(
            "SELECT coalesce(dispatch_id, joined_dispatch_id), substr(title, 1, 500), outlet, language, tags "
            "FROM delivery_status JOIN article ON article.id = delivery_status.article_id "
            "WHERE dispatch_id IN (:post_ids) "
            "OR joined_dispatch_id IN (:post_ids) ORDER BY article.id",
            {"post_ids": post_ids},
        ):
            articles_by_post_id.setdefault(post_id, []).append(
                ArticleProfile(title, outlet, language, tuple(json.loads(tags)))
            )
        bookmark_count_by_post_id = dict(
            db.fetch_rows(
                "SELECT coalesce(dispatch_id, joined_dispatch_id) AS post_id, count(DISTINCT user_id) "
                "FROM delivery_status JOIN bookmark ON bookmark.article_id = delivery_status.article_id "
                "WHERE (dispatch_id IN (:post_ids) "
                "OR joined_dispatch_id IN (:post_ids)) "
                "AND bookmark.removed_at IS NULL AND bookmark.server_id = :server_id GROUP BY post_id",
                {"post_ids": post_ids, "server_id": selection.server_id},
            )
        )
        return [
            HeldStory(
                row["id"],
                row["published"],
                outlet_counts[row["id"]],
                bookmark_count_by_post_id.get(row["id"], 0),
                tuple(articles_by_post_id.get(row["id"], ())),
            )
            for row in eligible_rows
        ]

    @write_transaction
    def release_selected(
        self, db: Connection, selection: DueTopStorySelection, post_ids: Sequence[int], *, next_due_at: int
    ) -> bool:
        """Have held posts sent that were selected as top stories, and schedule the next selection at `next_due_at`.

        Return False, without any change, if the selection was already made or its settings changed meanwhile.
        """
        updated_count = db.execute_rowcount(
            "UPDATE channel SET best_due_at = ? WHERE id = ? AND best_due_at = ? AND best_a_day = ?",
            (next_due_at, selection.channel_id, selection.due_at, selection.stories_per_day),
        )
        if updated_count:
            _release_posts(db, post_ids)
        return updated_count > 0


def count_outlets(db: Connection, post_ids: Collection[int]) -> dict[int, int]:
    """Map ids of posts to the numbers of outlets that report their stories, among the feeds of their channels.

    Two feeds of one site count as one outlet, whatever their names are.
    """
    outlet_names_by_post_id: defaultdict[int, set[str]] = defaultdict(set)
    sites_by_post_id: defaultdict[int, set[str]] = defaultdict(set)
    for post_id, outlet, url in db.execute(
        "SELECT coalesce(dispatch_id, joined_dispatch_id), outlet, url FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "WHERE dispatch_id IN (:posts) OR joined_dispatch_id IN (:posts)",
        {"posts": post_ids},
    ):
        outlet_names_by_post_id[post_id].add(fold(outlet))
        sites_by_post_id[post_id].add(urls.parse_host(url).removeprefix("www."))
    return {post_id: min(len(outlet_names_by_post_id[post_id]), len(sites_by_post_id[post_id])) for post_id in post_ids}


def release_if_enough_outlets(db: Connection, post_id: int) -> None:
    """Have a held post sent, or admitted to the selection of top stories, if enough outlets report its story."""
    row = db.fetch_row(
        f"SELECT channel.best_a_day AS stories_per_day, channel.least_outlets AS min_outlets {_FROM_SQL} "
        "WHERE dispatch.id = ? AND dispatch.state = 'held'",
        (post_id,),
    )
    if row is None or count_outlets(db, [post_id])[post_id] < (row["min_outlets"] or 1):
        return
    if row["stories_per_day"] is None:
        _release_posts(db, [post_id])
    else:
        transitions.change_dispatches(db, [post_id], states=_HELD_STATES, due_at=db.now + TOP_STORY_WINDOW_SECONDS)


def reevaluate_channel(db: Connection, channel_id: int) -> None:
    """Apply a channel's changed minimum of outlets, and number of top stories per day, to its held posts.

    Posts that are no longer held are merged into one catch-up message.
    """
    (server_id, stories_per_day) = db.fetch_row("SELECT server_id, best_a_day FROM channel WHERE id = ?", (channel_id,))
    reschedule_selections(db, server_id)
    held_rows = db.fetch_rows(
        f"SELECT dispatch.id, dispatch.created_at, channel.least_outlets AS min_outlets {_FROM_SQL} "
        "WHERE dispatch.channel_id = ? AND dispatch.state = 'held'",
        (channel_id,),
    )
    outlet_counts = count_outlets(db, [row["id"] for row in held_rows])
    eligible_ids = [row["id"] for row in held_rows if outlet_counts[row["id"]] >= (row["min_outlets"] or 1)]
    if stories_per_day is None:
        outbox_writes.merge_into_catch_up(db, channel_id, [], post_ids=eligible_ids)
    transitions.change_dispatches(db, eligible_ids, states=_HELD_STATES, due_at=db.now + TOP_STORY_WINDOW_SECONDS)
    for row in held_rows:
        if row["id"] not in eligible_ids:
            expires_at = row["created_at"] + MAX_OUTLETS_WAIT_SECONDS
            transitions.change_dispatches(db, [row["id"]], states=_HELD_STATES, due_at=expires_at)


def reschedule_selections(db: Connection, server_id: int) -> None:
    """Recompute the times at which top stories are selected in a server.

    They change with its time zone and with the number of stories per day.
    """
    rows = db.fetch_rows(
        "SELECT channel.id, best_a_day, time_zone FROM channel JOIN server ON server.id = channel.server_id "
        "WHERE server.id = ?",
        (server_id,),
    )
    db.executemany(
        "UPDATE channel SET best_due_at = ? WHERE id = ?",
        [
            (
                None
                if stories_per_day is None
                else local_time.find_next_occurrence_of_any(
                    db.now, local_time.spread_over_waking_hours(stories_per_day), time_zone
                ),
                channel_id,
            )
            for channel_id, stories_per_day, time_zone in rows
        ],
    )


def move_to_digest(db: Connection, channel_id: int) -> None:
    """Reserve the articles of a channel's held posts for its digest, which now replaces single posts."""
    post_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE channel_id = :channel AND state = 'held'", {"channel": channel_id}
    )
    transitions.move_pages(
        db,
        "dispatch_id IN (:posts) OR joined_dispatch_id IN (:posts)",
        {"posts": post_ids},
        PageStatus.RESERVED,
        origins=transitions.MEMBER_STATUSES,
        decided_at=db.now,
    )
    transitions.delete_dispatches(db, post_ids, origins=_HELD_STATES)


def _release_posts(db: Connection, post_ids: Collection[int]) -> None:
    transitions.move_dispatches(db, post_ids, DispatchState.PENDING, origins=_HELD_STATES, due_at=db.now)


JOIN_WINDOW_SECONDS = 86_400
"""Seconds after a post was sent within which articles about the same event can be added to it (join it)."""
JOIN_EDIT_INTERVAL_SECONDS = 180
"""Minimum number of seconds between two edits of a message because articles were added to it."""


def store_similarities(db: Connection, articles: Sequence[PendingArticle], matches: StoryMatches) -> None:
    """Store the similarities between new articles and earlier articles.

    Each is stored with the id of the new article first.
    """
    db.executemany(
        "INSERT INTO similar_article (article_id, earlier_id, similarity) "
        "SELECT CAST(:article AS BIGINT), id, CAST(:similarity AS DOUBLE PRECISION) FROM article WHERE id = :earlier "
        "ON CONFLICT DO NOTHING",
        [
            {
                "article": article.article_id,
                "earlier": similar_article.article_id,
                "similarity": similar_article.similarity,
            }
            for article in articles
            for similar_article in matches.similar_articles_by_key.get(article.key, ())
        ],
    )


def join_posts(
    db: Connection, channel_id: int, feed_id: int, articles: Sequence[PendingArticle], matches: StoryMatches
) -> list[PendingArticle]:
    """Add (join) articles of a feed to posts of the channel about the same event; return those that joined none.

    No article joins if the channel does not merge stories. A story is local to a channel, so that feeds of other
    servers have no influence: only articles with a status there count. A held post is released, or admitted to the
    selection of top stories, once enough outlets report its story; an edit of a sent post is scheduled.
    """
    if not any(matches.similar_articles_by_key.get(candidate.key) for candidate in articles) or not _is_merging_enabled(
        db, channel_id
    ):
        return list(articles)
    joined_page_keys: set[str] = set()
    for article in outbox_writes.select_articles_without_status(db, channel_id, articles):
        post_id = _find_best_post(db, channel_id, feed_id, article, matches)
        if post_id is not None:
            _join_post(db, channel_id, article, post_id)
            joined_page_keys.add(article.page_key)
    return [article for article in articles if article.page_key not in joined_page_keys]


def _is_merging_enabled(db: Connection, channel_id: int) -> bool:
    row = db.fetch_row(
        "SELECT join_stories = 1 OR least_outlets IS NOT NULL FROM channel WHERE id = :id", {"id": channel_id}
    )
    return row is not None and bool(row[0])


def _find_best_post(
    db: Connection, channel_id: int, feed_id: int, article: PendingArticle, matches: StoryMatches
) -> int | None:
    similarity_by_article_id = {
        similar_article.article_id: similar_article.similarity
        for similar_article in matches.similar_articles_by_key.get(article.key, ())
    }
    post_rows = db.fetch_rows(
        """
        SELECT DISTINCT dispatch.id FROM delivery_status
        JOIN dispatch ON dispatch.id = coalesce(delivery_status.dispatch_id, delivery_status.joined_dispatch_id)
        WHERE delivery_status.article_id IN (:similar_ids) AND delivery_status.channel_id = :channel
          AND dispatch.kind = 'post'
          AND (dispatch.state IN ('held', 'waiting', 'claimed')
               OR dispatch.state = 'sent' AND dispatch.sent_at >= :since)
        """,
        {"similar_ids": similarity_by_article_id.keys(), "channel": channel_id, "since": db.now - JOIN_WINDOW_SECONDS},
    )
    scored_posts: list[tuple[float, int]] = []
    for (post_id,) in post_rows:
        member_rows = db.fetch_rows(
            """
            SELECT DISTINCT article.id, article.feed_id, article.published,
                delivery_status.joined_dispatch_id IS NULL AS is_first
            FROM delivery_status JOIN article ON article.id = delivery_status.article_id
            WHERE delivery_status.dispatch_id = :post OR delivery_status.joined_dispatch_id = :post
            """,
            {"post": post_id},
        )
        posted_articles = [
            PostedArticle(member_feed_id, published_at, bool(is_first), similarity_by_article_id.get(member_id))
            for member_id, member_feed_id, published_at, is_first in member_rows
        ]
        scored_posts.append((matches.score_join(feed_id, article.published_at, posted_articles), -post_id))
    # Ids are negated, so that of posts with the same score the oldest is the best.
    best_score, negated_post_id = max(scored_posts, default=(-1.0, 0))
    return -negated_post_id if best_score >= 0 else None


def _join_post(db: Connection, channel_id: int, article: PendingArticle, post_id: int) -> None:
    transitions.add_pages(db, channel_id, [article], PageStatus.JOINED, joined_dispatch_id=post_id)
    # A pending post needs no edit, because it loads its articles when it is claimed. The edit must be due later
    # than an edit that is in progress.
    last_change_at = db.fetch_value(
        "SELECT coalesce(edited_at, sent_at, claimed_at) FROM dispatch WHERE id = :id", {"id": post_id}
    )
    if last_change_at is not None:
        earliest_at = max(db.now, last_change_at + JOIN_EDIT_INTERVAL_SECONDS)
        transitions.schedule_edits(db, [post_id], earliest_at=earliest_at)
    release_if_enough_outlets(db, post_id)
