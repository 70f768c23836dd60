"""The words of titles: samples for whoever counts them, and what a person may be typing.

Completions are kept by feed, for a person is offered only what feeds that they see have said.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from bot.core.clock import Clock
from bot.store.connection import Connection, Row
from bot.store.ports import Database
from bot.store.rows import listed
from bot.text import safe
from bot.text.stopwords import EMPTY
from bot.text.words import fold, spans

KEPT = 30 * 86_400
"""Seconds after their last article for which words, tags and authors are offered."""
LONGEST = 60
"""UTF-16 units of a word or name that is offered."""

_LONGEST_TITLE = 300  # characters
_WORDS = 40  # of a title
_NAMES = 10  # tags of an article
_BEGINNINGS = 3  # words of a name by which it is found
_SHORT = 3  # letters of a word, unless in capitals
_MOST_FEEDS = (40, 400)  # that are looked through for a prefix of no letter, and of one
_FEEDS_AT_ONCE = 200
_FILLED = "completions_filled"
_BEFORE_WHOLE = "\x1f"  # stands between the part of a name that it is found by and the whole of it
_LAST = "\U0010ffff"


class Kind(StrEnum):
    """What is completed."""

    WORD = "word"
    TAG = "tag"
    AUTHOR = "author"


class Titled(NamedTuple):
    """A title with what tells where and when it stood. `published` is in seconds of UTC."""

    published: int
    outlet: str
    page: str
    title: str


class Titles(NamedTuple):
    """Titles of a time; each stands for `step` articles, of which there were too many to read."""

    step: int
    titles: list[Titled]


class Spoken(NamedTuple):
    """What of an article is offered to people who type."""

    feed_id: int
    title: str
    tags: tuple[str, ...]
    author: str | None
    published: int


class Words:
    """The words of titles. Every method raises `StoreError`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def titles(self, feed_ids: Collection[int], *, since: int, before: int, most: int) -> Titles:
        """The titles of these feeds published from `since` until `before`, in no order.

        Of many, every so manieth, so that hardly more than `most` are read.
        """
        return await self._database.read(_titles, feed_ids, since, before, most)

    async def complete(self, kind: Kind, prefix: str, feed_ids: Collection[int], limit: int) -> list[str]:
        """Words, tags or authors of these feeds' recent articles that begin so, the most used first.

        Accents and case do not matter; a name is also found by its second and third word. A single letter is
        looked up in the 400 newest feeds only, and names without any in 40, for the sake of time.
        """
        folded = fold(safe.plain(prefix))
        if not feed_ids or safe.length(folded) > LONGEST or (kind is Kind.WORD and not folded):
            return []
        feeds = sorted(feed_ids)
        if len(folded) < len(_MOST_FEEDS):
            feeds = feeds[-_MOST_FEEDS[len(folded)] :]
        same = "folded" if kind is Kind.WORD else "written"
        rows = await self._database.fetchall(
            f"""
            SELECT max(written) AS written, sum(uses) / count(DISTINCT folded) AS uses
            FROM json_each(:feeds) AS visible CROSS JOIN completion
                ON feed_id = visible.value AND kind = :kind AND folded >= :first AND folded < :last
            WHERE seen >= :since
            GROUP BY {same} ORDER BY uses DESC, {same} LIMIT :limit
            """,
            {
                "feeds": listed(feeds),
                "kind": kind.value,
                "first": folded,
                "last": folded + _LAST,
                "since": self._clock.now() - KEPT,
                "limit": limit,
            },
        )
        return [row["written"] for row in rows]

    async def fill(self) -> None:
        """Once in a database's life: take the words of the articles that it had before it knew of them."""
        row = await self._database.fetchone("SELECT 1 FROM meta WHERE name = ?", (_FILLED,))
        if row is None:
            await self._database.transact(_fill, self._clock.now())

    async def forget(self) -> None:
        """Delete what is too old to be offered, some feeds at a time."""
        before = self._clock.now() - KEPT
        rows = await self._database.fetchall("SELECT id FROM feed")
        feeds = [row["id"] for row in rows]
        for start in range(0, len(feeds), _FEEDS_AT_ONCE):
            async with self._database.write() as transaction:
                await transaction.execute(
                    "DELETE FROM completion WHERE feed_id IN (SELECT value FROM json_each(?)) AND seen < ?",
                    (listed(feeds[start : start + _FEEDS_AT_ONCE]), before),
                )


def add(connection: Connection, articles: Iterable[Spoken], now: int) -> None:
    """Offer what these articles say from now on, as far as they are recent."""
    rows = [
        (article.feed_id, kind.value, folded, written, article.published)
        for article in articles
        if article.published >= now - KEPT
        for kind, folded, written in _completions(article)
    ]
    # Of several ways to write a word the greatest has small letters and accents.
    # In one step: a row at a time gives up the interpreter's lock each time, and waits for those who search.
    connection.execute(
        """
        INSERT INTO completion (feed_id, kind, folded, written, uses, seen)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
               json_extract(value, '$[3]'), 1, json_extract(value, '$[4]')
        FROM json_each(?) WHERE true
        ON CONFLICT DO UPDATE SET
            uses = uses + 1, seen = max(seen, excluded.seen), written = max(written, excluded.written)
        """,
        (listed(rows),),
    )


def _completions(article: Spoken) -> Iterator[tuple[Kind, str, str]]:
    """The kind of each completion, what it is found by, and how it is written."""
    title = safe.plain(article.title[:_LONGEST_TITLE])
    words: dict[str, str] = {}
    for form, start, end in islice(spans(title), _WORDS):
        written = title[start:end]
        if (len(written) >= _SHORT or written.isupper()) and not form.isdecimal() and form not in EMPTY:
            words.setdefault(fold(written), written)
    for folded, written in words.items():
        if safe.length(written) <= LONGEST:
            yield Kind.WORD, folded, written
    for kind, names in ((Kind.TAG, article.tags[:_NAMES]), (Kind.AUTHOR, (article.author or "",))):
        for name in {safe.plain(name[:_LONGEST_TITLE]) for name in names}:
            if safe.length(name) <= LONGEST:
                whole = fold(name)
                parts = whole.split()
                for first in range(min(len(parts), _BEGINNINGS)):
                    yield kind, " ".join(parts[first:]) + _BEFORE_WHOLE + whole, name


def _fill(connection: Connection, now: int) -> None:
    rows = connection.execute(
        "SELECT feed_id, title, tags, author, published FROM article WHERE published >= ?", (now - KEPT,)
    )
    add(connection, (_spoken(row) for row in rows), now)
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING", (_FILLED,)
    )


def _spoken(row: Row) -> Spoken:
    tags = tuple(json.loads(row["tags"]))
    return Spoken(row["feed_id"], row["title"], tags, row["author"], row["published"])


def _titles(connection: Connection, feed_ids: Collection[int], since: int, before: int, most: int) -> Titles:
    values = {"feeds": listed(feed_ids), "since": since, "before": before}
    found = """
        FROM article INDEXED BY article_feed_newest
        WHERE feed_id IN (SELECT value FROM json_each(:feeds))
        AND published >= :since AND published < :before
    """
    (count,) = connection.execute(f"SELECT count(*) {found}", values).fetchone()
    step = -(-count // most) or 1
    rows = connection.execute(
        f"SELECT published, outlet, page, substr(title, 1, {_LONGEST_TITLE}) {found} AND id % :step = 0",
        values | {"step": step},
    )
    return Titles(step, [Titled(*row) for row in rows])
