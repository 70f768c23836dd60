"""Functions that keep the articles of muted stories out of channels, within the transaction that decides on them.

A channel, or a person's direct messages, may have muted a story. An article of it is withheld with the reason
`muted`, and no notification or digest lists it there.
"""

from collections.abc import Sequence

from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.store.records.content_records import StoryMatches

ACTIVE_MUTE_SQL = "(story_mute.ended_at IS NULL AND coalesce(story_mute.muted_until, :now + 1) > :now)"
"""SQL condition that a mute (a row of `story_mute`) was not undone and has not ended; `:now` is Unix time."""
_FROM_MUTED_ARTICLES_SQL = "FROM muted_article JOIN story_mute ON story_mute.id = muted_article.mute_id"


def build_muted_condition_sql(channel_condition: str) -> str:
    """Return an SQL condition that the row `article` is of a story that a channel selected by a condition has muted.

    The statement needs the parameter `:now`.
    """
    return (
        f"EXISTS (SELECT 1 {_FROM_MUTED_ARTICLES_SQL} WHERE muted_article.article_id = article.id "
        f"AND {channel_condition} AND {ACTIVE_MUTE_SQL})"
    )


def make_mute_reason(mute_id: int) -> Reason:
    """Return the reason why a muted story's articles are withheld: the id of the mute, without who muted it."""
    return Reason(WithheldReason.MUTED, {"mute": mute_id})


def record_matches(db: Connection, feed_id: int, articles: Sequence[PendingArticle], matches: StoryMatches) -> set[int]:
    """Record which new articles of a feed belong to muted stories; return the ids of the channels that muted them.

    A mute of a server's channel covers feeds that the server follows. Only articles of these feeds are compared with
    later articles (extend the story), so that no other server can draw the story to further events.
    """
    if not any(matches.mute_matches_by_key.get(article.key) for article in articles):
        return set()
    follower_server_ids = set(
        db.fetch_ids(
            "SELECT DISTINCT channel.server_id FROM subscription JOIN channel ON channel.id = subscription.channel_id "
            "WHERE subscription.feed_id = ?",
            (feed_id,),
        )
    )
    mute_by_id = {
        row["id"]: row
        for row in db.fetch_rows(
            "SELECT story_mute.id, story_mute.channel_id, story_mute.server_id, channel.user_id FROM story_mute "
            f"JOIN channel ON channel.id = story_mute.channel_id WHERE story_mute.id IN (:ids) AND {ACTIVE_MUTE_SQL}",
            {
                "ids": {
                    match.mute_id for mute_matches in matches.mute_matches_by_key.values() for match in mute_matches
                },
                "now": db.now,
            },
        )
    }
    muted_rows: list[tuple[int, int, bool]] = []
    channel_ids: set[int] = set()
    for article in articles:
        for mute_id, extends_story in matches.mute_matches_by_key.get(article.key, ()):
            mute = mute_by_id.get(mute_id)
            if mute is None or (mute["user_id"] is None and mute["server_id"] not in follower_server_ids):
                continue
            muted_rows.append((mute_id, article.article_id, extends_story and mute["server_id"] in follower_server_ids))
            channel_ids.add(mute["channel_id"])
    add_articles(db, muted_rows)
    return channel_ids


def add_articles(db: Connection, muted_rows: Sequence[tuple[int, int, bool]]) -> None:
    """Add articles to muted stories, as (mute id, article id, whether later articles are compared with the article)."""
    db.executemany(
        "INSERT INTO muted_article (mute_id, article_id, extends_story) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(mute_id, article_id, int(extends_story)) for mute_id, article_id, extends_story in muted_rows],
    )


def withhold_muted_articles(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle]
) -> list[PendingArticle]:
    """Withhold the articles of stories that a channel muted, and return the other articles."""
    mute_id_by_article_id = dict(
        db.fetch_rows(
            f"SELECT muted_article.article_id, min(story_mute.id) {_FROM_MUTED_ARTICLES_SQL} "
            "WHERE story_mute.channel_id = :channel_id AND muted_article.article_id IN (:article_ids) "
            f"AND {ACTIVE_MUTE_SQL} GROUP BY muted_article.article_id",
            {"channel_id": channel_id, "article_ids": [article.article_id for article in articles], "now": db.now},
        )
    )
    muted_articles = [article for article in articles if article.article_id in mute_id_by_article_id]
    reason_text_by_article_id = {
        article_id: make_mute_reason(mute_id).encode() for article_id, mute_id in mute_id_by_article_id.items()
    }
    transitions.add_pages(db, channel_id, muted_articles, PageStatus.WITHHELD, reasons=reason_text_by_article_id)
    return [article for article in articles if article.article_id not in mute_id_by_article_id]


def load_muting_channel_ids(db: Connection, article_id: int) -> set[int]:
    """Return the ids of the channels, also of direct messages, that muted the story of an article."""
    return set(
        db.fetch_ids(
            f"SELECT story_mute.channel_id {_FROM_MUTED_ARTICLES_SQL} "
            f"WHERE muted_article.article_id = :article_id AND {ACTIVE_MUTE_SQL}",
            {"article_id": article_id, "now": db.now},
        )
    )
