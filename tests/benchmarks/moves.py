"""What a feed costs that moves its addresses: old stories stored again, new ones missed.

    python -m tests.benchmarks.moves [--feeds 229] [--seed N] [--record]

Two kinds of histories go the whole way from HTTP to the store. The recorded ones (`../shared/feeds/replay`)
say themselves what is new in each version. Of each real feed (`../shared/feeds/real`) histories are made,
one a kind of move: most of its entries, then the same with other addresses and three new ones beside them, of
which two have the title of an old one ("Links of the week"), then the addresses as they were, with another
new one. With --record the figures go into docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import formatdate
from hashlib import blake2b
from html import escape
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from rich.console import Console
from rich.table import Table

from bot.client.services import Services, open_services
from bot.core.models import Entry
from bot.core.settings import Settings
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.parse import parse
from bot.polling.poller import Poller
from bot.posting.wording import alert_texts
from bot.text.urls import canonicalize
from tests.benchmarks import promises
from tests.clocks import ManualClock
from tests.feed_server import FeedServer, rss
from tests.inline_workers import InlineWorkers
from tests.shared import SHARED

MOST = 60  # entries of a feed
FEW = 3
YEAR = 365 * 86_400

Move = Callable[[Entry], Entry]
Counts = Counter[tuple[str, str]]


def slash(entry: Entry) -> Entry:
    def other(link: str) -> str:
        path = urlsplit(link).path
        return urlsplit(link)._replace(path=path.rstrip("/") if path.endswith("/") else f"{path}/").geturl()

    return _to(entry, other)


def https(entry: Entry) -> Entry:
    other = {"http": "https", "https": "http"}
    return _to(entry, lambda link: urlsplit(link)._replace(scheme=other[urlsplit(link).scheme]).geturl())


def host(entry: Entry) -> Entry:
    return _to(entry, lambda link: urlsplit(link)._replace(netloc="moved.example").geturl())


def paths(entry: Entry) -> Entry:
    return _to(entry, lambda link: f"https://{urlsplit(link).netloc}/stories/{_number(link):x}")


def uuids(entry: Entry) -> Entry:
    return replace(entry, guid=str(UUID(int=_number(entry.guid or entry.link or entry.title) << 64)))


def ids(entry: Entry) -> Entry:
    number = _number(entry.guid or entry.link or entry.title) % 10**7
    moved = _to(entry, lambda link: f"https://{urlsplit(link).netloc}/?p={number}")
    return replace(moved, guid=f"https://moved.example/?p={number}")


def versions(entry: Entry) -> Entry:
    link = f"{entry.link}{'&' if '?' in (entry.link or '') else '?'}v={_number(entry.link or '')}"
    return replace(entry, link=link, guid=f"{entry.guid or link}-2", published=_later(entry))


def redated(entry: Entry) -> Entry:
    return replace(paths(entry), guid=uuids(entry).guid, published=_later(entry))


def renamed(entry: Entry) -> Entry:
    return replace(paths(entry), guid=uuids(entry).guid, title=f"{entry.title} | Site")


def undated(entry: Entry) -> Entry:
    return replace(entry, published=None)


def titled(entry: Entry) -> Entry:
    return replace(entry, summary="", text="")


def untitled(entry: Entry) -> Entry:
    return replace(entry, title="", text=entry.text or entry.summary or entry.title)


def some(move: Move) -> Move:
    """Of half of the entries."""
    return lambda entry: move(entry) if _number(entry.title + (entry.link or "")) % 2 else entry


KINDS: dict[str, tuple[Move | None, Move, int]] = {
    "slash": (None, slash, MOST),
    "scheme": (None, https, MOST),
    "host": (None, host, MOST),
    "paths": (None, paths, MOST),
    "guid to uuid": (None, uuids, MOST),
    "ids renumbered": (None, ids, MOST),
    "version parameter, dates too": (None, versions, MOST),
    "paths, guids and dates": (None, redated, MOST),
    "paths, guids and ends of titles": (None, renamed, MOST),
    "host, half of it": (None, some(host), MOST),
    "paths, titles alone": (titled, paths, MOST),
    "paths, no titles": (untitled, paths, MOST),
    "paths, no dates": (undated, paths, MOST),
    "host, three entries": (None, host, FEW),
    "ids renumbered, one entry": (None, ids, 1),
}
"""By name: what the feed's entries are like, how they move, how many there are."""
BY_DATE = {"paths, guids and ends of titles", "paths, titles alone", "paths, no titles"}
"""Moves of which only the dates tell: without them nothing would be left but a title or a text alone."""
HARDER = {*BY_DATE, "version parameter, dates too", "paths, guids and dates", "paths, no dates"}
"""Moves with which so much else changes that of some entries nothing is left but the title."""


