"""A pattern of a source covers what is on its domain and below its path, however the address is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.source_patterns import SourcePattern


@pytest.mark.parametrize(
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
    ],
)
def test_what_an_operator_types_becomes_a_pattern(text, pattern_text):
    pattern = SourcePattern.parse(text)
    assert str(pattern) == pattern_text
    assert SourcePattern.parse(str(pattern)) == pattern


UNREADABLE = [f"news.example/{'[' * 200}", "news.example/priv%61te/abcdefghijkl"]
"""Addresses whose stored pattern would be too long, or contain a secret, and so could not be read again."""


@pytest.mark.parametrize(
    "text", ["", "com", "localhost", "ftp://news.example", "https://u:p@news.example/", "a b", *UNREADABLE]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match=r"is needed|password"):
        SourcePattern.parse(text)


@pytest.mark.parametrize(
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
        ("youtube.com/feeds/videos.xml?channel_id=UC1", "https://www.youtube.com/feeds/videos.xml?x=1&channel_id=UC1"),
    ],
)
def test_no_spelling_of_an_address_escapes(pattern_text, covered_url):
    assert SourcePattern.parse(pattern_text).covers(covered_url)


@pytest.mark.parametrize(
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
        ("youtube.com/feeds/videos.xml?channel_id=UC1", "https://www.youtube.com/feeds/videos.xml?channel_id=UC12"),
    ],
)
def test_neighbours_stay_free(pattern_text, other_url):
    assert not SourcePattern.parse(pattern_text).covers(other_url)


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_pattern_is_read_back_as_it_was_and_covers_its_own_address(path, query):
    try:
        pattern = SourcePattern.parse(f"https://news.example/{path}?{query}")
    except ValueError:
        return
    assert SourcePattern.parse(str(pattern)) == pattern
    assert pattern.covers(f"https://{pattern}")
