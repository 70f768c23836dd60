"""What a poll found, written in one transaction: the heart of "never lost, never repeated"."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.core.models import Feed, NewArticle
from bot.store import processes
from bot.store.connection import Connection
from bot.store.content.article_rows import change_article, insert_articles
from bot.store.outbox import (
    alerts,
    corrections,
    dispatch_rows,
    page_claims,
    page_queue,
    story_joins,
    watch_notices,
)
from bot.store.outbox.dispatch_rows import Owed
from bot.store.records.content_records import NO_KIN, Kinships
from bot.store.records.outbox_records import WithheldFor
from bot.store.records.process_records import Fence
from bot.store.records.source_records import (
    Alert,
    ChangedArticle,
    Excess,
    KeptOutBy,
    Known,
    Recorded,
    Unchanged,
    Watched,
    passing,
)
from bot.store.repository import Repository, reads, writes
from bot.store.rows import listed
from bot.store.settings import filters
from bot.store.sources import surplus
from bot.store.sources.feeds import write_feeds
from bot.text import urls

MOST_NAMES = 20
"""Identities that an article may gain: some publishers change a guid each time they are asked."""
_KNOWN = "article.id, key, url, title, published, fingerprint, page, changes, updated"
_SINCE = "SELECT 1 FROM article WHERE id > ? AND published >= ? LIMIT 1"
CHUNK = 10_000  # parameters of a statement; SQLite takes 32,766


class Polls(Repository):
    """What intake asks, and where it puts what it found."""

    @reads
    def known(self, connection: Connection, feed_id: int, hashes: Collection[bytes]) -> dict[bytes, Known]:
        """The articles that a feed shows under these identities."""
        hashes = list(hashes)
        found: dict[bytes, Known] = {}
        for start in range(0, len(hashes), CHUNK):
            chunk = hashes[start : start + CHUNK]
            rows = connection.execute(
                f"""
                SELECT identity.hash, {_KNOWN}
                FROM identity JOIN article ON article.id = identity.article_id
                WHERE identity.feed_id = ? AND identity.hash IN ({", ".join("?" * len(chunk))})
                """,
                (feed_id, *chunk),
            )
            for hash_, *known in rows:
                found[hash_] = Known(*known)
        return found

    @reads
    def known_pages(
        self, connection: Connection, feed_id: int, pages: Mapping[str, Collection[str]]
    ) -> dict[str, list[Known]]:
        """The articles of a feed at these pages, of which the canonical addresses are given too."""
        rows = connection.execute(
            f"SELECT {_KNOWN} FROM article WHERE id IN ("
            "SELECT id FROM article WHERE page IN (SELECT atom FROM json_each(:pages)) "
            "UNION SELECT id FROM article WHERE own_page = 1 AND url IN (SELECT atom FROM json_each(:urls))) "
            "AND +feed_id = :feed ORDER BY id",
            {
                "urls": listed([url for forms in pages.values() for url in forms]),
                "pages": listed(pages),
                "feed": feed_id,
            },
        )
        found: dict[str, list[Known]] = {}
        for row in rows:
            known = Known(*row)
            found.setdefault(urls.page(known.url), []).append(known)
        return found

    async def resembling(self, feed_id: int, dates: Collection[int], latest: int) -> list[Known]:
        """The articles of a feed that were published at one of these times, and its `latest` so many."""
        rows = await self._rows(
            f"""
            SELECT {_KNOWN} FROM (
                SELECT id FROM article WHERE feed_id = :feed
                    AND published IN (SELECT value FROM json_each(:dates))
                UNION
                SELECT id FROM (SELECT id FROM article WHERE feed_id = :feed
                    ORDER BY published DESC, id DESC LIMIT :latest) AS newest
            ) AS found JOIN article USING (id) ORDER BY id DESC
            """,
            {"feed": feed_id, "dates": listed(dates), "latest": latest},
        )
        return [Known(*row) for row in rows]

    async def given(self, article_ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Summary and text of articles as their feed gave them, if they are still kept."""
        rows = await self._rows(
            "SELECT id, summary, text FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (listed(article_ids),),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def watched(self, feed_id: int, since: int) -> list[Watched]:
        """The articles that a feed may take back: those published since a time, and those that vanished."""
        return await self._database.read(corrections.watched, feed_id, since)

    @writes
    def record_quiet(
        self,
        connection: Connection,
        feeds: Sequence[Feed],
        unchanged: Sequence[Unchanged] = (),
        told: Sequence[Alert] = (),
        *,
        owner: str | None = None,
    ) -> None:
        """Write many polls without news, and the alerts that they cause.

        Everything but the addresses' owners and beginnings. Of an `owner` of leases only those are written
        whose feeds are still its own.
        """
        if feeds or unchanged:
            if owner is not None:
                ids = {polled.id for polled in feeds} | {polled.feed_id for polled in unchanged}
                own = processes.feeds_of(connection, owner, ids)
                feeds = [polled for polled in feeds if polled.id in own]
                unchanged = [polled for polled in unchanged if polled.feed_id in own]
                told = [alert for alert in told if alert.feed_id in own]
            if feeds:
                write_feeds(connection, feeds)
            if unchanged:
                _reschedule(connection, unchanged)
            if told:
                alerts.owe(connection, told, self._clock.now())
            corrections.retract(connection, self._clock.now())

    async def record(
        self,
        feed: Feed,
        *,
        new: Sequence[NewArticle],
        changed: Sequence[ChangedArticle] = (),
        aliases: Sequence[tuple[bytes, int]] = (),
        vanished: Sequence[int] = (),
        returned: Sequence[int] = (),
        catch_up_after: int,
        first: bool,
        alert: Alert | None = None,
        excess: Excess | None = None,
        read_pages: bool = False,
        kept_out_by: KeptOutBy = passing,
        kin: Kinships = NO_KIN,
        fence: Fence | None = None,
        used: Mapping[int, int] | None = None,
    ) -> Recorded:
        """Write one poll, all or nothing: the feed with its validators, articles, index, fates, dispatches.

        `new` is in the document's order, newest first where nothing else tells. `aliases` are further
        identities of known articles, `vanished` and `returned` those that the document lost and has again.
        `first` says that nothing was ever kept of this feed: its articles are a backlog of which only the
        newest is posted. Else every channel that follows the feed gets a fate for each page without one: a
        post, beyond `catch_up_after` waiting posts a place in a catch-up, or withheld when the subscription
        is paused, its server left, or the article older than the return, or filtered. `kept_out_by` is asked
        about the filters as they are then, from a thread. Where the channel was sent `kin` of an article it
        may join that post; where another process recorded something since they were looked up, they are
        looked up again. With `read_pages` it is written down which articles have a page to be read for more
        than a teaser. What is in `excess` is counted; `used` is by how many
        milliseconds later all of a server's share is free. Raises `LeaseLost` where a `fence` does not hold.
        """
        async with self._database.write() as transaction:
            if fence is not None:
                await transaction.run(processes.must_hold, fence)
            if kin.again is not None and await transaction.fetchall(_SINCE, (kin.last_id, kin.since)):
                kin = await kin.again()
            recorded = await transaction.run(
                _record,
                feed,
                new,
                changed,
                aliases,
                catch_up_after,
                first,
                kept_out_by,
                kin,
                self._clock.now(),
            )
            if vanished:
                await transaction.run(corrections.vanished, vanished, self._clock.now())
            if returned:
                await transaction.run(corrections.returned, returned, self._clock.now())
            await transaction.run(corrections.retract, self._clock.now())
            if read_pages:
                await transaction.run(page_queue.want, feed, recorded.new_ids, first, self._clock.now())
            if alert is not None:
                await transaction.run(alerts.owe, (alert,), self._clock.now())
            if used and recorded.new_ids:
                await transaction.executemany(
                    "UPDATE server SET share_whole = max(coalesce(share_whole, 0), ?2) + ?3 WHERE id = ?1",
                    [(server, self._clock.now() * 1_000, spent) for server, spent in used.items()],
                )
            if excess is not None:
                await transaction.run(surplus.write, feed.id, excess, self._clock.now())
            return recorded


def _reschedule(connection: Connection, unchanged: Sequence[Unchanged]) -> None:
    """Most polls end like this, so this writes no more than it must."""
    connection.executemany(
        "UPDATE feed SET interval = ?2, next_poll = ?3, last_poll = ?4, last_success = ?4 WHERE id = ?1",
        unchanged,
    )


def _record(
    connection: Connection,
    feed: Feed,
    new: Sequence[NewArticle],
    changed: Sequence[ChangedArticle],
    aliases: Sequence[tuple[bytes, int]],
    catch_up_after: int,
    first: bool,  # noqa: FBT001 - passed by position through the connection's thread
    kept_out_by: KeptOutBy,
    kin: Kinships,
    now: int,
) -> Recorded:
    row = connection.row("SELECT last_success FROM feed WHERE id = ?", (feed.id,))
    write_feeds(connection, [feed])
    inserted, owed = insert_articles(connection, feed.id, page_claims.settle(connection, feed.id, new), now)
    if not first:  # a backlog is no news
        watch_notices.arrived(connection, feed.id, inserted)
    settled = page_claims.settle(connection, feed.id, [change.new for change in changed])
    for change, article in zip(changed, settled, strict=True):
        change_article(connection, feed.id, ChangedArticle(change.article_id, article), now)
    connection.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) SELECT ?1, ?2, ?3 "
        "WHERE (SELECT count(*) FROM identity WHERE article_id = ?3) < ?4 ON CONFLICT DO NOTHING",
        [(feed.id, hash_, article_id, MOST_NAMES) for hash_, article_id in aliases],
    )
    last_success = None if row is None else row[0]
    story_joins.remember(connection, owed, kin)
    channels = _owe(connection, feed.id, owed, first, catch_up_after, last_success, kept_out_by, kin, now)
    return Recorded(tuple(inserted), tuple(channels))


