"""Functions that gather the candidates of a digest (articles that it may include) and enqueue the digest."""

import json
from collections.abc import Collection, Sequence

from bot.core.models import Digest, DispatchKind, DispatchState
from bot.core.user_models import PersonalDigest
from bot.store.connection import Connection, Row
from bot.store.outbox import transitions
from bot.store.outbox.muted_articles import build_muted_condition_sql
from bot.store.records.outbox_records import DigestCandidate, DigestCandidates, SamePageArticle

MAX_DIGEST_CANDIDATES = 3_000
"""Maximum number of articles, the newest, from which the content of a digest is selected."""

_DAY_SECONDS = 86_400


def gather_candidates(
    db: Connection, digest: Digest, feed_ids: Collection[int], since: int, until: int
) -> DigestCandidates:
    """Gather the articles that a channel's digest of the period from `since` until `until` may include.

    Both are Unix times in seconds; `until` is exclusive, and nothing counts from before the bot joined the server.
    These are the articles posted in the channel in the period and those reserved for the digest; with
    `plan.includes_other_channels`, also articles of `feed_ids` that were found in the period and have no delivery
    status there. At most `MAX_DIGEST_CANDIDATES` are gathered, the newest, one per web page. Retracted articles, and
    stories that the channel muted, are left out. Other articles on the same page are listed only if they come from
    `feed_ids`.
    """
    parameters: dict[str, object] = {
        "channel": digest.channel_id,
        "since": since,
        "until": until,
        "feeds": feed_ids,
        "other_channels": digest.plan.includes_other_channels,
        "day": _DAY_SECONDS,
        "server": digest.server_id,
        "limit": MAX_DIGEST_CANDIDATES,
        "now": until,
    }
    joined_at = db.fetch_value("SELECT joined_at FROM server WHERE id = ?", (digest.server_id,))
    parameters["since"] = max(since, joined_at)  # Nothing from before the bot joined.
    reserved_article_ids = db.fetch_column(
        "SELECT article_id FROM delivery_status WHERE channel_id = :channel AND status = 'digested'", parameters
    )
    candidate_rows = db.fetch_rows(
        f"""
        SELECT DISTINCT article.id, article.feed_id, article.page_key, substr(article.title, 1, 500) AS title,
               article.outlet, article.tags, article.language, article.published
        FROM (
            SELECT article_id FROM dispatch /*+ INDEXED BY dispatch_channel_sent */
            JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND sent_at >= :since AND sent_at < :until
              AND kind IN ('post', 'catch-up')
            UNION
            SELECT article_id FROM dispatch /*+ INDEXED BY dispatch_channel_sent */
            JOIN delivery_status ON delivery_status.joined_dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND sent_at >= :since AND sent_at < :until
            UNION
            SELECT article_id FROM delivery_status WHERE channel_id = :channel AND status = 'digested'
            UNION
            SELECT id FROM article /*+ INDEXED BY article_feed_newest */
            WHERE :other_channels AND feed_id IN (:feeds)
              AND published >= :since - :day AND published < :until AND found_at >= :since AND found_at < :until
              AND NOT EXISTS (SELECT 1 FROM delivery_status WHERE channel_id = :channel
                  AND delivery_status.page_key = article.page_key)
        ) AS candidate
        JOIN article ON article.id = candidate.article_id AND article.retracted_at IS NULL
        WHERE NOT {build_muted_condition_sql("story_mute.channel_id = :channel")}
        ORDER BY article.published DESC, article.id DESC LIMIT :limit
        """,
        parameters,
    )
    return _build_candidates(db, candidate_rows, parameters, reserved_article_ids)


def gather_for_user(
    db: Connection,
    feed_ids: Collection[int],
    selected_feed_ids: Collection[int] | None,
    matched_article_ids: Collection[int],
    since: int,
    until: int,
    *,
    user_id: int,
) -> DigestCandidates:
    """Gather the articles that a user's digest of the period from `since` until `until` may include.

    Both are Unix times in seconds, `until` is exclusive. These are the articles of `selected_feed_ids` (None: of all
    `feed_ids`) and the articles `matched_article_ids`, restricted to those that feeds in `feed_ids` brought in the
    period. At most `MAX_DIGEST_CANDIDATES` are gathered, the newest, one per web page. Retracted articles, and stories
    that the user muted, are left out.
    """
    parameters: dict[str, object] = {
        "since": since,
        "until": until,
        "feeds": feed_ids,
        "day": _DAY_SECONDS,
        "server": 0,  # Bookmark counts of a server must not leave it.
        "limit": MAX_DIGEST_CANDIDATES,
        "all_feeds": selected_feed_ids is None,
        "selected_feeds": selected_feed_ids or (),
        "matches": matched_article_ids,
        "now": until,
        "user": user_id,
    }
    candidate_rows = db.fetch_rows(
        f"""
        SELECT article.id, article.feed_id, article.page_key, substr(article.title, 1, 500) AS title,
               article.outlet, article.tags, article.language, article.published
        FROM article
        WHERE feed_id IN (:feeds)
          AND published >= :since - :day AND published < :until AND found_at >= :since AND found_at < :until
          AND retracted_at IS NULL
          AND (:all_feeds OR feed_id IN (:selected_feeds)
               OR id IN (:matches))
          AND NOT {build_muted_condition_sql("story_mute.channel_id IN (SELECT id FROM channel WHERE user_id = :user)")}
        ORDER BY article.published DESC, article.id DESC LIMIT :limit
        """,
        parameters,
    )
    return _build_candidates(db, candidate_rows, parameters, [])


