"""Sources as operators type them."""

from __future__ import annotations

from bot.operating.typed_sources import is_public_suffix, parse_typed_source
from tests.support.cases import check_cases

CHANNEL = "UCx5XG1OV2P6uZZ5FSM9Ttw_"


@check_cases(
    ("text", "pattern_text"),
    [
        (f"m.youtube.com/channel/{CHANNEL}/videos", f"youtube.com/feeds/videos.xml?channel_id={CHANNEL}"),
        ("https://medium.com/@jo/a-story", "medium.com/feed/@jo"),
        ("reddit.com/r/bad", "reddit.com/r/bad"),
        ("github.com/jo/project", "github.com/jo/project"),
        ("t.me/channel", "t.me/channel"),
        ("news.example", "news.example"),
    ],
)
def test_page_url_becomes_pattern_of_its_only_feed(text, pattern_text):
    assert str(parse_typed_source(text)) == pattern_text


async def test_public_suffixes_are_distinguished_from_hosts_and_sites():
    domains = ("co.uk", "com", "kawasaki.jp", "bbc.co.uk", "github.io", "news.example", "192.0.2.1", "2001:db8::1")
    assert [domain for domain in domains if await is_public_suffix(domain)] == ["co.uk", "com", "kawasaki.jp"]
