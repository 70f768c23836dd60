"""Functions that insert and update articles within the transaction of a poll or an import."""

from collections.abc import Sequence
from itertools import count

from bot.core.models import NewArticle
from bot.store.connection import Connection
from bot.store.outbox import corrections
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.records.source_records import ChangedArticle
from bot.store.row_mapping import article_values, to_json_array


def insert_articles(
    db: Connection, feed_id: int, new: Sequence[NewArticle]
) -> tuple[list[int], list[PendingArticle]]:
    """Insert new articles; return the ids of those inserted, and all that may be enqueued, oldest first.

    A key that exists already belongs to a feed that had this URL before, or was inserted by another process.
    Only in the first case may the article still be enqueued.
    """
    known = {
        row["key"]: (row["id"], row["feed_id"])
        for row in db.execute(
            "SELECT key, id, feed_id FROM article WHERE key IN (SELECT atom FROM json_each(?))",
            (to_json_array([article.key for article in new]),),
        )
    }
    # Among articles of one date, the first in the document is the newest.
    ordered = [
        new[place] for place in sorted(range(len(new)), key=lambda place: (new[place].published, -place))
    ]
    ids = count(db.value("SELECT coalesce(max(id), 0) + 1 FROM article"))
    kept: dict[int, NewArticle] = {}
    owed: list[PendingArticle] = []
    identities: list[tuple[int, bytes, int]] = []
    for article in ordered:
        if article.key not in known:
            article_id = next(ids)
            known[article.key] = (article_id, 0)
            kept[article_id] = article
        article_id, owner = known[article.key]
        identities += [(feed_id, hash_, article_id) for hash_ in article.identities]
        if owner != feed_id:
            owed.append(PendingArticle(article_id, article.key, article.page, article.published))
    db.executemany(
        """
        INSERT INTO article (id, key, feed_id, page, url, fingerprint, title, summary, text, body, author,
                             outlet, language, tags, image, published, own_page, found, audio, duration)
        VALUES (:id, :key, :feed_id, :page, :url, :fingerprint, :title, :summary, :text, :body, :author,
                :outlet, :language, :tags, :image, :published, :own_page, :found, :audio, :duration)
        """,
        (
            article_values(article) | {"id": id_, "key": article.key, "feed_id": feed_id, "found": db.now}
            for id_, article in kept.items()
        ),
    )
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", identities
    )
    return list(kept), owed


def update_article(db: Connection, feed_id: int, change: ChangedArticle) -> None:
    """Update an article from its changed entry, and schedule edits of the posts that show it.

    Does nothing if the article is gone.
    """
    stored = db.row(
        "SELECT id, title, page, summary, coalesce(body, text) AS given FROM article WHERE id = ?",
        (change.article_id,),
    )
    if stored is None:
        return
    new = change.new
    values = article_values(new)
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    correction = corrections.is_correction(stored, title=new.title, shown=new.summary or new.body)
    db.execute(
        f"UPDATE article SET {assigned}, updated = :now, changes = changes + 1, "
        "corrected = iif(:correction, coalesce(corrected, :now), corrected) WHERE id = :id",
        values | {"now": db.now, "id": change.article_id, "correction": correction},
    )
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(feed_id, hash_, change.article_id) for hash_ in new.identities],
    )
    if new.page != stored["page"]:  # Channels must not get the article again.
        db.execute(
            "INSERT INTO fate (channel_id, page, article_id, dispatch_id, fate, reason, decided, joined_id, "
            "shown) SELECT channel_id, ?, article_id, dispatch_id, fate, reason, decided, joined_id, shown "
            "FROM fate "
            "WHERE article_id = ? ON CONFLICT (channel_id, page) DO NOTHING",
            (new.page, change.article_id),
        )
        db.execute(
            "UPDATE watch_match SET page = ?1 WHERE article_id = ?2 AND NOT EXISTS (SELECT 1 "
            "FROM watch_match AS told WHERE told.watch_id = watch_match.watch_id AND told.page = ?1)",
            (new.page, change.article_id),
        )
    corrections.schedule_edits(db, "SELECT :article", {"article": change.article_id})
