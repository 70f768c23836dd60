"""Repository of stored articles."""

import itertools
from collections.abc import AsyncIterator, Collection, Sequence
from itertools import count

from bot.core.models import Article, NewArticle
from bot.core.outbox.routing import PendingArticle
from bot.store.connection import Connection
from bot.store.content import page_fetches
from bot.store.meta import build_next_id_sql
from bot.store.outbox import corrections, transitions
from bot.store.records.content_records import StoredArticle, TitleSample, TitleSampleSet
from bot.store.records.source_records import ChangedArticle
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import (
    ARTICLE_IDS_AT_URLS_SQL,
    ARTICLE_SQL,
    IS_FEED_ARTICLE_SQL,
    article_from_row,
    article_to_columns,
    build_url_parameters,
    load_articles,
)
from bot.text.words import fold

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


_MAX_TITLE_CHARS = 300
"""Maximum number of characters of a title that are loaded."""


class TitleSamples(Repository):
    """Repository of samples of article titles. Methods raise StoreError."""

    @read_transaction
    def sample(
        self, db: Connection, feed_ids: Collection[int], *, since: int, before: int, max_titles: int
    ) -> TitleSampleSet:
        """Sample the titles of articles of feeds that were published at or after `since` and before `before`.

        Both are Unix times in seconds. Only articles whose id is a multiple of the sampling step are taken,
        so that about `max_titles` titles are loaded, in no order.
        """
        parameters = {"feed_ids": feed_ids, "since": since, "before": before}
        from_sql = """
            FROM article /*+ INDEXED BY article_feed_newest */
            WHERE feed_id IN (:feed_ids)
            AND published >= :since AND published < :before
        """
        title_count = db.fetch_value(f"SELECT count(*) {from_sql}", parameters)
        sampling_step = -(-title_count // max_titles) or 1
        title_samples = db.fetch_objects(
            TitleSample._make,
            f"SELECT published, outlet, page_key, substr(title, 1, {_MAX_TITLE_CHARS}) {from_sql} AND id % :step = 0",
            parameters | {"step": sampling_step},
        )
        return TitleSampleSet(sampling_step, title_samples)


EXPORT_BATCH_SIZE = 200
"""Number of articles that an export loads per query."""
PURGE_BATCH_SIZE = 500
"""Number of articles whose texts are deleted per transaction."""
_BEFORE_ALL = (-(2**62), 0)
"""Position (Unix time in seconds, article id) that precedes the positions of all articles."""


class Articles(Repository):
    """Repository of articles. Methods raise StoreError.

    "All articles" never include the pages that users saved: these are listed only where their feed is named.
    If several feeds have an article of one web page, `list_newest` contains only the one that was stored first.
    """

    async def get(self, article_id: int) -> Article | None:
        """Return the article with an id, or None if there is none."""
        return await self._fetch_object(
            article_from_row, f"SELECT {ARTICLE_SQL} FROM article WHERE id = ?", (article_id,)
        )

    async def get_by_key(self, key: str) -> Article | None:
        """Return the article with a key, which is the same in every database, or None if there is none."""
        return await self._fetch_object(article_from_row, f"SELECT {ARTICLE_SQL} FROM article WHERE key = ?", (key,))

    async def list_by_ids(self, article_ids: Sequence[int]) -> list[Article]:
        """List the articles with these ids, in the order of the ids; ids without an article are left out."""
        articles_by_id = {article.id: article for article in await self._database.query(load_articles, article_ids)}
        return [articles_by_id[article_id] for article_id in article_ids if article_id in articles_by_id]

    @read_transaction
    def load_page_keys_by_key_prefix(self, db: Connection, key_prefixes: Collection[str]) -> dict[str, str]:
        """Map keys of articles, or beginnings of such keys, to the keys of the articles' web pages.

        Those without an article are left out; a beginning that several keys share counts as the first of these keys.
        """
        # Keys are hexadecimal, so "g" sorts after all of them.
        sql = "SELECT page_key FROM article WHERE key >= ? AND key < ? ORDER BY key LIMIT 1"
        page_key_by_prefix = {prefix: db.fetch_value(sql, (prefix, f"{prefix}g")) for prefix in key_prefixes}
        return {prefix: page_key for prefix, page_key in page_key_by_prefix.items() if page_key is not None}

    async def list_by_page_key(self, page_key: str) -> list[Article]:
        """List all articles of a web page, in the order in which they were stored."""
        return await self._fetch_objects(
            article_from_row, f"SELECT {ARTICLE_SQL} FROM article WHERE page_key = ? ORDER BY id", (page_key,)
        )

    async def find_by_urls(
        self, urls: Collection[str], page_key: str, identity_hashes: Collection[bytes], limit: int
    ) -> list[Article]:
        """List at most `limit` articles that are or were at a URL, in the order in which they were stored.

        An article matches by any variant of the canonical URL in `urls`, by `page_key` (the key of its web page now
        or when it was posted or withheld), or by a hash of the URL, by which entries of feeds are recognized.
        """
        identity_parameters = {
            f"identity{number}": identity_hash for number, identity_hash in enumerate(identity_hashes)
        }
        return await self._fetch_objects(
            article_from_row,
            f"""
            SELECT {ARTICLE_SQL} FROM article WHERE id IN (
                {ARTICLE_IDS_AT_URLS_SQL}
                UNION SELECT id FROM article WHERE page_key = :page
                UNION SELECT article_id FROM delivery_status
                    WHERE channel_id IN (SELECT id FROM channel) AND page_key = :page
                UNION SELECT article_id FROM identity WHERE feed_id IN (SELECT id FROM feed)
                    AND hash IN ({", ".join(f":{parameter_name}" for parameter_name in identity_parameters) or "NULL"}))
            ORDER BY id LIMIT :limit
            """,
            build_url_parameters(urls) | identity_parameters | {"page": page_key, "limit": limit},
        )

    @read_transaction
    def list_newest(
        self,
        db: Connection,
        feed_ids: Collection[int] | None,
        *,
        outlet: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> list[Article]:
        """List articles by publication date, newest first.

        `feed_ids` are the feeds that the user may see, or None for all feeds. `outlet` restricts the list to
        the outlet with that name, ignoring case and accents.
        """
        if feed_ids is None and outlet is None:
            return db.fetch_objects(
                article_from_row,
                f"""
                SELECT {ARTICLE_SQL} FROM article
                WHERE {IS_FEED_ARTICLE_SQL} AND NOT EXISTS (
                    SELECT 1 FROM article AS duplicate
                    WHERE duplicate.page_key = article.page_key AND duplicate.id < article.id)
                ORDER BY published DESC, id DESC LIMIT ? OFFSET ?
                """,
                (limit, offset),
            )
        listed_feed_ids = feed_ids or () if outlet is None else _list_outlet_feed_ids(db, feed_ids, outlet)
        # The index is ordered within a feed, so SQLite stops early in each. A scan by date would visit the
        # articles of all other feeds.
        return db.fetch_objects(
            article_from_row,
            f"""
            SELECT {ARTICLE_SQL} FROM article WHERE id IN (
                SELECT id FROM article /*+ INDEXED BY article_feed_newest */
                WHERE feed_id IN (:feeds) AND NOT EXISTS (
                    SELECT 1 FROM article AS duplicate
                    WHERE duplicate.page_key = article.page_key AND duplicate.id < article.id
                    AND duplicate.feed_id IN (:feeds))
                ORDER BY published DESC, id DESC LIMIT :limit OFFSET :offset)
            ORDER BY published DESC, id DESC
            """,
            {"feeds": listed_feed_ids, "limit": limit, "offset": offset},
        )

    async def list_history(self, feed_id: int, limit: int) -> list[tuple[str, str, str, int, int]]:
        """List URL, title, summary, publication time and discovery time of a feed's articles, newest first.

        Times are Unix times in seconds.
        """
        rows = await self._fetch_rows(
            "SELECT url, title, summary, published, found_at FROM article WHERE feed_id = ? "
            "ORDER BY published DESC, id DESC LIMIT ?",
            (feed_id, limit),
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def count(self, feed_ids: Collection[int] | None = None) -> int:
        """Count the articles of the feeds with these ids, or of all feeds if `feed_ids` is None."""
        if feed_ids is None:
            return await self._fetch_int(f"SELECT count(*) FROM article WHERE {IS_FEED_ARTICLE_SQL}")
        return await self._fetch_int(
            "SELECT count(*) FROM article WHERE feed_id IN (:feed_ids)",
            {"feed_ids": feed_ids},
        )

    async def get_newest_published_at(self) -> int | None:
        """Return when the newest article was published (Unix time in seconds), or None without articles."""
        return await self._fetch_value(f"SELECT max(published) FROM article WHERE {IS_FEED_ARTICLE_SQL}")

    async def get_oldest_published_at(self, feed_ids: Collection[int] | None) -> int | None:
        """Return when the oldest article was published (Unix time in seconds), or None without articles.

        `feed_ids` restricts the search to these feeds; None means all feeds.
        """
        if feed_ids is None:
            return await self._fetch_value(f"SELECT min(published) FROM article WHERE {IS_FEED_ARTICLE_SQL}")
        return await self._fetch_value(
            "SELECT min((SELECT published FROM article WHERE feed_id = feed.id ORDER BY published LIMIT 1)) "
            "FROM feed WHERE id IN (:feed_ids)",
            {"feed_ids": feed_ids},
        )

    async def iterate(self) -> AsyncIterator[Article]:
        """Yield every article, oldest first; articles inserted during the iteration may be left out."""
        last_position = _BEFORE_ALL
        while True:
            articles = await self._fetch_objects(
                article_from_row,
                f"SELECT {ARTICLE_SQL} FROM article WHERE {IS_FEED_ARTICLE_SQL} AND (published, id) > (?, ?) "
                "ORDER BY published, id LIMIT ?",
                (*last_position, EXPORT_BATCH_SIZE),
            )
            if not articles:
                return
            for article in articles:
                yield article
            last_position = (articles[-1].published, articles[-1].id)

    async def load_stored_articles_by_url(self, urls: Collection[str]) -> dict[str, list[StoredArticle]]:
        """Map canonical URLs to the stored articles there, of any feed; leave out URLs without an article."""
        rows = await self._fetch_rows(
            "SELECT key, url, page_key, outlet, title, published FROM article "
            f"WHERE id IN ({ARTICLE_IDS_AT_URLS_SQL}) ORDER BY id",
            build_url_parameters(urls),
        )
        articles_by_url: dict[str, list[StoredArticle]] = {}
        for row in rows:
            articles_by_url.setdefault(row["url"], []).append(StoredArticle(*row))
        return articles_by_url

    @write_transaction
    def import_batch(self, db: Connection, articles_with_feed_ids: Sequence[tuple[int, NewArticle]]) -> int:
        """Insert articles from an import file, each with the id of its feed; return how many were inserted.

        Articles whose key is stored already are left out, so that an import can be repeated.
        """
        inserted_count = 0
        for feed_id, article_pairs in itertools.groupby(articles_with_feed_ids, key=lambda pair: pair[0]):
            # `insert_articles` stores the last of several articles of one date first; a file wants the first.
            articles = [article for _, article in article_pairs][::-1]
            inserted_count += len(insert_articles(db, feed_id, articles)[0])
        return inserted_count

    async def purge_texts(self, found_before: int) -> int:
        """Delete the texts of articles that the bot found before a time; return the number of articles that had any.

        The texts that a model generated from them are deleted, and pending fetches of their web pages cancelled.
        Bookmarked articles keep their texts. Titles, dates, URLs and the hashes that recognize feed entries remain, and
        titles remain searchable. `found_before` is Unix time in seconds.
        """
        purged_count = 0
        last_position: tuple[int, int] | None = _BEFORE_ALL
        while last_position is not None:
            batch_count, last_position = await self._database.transact(_purge_batch, found_before, last_position)
            purged_count += batch_count
        return purged_count


def _purge_batch(
    db: Connection, found_before: int, after_position: tuple[int, int]
) -> tuple[int, tuple[int, int] | None]:
    """Delete the texts of the next articles; return their number, and the position of the last, or None at the end.

    The texts generated from them are deleted, and pending fetches of their web pages cancelled. A position is the Unix
    time in seconds at which an article was found, and its id.
    """
    article_rows = db.fetch_rows(
        """
        SELECT id, found_at FROM article
        WHERE found_at < ? AND (found_at, id) > (?, ?) AND (text <> '' OR summary <> '' OR page_text <> '')
          AND NOT EXISTS (
            SELECT 1 FROM bookmark WHERE bookmark.article_id = article.id AND removed_at IS NULL)
        ORDER BY found_at, id LIMIT ?
        """,
        (found_before, *after_position, PURGE_BATCH_SIZE),
    )
    for row in article_rows:
        db.execute(
            "UPDATE article SET text = '', summary = '', body = NULL, page_text = NULL WHERE id = ?",
            (row["id"],),
        )
        db.execute("DELETE FROM generated_text WHERE article_id = ?", (row["id"],))
        page_fetches.cancel_fetch(db, row["id"])
    if len(article_rows) < PURGE_BATCH_SIZE:
        return len(article_rows), None
    return len(article_rows), (article_rows[-1]["found_at"], article_rows[-1]["id"])


def _list_outlet_feed_ids(db: Connection, feed_ids: Collection[int] | None, outlet: str) -> list[int]:
    """List the ids of an outlet's feeds, ignoring case and accents of its name; `feed_ids` restricts them."""
    feed_rows = db.execute(
        "SELECT id, outlet FROM feed WHERE (:all_feeds AND id > 0 OR id IN (:feeds))",
        {"all_feeds": feed_ids is None, "feeds": feed_ids},
    )
    folded_outlet = fold(outlet)
    return [feed_id for feed_id, feed_outlet in feed_rows if fold(feed_outlet) == folded_outlet]
