"""What a feed costs that moves its addresses: old stories stored again, new ones missed.

    python -m benchmarks.moves [--feeds 229] [--seed N] [--record]

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

from benchmarks import promises
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Entry
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.parse import parse_feed_document
from bot.text.urls import canonicalize
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer, make_rss
from tests.support.inline_poller import build_poller
from tests.support.shared_data import SHARED

MAX_ENTRIES = 60  # entries of a feed
FEW_ENTRIES = 3
YEAR = 365 * 86_400

Move = Callable[[Entry], Entry]
Counts = Counter[tuple[str, str]]


def toggle_slash(entry: Entry) -> Entry:
    def other(link: str) -> str:
        path = urlsplit(link).path
        return urlsplit(link)._replace(path=path.rstrip("/") if path.endswith("/") else f"{path}/").geturl()

    return _change_links(entry, other)


def swap_scheme(entry: Entry) -> Entry:
    other_scheme = {"http": "https", "https": "http"}
    return _change_links(
        entry, lambda link: urlsplit(link)._replace(scheme=other_scheme[urlsplit(link).scheme]).geturl()
    )


def change_host(entry: Entry) -> Entry:
    return _change_links(entry, lambda link: urlsplit(link)._replace(netloc="moved.example").geturl())


def change_paths(entry: Entry) -> Entry:
    return _change_links(entry, lambda link: f"https://{urlsplit(link).netloc}/stories/{_hash_number(link):x}")


def change_guid_to_uuid(entry: Entry) -> Entry:
    return replace(entry, guid=str(UUID(int=_hash_number(entry.guid or entry.link or entry.title) << 64)))


def renumber_ids(entry: Entry) -> Entry:
    number = _hash_number(entry.guid or entry.link or entry.title) % 10**7
    moved_entry = _change_links(entry, lambda link: f"https://{urlsplit(link).netloc}/?p={number}")
    return replace(moved_entry, guid=f"https://moved.example/?p={number}")


def add_version_parameter(entry: Entry) -> Entry:
    link = f"{entry.link}{'&' if '?' in (entry.link or '') else '?'}v={_hash_number(entry.link or '')}"
    return replace(entry, link=link, guid=f"{entry.guid or link}-2", published=_later_date(entry))


def change_paths_and_dates(entry: Entry) -> Entry:
    return replace(change_paths(entry), guid=change_guid_to_uuid(entry).guid, published=_later_date(entry))


def change_paths_and_titles(entry: Entry) -> Entry:
    return replace(change_paths(entry), guid=change_guid_to_uuid(entry).guid, title=f"{entry.title} | Site")


def drop_date(entry: Entry) -> Entry:
    return replace(entry, published=None)


def drop_text(entry: Entry) -> Entry:
    return replace(entry, summary="", text="")


def drop_title(entry: Entry) -> Entry:
    return replace(entry, title="", text=entry.text or entry.summary or entry.title)


def move_half(move: Move) -> Move:
    """Of half of the entries."""
    return lambda entry: move(entry) if _hash_number(entry.title + (entry.link or "")) % 2 else entry


MOVE_KINDS: dict[str, tuple[Move | None, Move, int]] = {
    "slash": (None, toggle_slash, MAX_ENTRIES),
    "scheme": (None, swap_scheme, MAX_ENTRIES),
    "host": (None, change_host, MAX_ENTRIES),
    "paths": (None, change_paths, MAX_ENTRIES),
    "guid to uuid": (None, change_guid_to_uuid, MAX_ENTRIES),
    "ids renumbered": (None, renumber_ids, MAX_ENTRIES),
    "version parameter, dates too": (None, add_version_parameter, MAX_ENTRIES),
    "paths, guids and dates": (None, change_paths_and_dates, MAX_ENTRIES),
    "paths, guids and ends of titles": (None, change_paths_and_titles, MAX_ENTRIES),
    "host, half of it": (None, move_half(change_host), MAX_ENTRIES),
    "paths, titles alone": (drop_text, change_paths, MAX_ENTRIES),
    "paths, no titles": (drop_title, change_paths, MAX_ENTRIES),
    "paths, no dates": (drop_date, change_paths, MAX_ENTRIES),
    "host, three entries": (None, change_host, FEW_ENTRIES),
    "ids renumbered, one entry": (None, renumber_ids, 1),
}
"""By name: what the feed's entries are like, how they move, how many there are."""
BY_DATE = {"paths, guids and ends of titles", "paths, titles alone", "paths, no titles"}
"""Moves of which only the dates tell: without them nothing would be left but a title or a text alone."""
HARDER = {*BY_DATE, "version parameter, dates too", "paths, guids and dates", "paths, no dates"}
"""Moves with which so much else changes that of some entries nothing is left but the title."""


def _change_links(entry: Entry, move: Callable[[str], str]) -> Entry:
    link = move(entry.link or "")
    guid = move(entry.guid) if entry.guid and entry.guid.startswith("http") else entry.guid
    return replace(entry, link=link, guid=link if entry.guid == entry.link else guid)


def _hash_number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def _later_date(entry: Entry) -> int | None:
    return None if entry.published is None else entry.published + 7200


def make_new_entry(entries: Sequence[Entry], name: str, *, title: str | None = None, text: str = "") -> Entry:
    """An entry that there was not, newer than all."""
    latest = max((entry.published for entry in entries if entry.published is not None), default=None)
    published = None if latest is None else latest + _hash_number(name) % 3600 + 60
    link = f"https://{urlsplit(entries[0].link or '').netloc}/new/{name}"
    return Entry(guid=link, link=link, title=title or f"Truly new: {name}", text=text, published=published)


