"""Test feeds of other parsers with the values that they expect; deviations are listed with reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

from tests.feeds.expectations import (
    Expectation,
    find_disagreements,
    load_feed_rs_expectations,
    load_gofeed_expectations,
    parse_feedparser_expectations,
    parse_feedparser_headers,
)
from tests.support.shared_data import require_shared_path

FEEDPARSER = {
    # an entry has one text: the longer of description and content; the other is its summary
    "entry_content_and_summary.xml": "text",
    "item_description_and_summary.xml": "text",
    "item_summary_and_description.xml": "text",
    # a GUID is not changed
    "http_entry_id_base_content_location.xml": "guid",
    "http_entry_id_base_docuri.xml": "guid",
    # Microsoft's CDF of 1997
    "channel_href_map_link.xml": "not-a-feed",
    "channel_title.xml": "not-a-feed",
    # the URL of a document is never unsafe here
    "headers_content_location-unsafe.xml": "feed.link",
    # broken markup, or text in elements that no browser shows: read as a browser does
    "bozo_linenoise.xml": "text",
    "item_description_not_a_doctype.xml": "text",
    "item_content_encoded_script_nested_cdata.xml": "text",
    "xml_declaration_unexpected_character.xml": "title",
    "xml_malicious_comment.xml": "title",
}
FEEDPARSER_DROPPED_ELEMENTS = ("iframe", "object", "applet", "command")

GOFEED = {
    # an entry with only a date is dropped
    "atom03_feed_entry_issued.json": "published",
    "rss_channel_item_pubDate.json": "published",
    "feed_item_published_-_atom03_feed_entry_issued.json": "published",
    "feed_item_updated_-_atom03_feed_entry_modified.json": "published",
    "feed_item_published_-_rss_channel_item_pubDate.json": "published",
    # not well-formed: feedparser's second parser gives these values
    "atom10_feed_title_xhtml_escaped_markup.json": "title",
    "atom10_feed_title_xhtml_inline_markup.json": "title",
    "issue_320_legacy_entity_prefix.json": "title",
    "rss_channel_item_guid_naked_markup.json": "guid",
    # a `uri` attribute beats the text of a link in feedparser
    "rss_channel_item_uri_at_protocol.json": "link",
    # an entry has one text, and content_html is preferred to content_text
    "version_json_10_expected.json": "text",
    "version_json_11_deprecated_author_expected.json": "text",
    "version_json_11_expected.json": "text",
    # a JSON Feed without its version, and an entry without its id
    "json10_simple_expected.json": "not-a-feed",
}

FEED_RS = {
    # feedburner:origLink is the page itself
    "atom_example_3.serde.json": "link",
    "rss_2.0_rps.serde.json": "link",
    # media:description counts as a summary
    "atom_mediarss_newscred_1.serde.json": "text",
    # an entry has one text: the longest
    "rss_2.0_bbc.serde.json": "text",
    "rss_2.0_ch9.serde.json": "text",
    # URLs are not changed
    "jsonfeed_elastic_1.1.serde.json": "link",
    "rss_0.91_encoding_1.serde.json": "link",
    # feed-rs generates an ID if there is none
    "rss_0.91_missing_id.serde.json": "guid",
    "rss_0.91_spec_1.serde.json": "guid",
    "rss_0.92_spec_1.serde.json": "guid",
    "rss_2.0_ghost_1.serde.json": "guid",
}

Describe = Callable[[Path], Iterator[Expectation]]


def _list_cases_with_documents(
    folder: Path, suffix: str, document: str, describe: Describe
) -> Iterator[tuple[Path, list[Expectation]]]:
    """List (document, expectations) of the descriptions that have a document beside them."""
    for path in sorted(folder.rglob(f"*{suffix}")):
        source = path.with_name(path.name.removesuffix(suffix) + document)
        if source.exists():
            yield source, list(describe(path))


def _list_unexplained_disagreements(lines: dict[str, list[str]], reasons: dict[str, str]) -> list[str]:
    return [
        f"{name}: {line}"
        for name, disagreement_lines in lines.items()
        for line in disagreement_lines
        if reasons.get(name, "\0") not in line
    ]


def test_feedparser_cases_are_parsed_as_expected():
    lines: dict[str, list[str]] = {}
    checked = 0
    for path in sorted(require_shared_path("feeds/cases/feedparser").rglob("*.xml")):
        if any(f"_{name}." in path.name for name in FEEDPARSER_DROPPED_ELEMENTS):
            continue
        source = path.read_bytes()
        expectations = list(parse_feedparser_expectations(source))
        headers = parse_feedparser_headers(source)
        url = urljoin("http://127.0.0.1:8097/", headers.get("content-location", ""))
        checked += len(expectations)
        lines[path.name] = find_disagreements(source, headers.get("content-type", ""), url, expectations)
    assert _list_unexplained_disagreements(lines, FEEDPARSER) == []
    assert checked > 1_100


def test_gofeed_cases_are_parsed_as_expected():
    folder = require_shared_path("feeds/cases/gofeed")
    pairs = [
        *_list_cases_with_documents(folder, ".json", ".xml", load_gofeed_expectations),
        *_list_cases_with_documents(folder, "_expected.json", ".json", load_gofeed_expectations),
    ]
    lines: dict[str, list[str]] = {}
    for source, expected_text in pairs:
        described = source.stem + (".json" if source.suffix == ".xml" else "_expected.json")
        lines[described] = find_disagreements(source.read_bytes(), "", "http://example.org/feed", expected_text)
    assert _list_unexplained_disagreements(lines, GOFEED) == []
    assert sum(len(expectations) for _, expectations in pairs) > 200


def test_feed_rs_cases_are_parsed_as_expected():
    folder = require_shared_path("feeds/cases/feed-rs")
    pairs = [
        *_list_cases_with_documents(folder, ".serde.json", ".xml", load_feed_rs_expectations),
        *_list_cases_with_documents(folder, ".serde.json", ".json", load_feed_rs_expectations),
    ]
    lines = {
        f"{source.stem}.serde.json": find_disagreements(
            source.read_bytes(), "", "http://example.org/feed", expected_text
        )
        for source, expected_text in pairs
    }
    assert _list_unexplained_disagreements(lines, FEED_RS) == []
    assert sum(len(expectations) for _, expectations in pairs) > 450
