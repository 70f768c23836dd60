"""Canonical URLs, redaction of secrets and typed addresses."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import urls
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

ADDRESSES = st.builds(
    lambda scheme, user, host, port, path, query, fragment: f"{scheme}{user}{host}{port}{path}{query}{fragment}",
    st.sampled_from(["http://", "https://", "HTTP://", "", "ftp://", "//", "javascript:"]),
    st.sampled_from(["", "me@", "me:secret@", "a:b/c@"]),
    st.sampled_from(["example.com", "EXÄMPLE.com.", "[::1]", "127.0.0.1", "a..b", "xn--a", "①②⑦.⓪.⓪.①", "a b.c"]),
    st.sampled_from(["", ":80", ":443", ":8080", ":", ":99999", ":x"]),
    st.text(max_size=12).map(lambda text: "/" + text),
    st.lists(st.sampled_from(["a=1", "utm_source=x", "é=ü", "", "b", "%zz", "amp;utm_medium=rss", "ref=rss"]))
    .map("&".join)
    .map(lambda query: "?" + query),
    st.one_of(st.just(""), st.text(max_size=8).map(lambda text: "#" + text), st.just("#xtor=RSS-3-[x]")),
)


@given(st.one_of(st.text(), ADDRESSES))
@example("http://[")
@example("http://a/\ud800")
@example("http://" + "a" * 5000 + ".com")
@example("http://a/%")
@example("http://a/?#?")
def test_canonicalization_is_idempotent_for_any_text(url):
    form = urls.canonicalize(url)
    assert urls.canonicalize(form) == form
    assert not form or re.fullmatch(r"https?://[!-~]+", form)
    assert urls.compute_page_key(url) == urls.compute_page_key(form or url)
    assert re.fullmatch("[0-9a-f]{32}", urls.compute_page_key(url))
    urls.parse_host(url)
    urls.has_credentials(url)
    assert urls.redact(urls.redact(url)) == urls.redact(url)


@check_cases(
    ("url", "form"),
    [
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        ("https://exämple.com./é?q=ü", "https://xn--exmple-cua.com/%C3%A9?q=%C3%BC"),
        ("https://a.fr/x?b=2&utm_source=rss&a=1&utm_medium=feed", "https://a.fr/x?b=2&a=1"),
        ("https://a.fr/x?a=1&amp;utm_source=rss", "https://a.fr/x?a=1"),
        ("https://a.fr/x?xtor=RSS-3208", "https://a.fr/x"),
        ("https://a.fr/x#xtor=RSS-3-[Flux]", "https://a.fr/x"),
        ("https://a.fr/x#ens_id=1&xtor=RSS-3", "https://a.fr/x#ens_id=1"),
        ("https://a.fr/x#ref=rss", "https://a.fr/x"),
        ("https://a.fr/x#Echobox=1577", "https://a.fr/x"),
        ("https://a.fr/x#rss", "https://a.fr/x"),
        ("https://a.fr/x#a110610", "https://a.fr/x#a110610"),
        ("https://a.fr/x#comments", "https://a.fr/x#comments"),
        ("https://www.bbc.com/news/c?at_medium=RSS&at_campaign=rss", "https://www.bbc.com/news/c"),
        ("https://a.fr/x?ref=rss&ref=main", "https://a.fr/x?ref=main"),
        ("https://a.fr/x?source=1234&at_id=7&gallery=2", "https://a.fr/x?source=1234&at_id=7&gallery=2"),
        (" https://a.fr/a b\n", "https://a.fr/a%20b"),
        ("https://a.fr/%c3%a9", "https://a.fr/%C3%A9"),
        ('https://a.fr/"><b>', "https://a.fr/%22%3E%3Cb%3E"),
        ("https://a.fr/x\u202egnp.exe", "https://a.fr/xgnp.exe"),
    ],
)
def test_variants_of_url_have_one_canonical_form(url, form):
    assert urls.canonicalize(url) == form


@check_cases(
    "url",
    ["", "javascript:alert(1)", "data:text/html,x", "java\nscript:alert(1)", "ftp://a.fr/", "/relative",
     "//a.fr/", "mailto:a@b.fr", "http://", "http:///x", "http://a b.fr/", "http://-.fr>/", "file:///etc/passwd"],
)  # fmt: skip
def test_url_outside_the_web_has_no_canonical_form(url):
    assert urls.canonicalize(url) == ""


def test_page_key_ignores_scheme_and_trailing_slash():
    page = urls.compute_page_key("https://a.fr/x/?b=1")
    assert page == urls.compute_page_key("http://a.fr/x?b=1&utm_source=rss")
    other_urls = [
        "https://a.fr/y?b=1",
        "https://a.fr/x?b=2",
        "https://www.a.fr/x?b=1",
        "https://a.fr/x?b=1#2",
    ]
    assert (
        len(
            {
                page,
                *map(urls.compute_page_key, other_urls),
                urls.compute_page_key("https://a.fr/x?b=1", "guid 1"),
            }
        )
        == len(other_urls) + 2
    )


SECRET = [
    "https://me:hunter2@a.fr/feed",
    "https://hunter2@a.fr/feed",
    "https://me:hun/ter2@a.fr/feed",
    "https://www.patreon.com/rss/x?auth=kPqhunter28Z1",
    "https://gitlab.com/x.atom?feed_token=hunter2",
    "https://gitlab.com/x.atom?a=1&private_token=hunter2",
    "https://a.fr/rss?apiKey=hunter2",
    "https://a.fr/rss?api_key=hunter2&x=1",
    "https://a.fr/rss?access%5Ftoken=hunter2",
    "https://a.fr/rss?os_username=me&os_password=hunter2",
    "https://a.fr/rss?pwd=hunter2",
    "https://a.fr/rss?X-Amz-Signature=hunter2",
    "https://www.reddit.com/.rss?feed=hunter2e".replace("hunter2e", "0123456789abcdef0123456789abcdef01234567"),
    "https://redmine.a.fr/news.atom?key=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
    "https://api.substack.com/feed/podcast/1/private/hunter2-014-41d2-8313.rss",
    "https://feeds.pinboard.in/rss/secret:hunter2/u:me/",
    "https://calendar.google.com/calendar/ical/x/private-hunter2c4b5a/basic.ics",
    "https://x.supportingcast.fm/content/eyJ0IjoicCIsImMiOiIxMjM0In0.rss",
]


@check_cases("url", SECRET)
def test_secrets_in_url_are_redacted(url):
    masked_url = urls.redact(url)
    assert urls.has_credentials(url)
    assert "***" in masked_url
    for secret in ("hunter2", "0123456789", "0f1e2d3c", "eyJ0"):
        assert secret not in masked_url


def test_secret_in_fragment_is_redacted():
    assert urls.redact("https://a.fr/#access_token=hunter2&x=1") == "https://a.fr/#access_token=***&x=1"


@check_cases(
    "url",
    [
        "https://a.fr/?xn_auth=no",
        "https://a.fr/?page_token=CAUQAA",
        "https://a.fr/?feed=ATOM1.0",
        "https://us2.campaign-archive.com/feed?u=887caf4f48db76fd91e20a06d&id=4eb677ad19",
        "https://www.youtube.com/feeds/videos.xml?channel_id=UCSLXy31j2Z0sdDeeAX5JpPw",
        "https://www.youtube.com/channel/UCSLXy31j2Z0sdDeeAX5JpPw",
        "https://medium.com/feed/@someone",
        "https://a.fr/2016/02/26/before-you-hit-submit-this-company-has-already-logged-it-1795906081/",
        "https://www.omnycontent.com/d/playlist/aaea4e69-af51-495e-afc9-a9760146922b/podcast.rss",
        "https://a.fr/private/",
    ],
)
def test_ordinary_url_is_not_redacted(url):
    assert not urls.has_credentials(url)
    assert urls.redact(url) == url


def test_no_url_of_real_feed_lists_is_redacted():
    feed_urls = set()
    for path in require_shared_path("opml").rglob("*.opml"):
        feed_urls |= set(map(unescape, re.findall(r'(?i)xmlUrl\s*=\s*"([^"]+)', path.read_text(errors="replace"))))
    assert len(feed_urls) > 500
    assert [url for url in feed_urls if urls.has_credentials(url) or "***" in urls.redact(url)] == []
    assert [url for url in feed_urls if not urls.canonicalize(url)] == []


@check_cases(
    ("typed_url", "url"),
    [
        ("example.com", "https://example.com/"),
        (" <https://example.com/feed> ", "https://example.com/feed"),
        ("feed://example.com/x", "https://example.com/x"),
        ("feed:http://example.com/x", "http://example.com/x"),
        ("http://localhost:8000/feed", "http://localhost:8000/feed"),
        ("exämple.com/é?utm_source=a", "https://xn--exmple-cua.com/%C3%A9?utm_source=a"),
    ],
)
def test_typed_url_is_normalized(typed_url, url):
    assert urls.normalize_typed_url(typed_url) == url


@check_cases("typed_url", ["", "hello world", "localhost", "javascript:alert(1)", "ftp://a.fr/", "mailto:a@b.fr"])
def test_invalid_typed_url_is_refused(typed_url):
    with pytest.raises(ValueError, match="not a web address"):
        urls.normalize_typed_url(typed_url)


def test_host_is_taken_from_canonical_form():
    assert urls.parse_host("https://ME:x@EXAMPLE.com:8080/") == "example.com"
    assert urls.parse_host("https://[2001:DB8::1]:80/") == "2001:db8::1"
    assert urls.parse_host("nonsense") == ""


@check_cases("name", ["key", "auth", "pass", "session_id", "amp;pw"])
def test_short_password_in_query_is_redacted(name):
    assert urls.redact(f"https://news.example/feed?{name}=hunter&lang=fr") == (
        f"https://news.example/feed?{name}=***&lang=fr"
    )


def test_feed_type_in_query_is_not_redacted():
    assert urls.redact("https://news.example/?feed=rss2&key=") == "https://news.example/?feed=rss2&key="


def test_added_credentials_are_percent_encoded():
    url = urls.add_credentials("https://old:one@news.example:8443/feed?x=1", "j@ne", "a:b/c?#d")
    assert url == "https://j%40ne:a%3Ab%2Fc%3F%23d@news.example:8443/feed?x=1"
    assert urls.redact(url) == "https://***@news.example:8443/feed?x=1"
