"""Repository of the web pages that users saved by their links, each for its user alone."""

from bot.core.models import Article, NewArticle
from bot.core.user_models import saved_pages_feed_id
from bot.store.connection import Connection
from bot.store.content.article_rows import insert_articles
from bot.store.meta import reserve_ids
from bot.store.repository import Repository, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, article_from_row

_COUNT_SQL = (
    "SELECT count(*) FROM article JOIN bookmark ON bookmark.article_id = article.id "
    "WHERE feed_id = ? AND removed_at IS NULL"
)


class SavedPages(Repository):
    """Repository of saved pages. Methods raise StoreError.

    A saved page is a bookmarked article of a feed of its user alone, which has a negative id and the state 'imported':
    it is never polled, and no channel follows it.
    """

    async def count(self, user_id: int) -> int:
        """Count the pages that a user saved and did not remove."""
        return await self._fetch_int(_COUNT_SQL, (saved_pages_feed_id(user_id),))

    @write_transaction
    def add(
        self, db: Connection, user_id: int, new_article: NewArticle, *, max_pages: int
    ) -> tuple[Article, bool] | None:
        """Store a page for a user and bookmark it; return it, and whether it is new.

        A page that the user saved before, and did not remove, is returned as it was stored; what is left of one that
        they removed is replaced. Returns None if the user has `max_pages` other pages.
        """
        feed_id = saved_pages_feed_id(user_id)
        stored_row = db.fetch_row(
            f"SELECT removed_at, {ARTICLE_SQL} FROM article JOIN bookmark ON bookmark.article_id = article.id "
            "WHERE feed_id = ? AND url = ?",
            (feed_id, new_article.url),
        )
        if stored_row is not None:
            removed_at, *article_columns = stored_row
            stored_article = article_from_row(article_columns)
            if removed_at is None:
                return stored_article, False
            _delete_pages(db, [stored_article.id])
        if db.fetch_value(_COUNT_SQL, (feed_id,)) >= max_pages:
            return None
        db.execute(
            "INSERT INTO feed (id, url, state, added_at, next_poll, interval, host_slot) "
            "VALUES (?, ?, 'imported', ?, 0, 0, 0) ON CONFLICT DO NOTHING",
            (feed_id, f"saved:{user_id}", db.now),
        )
        (article_id,), _pending_articles = insert_articles(db, feed_id, [new_article])
        # Articles of feeds are looked up by URL, and must never find this one.
        db.execute("UPDATE article SET has_own_page_key = 0 WHERE id = ?", (article_id,))
        db.execute(
            "INSERT INTO bookmark (user_id, article_id, created_at) VALUES (?, ?, ?)", (user_id, article_id, db.now)
        )
        row = db.fetch_row(f"SELECT {ARTICLE_SQL} FROM article WHERE id = ?", (article_id,))
        return article_from_row(row), True

    @write_transaction
    def purge_removed(self, db: Connection, removed_before: int) -> int:
        """Delete saved pages that were removed before a Unix time in seconds, and the feeds of users without any.

        Return the number of pages.
        """
        article_ids = db.fetch_column(
            "SELECT article.id FROM article JOIN bookmark ON bookmark.article_id = article.id "
            "WHERE feed_id < 0 AND removed_at < ?",
            (removed_before,),
        )
        _delete_pages(db, article_ids)
        db.execute("DELETE FROM feed WHERE id < 0 AND NOT EXISTS (SELECT 1 FROM article WHERE feed_id = feed.id)")
        return len(article_ids)


def erase_pages(db: Connection, user_id: int) -> None:
    """Delete all pages that a user saved, with their bookmarks."""
    feed_id = saved_pages_feed_id(user_id)
    _delete_pages(db, db.fetch_column("SELECT id FROM article WHERE feed_id = ?", (feed_id,)))
    db.execute("DELETE FROM feed WHERE id = ?", (feed_id,))


def _delete_pages(db: Connection, article_ids: list[int]) -> None:
    reserve_ids(db, "article")
    db.execute("DELETE FROM bookmark WHERE article_id IN (:ids)", {"ids": article_ids})
    db.execute("DELETE FROM article WHERE id IN (:ids)", {"ids": article_ids})
