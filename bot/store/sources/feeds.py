"""Feeds: the addresses that are asked for news."""

from collections.abc import Collection
from dataclasses import replace
from operator import attrgetter

from bot.core.models import DueFeed, Feed, FeedState
from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import DUE_FEED, FEED, due_feed_from_row, feed_from_row, feed_values, to_json_array
from bot.text.host_slots import host_slot

FOLLOWING_SERVERS_SQL = """
    FROM subscription
    JOIN channel ON channel.id = subscription.channel_id
    JOIN server ON server.id = channel.server_id
    WHERE subscription.feed_id = feed.id AND subscription.paused IS NULL AND server.left IS NULL
"""
FOLLOWED = f"EXISTS (SELECT 1 {FOLLOWING_SERVERS_SQL})"
EXCLUDE_SERVERS_SQL = "AND server.id NOT IN (SELECT value FROM json_each(:besides))"
MAX_SHARED_SERVERS = 8
"""Servers of a feed among which its cost is shared, at most."""


class Feeds(Repository):
    """The feeds. A feed nobody follows is kept with its articles but never due."""

    @writes
    def add(
        self,
        db: Connection,
        url: str,
        *,
        server_id: int | None = None,
        title: str = "",
        outlet: str = "",
        next_poll: int = 0,
        state: FeedState = FeedState.ACTIVE,
    ) -> Feed:
        """Get or create the feed of an address; one that was gone is asked again.

        `server_id` is given for an address with credentials: each server has a feed of its own then. An
        address that may let somebody in is encrypted where there is a key.
        """
        new = Feed(0, url, server_id, title, outlet or title, state=state, added=db.now, next_poll=next_poll)
        values = feed_values(new)
        del values["id"]
        server_id = values["server_id"]
        values["slot"] = host_slot(new.url)
        values["url"] = url_encryption.stored_form(db, new.url, server_id) or url_encryption.encrypt_url(
            new.url, server_id
        )
        db.execute(
            f"INSERT INTO feed ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)}) "
            "ON CONFLICT DO NOTHING",
            values,
        )
        row = db.row(f"SELECT {FEED} FROM feed WHERE url = :url AND server_id = :server_id", values)
        found = feed_from_row(row)
        if found.state is FeedState.GONE and new.state is FeedState.ACTIVE:
            found = replace(
                found,
                state=FeedState.ACTIVE,
                next_poll=new.next_poll,
                failures=0,
                failing_since=None,
                error=None,
            )
            write_feeds(db, [found])
        return found

    async def get(self, feed_id: int) -> Feed | None:
        """The feed, or None."""
        return await self._one(feed_from_row, f"SELECT {FEED} FROM feed WHERE id = ?", (feed_id,))

    @reads
    def find(self, db: Connection, url: str, server_id: int | None = None) -> Feed | None:
        """The feed of an address: the shared one, or that of a server."""
        server_id = server_id or 0
        written = url_encryption.stored_form(db, url, server_id)
        sql = f"SELECT {FEED} FROM feed WHERE url = ? AND server_id = ?"
        return db.object_or_none(feed_from_row, sql, (written, server_id))

    async def of_page(self, page: str) -> list[Feed]:
        """The shared feeds that are lists of the page at an address, which has no fragment."""
        of_lists = await self._objects(
            feed_from_row,
            f"SELECT {FEED} FROM feed WHERE (url > ?1 || '#' AND url < ?1 || '$' OR url LIKE ?2) "
            "AND server_id = 0 AND page_list IS NOT NULL ORDER BY id",
            (page, f"{url_encryption.ENCRYPTED_PREFIX}%"),
        )
        return [found for found in of_lists if found.url.startswith(f"{page}#")]

    async def due(self, now: int, limit: int, exclude: Collection[int] = ()) -> list[Feed]:
        """Feeds to poll, the longest due first: active, and followed unpaused in a server the bot is in."""
        return await self._objects(
            feed_from_row,
            f"""
            SELECT {FEED} FROM feed
            WHERE state = 'active' AND next_poll <= ? AND id NOT IN (SELECT value FROM json_each(?))
              AND {FOLLOWED}
            ORDER BY next_poll LIMIT ?
            """,
            (now, to_json_array(exclude), limit),
        )

    async def due_for_polling(
        self,
        now: int,
        limit: int,
        exclude: Collection[int] = (),
        *,
        besides: Collection[int] = (),
        slots: Collection[int] | None = None,
    ) -> list[DueFeed]:
        """The same feeds as `due`, without what most polls need not know, each with some of its servers.

        Not those which only the servers `besides` follow, and of these slots alone where some are given.
        """
        return await self._objects(
            due_feed_from_row,
            f"""
            SELECT * FROM (
                SELECT {DUE_FEED}, (
                    SELECT group_concat(id) FROM (
                        SELECT DISTINCT server.id {FOLLOWING_SERVERS_SQL} {EXCLUDE_SERVERS_SQL} LIMIT
                            {MAX_SHARED_SERVERS}) AS followers
                ) AS servers
                FROM feed
                WHERE state = 'active' AND next_poll <= :now {_in(slots)}
                  AND id NOT IN (SELECT value FROM json_each(:exclude))
                ORDER BY next_poll LIMIT -1
            ) AS due WHERE servers IS NOT NULL LIMIT :limit
            """,
            {
                "now": now,
                "exclude": to_json_array(exclude),
                "besides": to_json_array(besides),
                "limit": limit,
                "slots": to_json_array(slots or ()),
            },
        )

    @writes
    def postpone(self, db: Connection, dues: Collection[tuple[int, int]]) -> None:
        """Let feeds, by id, be due later than they are."""
        db.executemany("UPDATE feed SET next_poll = max(next_poll, ?2) WHERE id = ?1", dues)

    async def quota_servers(self, feed_id: int) -> dict[int, int]:
        """Some of the servers that follow a feed unpaused and that the bot is in.

        Each with when all of its share of new articles is free, in milliseconds since 1970 in UTC.
        """
        rows = await self._rows(
            f"SELECT DISTINCT server.id, coalesce(server.share_whole, 0) "
            f"{FOLLOWING_SERVERS_SQL.replace('feed.id', '?')} "
            f"LIMIT {MAX_SHARED_SERVERS}",
            (feed_id,),
        )
        return {row[0]: row[1] for row in rows}

    async def next_due(
        self, exclude: Collection[int] = (), *, slots: Collection[int] | None = None
    ) -> int | None:
        """When the next feed is due, of these slots if given, which may be past; None where none is."""
        return await self._value(
            f"""
            SELECT next_poll FROM feed
            WHERE state = 'active' AND id NOT IN (SELECT value FROM json_each(:exclude)) {_in(slots)}
              AND {FOLLOWED}
            ORDER BY next_poll LIMIT 1
            """,
            {"exclude": to_json_array(exclude), "slots": to_json_array(slots or ())},
        )

    async def has_overdue(self, *, asked_after: int, due_before: int) -> bool:
        """Whether a feed that is to be polled was asked since a time, or has been due since before one."""
        wanted = "state = 'active' AND (last_poll > ? OR next_poll < ?)"
        sql = f"SELECT EXISTS (SELECT 1 FROM feed WHERE {wanted} AND {FOLLOWED})"
        return bool(await self._value(sql, (asked_after, due_before)))

    async def last_success(self) -> int:
        """When any feed last answered, 0 where none ever did."""
        return await self._number("SELECT coalesce(max(last_success), 0) FROM feed")

    async def all(self) -> list[Feed]:
        """Every feed, by outlet and title."""
        return await self._objects(feed_from_row, f"SELECT {FEED} FROM feed ORDER BY outlet, title, id")

    async def count(self) -> int:
        """How many feeds there are on the web, those that are gone included."""
        return await self._number("SELECT count(*) FROM feed WHERE state <> 'imported'")

    async def outlets(self, feed_ids: Collection[int] | None, prefix: str, limit: int) -> list[str]:
        """Names of outlets in which a word begins with `prefix`, accents and case ignored.

        Those that begin with it come first. `feed_ids` are the feeds that the asker may see, None all.
        """
        return await self._column(
            """
            SELECT outlet FROM (
                SELECT outlet, min(instr(' ' || fold(outlet), ' ' || fold(:prefix))) AS place FROM feed
                WHERE outlet <> '' AND (:all OR id IN (SELECT value FROM json_each(:feeds)))
                GROUP BY outlet
            ) AS found
            WHERE place > 0 ORDER BY place > 1, fold(outlet), outlet LIMIT :limit
            """,
            {
                "prefix": prefix.strip(),
                "all": feed_ids is None,
                "feeds": to_json_array(feed_ids or ()),
                "limit": limit,
            },
        )

    @writes
    def remove(self, db: Connection, feed_id: int) -> None:
        """Poll a feed no more, and delete its articles, all but those that people bookmarked."""
        db.execute(
            "DELETE FROM article WHERE feed_id = ? AND id NOT IN (SELECT article_id FROM bookmark)",
            (feed_id,),
        )
        kept = db.row("SELECT 1 FROM article WHERE feed_id = ?", (feed_id,))
        db.execute(
            "UPDATE feed SET state = 'imported' WHERE id = ?" if kept else "DELETE FROM feed WHERE id = ?",
            (feed_id,),
        )

    @writes
    def clear_validators(self, db: Connection, feed_id: int | None = None) -> None:
        """Forget what a feed, or every one, answered last: its next answer is read, also an old one."""
        db.execute(
            "UPDATE feed SET etag = NULL, last_modified = NULL, body_hash = NULL, entries_hash = NULL "
            "WHERE id = coalesce(?, id)",
            (feed_id,),
        )

    @writes
    def make_due(self, db: Connection, feed_id: int) -> None:
        """Make a feed due at once; one that was gone is asked again."""
        db.execute(
            "UPDATE feed SET next_poll = min(next_poll, ?), state = iif(state = 'gone', 'active', state) "
            "WHERE id = ?",
            (db.now, feed_id),
        )


