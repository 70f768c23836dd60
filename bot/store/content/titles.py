"""Repository of samples of article titles, in which words are counted."""

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.content_records import TitleSample, TitleSampleSet
from bot.store.repository import Repository, read_transaction

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
