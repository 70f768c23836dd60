"""Functions that insert and update articles within the transaction of a poll or an import."""

from collections.abc import Sequence
from itertools import count

from bot.core.models import NewArticle
from bot.core.outbox.routing import PendingArticle
from bot.store.connection import Connection
from bot.store.meta import build_next_id_sql
from bot.store.outbox import corrections, transitions
from bot.store.records.source_records import ChangedArticle
from bot.store.row_mapping import article_to_columns

_NO_FEED_ID = 0
"""Id of no feed, for an article that was not stored before and may therefore be enqueued for posting."""


def insert_articles(
    db: Connection, feed_id: int, new_articles: Sequence[NewArticle]
) -> tuple[list[int], list[PendingArticle]]:
    """Insert new articles; return the ids of the inserted ones, and all articles that may be posted.

    The articles to post are in order of age, oldest first. An article whose key (the same in every database) is
    stored already is not inserted. It may be posted if another feed brought it, and may not if this feed did
    (another process has just inserted it). The hashes by which the feed's entries are recognised are stored for all.
    """
    article_id_and_feed_id_by_key = {
        row["key"]: (row["id"], row["feed_id"])
        for row in db.execute(
            "SELECT key, id, feed_id FROM article WHERE key IN (:keys)",
            {"keys": [article.key for article in new_articles]},
        )
    }
    # Among articles of one date, the first in the document is the newest.
    ordered_articles = [
        new_articles[position]
        for position in sorted(range(len(new_articles)), key=lambda index: (new_articles[index].published, -index))
    ]
    free_ids = count(db.fetch_value(build_next_id_sql("article")))
    inserted_articles: dict[int, NewArticle] = {}
    pending_articles: list[PendingArticle] = []
    identity_rows: list[tuple[int, bytes, int]] = []
    for article in ordered_articles:
        if article.key not in article_id_and_feed_id_by_key:
            article_id = next(free_ids)
            article_id_and_feed_id_by_key[article.key] = (article_id, _NO_FEED_ID)
            inserted_articles[article_id] = article
        article_id, stored_feed_id = article_id_and_feed_id_by_key[article.key]
        identity_rows += [(feed_id, identity_hash, article_id) for identity_hash in article.identity_hashes]
        if stored_feed_id != feed_id:
            pending_articles.append(PendingArticle(article_id, article.key, article.page_key, article.published))
    db.executemany(
        """
        INSERT INTO article (id, key, feed_id, page_key, url, fingerprint, title, summary, text, body, author,
                             outlet, language, tags, image_url, published, has_own_page_key, found_at, audio_url,
                             duration_seconds, comments_url, comment_count)
        VALUES (:id, :key, :feed_id, :page_key, :url, :fingerprint, :title, :summary, :text, :body, :author,
                :outlet, :language, :tags, :image_url, :published, :has_own_page_key,
                :found_at, :audio_url, :duration_seconds, :comments_url, :comment_count)
        """,
        (
            article_to_columns(article)
            | {"id": inserted_id, "key": article.key, "feed_id": feed_id, "found_at": db.now}
            for inserted_id, article in inserted_articles.items()
        ),
    )
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        identity_rows,
    )
    return list(inserted_articles), pending_articles


def update_article(db: Connection, feed_id: int, change: ChangedArticle) -> None:
    """Update an article from its changed feed entry, and schedule edits of the posts that show it.

    The first change of the words that posts show is recorded as a correction. If the article moves to another web page,
    channels and watches count that page as decided, too. Do nothing if the article was deleted.
    """
    stored_row = db.fetch_row(
        "SELECT id, title, page_key, summary, coalesce(body, text) AS feed_text FROM article WHERE id = ?",
        (change.article_id,),
    )
    if stored_row is None:
        return
    new_article = change.new_article
    column_values = article_to_columns(new_article)
    assignments_sql = ", ".join(f"{column_name} = :{column_name}" for column_name in column_values)
    is_correction = corrections.is_correction(
        stored_row, new_title=new_article.title, new_text=new_article.summary or new_article.body
    )
    db.execute(
        f"UPDATE article SET {assignments_sql}, updated_at = :now, change_count = change_count + 1, corrected_at = "
        "CASE WHEN :is_correction THEN coalesce(corrected_at, :now) ELSE corrected_at END WHERE id = :id",
        column_values | {"now": db.now, "id": change.article_id, "is_correction": is_correction},
    )
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(feed_id, identity_hash, change.article_id) for identity_hash in new_article.identity_hashes],
    )
    if new_article.page_key != stored_row["page_key"]:  # Channels must not get the article again.
        transitions.copy_pages(db, change.article_id, new_article.page_key)
        db.execute(
            "UPDATE watch_match SET page_key = :page_key WHERE article_id = :article_id AND NOT EXISTS (SELECT 1 "
            "FROM watch_match AS existing_match "
            "WHERE existing_match.watch_id = watch_match.watch_id AND existing_match.page_key = :page_key)",
            {"page_key": new_article.page_key, "article_id": change.article_id},
        )
    corrections.schedule_edits(db, [change.article_id])
