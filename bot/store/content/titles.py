"""Titles, sampled for whoever counts their words."""

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.content_records import TitleSample, TitleSampleSet
from bot.store.repository import Repository, reads
from bot.store.row_mapping import to_json_array

_LONGEST_TITLE = 300  # characters


class TitleSamples(Repository):
    """The titles of articles."""

    @reads
    def sample(
        self, db: Connection, feed_ids: Collection[int], *, since: int, before: int, most: int
    ) -> TitleSampleSet:
        """The titles of these feeds published from `since` until `before`, in no order.

        Of many, every so manieth, so that hardly more than `most` are read.
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
