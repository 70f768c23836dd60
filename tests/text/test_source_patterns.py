"""Source patterns: parsing and the URLs that they cover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.source_patterns import SourcePattern
from tests.support.cases import check_cases


@check_cases(
    ("text", "pattern_text"),
    [
        ("news.example", "news.example"),
        ("HTTPS://WWW.News.Example:8443/", "news.example"),
        ("*.news.example", "news.example"),
        ("news.example.", "news.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("www.reddit.com/r/Bad/", "reddit.com/r/Bad"),
        ("news.example/a/../b//c", "news.example/b/c"),
        ("youtube.com/feeds/videos.xml?channel_id=UC1", "youtube.com/feeds/videos.xml?channel_id=UC1"),
        ("https://old.reddit.com/r/Bad/", "reddit.com/r/Bad"),
        ("2001:DB8:0::1", "[2001:db8::1]"),
        ("[2001:db8::1]/blog", "[2001:db8::1]/blog"),
        ("http://[2001:0db8::0:1]:8080/", "[2001:db8::1]"),
        ("[::ffff:192.0.2.1]", "192.0.2.1"),
    ],
)
def test_typed_text_is_parsed_as_pattern(text, pattern_text):
    pattern = SourcePattern.parse(text)
    assert str(pattern) == pattern_text
    assert SourcePattern.parse(str(pattern)) == pattern


VIDEOS, CHANNEL = "www.youtube.com/feeds/videos.xml", "x5XG1OV2P6uZZ5FSM9Ttw_"
UNSTORABLE = [f"news.example/{'[' * 200}", "news.example/priv%61te/abcdefghijkl"]
"""URLs whose pattern would be too long or contain a secret, so that it could not be parsed again."""


@check_cases(
    "text", ["", "com", "localhost", "ftp://news.example", "https://u:p@news.example/", "a b", "[1::2", *UNSTORABLE]
)
def test_invalid_pattern_is_refused(text):
    with pytest.raises(ValueError, match=r"is needed|password"):
        SourcePattern.parse(text)


@check_cases(
    ("pattern_text", "covered_url"),
    [
        ("news.example", "http://news.example:8080/feed"),
        ("news.example", "https://user:pw@sub.news.example/feed"),
        ("news.example", "https://NEWS.example./"),
        ("xn--bcher-kva.example", "https://www.bücher.example/feed"),
        ("reddit.com/r/bad", "https://old.reddit.com/r/Bad/.rss"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/bad.rss"),
        ("reddit.com/r/bad.rss", "https://www.reddit.com/r/bad.rss"),
        ("reddit.com/r/bad", "https://www.reddit.com//r/x/../%62ad?limit=5"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/good+Bad/.rss"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/good%2Bbad.rss"),
        ("reddit.com/user/bad", "https://www.reddit.com/u/Bad/.rss"),
        ("reddit.com/u/bad", "https://www.reddit.com/r/u_bad/.rss"),
        ("news.example/tag/bad", "https://news.example/tag/good,bad/feed"),
        ("t.me/bad", "https://t.me/s/bad"),
        ("[2001:db8::1]", "http://[2001:DB8:0:0::1]:8080/feed"),
        ("192.0.2.1", "http://[::ffff:c000:201]/feed"),
        ("youtube.com/feeds/videos.xml?channel_id=UC1", "https://www.youtube.com/feeds/videos.xml?x=1&channel_id=UC1"),
        (f"{VIDEOS}?channel_id=UC{CHANNEL}", f"https://{VIDEOS}?playlist_id=UULF{CHANNEL}"),
    ],
)
def test_pattern_covers_every_spelling_of_url(pattern_text, covered_url):
    assert SourcePattern.parse(pattern_text).covers(covered_url)


@check_cases(
    ("pattern_text", "other_url"),
    [
        ("news.example", "https://badnews.example/"),
        ("news.example", "https://news.example.org/"),
        ("a.news.example", "https://news.example/"),
        ("news.example", "https://other.example/news.example"),
        ("news.example", "not an address"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/badminton/.rss"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/bad.times/.rss"),
        ("reddit.com/r/bad", "https://www.reddit.com/r"),
        ("reddit.com/r/bad", "https://www.reddit.com/r/good+badminton/.rss"),
        ("reddit.com/u/bad", "https://www.reddit.com/r/bad/.rss"),
        ("[2001:db8::1]", "http://[2001:db8::11]/feed"),
        ("youtube.com/feeds/videos.xml?channel_id=UC1", "https://www.youtube.com/feeds/videos.xml?channel_id=UC12"),
    ],
)
def test_pattern_does_not_cover_similar_urls(pattern_text, other_url):
    assert not SourcePattern.parse(pattern_text).covers(other_url)


@given(st.text(max_size=30), st.text(max_size=30))
def test_pattern_round_trips_and_covers_itself(path, query):
    try:
        pattern = SourcePattern.parse(f"https://news.example/{path}?{query}")
    except ValueError:
        return
    assert SourcePattern.parse(str(pattern)) == pattern
    assert pattern.covers(f"https://{pattern}")
