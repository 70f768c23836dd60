"""Articles: what was kept of feeds."""

import itertools
from collections.abc import AsyncIterator, Collection, Sequence

from bot.core.models import Article, NewArticle
from bot.store.connection import Connection
from bot.store.content.article_rows import insert_articles
from bot.store.outbox import page_fetch_queue
from bot.store.records.content_records import StoredArticle
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import ARTICLE, AT_URLS, article_from_row, articles_by_ids, at_urls, to_json_array

EXPORT_BATCH_SIZE = 200  # articles read at a time by an export
PURGE_BATCH_SIZE = 500  # articles emptied in a transaction


class Articles(Repository):
    """The articles. Those of several feeds with one page show once in a list, as the one kept first."""

    async def get(self, article_id: int) -> Article | None:
        """The article, or None."""
        return await self._one(article_from_row, f"SELECT {ARTICLE} FROM article WHERE id = ?", (article_id,))

    async def by_key(self, key: str) -> Article | None:
        """The article with a key, or None."""
        return await self._one(article_from_row, f"SELECT {ARTICLE} FROM article WHERE key = ?", (key,))

    async def by_ids(self, ids: Sequence[int]) -> list[Article]:
        """The articles with these ids, in this order; those that are not there are left out."""
        found = {found.id: found for found in await self._database.query(articles_by_ids, ids)}
        return [found[id_] for id_ in ids if id_ in found]

    async def page_keys_by_key_prefix(self, keys: Collection[str]) -> dict[str, str]:
        """The pages of the articles with these keys or beginnings of keys, as far as there are any."""
        rows = await self._rows(
            "SELECT wanted.atom AS name, page FROM json_each(?) AS wanted "
            "CROSS JOIN article ON article.key >= wanted.atom "
            "AND article.key < wanted.atom || 'g'",  # which comes after any digit
            (to_json_array(keys),),
        )
        return {row["name"]: row["page"] for row in rows}

    async def by_page_key(self, page: str) -> list[Article]:
        """All articles of a page, the one kept first first."""
        return await self._objects(
            article_from_row, f"SELECT {ARTICLE} FROM article WHERE page = ? ORDER BY id", (page,)
        )

    async def find_by_urls(
        self, urls: Collection[str], page: str, identities: Collection[bytes], limit: int
    ) -> list[Article]:
        """Articles that are, or once were, at an address, the one kept first first.

        By any form of its canonical URL, by its page, which they may have changed since they got a fate, and
        by the identities that the address gives.
        """
        names = {f"name{number}": identity for number, identity in enumerate(identities)}
        return await self._objects(
            article_from_row,
            f"""
            SELECT {ARTICLE} FROM article WHERE id IN (
                {AT_URLS}
                UNION SELECT id FROM article WHERE page = :page
                UNION SELECT article_id FROM fate
                    WHERE channel_id IN (SELECT id FROM channel) AND page = :page
                UNION SELECT article_id FROM identity WHERE feed_id IN (SELECT id FROM feed)
                    AND hash IN ({", ".join(f":{name}" for name in names)}))
            ORDER BY id LIMIT :limit
            """,
            at_urls(urls) | names | {"page": page, "limit": limit},
        )

    @reads
    def newest(
        self,
        db: Connection,
        feed_ids: Collection[int] | None,
        *,
        outlet: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> list[Article]:
        """Articles by date, newest first.

        `feed_ids` are the feeds that the person asking may see, None all; `outlet` is the name of one,
        accents and case ignored.
        """
        if feed_ids is None and outlet is None:
            return db.objects(
                article_from_row,
                f"""
                SELECT {ARTICLE} FROM article
                WHERE NOT EXISTS (SELECT 1 FROM article AS other
                                  WHERE other.page = article.page AND other.id < article.id)
                ORDER BY published DESC, id DESC LIMIT ? OFFSET ?
                """,
                (limit, offset),
            )
        feeds = db.column(
            "SELECT id FROM feed WHERE (:all OR id IN (SELECT value FROM json_each(:feeds))) "
            "AND (:outlet IS NULL OR fold(outlet) = fold(:outlet))",
            {"all": feed_ids is None, "feeds": to_json_array(feed_ids or ()), "outlet": outlet},
        )
        # Within a feed the index is in order, so SQLite leaves each feed as soon as it is behind what was
        # found. One scan by date would pass by the articles of all other feeds.
        return db.objects(
            article_from_row,
            f"""
            SELECT {ARTICLE} FROM article WHERE id IN (
                SELECT id FROM article INDEXED BY article_feed_newest
                WHERE feed_id IN (SELECT value FROM json_each(:feeds)) AND NOT EXISTS (
                    SELECT 1 FROM article AS other WHERE other.page = article.page AND other.id < article.id
                    AND other.feed_id IN (SELECT value FROM json_each(:feeds)))
                ORDER BY published DESC, id DESC LIMIT :limit OFFSET :offset)
            ORDER BY published DESC, id DESC
            """,
            {"feeds": to_json_array(feeds), "limit": limit, "offset": offset},
        )

    async def list_history(self, feed_id: int, limit: int) -> list[tuple[str, str, str, int, int]]:
        """Link, title, summary and times (published, found) of a feed's articles, the newest first."""
        rows = await self._rows(
            "SELECT url, title, summary, published, found FROM article WHERE feed_id = ? "
            "ORDER BY published DESC, id DESC LIMIT ?",
            (feed_id, limit),
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def count(self, feed_ids: Collection[int] | None = None) -> int:
        """How many articles there are, in all or of some feeds."""
        if feed_ids is None:
            return await self._number("SELECT count(*) FROM article")
        return await self._number(
            "SELECT count(*) FROM article WHERE feed_id IN (SELECT value FROM json_each(?))",
            (to_json_array(feed_ids),),
        )

    async def newest_time(self) -> int | None:
        """When the newest article was published."""
        return await self._value("SELECT max(published) FROM article")

    async def oldest_time(self, feed_ids: Collection[int] | None) -> int | None:
        """When the oldest article of these feeds (None: of all) was published."""
        if feed_ids is None:
            return await self._value("SELECT min(published) FROM article")
        return await self._value(
            "SELECT min((SELECT published FROM article WHERE feed_id = value ORDER BY published LIMIT 1))"
            " FROM json_each(?)",
            (to_json_array(feed_ids),),
        )

    async def export(self) -> AsyncIterator[Article]:
        """Every article, oldest first. What is kept meanwhile may or may not be among them."""
        last = (-(2**62), 0)
        while True:
            articles = await self._objects(
                article_from_row,
                f"SELECT {ARTICLE} FROM article WHERE (published, id) > (?, ?) "
                "ORDER BY published, id LIMIT ?",
                (*last, EXPORT_BATCH_SIZE),
            )
            if not articles:
                return
            for exported in articles:
                yield exported
            last = (articles[-1].published, articles[-1].id)

    async def stored_at_urls(self, urls: Collection[str]) -> dict[str, list[StoredArticle]]:
        """What is kept of these canonical URLs, in any feed."""
        rows = await self._rows(
            "SELECT key, url, page, outlet, title, published FROM article "
            f"WHERE id IN ({AT_URLS}) ORDER BY id",
            at_urls(urls),
        )
        found: dict[str, list[StoredArticle]] = {}
        for row in rows:
            found.setdefault(row["url"], []).append(StoredArticle(*row))
        return found

    @writes
    def import_batch(self, db: Connection, new: Sequence[tuple[int, NewArticle]]) -> int:
        """Keep articles that came from a file, in this order, each with its feed's id; how many were kept.

        An article whose key is there already is left out: repeating an import adds nothing.
        """
        kept = 0
        for feed_id, group in itertools.groupby(new, key=lambda pair: pair[0]):
            # Of articles of one date the last of a document is kept first; here the first of the file is to
            # be.
            articles = [article_ for _, article_ in group][::-1]
            kept += len(insert_articles(db, feed_id, articles)[0])
        return kept

    async def purge_texts(self, before: int) -> int:
        """Empty the texts of articles found before a time, except those somebody bookmarked; how many.

        Titles, dates, addresses and identities stay, and titles stay searchable.
        """
        forgotten = 0
        last: tuple[int, int] | None = (-(2**62), 0)
        while last is not None:
            done, last = await self._database.transact(_forget, before, last)
            forgotten += done
        return forgotten


def _forget(db: Connection, before: int, after: tuple[int, int]) -> tuple[int, tuple[int, int] | None]:
    rows = db.rows(
        """
        SELECT id, found FROM article
        WHERE found < ? AND (found, id) > (?, ?) AND (text <> '' OR summary <> '' OR page_text <> '')
          AND NOT EXISTS (
            SELECT 1 FROM bookmark WHERE bookmark.article_id = article.id AND removed IS NULL)
        ORDER BY found, id LIMIT ?
        """,
        (before, *after, PURGE_BATCH_SIZE),
    )
    for row in rows:
        db.execute(
            "UPDATE article SET text = '', summary = '', body = NULL, page_text = NULL WHERE id = ?",
            (row["id"],),
        )
        db.execute("DELETE FROM written_text WHERE article_id = ?", (row["id"],))
        page_fetch_queue.cancel_fetch(db, row["id"])
    if len(rows) < PURGE_BATCH_SIZE:
        return len(rows), None
    return len(rows), (rows[-1]["found"], rows[-1]["id"])
