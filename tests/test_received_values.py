"""Values from strangers are read in one place, whose results the database and HTTP can carry."""

from __future__ import annotations

import ast
import json
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.core.discord_ids import parse_discord_id
from bot.core.models import Entry, ParsedFeed
from bot.core.received_values import (
    MAX_STORED_INTEGER,
    clean_text,
    parse_clamped_integer,
    parse_field_value,
    parse_integer,
    parse_seconds,
    to_single_line,
)
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing import opml
from bot.feeds.parsing.parse import parse_feed_document
from bot.feeds.robots_rules import MAX_CRAWL_DELAY_SECONDS, evaluate_robots
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss
from tests.support.source_trees import parse_module

ROOT = Path(__file__).parent.parent
ROOMS = [
    "bot/feeds", "bot/polling", "bot/client/web", "bot/core/discord_ids.py", "bot/writing/model_client.py",
    "bot/posting/sending/send_outcomes.py", "bot/operating/applicable_limits.py",
    "bot/operating/settings_files/yaml_documents.py",
]  # fmt: skip
"""Rooms and modules that read what strangers send."""
OWN_NUMBERS = {
    "bot/feeds/ssrf_guard.py": {"_list_embedded_addresses"},  # bits of an address that is parsed already
    "bot/feeds/parsing/xmlfeed.py": {"_parse_code_point"},  # a character of the document
    "bot/feeds/pages/element_text.py": {"_drop_unless_valid_reference", "find_publication_time"},  # up to nine digits
    "bot/feeds/pages/link_groups.py": {"_score_group"},
    "bot/feeds/poll_schedule.py": {"_move_outside_skipped_times"},
    "bot/feeds/fetch.py": {"_read_response"},  # the clock
    "bot/polling/due_feeds.py": {"_sleep_until_due"},
    "bot/polling/due_queue.py": {"select_tenant"},
    "bot/polling/host_throttle.py": {"reserve_later_time", "get_backlog_seconds"},
    "bot/polling/page_saver.py": {"_require_quota"},
    "bot/polling/websub/websub_subscriber.py": {"verify_intent"},
}
"""Functions that convert numbers of Telex itself, by module."""
HOSTILE_CHARS = "\x00\x08\x0b\x1b\x7f\ud800\udfff\ufffe\uffff\x85\u202e\n\r\t"
TEXTS = st.text(st.sampled_from(HOSTILE_CHARS) | st.characters(exclude_categories=[]), max_size=20)
NUMBERS = (
    st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, 1e308, "9" * 5000, "9223372036854775808", "-1", "١٢"])
)
VALUES = NUMBERS | TEXTS | st.booleans() | st.none() | st.lists(st.integers(), max_size=2)


@given(VALUES)
def test_number_is_read_within_its_bounds_or_not_at_all(value):
    for maximum in (9, 10**7, MAX_STORED_INTEGER):
        assert parse_integer(value, maximum=maximum) in {None, *range(10)} or maximum > 9
        for number in (parse_integer(value, maximum=maximum), parse_clamped_integer(value, maximum=maximum)):
            assert number is None or (type(number) is int and 0 <= number <= maximum)
    seconds = parse_seconds(value, maximum=60.0)
    assert seconds is None or 0 <= seconds <= 60.0


@check_cases(
    "value, number, clamped_number",
    [("7", 7, 7), (" 7 ", 7, 7), ("007", 7, 7), (7, 7, 7), (7.9, 7, 7), ("10", None, 9), ("9" * 5_000, None, 9),
     ("0" * 5_000 + "8", 8, 8), (10**400, None, 9), ("7.5", None, None), ("-7", None, None), (-7, None, None),
     ("", None, None), ("٧", None, None), (True, None, None), (None, None, None), ([7], None, None)],
)  # fmt: skip
def test_number_is_read_as_written(value, number, clamped_number):
    assert parse_integer(value, maximum=9) == number
    assert parse_clamped_integer(value, maximum=9) == clamped_number


@given(VALUES)
def test_text_can_be_stored(value):
    for text in (clean_text(value), to_single_line(value, 10)):
        assert not set(text) & set("\x00\x08\x0b\x1b\x7f\ud800\udfff\ufffe\uffff")
        text.encode()
    assert len(to_single_line(value, 10).splitlines()) <= 1


@given(st.text(st.characters(max_codepoint=0xFF)) | TEXTS)
def test_field_value_can_be_sent(value):
    field_value = parse_field_value(value)
    if field_value is not None:
        field_value.encode()
        assert not set(field_value) & {chr(code) for code in [*range(9), *range(10, 32), 127]}


@check_cases("text", ["9223372036854775808", "9999999999999999999", "1" * 30, "-1" * 9])
def test_id_beyond_64_bits_is_no_id(text):
    assert parse_discord_id(text) is None


