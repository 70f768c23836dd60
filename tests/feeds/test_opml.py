"""Lists of feeds: most real ones are not well-formed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import Outline, parse_outlines
from tests.support.shared_data import shared


def test_a_list_is_read_in_its_order_each_feed_once():
    opml = b"""<?xml version="1.0"?><opml version="2.0"><head><title/></head><body>
    <outline text="Tech"><outline type="rss" text="T&amp;T" title="" xmlUrl="https://a.example/f?x=1&amp;y=2"
      htmlUrl="https://a.example/" language="FR"/></outline>
    <outline text="B" xmlurl='https://b.example/feed' />
    <outline text="again" xmlUrl="https://b.example/feed"/>
    <outline text="none"/><outline text="bad" xmlUrl="javascript:x"/><outline xmlUrl="https://c.example/"/>
    <!-- <outline xmlUrl="https://commented.example/"/> -->
    </body></opml>"""
    assert parse_outlines(opml).outlines == (
        Outline("T&T", "https://a.example/f?x=1&y=2", "https://a.example/", "fr"),
        Outline("B", "https://b.example/feed", None, None),
        Outline("https://c.example/", "https://c.example/", None, None),
    )


@pytest.mark.parametrize(
    "data",
    [
        b'<opml><body><outline text="R&D <x" xmlUrl="https://a.example/?a=1&b=2">',
        b'<outline text="R&D <x" xmlUrl=https://a.example/?a=1&b=2 /></opml></body>',
        b'\xef\xbb\xbf<opml><title>x<body><outline text="R&D &lt;x" xmlUrl="https://a.example/?a=1&b=2"/>',
    ],
)
def test_broken_xml_is_read_all_the_same(data):
    assert [(outline.title, outline.url) for outline in parse_outlines(data).outlines] == [
        ("R&D <x", "https://a.example/?a=1&b=2")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_titles_keep_their_accents(encoding):
    document = f'<?xml version="1.0" encoding="{encoding}"?><outline text="Été" xmlUrl="https://a.example/"/>'
    assert parse_outlines(document.encode(encoding)).outlines[0].title == "Été"


def test_a_huge_or_deep_list_ends(monkeypatch):
    monkeypatch.setattr(opml, "MAX_OUTLINES", 50)
    many = "".join(f'<outline text="{n}" xmlUrl="https://a.example/{n}">' for n in range(3_000))
    assert len(parse_outlines(many.encode()).outlines) == 50
    assert parse_outlines(b"<outline " * 100_000).outlines == ()
    assert parse_outlines(b"").outlines == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_of_something(data):
    parse_outlines(b'<outline xmlUrl="https://a.example/"' + data)


def test_every_real_list_gives_its_feeds():
    paths = sorted(shared("opml").rglob("*.opml"))
    feeds = 0
    for path in paths:
        document = path.read_bytes()
        outlines = parse_outlines(document).outlines
        assert outlines, path.name
        assert len(outlines) >= document.lower().count(b"xmlurl=") - 1, path.name  # a stray quote hides three
        feeds += len(outlines)
    assert (len(paths), feeds) == (118, 1_566)