def render_rss(entries: Sequence[Entry]) -> str:
    """RSS of these entries, newest first."""
    parts = []
    for entry in entries:
        texts = {"title": entry.title, "link": entry.link, "description": entry.text or entry.summary}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in texts.items() if text)
        if entry.guid:
            inner += f'<guid isPermaLink="false">{escape(entry.guid)}</guid>'
        if entry.published is not None:
            inner += f"<pubDate>{formatdate(entry.published)}</pubDate>"
        parts.append(f"<item>{inner}</item>")
    return make_rss(*parts)


class Reader:
    """The bot's way from HTTP to the store."""

    def __init__(self, newsroom: Services, clock: ManualClock, feeds: FeedServer) -> None:
        self._newsroom, self._clock, self._feeds = newsroom, clock, feeds
        self._poller = build_poller(newsroom)

    async def read_document(self, path: str, body: str | bytes) -> list[str]:
        """The addresses of the articles that a document brings. Raises RuntimeError if it is not read."""
        self._clock.advance(600)
        feed = await self._newsroom.store.feeds.add(self._feeds.serve(path, body, etag=False))
        report = await self._poller.poll(feed, wait_for_host=False)
        if report.error_code is not None:
            raise RuntimeError(f"{path}: {report.error_code}")
        articles = await self._newsroom.store.articles.list_newest([feed.id], limit=5000)
        return [article.url for article in articles if article.found_at == self._clock.now()]


def load_entries(path: Path) -> list[Entry]:
    """The entries of a real feed that a move can be made of: linked, with something to read."""
    try:
        parsed_entries = parse_feed_document(path.read_bytes(), "", "https://feed.example/").entries
    except FeedError:
        return []
    entries_by_url: dict[str, Entry] = {}
    for entry in parsed_entries:
        if entry.link and entry.link.startswith("http") and entry.title:
            entries_by_url.setdefault(
                canonicalize(entry.link).rstrip("/"), replace(entry, link=canonicalize(entry.link))
            )
    return list(entries_by_url.values())[:MAX_ENTRIES]


async def run_history(reader: Reader, path: str, entries: Sequence[Entry], kind: str) -> tuple[int, int, int]:
    """How many entries moved, were stored again, and were new and missed."""
    shape, move, max_entries = MOVE_KINDS[kind]
    old_entries = [shape(one) if shape else one for one in entries[:max_entries]]
    await reader.read_document(path, render_rss(old_entries))
    new_entries = [
        make_new_entry(old_entries, "first", text="What is new."),
        make_new_entry(old_entries, "again", title=old_entries[0].title, text="Another text under an old title."),
        make_new_entry(old_entries, "bare", title=old_entries[-1].title),
    ]
    newest_entry = make_new_entry([*old_entries, *new_entries], "last", text="What is newest.")
    if shape:
        new_entries, newest_entry = (
            [shape(one) for one in new_entries if shape is not drop_date or one.text],
            shape(newest_entry),
        )
    stored_again = missed = 0
    for transform, fresh_entries in ((move, new_entries), (lambda one: one, [newest_entry])):
        document_entries = [
            *fresh_entries,
            *(new_entries if fresh_entries != new_entries else []),
            *map(transform, old_entries),
        ]
        article_urls = set(await reader.read_document(path, render_rss(document_entries)))
        expected_urls = {canonicalize(entry.link or "") for entry in fresh_entries}
        stored_again += len(article_urls - expected_urls)
        missed += len(expected_urls - article_urls)
    return 2 * len(old_entries), stored_again, missed


async def replay_history(newsroom: Services, reader: Reader, clock: ManualClock, folder: Path) -> tuple[int, int, int]:
    """The same of a recorded history."""
    history = [json.loads(line) for line in (folder / "truth.jsonl").open()]
    seen_urls: set[str] = set()
    entries = stored_again = missed = 0
    for version in history:
        article_urls = await reader.read_document(f"/{folder.name}", (folder / f"{version['poll']}.xml").read_bytes())
        if version["new"] == "initial":
            seen_urls |= set(article_urls)
            continue
        new_urls = {canonicalize(entry["link"]) for entry in version["make_new_entry"]} - seen_urls
        entries += version["items"]
        stored_again += len(set(article_urls) - new_urls)
        missed += len(new_urls - set(article_urls))
        seen_urls |= new_urls
    return entries, stored_again, missed


async def run(max_feeds: int, seed: int) -> Counts:
    """All histories; what each kind cost."""
    paths_ = sorted(path for path in (SHARED / "feeds/real").rglob("*.*") if path.suffix != ".md")
    random.Random(seed).shuffle(paths_)
    counts: Counts = Counter()
    feeds, clock = await FeedServer().start(), ManualClock(int(time.time()) + 2 * YEAR)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(
            read_settings(), database=Path(folder) / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),)
        )
        async with open_services(settings, clock) as newsroom:
            reader = Reader(newsroom, clock, feeds)
            for path in sorted((SHARED / "feeds/replay").iterdir()):
                if path.is_dir():
                    _add_cost(counts, f"history of {path.name}", await replay_history(newsroom, reader, clock, path))
            for number, path in enumerate(paths_[:max_feeds]):
                entries = load_entries(path)
                is_dated = all(entry.published is not None for entry in entries)
                for kind in MOVE_KINDS if len(entries) >= FEW_ENTRIES else ():
                    if kind in BY_DATE and not is_dated:
                        continue
                    cost = await run_history(reader, f"/{number}/{kind.replace(' ', '-')}", entries, kind)
                    _add_cost(counts, kind, cost)
                    if any(cost[1:]):
                        sys.stderr.write(f"{kind}: {path.name}: {cost}\n")
    await feeds.stop()
    return counts


def _add_cost(counts: Counts, kind: str, cost: tuple[int, int, int]) -> None:
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
    commit = promises.describe_commit()
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
