"""What a poll found, written in one transaction: the heart of "never lost, never repeated"."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.core.clock import Clock
from bot.core.models import Feed
from bot.store import processes
from bot.store.connection import Connection, Row
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
from bot.store.ports import Database
from bot.store.records.content_records import NO_KIN, Kinships
from bot.store.records.outbox_records import WithheldFor
from bot.store.records.process_records import Fence
from bot.store.records.source_records import (
    Alert,
    ChangedArticle,
    Decision,
    Known,
    NewsPoll,
    Recorded,
    Unchanged,
    Watched,
)
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


class Polls:
    """What intake asks, and where it puts what it found."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def known(self, feed_id: int, hashes: Collection[bytes]) -> dict[bytes, Known]:
        """The articles that a feed shows under these identities."""
        return await self._database.read(_known, feed_id, list(hashes))

    async def known_pages(self, feed_id: int, pages: Mapping[str, Collection[str]]) -> dict[str, list[Known]]:
        """The articles of a feed at these pages, of which the canonical addresses are given too."""
        return await self._database.read(_known_pages, feed_id, pages)

    async def resembling(self, feed_id: int, dates: Collection[int], latest: int) -> list[Known]:
        """The articles of a feed that were published at one of these times, and its `latest` so many."""
        rows = await self._database.fetchall(
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
        rows = await self._database.fetchall(
            "SELECT id, summary, text FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (listed(article_ids),),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def watched(self, feed_id: int, since: int) -> list[Watched]:
        """The articles that a feed may take back: those published since a time, and those that vanished."""
        return await self._database.read(corrections.watched, feed_id, since)

    async def record_quiet(
        self,
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
            await self._database.transact(_record_quiet, feeds, unchanged, told, owner, self._clock.now())

    async def record(self, poll: NewsPoll, *, kin: Kinships = NO_KIN, fence: Fence | None = None) -> Recorded:
        """Write one poll, all or nothing: the feed with its validators, articles, index, fates, dispatches.

        Unless it is the first, every channel that follows the feed gets a fate for each page without one: a
        post, a place in a catch-up, or withheld when the subscription is paused, its server left, or the
        article older than the return, or filtered. Where the channel was sent `kin` of an article it may
        join that post; where another process recorded something since they were looked up, they are looked
        up again. Raises `LeaseLost` where a `fence` does not hold.
        """
        async with self._database.write() as transaction:
            if await transaction.run(_are_behind, kin, fence) and kin.again is not None:
                kin = await kin.again()
            return await transaction.run(_record, poll, kin, self._clock.now())


def _known(connection: Connection, feed_id: int, hashes: list[bytes]) -> dict[bytes, Known]:
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


def _known_pages(
    connection: Connection, feed_id: int, pages: Mapping[str, Collection[str]]
) -> dict[str, list[Known]]:
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


def _record_quiet(
    connection: Connection,
    feeds: Sequence[Feed],
    unchanged: Sequence[Unchanged],
    told: Sequence[Alert],
    owner: str | None,
    now: int,
) -> None:
    if owner is not None:
        ids = {polled.id for polled in feeds} | {polled.feed_id for polled in unchanged}
        own = processes.feeds_of(connection, owner, ids)
        feeds = [polled for polled in feeds if polled.id in own]
        unchanged = [polled for polled in unchanged if polled.feed_id in own]
        told = [alert for alert in told if alert.feed_id in own]
    if feeds:
        write_feeds(connection, feeds)
    # Most polls end like this, so this writes no more than it must.
    connection.executemany(
        "UPDATE feed SET interval = ?2, next_poll = ?3, last_poll = ?4, last_success = ?4 WHERE id = ?1",
        unchanged,
    )
    alerts.owe(connection, told, now)
    corrections.retract(connection, now)


def _are_behind(connection: Connection, kin: Kinships, fence: Fence | None) -> bool:
    """Whether there are articles that kin were not looked up among. Raises `LeaseLost`."""
    processes.must_hold(connection, fence)
    since = kin.last_id, kin.since
    return kin.again is not None and connection.execute(_SINCE, since).fetchone() is not None


def _record(connection: Connection, poll: NewsPoll, kin: Kinships, now: int) -> Recorded:
    feed, found = poll.feed, poll.decision
    row = connection.execute("SELECT last_success FROM feed WHERE id = ?", (feed.id,)).fetchone()
    write_feeds(connection, [feed])
    new = page_claims.settle(connection, feed.id, found.new)
    inserted, owed = insert_articles(connection, feed.id, new, now)
    if not poll.first:  # a backlog is no news
        watch_notices.arrived(connection, feed.id, inserted)
    _change(connection, feed.id, found, now)
    story_joins.remember(connection, owed, kin)
    channels = _owe(connection, poll, owed, kin, row and row["last_success"], now)
    if poll.read_pages:
        page_queue.want(connection, feed, inserted, poll.first, now)
    if poll.alert is not None:
        alerts.owe(connection, (poll.alert,), now)
    if inserted:
        connection.executemany(
            "UPDATE server SET share_whole = max(coalesce(share_whole, 0), ?2) + ?3 WHERE id = ?1",
            [(server, now * 1_000, round(found.used * 1_000)) for server in poll.servers],
        )
    if found.excess is not None:
        surplus.write(connection, feed.id, found.excess, now)
    return Recorded(tuple(inserted), tuple(channels))


def _change(connection: Connection, feed_id: int, found: Decision, now: int) -> None:
    """Write what became of a feed's known articles."""
    settled = page_claims.settle(connection, feed_id, [change.new for change in found.changed])
    for change, article in zip(found.changed, settled, strict=True):
        change_article(connection, feed_id, ChangedArticle(change.article_id, article), now)
    connection.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) SELECT ?1, ?2, ?3 "
        "WHERE (SELECT count(*) FROM identity WHERE article_id = ?3) < ?4 ON CONFLICT DO NOTHING",
        [(feed_id, hash_, article_id, MOST_NAMES) for hash_, article_id in found.aliases],
    )
    if found.vanished:
        corrections.vanished(connection, found.vanished, now)
    if found.returned:
        corrections.returned(connection, found.returned, now)
    corrections.retract(connection, now)


def _owe(
    connection: Connection,
    poll: NewsPoll,
    articles: Sequence[Owed],
    kin: Kinships,
    last_success: int | None,
    now: int,
) -> list[int]:
    """Give the channels that follow the feed their due; those that were given something to post."""
    if not articles:
        return []
    subscriptions = connection.execute(
        """
        SELECT subscription.id, subscription.channel_id, subscription.paused, subscription.resumed,
               subscription.resumed_from, server.left
        FROM subscription
        JOIN channel ON channel.id = subscription.channel_id
        JOIN server ON server.id = channel.server_id
        WHERE subscription.feed_id = ? ORDER BY subscription.id
        """,
        (poll.feed.id,),
    ).fetchall()
    rules = filters.of_feed(connection, poll.feed.id)
    channels = []
    for row in subscriptions:
        channel_id, limit = row["channel_id"], poll.catch_up_after
        news = _due(connection, row, articles, is_first=poll.first, last_success=last_success or 0, now=now)
        news, kept_out = filters.sift(rules[row["id"]], news, poll.kept_out_by)
        if poll.first:
            rest = news = news[-1:]
        else:
            dispatch_rows.filter_out(connection, channel_id, kept_out, now=now)
            rest = story_joins.join(connection, channel_id, poll.feed.id, news, kin, now=now)
        owes = dispatch_rows.owe(connection, channel_id, rest, limit=limit, now=now)
        if len(rest) < len(news):  # what was held back and has its outlets now
            dispatch_rows.bound(connection, channel_id, limit=limit, now=now)
        if owes or len(rest) < len(news):
            channels.append(channel_id)
    return channels


def _due(
    connection: Connection,
    followed: Row,
    articles: Sequence[Owed],
    *,
    is_first: bool,
    last_success: int,
    now: int,
) -> Sequence[Owed]:
    """Those of a feed's articles that a subscription is to be told of; the others are withheld."""
    paused, left, resumed = followed["paused"], followed["left"], followed["resumed"]
    stopped = WithheldFor.AWAY if left is not None else WithheldFor.PAUSED if paused is not None else None
    if is_first:  # who came back before it, or follows quietly, gets what is published from now on
        return () if stopped or resumed is not None else articles
    if stopped:
        dispatch_rows.withhold(connection, followed["channel_id"], articles, reason=stopped, now=now)
        return ()
    if resumed is None or last_success >= resumed:
        return articles
    # The first poll since the return also brings what came in between. An undated article, which got the
    # present as its date, may be of that time.
    late = [owed for owed in articles if not resumed <= owed.published < now]
    dispatch_rows.withhold(connection, followed["channel_id"], late, reason=followed["resumed_from"], now=now)
    return [owed for owed in articles if resumed <= owed.published < now]