def enqueue_digest(
    db: Connection,
    digest: Digest | PersonalDigest,
    digest_key: str,
    payload: str,
    listed_article_ids: Sequence[int],
    *,
    digest_id: int | None = None,
) -> int:
    """Enqueue the message of a digest with the articles that it lists, and return the message's id in the outbox.

    `digest_key` tells digests of one channel apart in the message's dedupe key; `digest_id` is None for a user's
    digest.
    """
    dispatch_id = transitions.insert_dispatch(
        db,
        DispatchState.PENDING,
        digest.channel_id,
        DispatchKind.DIGEST,
        f"digest:{digest_key}:{digest.due_at}:{db.now}",
        digest_id=digest_id,
        position=digest.due_at,
        due_at=db.now,
        payload=payload,
    )
    db.execute(
        "INSERT INTO digest_article (dispatch_id, article_id) "
        "SELECT CAST(:dispatch AS BIGINT), id FROM article WHERE id IN (:articles) ON CONFLICT DO NOTHING",
        {"dispatch": dispatch_id, "articles": listed_article_ids},
    )
    return dispatch_id


def _build_candidates(
    db: Connection,
    candidate_rows: Sequence[Row],
    parameters: dict[str, object],
    reserved_article_ids: list[int],
) -> DigestCandidates:
    same_page_articles_by_page_key = _load_same_page_articles(db, candidate_rows, parameters)
    bookmark_count_by_page_key = _count_bookmarks(
        db, candidate_rows, same_page_articles_by_page_key, parameters["server"]
    )
    candidates = [
        DigestCandidate(
            row["id"],
            row["feed_id"],
            row["page_key"],
            row["title"],
            row["outlet"],
            tuple(json.loads(row["tags"])),
            row["language"],
            row["published"],
            tuple(
                same_page_article
                for same_page_article in same_page_articles_by_page_key.get(row["page_key"], ())
                if same_page_article.article_id != row["id"]
            ),
            bookmark_count_by_page_key.get(row["page_key"], 0),
        )
        for row in candidate_rows
    ]
    article_ids = [candidate.article_id for candidate in candidates]
    similar_pairs = db.fetch_rows(
        "SELECT article_id, earlier_id, similarity FROM similar_article "
        "WHERE article_id IN (:article_ids) "
        "AND earlier_id IN (:article_ids)",
        {"article_ids": article_ids},
    )
    unique_candidates = list({candidate.page_key: candidate for candidate in reversed(candidates)}.values())[::-1]
    return DigestCandidates(
        unique_candidates, reserved_article_ids, [(row[0], row[1], row[2]) for row in similar_pairs]
    )


def _load_same_page_articles(
    db: Connection, candidate_rows: Sequence[Row], parameters: dict[str, object]
) -> dict[str, list[SamePageArticle]]:
    articles_by_page_key: dict[str, list[SamePageArticle]] = {}
    for page_key, *columns in db.execute(
        "SELECT page_key, id, feed_id, outlet FROM article WHERE page_key IN (:pages) "
        "AND feed_id IN (:feeds) ORDER BY id",
        parameters | {"pages": {row["page_key"] for row in candidate_rows}},
    ):
        articles_by_page_key.setdefault(page_key, []).append(SamePageArticle(*columns))
    return articles_by_page_key


def _count_bookmarks(
    db: Connection,
    candidate_rows: Sequence[Row],
    same_page_articles_by_page_key: dict[str, list[SamePageArticle]],
    server_id: object,
) -> dict[str, int]:
    """Map the keys of bookmarked pages to the number of users who bookmarked the page in the server."""
    article_ids = {row["id"] for row in candidate_rows} | {
        article.article_id for articles in same_page_articles_by_page_key.values() for article in articles
    }
    return dict(
        db.fetch_rows(
            "SELECT article.page_key, count(DISTINCT user_id) FROM bookmark "
            "JOIN article ON article.id = bookmark.article_id "
            "WHERE article_id IN (:article_ids) AND removed_at IS NULL "
            "AND bookmark.server_id = :server_id GROUP BY article.page_key",
            {"article_ids": article_ids, "server_id": server_id},
        )
    )
