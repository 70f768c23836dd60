"""Repository of how a server's users react to the posts of each feed: bookmarks, opinions and muted stories."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bot.store.connection import Connection
from bot.store.outbox.muted_articles import ACTIVE_MUTE_SQL
from bot.store.records.people_records import FeedReactionCounts, ReactionCount, ReportedPost
from bot.store.repository import Repository, read_transaction

MAX_REPORTED_ROWS = 100_000
"""Maximum number of a server's posts, and of reactions, the newest, that are counted."""

_POSTS_SQL = """
    SELECT dispatch.channel_id, article.feed_id, article.id FROM channel
    JOIN dispatch /*+ INDEXED BY dispatch_channel_sent */ ON dispatch.channel_id = channel.id
    JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
    JOIN article ON article.id = delivery_status.article_id
    WHERE channel.server_id = :server AND dispatch.sent_at >= :since AND dispatch.kind IN ('post', 'catch-up')
    ORDER BY dispatch.sent_at DESC, article.id LIMIT :limit
"""
_REACTIONS_SQL = f"""
    SELECT 'saved' AS kind, user_id, article_id, created_at AS reacted_at FROM bookmark
    WHERE server_id = :server AND removed_at IS NULL AND created_at >= :since
    UNION ALL
    SELECT opinion, user_id, article_id, given_at FROM opinion
    WHERE server_id = :server AND opinion <> 'opened' AND given_at >= :since
    UNION ALL
    SELECT 'muted', story_mute.user_id, article.id, story_mute.created_at FROM story_mute
    JOIN muted_article ON muted_article.mute_id = story_mute.id
    JOIN article ON article.id = muted_article.article_id AND article.title = story_mute.title
        AND article.published = story_mute.published
    WHERE story_mute.server_id = :server AND story_mute.user_id IS NOT NULL AND story_mute.created_at >= :since
      AND {ACTIVE_MUTE_SQL}
    ORDER BY reacted_at DESC LIMIT :limit
"""
"""Query for the reactions of a server's users, newest first. A mute is about the article with which it began."""


class FeedReactions(Repository):
    """Repository of reactions to the posts of each feed. Articles that joined the post of another do not count.

    Methods raise StoreError.
    """

    @read_transaction
    def count_by_feed(self, db: Connection, server_id: int, since: int) -> list[FeedReactionCounts]:
        """Count reactions to what was posted in a server since a Unix time in seconds, by channel and feed."""
        parameters = {"server": server_id, "since": since, "limit": MAX_REPORTED_ROWS, "now": db.now}
        # Joined here: PostgreSQL without statistics compares each post with each reaction.
        reactions_by_article: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        for kind, user_id, article_id, _reacted_at in db.execute(_REACTIONS_SQL, parameters):
            reactions_by_article[article_id].append((kind, user_id))
        article_ids_by_place: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for channel_id, feed_id, article_id in db.execute(_POSTS_SQL, parameters):
            article_ids_by_place[channel_id, feed_id].append(article_id)
        return [
            _count_reactions(channel_id, feed_id, article_ids, reactions_by_article)
            for (channel_id, feed_id), article_ids in article_ids_by_place.items()
        ]

    @read_transaction
    def list_posts(
        self, db: Connection, *, server_id: int, channel_id: int, feed_id: int, since: int, limit: int
    ) -> list[ReportedPost]:
        """List at most `limit` of a feed's posts in a channel since a Unix time in seconds, newest first."""
        return [
            ReportedPost(row[0], row[1], row[2], bool(row[3]), bool(row[4]))
            for row in db.execute(
                """
                SELECT article.id, substr(title, 1, 500), language,
                    EXISTS (SELECT 1 FROM bookmark WHERE bookmark.article_id = article.id
                        AND bookmark.server_id = :server AND removed_at IS NULL),
                    EXISTS (SELECT 1 FROM opinion WHERE opinion.article_id = article.id
                        AND opinion.server_id = :server AND opinion = 'liked')
                FROM dispatch /*+ INDEXED BY dispatch_channel_sent */
                JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
                JOIN article ON article.id = delivery_status.article_id AND article.feed_id = :feed
                WHERE dispatch.channel_id = :channel AND dispatch.sent_at >= :since
                  AND dispatch.kind IN ('post', 'catch-up')
                ORDER BY dispatch.sent_at DESC, article.id DESC LIMIT :limit
                """,
                {"server": server_id, "channel": channel_id, "feed": feed_id, "since": since, "limit": limit},
            )
        ]

    @read_transaction
    def list_post_times(self, db: Connection, channel_ids: list[int], since: int) -> list[tuple[int, int]]:
        """List the channel and the Unix time of each post in channels since a Unix time in seconds, newest first."""
        return [
            (row[0], row[1])
            for row in db.execute(
                "SELECT dispatch.channel_id, dispatch.sent_at FROM dispatch "
                "JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id "
                "WHERE dispatch.channel_id IN (:channels) AND dispatch.sent_at >= :since "
                "AND dispatch.kind IN ('post', 'catch-up') ORDER BY dispatch.sent_at DESC LIMIT :limit",
                {"channels": channel_ids, "since": since, "limit": MAX_REPORTED_ROWS},
            )
        ]


def _count_reactions(
    channel_id: int,
    feed_id: int,
    article_ids: Sequence[int],
    reactions_by_article: Mapping[int, Sequence[tuple[str, int]]],
) -> FeedReactionCounts:
    reactions = [
        (kind, user_id, article_id)
        for article_id in article_ids
        for kind, user_id in reactions_by_article.get(article_id, ())
    ]

    def count_kind(counted_kind: str) -> ReactionCount:
        pairs = [(user_id, article_id) for kind, user_id, article_id in reactions if kind == counted_kind]
        return ReactionCount(
            len(pairs), len({user_id for user_id, _id in pairs}), len({article_id for _id, article_id in pairs})
        )

    return FeedReactionCounts(
        channel_id,
        feed_id,
        len(article_ids),
        saves=count_kind("saved"),
        likes=count_kind("liked"),
        dislikes=count_kind("disliked"),
        kept_count=len({article_id for kind, _user_id, article_id in reactions if kind in {"saved", "liked"}}),
        muter_count=count_kind("muted").person_count,
    )
