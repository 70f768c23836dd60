"""Comments page and number of comments of an entry."""

from __future__ import annotations

from xml.sax.saxutils import escape

from bot.core.models import Entry
from bot.feeds.parsing.parse import parse_feed_document
from tests.support.cases import check_cases

BASE = "https://news.example/rss"
SLASH, THREAD = "http://purl.org/rss/1.0/modules/slash/", "http://purl.org/syndication/thread/1.0"


def parse_rss_entry(inner_xml: str) -> Entry:
    document = (
        f'<rss version="2.0" xmlns:slash="{SLASH}" xmlns:thr="{THREAD}"><channel><title>t</title><item>'
        f"<title>a</title><link>https://a.example/1</link>{inner_xml}</item></channel></rss>"
    )
    return parse_feed_document(document.encode(), "application/rss+xml", BASE).entries[0]


def parse_atom_entry(inner_xml: str) -> Entry:
    document = (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="{THREAD}"><title>t</title><entry><title>a</title>'
        f'<id>1</id><link href="https://a.example/1"/>{inner_xml}</entry></feed>'
    )
    return parse_feed_document(document.encode(), "application/atom+xml", BASE).entries[0]


def test_rss_entry_has_comments_page_and_count():
    entry = parse_rss_entry("<comments>https://hn.example/item?id=1</comments><slash:comments>42</slash:comments>")
    assert (entry.comments_url, entry.comment_count) == ("https://hn.example/item?id=1", 42)
    entry = parse_rss_entry("<comments>https://lobsters.example/s/abc</comments>")
    assert (entry.comments_url, entry.comment_count) == ("https://lobsters.example/s/abc", None)
    entry = parse_rss_entry("<slash:comments>42</slash:comments>")
    assert (entry.comments_url, entry.comment_count) == (None, None)


def test_atom_entry_has_page_of_replies_not_feed_of_replies():
    replies_feed = '<link rel="replies" type="application/atom+xml" href="/c.atom" thr:count="5"/>'
    entry = parse_atom_entry(f'{replies_feed}<link rel="replies" type="text/html" href="/1/talk" thr:count="7"/>')
    assert (entry.comments_url, entry.comment_count) == ("https://news.example/1/talk", 7)
    entry = parse_atom_entry('<link rel="replies" href="https://a.example/talk"/><thr:total>9</thr:total>')
    assert (entry.comments_url, entry.comment_count) == ("https://a.example/talk", 9)
    assert parse_atom_entry(replies_feed).comments_url is None


@check_cases(
    "address",
    [
        "http://127.0.0.1/admin",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://10.0.0.8:8080/x",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost/x",
        "http://router/x",
        "http://db.internal/",
        "http://printer.local./",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://files.example/x",
        "file:///etc/passwd",
        "https://ann:secret@a.example/talk",
        "https://a.example/talk?token=abcdef0123456789abcdef0123456789",
        "https://a.example/" + "x" * 3_000,
        "https:///x",
        " ",
    ],
)
def test_hostile_comments_url_is_dropped_from_entry(address):
    xml = escape(address)
    for entry in (
        parse_rss_entry(f"<comments>{xml}</comments><slash:comments>4</slash:comments>"),
        parse_atom_entry(f'<link rel="replies" href="{xml}"/>'),
    ):
        assert (entry.title, entry.comments_url, entry.comment_count) == ("a", None, None)


@check_cases("number", ["-3", "many", "", "9" * 30, "1.5", "٣"])
def test_invalid_comment_count_is_ignored(number):
    entry = parse_rss_entry(f"<comments>https://hn.example/item</comments><slash:comments>{number}</slash:comments>")
    assert (entry.comments_url, entry.comment_count) == ("https://hn.example/item", None)


def test_comment_count_does_not_change_fingerprint():
    first, second = (
        parse_rss_entry(f"<comments>https://hn.example/1</comments><slash:comments>{count}</slash:comments>")
        for count in (1, 2)
    )
    assert first.fingerprint == second.fingerprint
