"""Feed documents of all formats: from bytes to stored articles and rendered posts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import feedparser  # noqa: F401 - instrumented only if it is imported here

from bot.core.models import Feed
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.entries import (
    MAX_ENTRIES,
    MAX_GUID_CHARS,
    MAX_TAG_CHARS,
    MAX_TAGS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
)
from bot.feeds.parsing.parse import hash_entries
from bot.polling.drafts import ArticleSource, build_articles, parse_feed
from bot.polling.entry_comparison import make_draft, select_hashes_to_store
from tests.feeds.test_parse_hostile import HOSTILE
from tests.fuzz import output_checks, seeds
from tests.fuzz.fuzz_target import FuzzTarget
from tests.polling.test_hostile_feeds import BOUNDED_DOCUMENTS, REFUSED_DOCUMENTS
from tests.support.feed_server import make_rss, make_rss_item

URL = "https://site.example/feeds/all.xml"
NOW = 1_780_000_000
CONTENT_TYPES = ("", "application/rss+xml", "text/xml; charset=iso-8859-1", "application/json", "text/html")
MAX_ARTICLES = 5
"""Number of entries of a document that become articles and posts."""
MAX_HOSTILE_BYTES = 8_000
"""Number of bytes to begin with of documents that hang a parser when they are whole."""
FEED = Feed(id=1, url=URL, outlet="Site")

_XML_TOKENS = (
    "<item> </item> <entry> </entry> <channel> <guid> </guid> <link> </link> <link/> <title/> <author> <pubDate> "
    "</pubDate> <updated> <category/> <content:encoded> <description> <summary> <enclosure <media:content <dc:date> "
    "<itunes:duration> <slash:comments> <comments> <ttl> <skipHours><hour> <language> <id> <source> rel='replies' "
    "rel='hub' type='xhtml' type='html' xml:base='http://[/' xml:lang='fr' isPermaLink='true' width='9e9' "
    "length='-1' &#xD800; &#55357;&#56842; &#x110000; &amp;lt; &nbsp; &undefined; &#0; ]]> <![CDATA[ <!-- --> "
    "<!DOCTYPE <!ENTITY &lt;script&gt; &lt;img&#32;src= &lt;blockquote&gt; javascript:alert(1) //x http://[::1 "
    "http://x:99999/ 9223372036854775808 1e999 0000-00-00T99:99:99Z encoding='utf-16' @everyone <@1> **x** "
    "[x](https://evil.example)"
).split()
_TEXT_TOKENS = ("\u202e", "\ufeff", "\u200b", "a\u0301\u0301\u0301\u0301\u0301\u0301", "\x00", "-# ", "\n# ")
_JSON_TOKENS = (
    '"items" "id" "url" "external_url" "title" "content_html" "content_text" "summary" "image" "date_published" '
    '"authors" "name" "tags" "language" "attachments" "mime_type" "audio/mpeg" "duration_in_seconds" "hubs" "WebSub" '
    '"version" "https://jsonfeed.org/version/1.1" 1e999 NaN -Infinity 9223372036854775808 true null [[ ]] {} \\ud800 '
    "\\u0000 <b> @everyone"
).split()
_LISTING_TOKENS = (
    '"kind" "Listing" "data" "children" "t3" "created_utc" "num_comments" "permalink" "name" "selftext_html" "preview" '
    '"images" "source" "author" "subreddit_name_prefixed" 9223372036854775808 1e999 NaN -1 true null [] {} \\ud800'
).split()


def check_document(body: bytes) -> None:
    """Parse a document, and check its metadata and entries, some articles made of them, and their posts."""
    hash_entries(body)
    try:
        document = parse_feed(body, CONTENT_TYPES[len(body) % len(CONTENT_TYPES)], URL)
    except (FeedError, RecursionError):
        return
    assert len(document.entry_keys) <= MAX_ENTRIES
    output_checks.check_storable(document.metadata, 4 * MAX_URL_CHARS)
    drafts = [
        make_draft(
            FEED,
            document.metadata,
            keys,
            select_hashes_to_store(keys, is_repeated=False),
            has_shared_link=keys.is_link_shared,
            now=NOW,
        )
        for keys in document.entry_keys[:MAX_ARTICLES]
    ]
    for article in build_articles(drafts, ArticleSource(1, "Site", document.metadata.language)):
        output_checks.check_storable(article, MAX_TEXT_CHARS)
        output_checks.check_storable((article.title, article.author, article.language), MAX_TITLE_CHARS)
        output_checks.check_storable(article.tags, MAX_TAG_CHARS)
        assert len(article.tags) <= MAX_TAGS
        assert article.author is None or len(article.author) <= MAX_GUID_CHARS
        assert 0 <= article.published <= NOW
        for name in ("url", "image_url", "audio_url", "comments_url"):
            output_checks.check_web_url(getattr(article, name), name)
        output_checks.check_posts(article)


def _iter_test_documents() -> Iterator[bytes]:
    yield make_rss(*(make_rss_item(number, body=f"<p>Text {number}</p>") for number in range(3))).encode()
    for text, _entry_count in BOUNDED_DOCUMENTS.values():
        yield text.encode("utf-8", "surrogatepass")
    yield from REFUSED_DOCUMENTS.values()
    yield from (document[:MAX_HOSTILE_BYTES] for document in HOSTILE.values())


def load_xml_seeds() -> Iterator[bytes]:
    """Yield documents that begin like XML, first those of tests."""
    yield from (document for document in _iter_test_documents() if not document.startswith(b"{"))
    yield from seeds.read_shared_files("feeds", seeds.FEED_SUFFIXES)


def load_json_seeds() -> Iterator[bytes]:
    """Yield JSON feeds, first those of tests."""
    yield json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "T",
            "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
            "items": [
                {
                    "id": "1",
                    "url": "https://news.example/1",
                    "title": "Title",
                    "content_html": "<p>Text</p><img src='/a.png'>",
                    "date_published": "2026-05-04T08:00:00Z",
                    "authors": [{"name": "Ann"}],
                    "tags": ["a"],
                    "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg", "duration_in_seconds": 60}],
                }
            ],
        }
    ).encode()
    yield from (document for document in _iter_test_documents() if document.startswith(b"{"))
    yield from seeds.read_shared_files("feeds", seeds.JSON_SUFFIXES)


def load_listing_seeds() -> Iterator[bytes]:
    """Yield listings of posts."""
    post = {
        "name": "t3_a",
        "title": "Title",
        "author": "ann",
        "subreddit_name_prefixed": "r/python",
        "permalink": "/r/python/comments/a/title/",
        "selftext_html": "<p>Text</p>",
        "created_utc": 1_770_000_000.0,
        "num_comments": 3,
        "preview": {"images": [{"source": {"url": "https://i.example/a.png"}}]},
    }
    for posts in ([], [post], [post, post | {"name": "t3_b", "num_comments": -1}]):
        yield json.dumps(
            {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": post} for post in posts]}}
        ).encode()


TARGETS = (
    FuzzTarget(
        name="feed",
        check=check_document,
        load_seeds=load_xml_seeds,
        tokens=tuple(token.encode() for token in (*_XML_TOKENS, *_TEXT_TOKENS)),
    ),
    FuzzTarget(
        name="json-feed",
        check=check_document,
        load_seeds=load_json_seeds,
        tokens=tuple(token.encode() for token in _JSON_TOKENS),
    ),
    FuzzTarget(
        name="listing",
        check=check_document,
        load_seeds=load_listing_seeds,
        tokens=tuple(token.encode() for token in _LISTING_TOKENS),
    ),
)
