"""Benchmark of feeds that change the links, GUIDs or dates of their entries: entries stored again or missed.

    python -m benchmarks.moves [--feeds 229] [--seed N] [--record]

Histories of feeds are polled over HTTP and stored. Recorded histories (`../shared/feeds/replay`) say which entries
of each version are new. From each real feed (`../shared/feeds/real`), a history of three versions is generated for
each type of move: its entries; the same entries moved, with three new ones, of which two have the title of an old
one ("Links of the week"); the entries unmoved again, with another new one.

Printed by type of move are the histories, the entries, the old entries that were stored again and the new ones that
were missed. In "harder moves", so much changes that only the titles of some entries stay. Exits 1 if an entry was
missed, or stored again in a move that isn't one of the harder ones. With `--record` the figures are written to
docs/PROMISES.md.
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

MAX_ENTRIES = 60
FEW_ENTRIES = 3
YEAR = 365 * 86_400

Move = Callable[[Entry], Entry]
Counts = Counter[tuple[str, str]]


def toggle_slash(entry: Entry) -> Entry:
    """Add a slash to the end of the links, or remove it."""

    def toggle(link: str) -> str:
        path = urlsplit(link).path
        return urlsplit(link)._replace(path=path.rstrip("/") if path.endswith("/") else f"{path}/").geturl()

    return _change_links(entry, toggle)


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


def apply_to_half(move: Move) -> Move:
    """Return a move that changes half of the entries, chosen by a hash."""
    return lambda entry: move(entry) if _hash_number(entry.title + (entry.link or "")) % 2 else entry


MOVES: dict[str, tuple[Move | None, Move, int]] = {
    "slash": (None, toggle_slash, MAX_ENTRIES),
    "scheme": (None, swap_scheme, MAX_ENTRIES),
    "host": (None, change_host, MAX_ENTRIES),
    "paths": (None, change_paths, MAX_ENTRIES),
    "guid to uuid": (None, change_guid_to_uuid, MAX_ENTRIES),
    "ids renumbered": (None, renumber_ids, MAX_ENTRIES),
    "version parameter, dates too": (None, add_version_parameter, MAX_ENTRIES),
    "paths, guids and dates": (None, change_paths_and_dates, MAX_ENTRIES),
    "paths, guids and ends of titles": (None, change_paths_and_titles, MAX_ENTRIES),
    "host, half of it": (None, apply_to_half(change_host), MAX_ENTRIES),
    "paths, titles alone": (drop_text, change_paths, MAX_ENTRIES),
    "paths, no titles": (drop_title, change_paths, MAX_ENTRIES),
    "paths, no dates": (drop_date, change_paths, MAX_ENTRIES),
    "host, three entries": (None, change_host, FEW_ENTRIES),
    "ids renumbered, one entry": (None, renumber_ids, 1),
}
"""Preparation of the feed's entries, the move, and the number of entries, by name of the move."""
MOVES_RECOGNIZED_BY_DATE = {"paths, guids and ends of titles", "paths, titles alone", "paths, no titles"}
"""Moves that leave a date and either a title or a text; skipped for feeds with undated entries."""
HARDER_MOVES = {
    *MOVES_RECOGNIZED_BY_DATE,
    "version parameter, dates too",
    "paths, guids and dates",
    "paths, no dates",
}
"""Moves that change so much that nothing but the title of some entries stays."""


def _change_links(entry: Entry, move: Callable[[str], str]) -> Entry:
    link = move(entry.link or "")
    guid = move(entry.guid) if entry.guid and entry.guid.startswith("http") else entry.guid
    return replace(entry, link=link, guid=link if entry.guid == entry.link else guid)


def _hash_number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def _later_date(entry: Entry) -> int | None:
    return None if entry.published is None else entry.published + 7200


def make_new_entry(entries: Sequence[Entry], name: str, *, title: str | None = None, text: str = "") -> Entry:
    """Make an entry that is new and has a later date than all others."""
    latest = max((entry.published for entry in entries if entry.published is not None), default=None)
    published = None if latest is None else latest + _hash_number(name) % 3600 + 60
    link = f"https://{urlsplit(entries[0].link or '').netloc}/new/{name}"
    return Entry(guid=link, link=link, title=title or f"Truly new: {name}", text=text, published=published)


def render_rss(entries: Sequence[Entry]) -> str:
    """Render the entries as RSS, in their order."""
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


class DocumentPoller:
    """Poller that fetches given documents over HTTP and stores their articles."""

    def __init__(self, newsroom: Services, clock: ManualClock, feeds: FeedServer) -> None:
        self._newsroom, self._clock, self._feeds = newsroom, clock, feeds
        self._poller = build_poller(newsroom)

    async def poll_document(self, path: str, body: str | bytes) -> list[str]:
        """Poll a document at a path; return the URLs of new articles. Raises RuntimeError if the poll fails."""
        self._clock.advance(600)
        feed = await self._newsroom.store.feeds.add(self._feeds.serve(path, body, etag=False))
        report = await self._poller.poll(feed, wait_for_host=False)
        if report.error_code is not None:
            raise RuntimeError(f"{path}: {report.error_code}")
        articles = await self._newsroom.store.articles.list_newest([feed.id], limit=5000)
        return [article.url for article in articles if article.found_at == self._clock.now()]


def load_entries(path: Path) -> list[Entry]:
    """Load the entries of a real feed that have a link and a title; none if it can't be parsed."""
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


