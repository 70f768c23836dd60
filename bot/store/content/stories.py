"""Repository of the data from which stories are built: recent articles and their similarities."""

from collections.abc import Collection

from bot.store.records.content_records import ArticleBrief, CoveringOutlet
from bot.store.repository import Repository
from bot.store.row_mapping import IS_FEED_ARTICLE_SQL
from bot.text.words import fold


class Stories(Repository):
    """Repository of recent articles and of pairs of similar articles, with similarities from 0 to 1.

    Methods raise StoreError.
    """

    async def list_recent(self, after_id: int, since: int, *, limit: int, lead_length: int) -> list[ArticleBrief]:
        """List at most `limit` articles with ids above `after_id` that were published since `since`, by id.

        `since` is Unix time in seconds. Pages that users saved are left out: they are part of no story. `lead_length`
        is the number of characters of the summary, or else of the text, that are loaded.
        """
        return await self._fetch_objects(
            ArticleBrief._make,
            f"""
            SELECT id, key, feed_id, title,
                   substr(coalesce(nullif(summary, ''), body, text), 1, CAST(? AS INTEGER)), language, published
            FROM article WHERE id > ? AND +published >= ? AND {IS_FEED_ARTICLE_SQL} ORDER BY id LIMIT ?
            """,
            (lead_length, after_id, since, limit),
        )

    async def load_similar_pairs(self, article_ids: Collection[int], min_similarity: float) -> set[tuple[int, int]]:
        """Return the pairs among articles that are at least `min_similarity` similar, as ids, later article first."""
        rows = await self._fetch_rows(
            "SELECT article_id, earlier_id FROM similar_article WHERE similarity >= :min_similarity"
            " AND article_id IN (:article_ids)"
            " AND earlier_id IN (:article_ids)",
            {"article_ids": article_ids, "min_similarity": min_similarity},
        )
        return {(row[0], row[1]) for row in rows}

    async def load_related_pairs(
        self, article_ids: Collection[int], feed_ids: Collection[int], *, limit: int
    ) -> list[tuple[int, int, float]]:
        """List at most `limit` pairs of an article and a similar article of `feed_ids`, as ids, with the similarity.

        `article_ids` are the ids of the first articles. The most similar pairs come first.
        """
        rows = await self._fetch_rows(
            """
            SELECT similar_pair.own_id, other_article.id, similar_pair.similarity FROM (
                SELECT article_id AS own_id, earlier_id AS other_id, similarity FROM similar_article
                WHERE article_id IN (:ids)
                UNION SELECT earlier_id, article_id, similarity FROM similar_article WHERE earlier_id IN (:ids)
            ) AS similar_pair JOIN article AS other_article ON other_article.id = similar_pair.other_id
            WHERE other_article.feed_id IN (:feeds)
            ORDER BY similar_pair.similarity DESC, other_article.id LIMIT :limit
            """,
            {"ids": article_ids, "feeds": feed_ids, "limit": limit},
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def load_other_coverage(
        self, article_ids: Collection[int], feed_ids: Collection[int], min_similarity: float
    ) -> dict[int, list[CoveringOutlet]]:
        """Map article ids to the other outlets in the feeds `feed_ids` that report the same event.

        Each outlet appears once, with its first article that is at least `min_similarity` similar. Retracted
        articles, and articles that only their own outlet covers, are left out.
        """
        rows = await self._fetch_rows(
            """
            SELECT article.id, article.outlet, covering_article.outlet, covering_article.url FROM (
                SELECT article_id, earlier_id AS similar_id, similarity FROM similar_article
                WHERE article_id IN (:ids)
                UNION SELECT earlier_id, article_id, similarity FROM similar_article
                WHERE earlier_id IN (:ids)
                UNION SELECT article.id, duplicate.id, 1.0 FROM article JOIN article AS duplicate USING (page_key)
                WHERE article.id IN (:ids) AND duplicate.id <> article.id
            ) AS similar_pair
            JOIN article ON article.id = similar_pair.article_id
            JOIN article AS covering_article ON covering_article.id = similar_pair.similar_id
            WHERE covering_article.feed_id IN (:feeds) AND covering_article.retracted_at IS NULL
              AND covering_article.outlet <> '' AND similar_pair.similarity >= :min_similarity
            ORDER BY covering_article.published, covering_article.id
            """,
            {"ids": article_ids, "feeds": feed_ids, "min_similarity": min_similarity},
        )
        outlets_by_article_id: dict[int, dict[str, CoveringOutlet]] = {}
        for article_id, own_outlet, outlet, url in rows:
            if fold(outlet) != fold(own_outlet):
                outlets_by_article_id.setdefault(article_id, {}).setdefault(outlet, CoveringOutlet(outlet, url))
        return {article_id: list(outlets.values()) for article_id, outlets in outlets_by_article_id.items()}

    async def find_id_before(self, since: int) -> int:
        """Return an id that is below the ids of all articles published since a Unix time in seconds."""
        return await self._fetch_int("SELECT coalesce(min(id) - 1, 0) FROM article WHERE published >= ?", (since,))
