"""Parsing of documents: encodings, JSON Feed, and damaged or wrong documents."""

from __future__ import annotations

import json
import random
from io import BytesIO
from pathlib import Path

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.models import Entry
from bot.feeds.fetch_errors import BAD_ENCODING, NOT_A_FEED, FeedError
from bot.feeds.parsing import entries
from bot.feeds.parsing.entries import clean_title
from bot.feeds.parsing.xmlfeed import TRUNCATED_WARNING
from tests.feeds.documents import build_atom, build_rss, parse_document, parse_only_entry
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss_item
from tests.support.shared_data import require_shared_path

# -- encodings


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "iso-8859-15", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/rss+xml", "application/xml; charset={}", "text/html"]
)
def test_french_feed_keeps_accents_in_every_encoding(encoding, content_type):
    title = "L’été à Nîmes : « œuvre » à 5 €" if encoding != "iso-8859-1" else "L'été à Nîmes : « ça »"
    title = title.replace("’", "'") if encoding == "iso-8859-15" else title
    document = build_rss(
        f"<item><title>{title}</title></item>", declaration=f'<?xml version="1.0" encoding="{encoding}"?>'
    )
    assert parse_only_entry(document.encode(encoding), content_type.format(encoding)).title == title


def test_windows_1252_declared_as_latin_1_keeps_quotes():
    document = build_rss(
        "<item><title>L’œuvre</title></item>", declaration='<?xml version="1.0" encoding="iso-8859-1"?>'
    )
    assert parse_only_entry(document.encode("windows-1252"), "text/xml").title == "L’œuvre"


@check_cases("content_type", ["application/xml; charset=iso-8859-1", "text/xml; charset=ISO-8859-1"])
def test_utf_8_served_as_latin_1_keeps_accents(content_type):
    assert parse_only_entry(build_rss("<item><title>Été</title></item>"), content_type).title == "Été"


def test_latin_1_feed_without_declaration_keeps_accents():
    document = "<rss version='2.0'><channel><item><title>Été à Nîmes</title></item></channel></rss>"
    assert parse_only_entry(document.encode("iso-8859-1"), "text/xml").title == "Été à Nîmes"


def test_double_encoding_is_repaired_but_rare_french_is_not_changed():
    twice = "l’héroïne « à » l’œil".encode().decode("windows-1252")
    assert parse_only_entry(build_rss(f"<item><title>{twice}</title></item>")).title == "l’héroïne « à » l’œil"
    for right in ("«CAFÉ»", "château âgé", "L'Â»", "São Paulo Â"):
        assert clean_title(right, kind="text") in {right, "L'»"}


def test_invalid_declared_encoding_is_an_error():
    document = build_rss("<item><title>x</title></item>", declaration='<?xml version="1.0" encoding="undefined"?>')
    with pytest.raises(FeedError) as caught:
        parse_document(document)
    assert caught.value.code == BAD_ENCODING


# -- metadata of feeds


def test_ttl_and_skip_hours_and_days_are_parsed():
    feed = parse_document(
        build_rss(
            "",
            head="<ttl>90</ttl>"
            "<skipHours><hour>0</hour><hour> 23 </hour><hour>24</hour><hour>77</hour></skipHours>"
            "<skipDays><day>Sunday</day><day>Caturday</day></skipDays>",
        )
    )
    assert (feed.ttl, feed.skip_hours, feed.skip_days) == (5_400, frozenset({0, 23}), frozenset({6}))


def test_syndication_module_gives_ttl():
    head = "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
    document = build_rss("", head=head).replace(
        "<rss ", "<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' "
    )
    assert parse_document(document).ttl == 1_800


def test_feed_without_entries_is_parsed():
    assert parse_document(build_rss("")).entries == ()
    assert parse_document(build_atom("")).format == "atom10"


@check_cases(
    "document",
    [
        "",
        "   \n",
        "<!DOCTYPE html><html><head><title>Page</title></head></html>",
        "<!-- x --><html lang=en><body><item>1</item></body></html>",
        "<note><to>Ana</to></note>",
        "just words",
        '{"message": "not found"}',
        '{"items": [1, 2]}',
        "[1, 2]",
        "{" * 100_000,
        '{"items":' + "[" * 100_000,
        "\x00\x01\x02\xff",
    ],
)
def test_document_that_is_not_a_feed_is_an_error(document):
    with pytest.raises(FeedError) as caught:
        parse_document(document)
    assert caught.value.code == NOT_A_FEED


def test_feed_after_white_space_or_php_warning_is_parsed():
    document = build_rss("<item><title>t</title></item>")
    assert parse_only_entry("\n\n  " + document).title == "t"
    assert parse_only_entry("<br /><b>Warning</b>: x in y.php" + document).title == "t"


@check_cases("end", ["", "<item>", "<item><title>tw", "<item><title>two</title>"])
def test_truncated_document_gives_complete_entries_and_warning(end):
    feed = parse_document(build_rss("<item><title>one</title></item>").partition("</channel>")[0] + end)
    assert [entry.title for entry in feed.entries] == ["one"]
    assert feed.parse_warning == TRUNCATED_WARNING


def test_entries_and_text_are_limited_with_warning(monkeypatch):
    monkeypatch.setattr(entries, "MAX_ENTRIES", 10)
    monkeypatch.setattr(entries, "MAX_DOCUMENT_TEXT_CHARS", 100)
    many = parse_document(build_rss("".join(make_rss_item(number) for number in range(12))))
    assert [entry.guid for entry in many.entries] == [f"article-{number}" for number in range(10)]
    assert many.parse_warning == "more than 10 entries"
    large = parse_document(build_rss("".join(make_rss_item(number, body="x" * 60) for number in range(2))))
    assert [len(entry.text) for entry in large.entries] == [60, 0]
    assert large.parse_warning == "more than 100 characters of text"