async def run_history(
    document_poller: DocumentPoller, path: str, entries: Sequence[Entry], move_name: str
) -> tuple[int, int, int]:
    """Poll a generated history; return the number of moved entries, of those stored again and of missed ones."""
    prepare, move, max_entries = MOVES[move_name]
    old_entries = [prepare(entry) if prepare else entry for entry in entries[:max_entries]]
    await document_poller.poll_document(path, render_rss(old_entries))
    new_entries = [
        make_new_entry(old_entries, "first", text="What is new."),
        make_new_entry(old_entries, "again", title=old_entries[0].title, text="Another text under an old title."),
        make_new_entry(old_entries, "bare", title=old_entries[-1].title),
    ]
    newest_entry = make_new_entry([*old_entries, *new_entries], "last", text="What is newest.")
    if prepare:
        new_entries = [prepare(entry) for entry in new_entries if prepare is not drop_date or entry.text]
        newest_entry = prepare(newest_entry)
    stored_again = missed = 0
    for transform, fresh_entries in ((move, new_entries), (lambda entry: entry, [newest_entry])):
        document_entries = [
            *fresh_entries,
            *(new_entries if fresh_entries != new_entries else []),
            *map(transform, old_entries),
        ]
        article_urls = set(await document_poller.poll_document(path, render_rss(document_entries)))
        expected_urls = {canonicalize(entry.link or "") for entry in fresh_entries}
        stored_again += len(article_urls - expected_urls)
        missed += len(expected_urls - article_urls)
    return 2 * len(old_entries), stored_again, missed


async def replay_history(
    newsroom: Services, document_poller: DocumentPoller, clock: ManualClock, folder: Path
) -> tuple[int, int, int]:
    """Poll a recorded history; return the number of entries, of those stored again and of missed ones."""
    history = [json.loads(line) for line in (folder / "truth.jsonl").open()]
    seen_urls: set[str] = set()
    entries = stored_again = missed = 0
    for version in history:
        article_urls = await document_poller.poll_document(
            f"/{folder.name}", (folder / f"{version['poll']}.xml").read_bytes()
        )
        if version["new"] == "initial":
            seen_urls |= set(article_urls)
            continue
        new_urls = {canonicalize(entry["link"]) for entry in version["new"]} - seen_urls
        entries += version["items"]
        stored_again += len(set(article_urls) - new_urls)
        missed += len(new_urls - set(article_urls))
        seen_urls |= new_urls
    return entries, stored_again, missed


async def run_histories(max_feeds: int, seed: int) -> Counts:
    """Poll all histories and return the counts by type of move and column."""
    feed_paths = sorted(path for path in (SHARED / "feeds/real").rglob("*.*") if path.suffix != ".md")
    random.Random(seed).shuffle(feed_paths)
    counts: Counts = Counter()
    feeds, clock = await FeedServer().start(), ManualClock(int(time.time()) + 2 * YEAR)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(
            read_settings(), database=Path(folder) / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),)
        )
        async with open_services(settings, clock) as newsroom:
            document_poller = DocumentPoller(newsroom, clock, feeds)
            for path in sorted((SHARED / "feeds/replay").iterdir()):
                if path.is_dir():
                    _add_counts(
                        counts, f"history of {path.name}", await replay_history(newsroom, document_poller, clock, path)
                    )
            for number, path in enumerate(feed_paths[:max_feeds]):
                entries = load_entries(path)
                is_dated = all(entry.published is not None for entry in entries)
                for move_name in MOVES if len(entries) >= FEW_ENTRIES else ():
                    if move_name in MOVES_RECOGNIZED_BY_DATE and not is_dated:
                        continue
                    move_counts = await run_history(
                        document_poller, f"/{number}/{move_name.replace(' ', '-')}", entries, move_name
                    )
                    _add_counts(counts, move_name, move_counts)
                    if any(move_counts[1:]):
                        _, stored_again, missed = move_counts
                        sys.stderr.write(f"{move_name}: {path.name}: {stored_again} stored again, {missed} missed\n")
    await feeds.stop()
    return counts


def _add_counts(counts: Counts, move_name: str, move_counts: tuple[int, int, int]) -> None:
    for name in (move_name, "harder moves" if move_name in HARDER_MOVES else "moves and histories"):
        counts[name, "histories"] += 1
        for column, number in zip(("moved", "again", "missed"), move_counts, strict=True):
            counts[name, column] += number


def main() -> None:
    """Run the histories, print the table and exit with 1 if an entry was missed or wrongly stored again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=229)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    counts = asyncio.run(run_histories(options.feeds, options.seed))
    columns = ("histories", "moved", "again", "missed")
    table = Table("", "histories", "entries", "stored again", "missed")
    sums = ("moves and histories", "harder moves")
    for move_name in (*dict.fromkeys(name for name, _ in counts if name not in sums), *sums):
        table.add_row(move_name, *(f"{counts[move_name, column]:,}" for column in columns))
    Console().print(table)
    if options.record:
        moves, harder_moves = ({part: counts[name, part] for part in columns} for name in sums)
        figure = (
            f"{moves['histories']:,} histories, recorded and generated, of {moves['moved']:,} entries (seed "
            f"{options.seed}): old entries stored again {moves['again']}, new ones missed {moves['missed']}; "
            f"where dates or titles change with the links {harder_moves['again']} of {harder_moves['moved']:,}, "
            f"missed {harder_moves['missed']}"
        )
        promises.record("moves", figure, commit=commit)
    sys.exit(1 if counts[sums[0], "again"] or counts[sums[0], "missed"] or counts[sums[1], "missed"] else 0)


if __name__ == "__main__":
    main()