def _owe(
    connection: Connection,
    feed_id: int,
    articles: Sequence[Owed],
    first: bool,  # noqa: FBT001 - private
    limit: int,
    last_success: int | None,
    kept_out_by: KeptOutBy,
    kin: Kinships,
    now: int,
) -> list[int]:
    """Give the channels that follow the feed their due; those that were given something to post."""
    if not articles:
        return []
    subscriptions = connection.rows(
        """
        SELECT subscription.id, subscription.channel_id, subscription.paused, subscription.resumed,
               subscription.resumed_from, server.left
        FROM subscription
        JOIN channel ON channel.id = subscription.channel_id
        JOIN server ON server.id = channel.server_id
        WHERE subscription.feed_id = ? ORDER BY subscription.id
        """,
        (feed_id,),
    )
    rules = filters.of_feed(connection, feed_id)
    channels = []
    for row in subscriptions:
        channel_id = row["channel_id"]
        stopped = (
            WithheldFor.AWAY
            if row["left"] is not None
            else WithheldFor.PAUSED
            if row["paused"] is not None
            else None
        )
        news = list(articles)
        if first:
            # Who came back before the first read, or follows quietly, gets what is published from now on.
            passed, _kept_out = filters.sift(rules[row["id"]], news, kept_out_by)
            news = [] if stopped or row["resumed"] is not None else passed[-1:]
        elif stopped:
            dispatch_rows.withhold(connection, channel_id, articles, reason=stopped, now=now)
            news = []
        elif row["resumed"] is not None and (last_success or 0) < row["resumed"]:
            # The first poll since the return also brings what came in between. An undated article, which
            # got the present as its date, may be of that time.
            news = [owed for owed in articles if row["resumed"] <= owed.published < now]
            late = [owed for owed in articles if not row["resumed"] <= owed.published < now]
            dispatch_rows.withhold(connection, channel_id, late, reason=row["resumed_from"], now=now)
        news, kept_out = filters.sift(rules[row["id"]], news, kept_out_by)
        dispatch_rows.filter_out(connection, channel_id, kept_out, now=now)
        rest = news if first else story_joins.join(connection, channel_id, feed_id, news, kin, now=now)
        owes = dispatch_rows.owe(connection, channel_id, rest, limit=limit, now=now)
        if len(rest) < len(news):  # what was held back and has its outlets now
            dispatch_rows.bound(connection, channel_id, limit=limit, now=now)
        if owes or len(rest) < len(news):
            channels.append(channel_id)
    return channels