def _in(slots: Collection[int] | None) -> str:
    return "" if slots is None else "AND slot IN (SELECT value FROM json_each(:slots))"


_WRITTEN = {  # what polls change, but the address: by column, where a feed has it
    **dict.fromkeys(feed_values(Feed(id=0, url=""))),
    **{name: f"validators.{name}" for name in ("etag", "last_modified", "body_hash", "entries_hash")},
    "state": "state.value",
}
for _name in ("id", "url", "server_id", "added"):
    del _WRITTEN[_name]
_SET = ", ".join(f"{name} = ?" for name in _WRITTEN)
_VALUES = attrgetter(*(place or name for name, place in _WRITTEN.items()), "id")


FEEDS_WITHOUT_SLOT_SQL = "SELECT id, url FROM feed WHERE slot IS NULL"


def assign_host_slots(db: Connection) -> None:
    """Tell the slots of feeds that have none yet: of a database of before there were any."""
    rows = db.rows(FEEDS_WITHOUT_SLOT_SQL)
    slots = [(host_slot(url_encryption.decrypt_url(url)), feed_id) for feed_id, url in rows]
    db.executemany("UPDATE feed SET slot = ? WHERE id = ?", slots)


def write_feeds(db: Connection, feeds: Collection[Feed]) -> None:
    """Write what polls change of feeds. An address that another feed has is not taken over."""
    db.executemany(f"UPDATE feed SET {_SET} WHERE id = ?", map(_VALUES, map(_sealed, feeds)))
    # Apart: a statement that may set the address touches its index, whether it changes or not.
    db.executemany(
        """
        UPDATE feed SET url = :url, slot = :slot WHERE id = :id AND url <> :url AND NOT EXISTS (
            SELECT 1 FROM feed AS other WHERE other.url = :url AND other.server_id = feed.server_id)
        """,
        [
            {"id": feed.id, "url": feed.url, "slot": host_slot(feed.url)}
            for feed in feeds
            if not url_encryption.is_private(feed.url, feed.server_id)
        ],
    )
    for private in feeds:
        if url_encryption.is_private(private.url, private.server_id):
            _move(db, private, private.server_id or 0)


def _move(db: Connection, moved: Feed, server_id: int) -> None:
    written = db.value("SELECT url FROM feed WHERE id = ?", (moved.id,))
    if (
        url_encryption.decrypt_url(written) != moved.url
        and url_encryption.stored_form(db, moved.url, server_id) is None
    ):
        written = url_encryption.encrypt_url(moved.url, server_id)
        db.execute(
            "UPDATE feed SET url = ?, slot = ? WHERE id = ?", (written, host_slot(moved.url), moved.id)
        )


def _sealed(feed: Feed) -> Feed:
    if feed.moved_to is None:
        return feed
    return replace(feed, moved_to=url_encryption.encrypt_url(feed.moved_to, feed.server_id))