def _to(entry: Entry, move: Callable[[str], str]) -> Entry:
    link = move(entry.link or "")
    guid = move(entry.guid) if entry.guid and entry.guid.startswith("http") else entry.guid
    return replace(entry, link=link, guid=link if entry.guid == entry.link else guid)


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def _later(entry: Entry) -> int | None:
    return None if entry.published is None else entry.published + 7200


def new(entries: Sequence[Entry], name: str, *, title: str | None = None, text: str = "") -> Entry:
    """An entry that there was not, newer than all."""
    latest = max((one.published for one in entries if one.published is not None), default=None)
    dated = None if latest is None else latest + _number(name) % 3600 + 60
    link = f"https://{urlsplit(entries[0].link or '').netloc}/new/{name}"
    return Entry(guid=link, link=link, title=title or f"Truly new: {name}", text=text, published=dated)


def document(entries: Sequence[Entry]) -> str:
    """RSS of these entries, newest first."""
    parts = []
    for one in entries:
        texts = {"title": one.title, "link": one.link, "description": one.text or one.summary}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in texts.items() if text)
        if one.guid:
            inner += f'<guid isPermaLink="false">{escape(one.guid)}</guid>'
        if one.published is not None:
            inner += f"<pubDate>{formatdate(one.published)}</pubDate>"
        parts.append(f"<item>{inner}</item>")
    return rss(*parts)


class Reader:
    """The bot's way from HTTP to the store."""

    def __init__(self, newsroom: Services, clock: ManualClock, feeds: FeedServer) -> None:
        self._newsroom, self._clock, self._feeds = newsroom, clock, feeds
        self._poller = Poller(
            newsroom.settings,
            newsroom.store,
            newsroom.fetcher,
            InlineWorkers(),
            alert_texts.alert_texts_by_language,
            newsroom.leases,
            newsroom.supervisor,
        )

    async def read(self, path: str, body: str | bytes) -> list[str]:
        """The addresses of the articles that a document brings. Raises RuntimeError if it is not read."""
        self._clock.advance(600)
        feed = await self._newsroom.store.feeds.add(self._feeds.serve(path, body, etag=False))
        report = await self._poller.poll(feed, polite=False)
        if report.error is not None:
            raise RuntimeError(f"{path}: {report.error}")
        found = await self._newsroom.store.articles.newest([feed.id], limit=5000)
        return [article.url for article in found if article.found == self._clock.now()]


def recorded(path: Path) -> list[Entry]:
    """The entries of a real feed that a move can be made of: linked, with something to read."""
    try:
        found = parse(path.read_bytes(), "", "https://feed.example/").entries
    except FeedError:
        return []
    once: dict[str, Entry] = {}
    for one in found:
        if one.link and one.link.startswith("http") and one.title:
            once.setdefault(canonicalize(one.link).rstrip("/"), replace(one, link=canonicalize(one.link)))
    return list(once.values())[:MOST]


