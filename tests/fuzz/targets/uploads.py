"""Uploaded files: lists of feeds (OPML) and settings (YAML)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import ruamel.yaml  # noqa: F401 - instrumented only if it is imported here

from bot.core.user_errors import RequestRejected
from bot.feeds.parsing.entries import MAX_URL_CHARS
from bot.feeds.parsing.opml import ChannelOutline, Outline, parse_outlines, serialize_opml
from bot.operating.settings_files.file_export import export_settings
from bot.operating.settings_files.id_mapping import IdMapping
from bot.operating.settings_files.located_files import LocatedFile
from bot.operating.settings_files.setup_merging import SetupMerger
from bot.operating.settings_files.yaml_documents import DocumentError
from tests.fuzz import output_checks, seeds
from tests.fuzz.fuzz_target import FuzzTarget
from tests.store.test_setups import build_full_setup
from tests.support.samples import CHANNEL, SERVER

NOW = 1_780_000_000
MAX_FIELD_CHARS = 8_000


def check_opml(document: bytes) -> None:
    """Parse a list, write it as OPML and parse that: the same feeds again."""
    feed_list = parse_outlines(document)
    output_checks.check_storable(feed_list, 4 * MAX_URL_CHARS)
    for outline in feed_list.outlines:
        output_checks.check_web_url(outline.url, "feed")
        output_checks.check_web_url(outline.site_url, "site")
    outlines_by_channel: dict[int | None, list[Outline]] = defaultdict(list)
    for outline in feed_list.outlines:
        outlines_by_channel[outline.channel_id].append(outline)
    channel_by_id = {channel.id: channel for channel in feed_list.channels}
    groups = [
        (channel_by_id.get(channel_id or 0, ChannelOutline(channel_id or 1, "news")), outlines)
        for channel_id, outlines in outlines_by_channel.items()
    ]
    feed_list_again = parse_outlines(serialize_opml("Feeds", groups, now=NOW))
    assert {outline.url for outline in feed_list_again.outlines} == {outline.url for outline in feed_list.outlines}


async def _parse_watch_query(query: str) -> str:
    return query


def check_settings_file(document: bytes) -> None:
    """Merge a settings file into a setup; what comes of it fits the database."""
    try:
        file = LocatedFile(document)
        output_checks.check_storable(file.settings.server.id, 0)
        merger = SetupMerger(
            file,
            build_full_setup(CHANNEL, NOW),
            IdMapping(file.settings.names, None),
            now=NOW,
            parse_watch_query=_parse_watch_query,
            find_look_error=lambda _look: None,
        )
        setup = asyncio.run(merger.merge(channel_id=None))
    except (DocumentError, RequestRejected):
        return
    output_checks.check_storable(setup, max(len(document), MAX_FIELD_CHARS))
    for key in setup:
        output_checks.check_storable(key, MAX_FIELD_CHARS)


def load_opml_seeds() -> Iterator[bytes]:
    """Yield lists of feeds, first one with everything that Telex exports."""
    outline = Outline("Site", "https://site.example/feed", "https://site.example/", "en", 5)
    yield serialize_opml("Feeds", [(ChannelOutline(5, "news"), [outline])], now=NOW)
    yield b'<opml><body><outline text="A & B" xmlUrl="https://a.example/rss"><outline xmlurl=x></body>'
    yield from seeds.read_shared_files("opml", {".opml"})


def load_settings_seeds() -> Iterator[bytes]:
    """Yield settings files: with everything, with little, with mistakes."""
    text = export_settings(build_full_setup(CHANNEL, NOW), SERVER, {})
    yield text.encode()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield text.replace(line + "\n", "").encode()
    yield b"version: 1\nserver:\n  id: 1\n...\n"
    yield b"version: 1\nserver: {id: 9999999999999999999}\nnames: {1: a}\n...\n"
    yield b"a: &a [*a, *a]\n...\n"


TARGETS = (
    FuzzTarget(
        name="opml",
        check=check_opml,
        load_seeds=load_opml_seeds,
        tokens=tuple(
            b"<outline </outline> xmlUrl=' xmlurl=\" htmlUrl= text= title= language= <opml <body> <!DOCTYPE <!ENTITY "
            b"&#xD800; &amp; xmlns:telex= telex:channel= telex:filters= telex:look= "
            b"encoding='utf-16' feed:// //x".split()
        ),
    ),
    FuzzTarget(
        name="yaml",
        check=check_settings_file,
        load_seeds=load_settings_seeds,
        tokens=tuple(
            token + b" "
            for token in b"version: server: channels: names: id: look: filters: query: until: "
            b"digest: feeds: url: rule: "
            b'settings: watches: - ... --- & * ! !!python/object: | > ? [ ] { } "\\ud800" "\\0" 9999999999999999999 -1 '
            b"0x7fffffffffffffff 1e999 null true ~ block allow daily 08:00".split()
        ),
        max_bytes=8 * 1024,
        max_cost_bytes=32 * 1024,
    ),
)
