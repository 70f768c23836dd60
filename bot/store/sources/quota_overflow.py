"""Repository of entries beyond the quota of their feed, which are counted and identified, but not stored."""

from collections.abc import Collection
from functools import partial

from bot.store.connection import Connection
from bot.store.records.source_records import PollOverflow, QuotaOverflow
from bot.store.repository import Repository
from bot.store.row_mapping import from_row

OVERFLOW_END_GAP_SECONDS = 7 * 86_400
"""Seconds without new entries beyond a feed's quota after which the overflow counts as over.

Later entries beyond the quota start a new overflow, with a new alert.
"""


class QuotaOverflows(Repository):
    """Repository of entries beyond the quotas of feeds: their number per feed, and hashes that identify them.

    Methods raise StoreError.
    """

    async def get_by_feed(self, feed_id: int) -> QuotaOverflow | None:
        """Return the current overflow (entries beyond the quota) of a feed, or None if it has none."""
        return await self._fetch_object(
            _overflow_from_row,
            "SELECT feed_id, kind, first_at, last_at, entry_count FROM quota_overflow WHERE feed_id = ? "
            "AND last_at > ?",
            (feed_id, self._clock.now() - OVERFLOW_END_GAP_SECONDS),
        )

    async def load_all(self) -> dict[int, QuotaOverflow]:
        """Return the current overflow (entries beyond the quota) of each feed that has one, by feed id."""
        overflows = await self._fetch_objects(
            _overflow_from_row,
            "SELECT feed_id, kind, first_at, last_at, entry_count FROM quota_overflow WHERE last_at > ?",
            (self._clock.now() - OVERFLOW_END_GAP_SECONDS,),
        )
        return {overflow.feed_id: overflow for overflow in overflows}

    async def load_skipped_identity_hashes(self, feed_id: int) -> frozenset[bytes]:
        """Return the hashes that identify the entries skipped (beyond the quota) in a feed's last document."""
        return frozenset(
            await self._fetch_column("SELECT identity_hash FROM skipped_entry WHERE feed_id = ?", (feed_id,))
        )

    async def list_feeds_that_skipped_link(self, link_hashes: Collection[bytes]) -> list[tuple[int, int]]:
        """List the feeds of which an entry with one of these link hashes was skipped (over quota), longest ago first.

        Each feed is given with the Unix time in seconds of the skip.
        """
        rows = await self._fetch_rows(
            f"SELECT feed_id, min(skipped_at) FROM skipped_entry WHERE link_hash IN "
            f"({', '.join('?' * len(link_hashes)) or 'NULL'}) "
            "GROUP BY feed_id ORDER BY 2",
            tuple(link_hashes),
        )
        return [(row[0], row[1]) for row in rows]


def record_overflow(db: Connection, feed_id: int, overflow: PollOverflow) -> None:
    """Record the entries that a poll skipped beyond the quota, within the poll's transaction."""
    skipped_count = len(overflow.new_skipped_entries) + overflow.refused_change_count
    db.execute(
        """
        INSERT INTO quota_overflow (feed_id, kind, first_at, last_at, entry_count) VALUES (:feed, :kind, :now, :now,
            :count)
        ON CONFLICT (feed_id) DO UPDATE SET
            kind = excluded.kind, last_at = excluded.last_at,
            first_at = CASE WHEN quota_overflow.last_at > :now - :end_gap
                            THEN quota_overflow.first_at ELSE excluded.first_at END,
            entry_count = excluded.entry_count + CASE WHEN quota_overflow.last_at > :now - :end_gap
                                                      THEN quota_overflow.entry_count ELSE 0 END
        """,
        {
            "feed": feed_id,
            "kind": overflow.kind.value,
            "now": db.now,
            "count": skipped_count,
            "end_gap": OVERFLOW_END_GAP_SECONDS,
        },
    )
    skipped_hashes = db.fetch_column("SELECT identity_hash FROM skipped_entry WHERE feed_id = ?", (feed_id,))
    db.executemany(
        "DELETE FROM skipped_entry WHERE feed_id = ? AND identity_hash = ?",
        [(feed_id, skipped_hash) for skipped_hash in set(skipped_hashes).difference(overflow.still_skipped_hashes)],
    )
    db.executemany(
        "INSERT INTO skipped_entry (feed_id, identity_hash, link_hash, skipped_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [(feed_id, identity_hash, link_hash, db.now) for identity_hash, link_hash in overflow.new_skipped_entries],
    )


_overflow_from_row = partial(from_row, QuotaOverflow)
