"""Repository of title samples for word counts."""

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.content_records import TitleSample, TitleSampleSet
from bot.store.repository import Repository, reads
from bot.store.row_mapping import to_json_array

_LONGEST_TITLE = 300
"""Characters of a title that are loaded."""


class TitleSamples(Repository):
    """Samples of article titles. Methods raise StoreError."""

    @reads
    def sample(
        self, db: Connection, feed_ids: Collection[int], *, since: int, before: int, most: int
    ) -> TitleSampleSet:
        """Sample the titles of feeds published from `since` until before `before`, in seconds of UTC.

        Takes every n-th article id, so that about `max_titles` are loaded; unordered.
        """
        values = {"feeds": to_json_array(feed_ids), "since": since, "before": before}
        found = """
            FROM article INDEXED BY article_feed_newest
            WHERE feed_id IN (SELECT value FROM json_each(:feeds))
            AND published >= :since AND published < :before
        """
        count = db.value(f"SELECT count(*) {found}", values)
        step = -(-count // most) or 1
        titles = db.objects(
            TitleSample._make,
            f"SELECT published, outlet, page, substr(title, 1, {_LONGEST_TITLE}) {found} AND id % :step = 0",
            values | {"step": step},
        )
        return TitleSampleSet(step, titles)
