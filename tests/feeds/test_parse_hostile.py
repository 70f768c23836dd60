"""Documents made to hang, crash or fill up the parser, parsed in a worker."""

from __future__ import annotations

import time

import pytest

from bot.core.concurrency.worker_pool import WorkerDied, WorkerTimeout
from bot.core.models import ParsedFeed
from bot.feeds.fetch_errors import BAD_ENCODING, NOT_A_FEED, PARSER_CRASHED, FeedError
from bot.feeds.parsing.parse import parse_feed_document
from tests.support.feed_server import make_rss, make_rss_item

URL = "https://site.example/feed"
LIMIT = 1.0


def _make_document(inside: str, head: str = "") -> bytes:
    return f"{head}<rss version='2.0'><channel><title>T</title>{inside}</channel></rss>".encode()


LAUGHS = "<!DOCTYPE rss [<!ENTITY a0 'ha'>{}]>".format(
    "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
)
QUADRATIC = f"<!DOCTYPE rss [<!ENTITY a '{'x' * 100_000}'>]>"
OUTSIDE = '<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>'

HOSTILE = {
    "a billion laughs": _make_document("<item><title>&a11;</title></item>", LAUGHS),
    "quadratic entities": _make_document(f"<item><title>{'&a;' * 2_000}</title></item>", QUADRATIC),
    "deep nesting": _make_document("<item>" + "<b>" * 100_000),
    "deep nesting in a text": _make_document(f"<item><description>{'&lt;b>' * 200_000}</description></item>"),
    "deeply nested div elements in a text": _make_document(
        f"<item><description>{'&lt;div>' * 100_000}</description></item>"
    ),
    "a long author": _make_document(f"<item><author>{'a' * 200_000}</author></item>"),
    "a style of spaces": _make_document(f"<item><description>&lt;p style='{' ' * 40_000}x'></description></item>"),
    "an endless date": _make_document(f"<item><pubDate>Mon, {'1 ' * 200_000}</pubDate></item>"),
    "an author of at signs": _make_document(f"<item><author>{'a@' * 100_000}(</author></item>"),
    "an endless declaration": f"<?xml version='1.0' {'encoding ' * 100_000}".encode(),
    "unterminated references": _make_document(f"<item><title>{'&#x' * 100_000}</title></item>"),
    "a style of colons": _make_document(f"<item><description>&lt;p style='{'a:' * 40_000}'></description></item>"),
    "an unclosed comment": _make_document(f"<item><description>&lt;!--{'-' * 200_000}</description></item>"),
    "many attributes": _make_document(f"<item {' '.join(f'a{n}=1' for n in range(20_000))}/>"),
    "a cloud of brackets": _make_document(f"<item><title>{'&lt;a ' * 100_000}</title></item>"),
    "endless entities": _make_document(f"<item><title>{'&amp;' * 200_000}</title></item>"),
    "an endless doctype": b"<!DOCTYPE " + b"[" * 500_000,
    "a long tag": _make_document(f"<{'x' * 1_000_000}/>"),
    "many small entries": _make_document("<item/>" * 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_worker_parses_next_document_after_hostile_one(workers, name):
    await workers.run(parse_feed_document, make_rss(make_rss_item(1)).encode(), "", URL, timeout=60.0)
    try:
        # Some documents never end, so the timeout is short.
        feed = await workers.run(parse_feed_document, HOSTILE[name], "", URL, timeout=0.3)
    except (FeedError, WorkerTimeout, WorkerDied):
        pass
    else:
        assert isinstance(feed, ParsedFeed)
        assert sum(len(entry.text) + len(entry.title) for entry in feed.entries) < 10**7
    good = await workers.run(parse_feed_document, make_rss(make_rss_item(1)).encode(), "", URL, timeout=60.0)
    assert good.entries[0].guid == "article-1"


@pytest.mark.parametrize("filler", [b"\n", b" \n", b"\n<!ENTITY ", b"\n<!DOCTYPE "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_endless_beginning_is_refused_before_it_is_parsed(filler, encoding):
    document = (filler * 1_000_000).decode() + make_rss(make_rss_item(1)).partition("?>")[2]
    with pytest.raises(FeedError) as refusal:
        parse_feed_document(document.encode(encoding), "", URL)
    assert refusal.value.code == NOT_A_FEED


def test_long_comment_before_feed_is_read():
    document = f"<!-- {'licence ' * 1_000} -->{make_rss(make_rss_item(1)).partition('?>')[2]}"
    assert parse_feed_document(document.encode(), "", URL).entries[0].guid == "article-1"


def test_external_entities_are_not_loaded():
    for head in (OUTSIDE, OUTSIDE.replace("file:///etc/passwd", "http://127.0.0.1:9/")):
        started = time.monotonic()
        feed = parse_feed_document(_make_document("<item><title>x&f;y</title><guid>1</guid></item>", head), "", URL)
        assert "root:" not in feed.entries[0].title
        assert time.monotonic() - started < LIMIT


def test_document_that_is_a_path_or_url_is_not_opened():
    with pytest.raises(FeedError):
        parse_feed_document(b"/etc/passwd", "", URL)
    with pytest.raises(FeedError):
        parse_feed_document(b"http://127.0.0.1:9/", "", URL)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyError("tags"), PARSER_CRASHED),
        (IndexError("list index out of range"), PARSER_CRASHED),
        (TypeError("int() argument"), PARSER_CRASHED),
        (LookupError("unknown encoding: x"), BAD_ENCODING),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), BAD_ENCODING),
    ],
)
def test_parser_crash_is_not_reported_as_bad_encoding(monkeypatch, raised, code):
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr("bot.feeds.parsing.parse.parse_xml", fail)
    with pytest.raises(FeedError) as caught:
        parse_feed_document(make_rss(make_rss_item(1)).encode(), "", URL)
    assert caught.value.code == code