# -- JSON Feed


def test_json_feed_is_parsed():
    feed = parse_document(
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "Été <b>",
                "home_page_url": "/",
                "language": "fr-FR",
                "favicon": "/icon.png",
                "items": [
                    {
                        "id": 12,
                        "url": "a",
                        "title": "Titre",
                        "content_html": "<p>Un.</p><img src='/i.png'>",
                        "summary": "U.",
                        "date_published": "2020-01-10T00:00:00Z",
                        "authors": [{"name": "Ann"}, {"name": "Bob"}, {}],
                        "tags": ["x", 3, "X"],
                    },
                    {"id": "https://site.example/b", "content_text": "a < b", "author": {"name": "Old"}},
                    "nonsense",
                ],
            }
        )
    )
    assert (feed.title, feed.format, feed.language, feed.icon_url) == (
        "Été <b>",
        "json11",
        "fr-fr",
        "https://site.example/icon.png",
    )
    first, second = feed.entries
    assert (first.guid, first.link, first.title, first.text, first.summary) == (
        "12",
        "https://site.example/feeds/a",
        "Titre",
        "Un.",
        "U.",
    )
    assert (first.image_url, first.author, first.tags, first.published) == (
        "https://site.example/i.png",
        "Ann, Bob",
        ("x",),
        1_578_614_400,
    )
    assert (second.link, second.text, second.author) == ("https://site.example/b", "a < b", "Old")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = [
    "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
    "date_published", "date_modified", "author", "authors", "tags", "language", "attachments",
]  # fmt: skip


@settings(deadline=None)
@given(
    items=st.lists(st.dictionaries(st.sampled_from(_MEMBERS), _JSON, max_size=6), max_size=4),
    members=st.dictionaries(st.sampled_from(["title", "language", "home_page_url", "icon", "favicon"]), _JSON),
)
def test_json_feed_members_of_any_type_are_parsed(items, members):
    document = {"version": "https://jsonfeed.org/version/1", "items": items} | members
    for entry in parse_document(json.dumps(document)).entries:
        _assert_entry_is_valid(entry)


# -- arbitrary documents


def _assert_entry_is_valid(entry: Entry) -> None:
    assert len(entry.fingerprint) == 16
    assert len(entry.title) <= entries.MAX_TITLE_CHARS
    assert len(entry.text) <= entries.MAX_TEXT_CHARS
    assert "\n" not in entry.title
    for address in (entry.link, entry.image_url):
        assert address is None or address.startswith(("http://", "https://"))
    for text in (entry.title, entry.text, entry.summary, entry.author or "", entry.guid or "", *entry.tags):
        text.encode()
        assert "\x00" not in text


@settings(deadline=None)
@given(st.data())
def test_mangled_feed_gives_valid_entries_or_feed_error(data):
    document = bytearray(
        build_rss("".join(make_rss_item(n, body="<p>é&amp;</p>", published=1_500_000_000) for n in range(3))).encode()
    )
    for _ in range(data.draw(st.integers(1, 12))):
        position = data.draw(st.integers(0, len(document) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                document[position] = data.draw(st.integers(0, 255))
            case 1:
                del document[position : position + data.draw(st.integers(1, 80))]
            case _:
                document[position:position] = data.draw(
                    st.sampled_from([b"<", b"&", b"]]>", b"<!--", b"&#xD800;", b"\0"])
                )
    try:
        feed = parse_document(bytes(document))
    except FeedError:
        return
    for entry in feed.entries:
        _assert_entry_is_valid(entry)


def _list_real_feeds() -> list[Path]:
    files = sorted(
        path for path in require_shared_path("feeds/real").rglob("*.*") if path.suffix in {".rss", ".atom", ".rdf"}
    )
    return files if len(files) < 30 else random.Random(1).sample(files, 30)


def test_real_feeds_lose_no_entry_and_no_title():
    for path in _list_real_feeds():
        source = path.read_bytes()
        feedparser_document = feedparser.parse(BytesIO(source), sanitize_html=False, resolve_relative_uris=False)
        entries = parse_document(source, "").entries
        assert len(entries) == len(feedparser_document.entries), path.name
        assert sum(bool(entry.title) for entry in entries) == sum(
            bool(entry.get("title")) for entry in feedparser_document.entries
        )
        assert all(
            entry.link or not feedparser_entry.get("link")
            for entry, feedparser_entry in zip(entries, feedparser_document.entries, strict=True)
        )
        for entry in entries:
            _assert_entry_is_valid(entry)


@check_cases("character", ["\x08", "\x1f", "\ufffe", "&#8;", "&#xFFFE;"])
def test_control_character_is_dropped_from_xml(character):
    document = build_rss(
        f"<item><title>A bat{character}tery</title><description>Ten{character}th.</description></item>"
    )
    entry = parse_only_entry(document.encode())
    assert (entry.title, entry.text) == ("A battery", "Tenth.")


def test_control_character_is_dropped_from_json_feed():
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "1", "title": "A bat~tery", "content_html": "<p>A ten~th of it.</p>"}],
    }
    entry = parse_only_entry(json.dumps(document).replace("~", "\x08").encode())
    assert (entry.title, entry.text) == ("A battery", "A tenth of it.")