@check_cases("delay, seconds", [("nan", 0), ("inf", 0), ("-1", 0), ("1e400", 0), ("0.5", 0.5),
                                ("9" * 20, MAX_CRAWL_DELAY_SECONDS)])  # fmt: skip
def test_crawl_delay_is_number_within_its_bounds(delay, seconds):
    body = f"User-agent: *\nCrawl-delay: {delay}\n".encode()
    assert evaluate_robots(body, "https://site.example/").crawl_delay_seconds == seconds


def find_own_conversions(tree):
    """Yield the function and line of each call of `int` or `float`, and of each test for a number's type."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Name(id="int" | "float"), args=[argument, *_]) if not isinstance(
                    argument, ast.Constant
                ):
                    yield function.name, node.lineno
                case ast.MatchClass(cls=ast.Name(id="int" | "float")):
                    yield function.name, node.lineno


def test_no_room_of_strangers_reads_numbers_by_itself():
    conversions = [
        f"{path.relative_to(ROOT)}:{line} in {function_name}"
        for room in ROOMS
        for path in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))
        for function_name, line in find_own_conversions(parse_module(path))
        if function_name not in OWN_NUMBERS.get(str(path.relative_to(ROOT)), ())
    ]
    assert conversions == []


def test_each_exception_converts_a_number():
    for module, function_names in OWN_NUMBERS.items():
        assert function_names <= {name for name, _line in find_own_conversions(parse_module(ROOT / module))}


def check_storable(value, path):
    """Raise AssertionError if something in a parsed document cannot be stored."""
    if isinstance(value, str):
        assert clean_text(value) == value, path
    elif isinstance(value, int) and not isinstance(value, bool):
        assert 0 <= value <= MAX_STORED_INTEGER, path
    elif is_dataclass(value):
        for field in fields(value):
            check_storable(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple | frozenset):
        for member in value:
            check_storable(member, path)


JSON_NAMES = [
    "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
    "date_published", "date_modified", "tags", "language", "attachments", "authors", "author", "icon", "favicon",
    "home_page_url", "feed_url", "hubs", "name", "permalink", "num_comments", "created_utc", "selftext_html",
    "subreddit_name_prefixed", "preview", "mime_type", "duration_in_seconds", "type",
]  # fmt: skip
JSON_VALUES = st.recursive(
    VALUES | st.sampled_from(["https://e.example/a", "audio/mpeg", "WebSub", "&#27;&#xD800;", "<b>\x1b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(JSON_NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(JSON_NAMES), JSON_VALUES), st.booleans())
def test_parsed_json_can_be_stored(members, is_listing):
    document = (
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": members}]}}
        if is_listing
        else {"version": "https://jsonfeed.org/version/1.1", **members, "items": [members]}
    )
    check_storable(parse_feed_document(json.dumps(document).encode(), "", "https://e.example/feed"), "feed")


XML_NAMES = [
    "title", "link", "guid", "description", "author", "category", "comments", "pubDate", "dc:creator", "slash:comments",
    "itunes:duration", "thr:total", "content:encoded", "media:content", "ttl", "language", "sy:updateFrequency",
]  # fmt: skip
XML_VALUES = NUMBERS.map(str) | TEXTS | st.sampled_from(["&#x1b;&#xD800;", "&#27;", "<![CDATA[\x1b\ufffe]]>"])


@given(st.lists(st.tuples(st.sampled_from(XML_NAMES), XML_VALUES), max_size=6))
def test_parsed_xml_can_be_stored(elements):
    markup = "".join(f"<{name}>{value}</{name}>" for name, value in elements)
    document = make_rss(f"<item><guid>g</guid>{markup}</item>").replace("<language>", markup + "<language>", 1)
    try:
        parsed_feed = parse_feed_document(document.encode("utf-8", "surrogatepass"), "", "https://e.example/feed")
    except FeedError:
        return
    check_storable(parsed_feed, "feed")


@given(st.dictionaries(st.sampled_from(["title", "text", "xmlUrl", "htmlUrl", "language", "telex:channel",
                                        "telex:filters", "telex:look"]), XML_VALUES))  # fmt: skip
def test_parsed_list_of_feeds_can_be_stored(attributes):
    quoted = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    document = f'<opml xmlns:telex="urn:telex:opml:1"><outline xmlUrl="https://e.example/a" {quoted}/></opml>'
    feed_list = opml.parse_outlines(document.encode("utf-8", "surrogatepass"))
    for outline in feed_list.outlines:
        check_storable(outline.title, "title")
        check_storable(outline.channel_id, "channel")


def test_each_field_of_parsed_feed_is_checked():
    kinds = {str(kind) for model in (Entry, ParsedFeed) for kind in typing.get_type_hints(model).values()}
    assert kinds <= {
        "<class 'str'>", "<class 'bytes'>", "str | None", "int | None", "tuple[str, ...]", "frozenset[int]",
        "tuple[bot.core.models.Entry, ...]",
    }  # fmt: skip