async def moved(reader: Reader, path: str, entries: Sequence[Entry], kind: str) -> tuple[int, int, int]:
    """How many entries moved, were stored again, and were new and missed."""
    like, move, most = KINDS[kind]
    old = [like(one) if like else one for one in entries[:most]]
    await reader.read(path, document(old))
    first = [
        new(old, "first", text="What is new."),
        new(old, "again", title=old[0].title, text="Another text under an old title."),
        new(old, "bare", title=old[-1].title),
    ]
    last = new([*old, *first], "last", text="What is newest.")
    if like:
        first, last = [like(one) for one in first if like is not undated or one.text], like(last)
    again = missed = 0
    for there, fresh in ((move, first), (lambda one: one, [last])):
        shown = [*fresh, *(first if fresh != first else []), *map(there, old)]
        got = set(await reader.read(path, document(shown)))
        wanted = {canonicalize(one.link or "") for one in fresh}
        again += len(got - wanted)
        missed += len(wanted - got)
    return 2 * len(old), again, missed


async def replayed(
    newsroom: Services, reader: Reader, clock: ManualClock, folder: Path
) -> tuple[int, int, int]:
    """The same of a recorded history."""
    history = [json.loads(line) for line in (folder / "truth.jsonl").open()]
    seen: set[str] = set()
    entries = again = missed = 0
    for version in history:
        got = await reader.read(f"/{folder.name}", (folder / f"{version['poll']}.xml").read_bytes())
        if version["new"] == "initial":
            seen |= set(got)
            continue
        fresh = {canonicalize(one["link"]) for one in version["new"]} - seen
        entries += version["items"]
        again += len(set(got) - fresh)
        missed += len(fresh - set(got))
        seen |= fresh
    return entries, again, missed


async def run(most: int, seed: int) -> Counts:
    """All histories; what each kind cost."""
    paths_ = sorted(path for path in (SHARED / "feeds/real").rglob("*.*") if path.suffix != ".md")
    random.Random(seed).shuffle(paths_)
    counts: Counts = Counter()
    feeds, clock = await FeedServer().start(), ManualClock(int(time.time()) + 2 * YEAR)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database=Path(folder) / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),)
        )
        async with open_services(settings, clock) as newsroom:
            reader = Reader(newsroom, clock, feeds)
            for path in sorted((SHARED / "feeds/replay").iterdir()):
                if path.is_dir():
                    _count(counts, f"history of {path.name}", await replayed(newsroom, reader, clock, path))
            for number, path in enumerate(paths_[:most]):
                entries = recorded(path)
                is_dated = all(one.published is not None for one in entries)
                for kind in KINDS if len(entries) >= FEW else ():
                    if kind in BY_DATE and not is_dated:
                        continue
                    cost = await moved(reader, f"/{number}/{kind.replace(' ', '-')}", entries, kind)
                    _count(counts, kind, cost)
                    if any(cost[1:]):
                        sys.stderr.write(f"{kind}: {path.name}: {cost}\n")
    await feeds.stop()
    return counts


def _count(counts: Counts, kind: str, cost: tuple[int, int, int]) -> None:
    for name in (kind, "harder moves" if kind in HARDER else "moves and histories"):
        counts[name, "histories"] += 1
        for column, number in zip(("moved", "again", "missed"), cost, strict=True):
            counts[name, column] += number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=229)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.commit()
    counts = asyncio.run(run(options.feeds, options.seed))
    columns = ("histories", "moved", "again", "missed")
    table = Table("", "histories", "entries", "old stored again", "new missed")
    sums = ("moves and histories", "harder moves")
    for kind in (*dict.fromkeys(name for name, _ in counts if name not in sums), *sums):
        table.add_row(kind, *(f"{counts[kind, column]:,}" for column in columns))
    Console().print(table)
    if options.record:
        plain, hard = ({part: counts[name, part] for part in columns} for name in sums)
        figure = (
            f"{plain['histories']:,} histories, recorded and made, of {plain['moved']:,} entries (seed "
            f"{options.seed}): old stories stored again {plain['again']}, new ones missed {plain['missed']}; "
            f"where dates or titles change with the addresses {hard['again']} of {hard['moved']:,}, missed "
            f"{hard['missed']}"
        )
        promises.record("moves", figure, commit=commit)
    sys.exit(1 if counts[sums[0], "again"] or counts[sums[0], "missed"] or counts[sums[1], "missed"] else 0)


if __name__ == "__main__":
    main()
