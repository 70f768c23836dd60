"""Documents to entries: what is lost, misread or let through."""

from __future__ import annotations

import json
import random
from html import escape
from io import BytesIO
from pathlib import Path

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds import entries
from bot.feeds.entries import title_of
from bot.feeds.errors import ENCODING, NOT_A_FEED, FeedError
from bot.feeds.parse import entries_hash, parse
from bot.words import Entry, ParsedFeed
from tests.feed_server import item, rss
from tests.shared import shared

URL = "https://site.example/feeds/all.xml"


def _rss(inside: str, *, head: str = "", declaration: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    return f"{declaration}<rss version='2.0'><channel><title>T</title>{head}{inside}</channel></rss>"


def _atom(inside: str, attributes: str = "") -> bytes:
    return f"<feed xmlns='http://www.w3.org/2005/Atom' {attributes}><title>T</title>{inside}</feed>".encode()


def _parse(document: str | bytes, content_type: str = "application/xml", url: str = URL) -> ParsedFeed:
    return parse(document.encode() if isinstance(document, str) else document, content_type, url)


def _only(document: str | bytes, content_type: str = "application/xml", url: str = URL) -> Entry:
    (entry,) = _parse(document, content_type, url).entries
    return entry


# -- encodings


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "iso-8859-15", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/rss+xml", "application/xml; charset={}", "text/html"]
)
def test_a_french_feed_keeps_its_accents(encoding: str, content_type: str) -> None:
    title = "L’été à Nîmes : « œuvre » à 5 €" if encoding != "iso-8859-1" else "L'été à Nîmes : « ça »"
    title = title.replace("’", "'") if encoding == "iso-8859-15" else title
    document = _rss(
        f"<item><title>{title}</title></item>", declaration=f'<?xml version="1.0" encoding="{encoding}"?>'
    )
    assert _only(document.encode(encoding), content_type.format(encoding)).title == title


def test_windows_1252_that_calls_itself_latin_1_keeps_its_quotes() -> None:
    document = _rss(
        "<item><title>L’œuvre</title></item>", declaration='<?xml version="1.0" encoding="iso-8859-1"?>'
    )
    assert _only(document.encode("windows-1252"), "text/xml").title == "L’œuvre"


@pytest.mark.parametrize(
    "content_type", ["application/xml; charset=iso-8859-1", "text/xml; charset=ISO-8859-1"]
)
def test_a_server_that_calls_every_text_latin_1_does_not_spoil_utf_8(content_type: str) -> None:
    assert _only(_rss("<item><title>Été</title></item>"), content_type).title == "Été"


def test_a_latin_1_feed_without_any_label_is_read() -> None:
    document = "<rss version='2.0'><channel><item><title>Été à Nîmes</title></item></channel></rss>"
    assert _only(document.encode("iso-8859-1"), "text/xml").title == "Été à Nîmes"


def test_what_was_encoded_twice_is_put_right_and_rare_french_is_left_alone() -> None:
    twice = "l’héroïne « à » l’œil".encode().decode("windows-1252")
    assert _only(_rss(f"<item><title>{twice}</title></item>")).title == "l’héroïne « à » l’œil"
    for right in ("«CAFÉ»", "château âgé", "L'Â»", "São Paulo Â"):
        assert title_of(right, kind="text") in {right, "L'»"}


def test_a_declared_encoding_that_is_none_of_text_is_an_error_with_a_name() -> None:
    document = _rss("<item><title>x</title></item>", declaration='<?xml version="1.0" encoding="punycode"?>')
    with pytest.raises(FeedError) as caught:
        _parse(document)
    assert caught.value.code == ENCODING


# -- titles and texts


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("a &lt; b", "a < b"),
        ("if x &lt;y and y&gt; z", "if x <y and y> z"),
        ("The &lt;b&gt; element", "The <b> element"),
        ("A &lt;b&gt;bold&lt;/b&gt; claim", "A bold claim"),
        ("one&lt;br/&gt;two", "one two"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("L&amp;#8217;&amp;eacute;t&amp;eacute;", "L’été"),
        ("&amp;lt;script&amp;gt; explained", "<script> explained"),
        ("Vector&lt;double&gt; or List&lt;T&gt;", "Vector<double> or List<T>"),
        ("?a=1&amp;copy=2", "?a=1&copy=2"),
        ("  many \n spaces ", "many spaces"),
        ("<![CDATA[<em>Le</em> d&eacute;but]]>", "Le début"),
        ("x" * 5_000, "x" * 1_000),
    ],
)
def test_an_rss_title_is_text_whatever_its_publisher_meant(raw: str, title: str) -> None:
    assert _only(_rss(f"<item><title>{raw}</title></item>")).title == title


@pytest.mark.parametrize(
    ("kind", "raw", "title"),
    [
        ("text", "The &lt;b&gt;bold&lt;/b&gt; element", "The <b>bold</b> element"),
        ("html", "The &lt;b&gt;bold&lt;/b&gt; &amp;amp; brave", "The bold & brave"),
        (
            "xhtml",
            "<div xmlns='http://www.w3.org/1999/xhtml'>The <b>bold</b> &amp; brave</div>",
            "The bold & brave",
        ),
    ],
)
def test_an_atom_title_is_what_its_type_says(kind: str, raw: str, title: str) -> None:
    assert _only(_atom(f"<entry><title type='{kind}'>{raw}</title></entry>")).title == title


def test_the_longer_of_content_and_description_is_the_text() -> None:
    namespace = "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    long, short = "<p>The whole story.</p><p>Its second paragraph.</p>", "The story."
    for content, description in ((long, short), (short, long)):
        entry = _only(
            _rss(
                f"<item><title>t</title><description>{escape(description)}</description>"
                f"<content:encoded {namespace}>{escape(content)}</content:encoded></item>"
            )
        )
        assert (entry.text, entry.summary) == ("The whole story.\n\nIts second paragraph.", "The story.")


def test_a_text_is_stored_once() -> None:
    entry = _only(_rss("<item><title>t</title><description>The story.</description></item>"))
    assert (entry.text, entry.summary) == ("The story.", "")


def test_markup_and_script_are_not_text() -> None:
    body = escape("<script>alert(1)</script><style>x{}</style><p onclick=x>Read <b>this</b>.</p>")
    assert _only(_rss(f"<item><title>t</title><description>{body}</description></item>")).text == "Read this."


# -- addresses


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x.example/", "http://"]
)
def test_a_link_that_is_not_on_the_web_is_none(link: str) -> None:
    assert _only(_rss(f"<item><title>t</title><link>{link}</link></item>")).link is None


def test_relative_links_are_made_absolute() -> None:
    feed = _parse(_rss("<item><title>t</title><link>/a?b=1&amp;c=2</link></item>", head="<link>..</link>"))
    assert feed.entries[0].link == "https://site.example/a?b=1&c=2"
    assert feed.site_url == "https://site.example/"


def test_xml_base_is_honoured_for_links_and_pictures() -> None:
    entry = _only(
        _atom(
            "<entry><title>t</title><link href='a'/>"
            "<content type='html'>&lt;img src='i.png'></content></entry>",
            "xml:base='https://other.example/dir/'",
        )
    )
    assert entry.link == "https://other.example/dir/a"
    assert entry.image == "https://other.example/dir/i.png"


def test_a_guid_stays_as_it_is_written_when_the_feed_moves() -> None:
    document = _rss("<item><guid>4711</guid><link>/a</link></item>")
    guids = {_only(document, url=url).guid for url in (URL, "http://elsewhere.example/feed")}
    assert guids == {"4711"}


def test_a_guid_that_is_an_address_is_the_link_where_there_is_no_other() -> None:
    guid = "https://site.example/a"
    assert _only(_rss(f"<item><title>t</title><guid>{guid}</guid></item>")).link == guid
    assert _only(_rss(f"<item><title>t</title><guid isPermaLink='false'>{guid}</guid></item>")).link == guid


def test_a_very_long_guid_still_tells_entries_apart() -> None:
    items = "".join(f"<item><guid>{'x' * 9_000}{end}</guid></item>" for end in "ab")
    first, second = _parse(_rss(items)).entries
    assert first.guid != second.guid
    assert first.guid is not None
    assert len(first.guid) < 100


# -- pictures, people, tags, languages, dates


@pytest.mark.parametrize(
    ("inside", "image"),
    [
        (
            (
                "<media:content url='/a.jpg' medium='image' width='100'/>"
                "<media:content url='/b.jpg' medium='image' width='900'/>"
            ),
            "/b.jpg",
        ),
        ("<media:content url='/a.mp4' type='video/mp4'/><media:thumbnail url='/t.jpg'/>", "/t.jpg"),
        ("<enclosure url='/e.png' type='image/png' length='1'/>", "/e.png"),
        ("<enclosure url='/e.mp3' type='audio/mpeg' length='1'/>", None),
        ("<itunes:image href='/i.jpg'/>", "/i.jpg"),
        (
            "<description>&lt;img src='/pixel.gif' width=1 height=1>&lt;img src='/h.jpg'></description>",
            "/h.jpg",
        ),
        ("<enclosure url='javascript:x' type='image/png' length='1'/>", None),
    ],
)
def test_the_picture_is_the_one_that_the_entry_names(inside: str, image: str | None) -> None:
    document = _rss(f"<item><title>t</title>{inside}</item>").replace(
        "<rss ",
        "<rss xmlns:media='http://search.yahoo.com/mrss/'"
        " xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' ",
    )
    assert _only(document).image == (f"https://site.example{image}" if image else None)


def test_tags_are_few_and_short() -> None:
    tags = "".join(f"<category>tag {number}{'x' * 200}</category>" for number in range(40))
    entry = _only(_rss(f"<item><title>t</title>{tags}</item>"))
    assert len(entry.tags) == 20
    assert max(map(len, entry.tags)) == 100


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("me@site.example (Ann Ø)", "Ann Ø"),
        ("Ann Ø &lt;me@site.example>", "Ann Ø"),
        ("Ann Ø (me@site.media)", "Ann Ø"),
        ("me@site.example", None),
        ("Ann &amp;amp; &lt;b>Bob&lt;/b>", "Ann & Bob"),
        ("@" * 50_000, None),
    ],
)
def test_an_author_is_a_name_without_an_address(author: str, name: str | None) -> None:
    assert _only(_rss(f"<item><title>t</title><author>{author}</author></item>")).author == name


def test_an_entry_s_own_language_beats_the_feed_s() -> None:
    feed = _parse(
        _atom(
            "<entry xml:lang='fr'><title>t</title><content>x</content></entry>"
            "<entry><title>u</title><content>y</content></entry>",
            "xml:lang='EN_us'",
        )
    )
    assert (feed.language, feed.entries[0].language, feed.entries[1].language) == ("en-us", "fr", "en-us")


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Tue, 10 Jun 2003 04:00:00 GMT", 1_055_217_600),
        ("2003-06-10T06:00:00+02:00", 1_055_217_600),
        ("2020/1/10", 1_578_614_400),
        ("some day", None),
        ("", None),
    ],
)
def test_dates_are_read_as_they_are_written(date: str, seconds: int | None) -> None:
    assert _only(_rss(f"<item><title>t</title><pubDate>{date}</pubDate></item>")).published == seconds


# -- what a feed says of itself


def test_the_publisher_s_wishes_are_read() -> None:
    feed = _parse(
        _rss(
            "",
            head="<ttl>90</ttl>"
            "<skipHours><hour>0</hour><hour> 23 </hour><hour>24</hour><hour>77</hour></skipHours>"
            "<skipDays><day>Sunday</day><day>Caturday</day></skipDays>",
        )
    )
    assert (feed.ttl, feed.skip_hours, feed.skip_days) == (5_400, frozenset({0, 23}), frozenset({6}))


def test_the_syndication_module_is_a_wish_too() -> None:
    head = "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
    document = _rss("", head=head).replace(
        "<rss ", "<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' "
    )
    assert _parse(document).ttl == 1_800


def test_a_feed_without_entries_is_a_feed() -> None:
    assert _parse(_rss("")).entries == ()
    assert _parse(_atom("")).format == "atom10"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "   \n",
        "<!DOCTYPE html><html><head><title>Page</title></head></html>",
        "<!-- x --><html lang=en><body><item>1</item></body></html>",
        "<note><to>Ana</to></note>",
        "just words",
        '{"message": "not found"}',
        '{"items": [1, 2]}',
        "[1, 2]",
        "{" * 100_000,
        '{"items":' + "[" * 100_000,
        "\x00\x01\x02\xff",
    ],
)
def test_what_is_no_feed_says_so(document: str) -> None:
    with pytest.raises(FeedError) as caught:
        _parse(document)
    assert caught.value.code == NOT_A_FEED


def test_a_feed_after_white_space_or_a_warning_of_php_is_read_all_the_same() -> None:
    document = _rss("<item><title>t</title></item>")
    assert _only("\n\n  " + document).title == "t"
    assert _only("<br /><b>Warning</b>: x in y.php" + document).title == "t"


def test_a_document_cut_short_gives_what_is_whole_and_names_the_problem() -> None:
    document = _rss("<item><title>one</title></item><item><title>two</title></item>")
    feed = _parse(document[:-40])
    assert feed.entries[0].title == "one"
    assert feed.problem


def test_only_so_many_entries_and_so_much_text_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ENTRIES", 10)
    monkeypatch.setattr(entries, "MAX_ALL_TEXT", 100)
    many = _parse(rss(*(item(number) for number in range(12))))
    assert [entry.guid for entry in many.entries] == [f"article-{number}" for number in range(10)]
    assert many.problem == "more than 10 entries"
    large = _parse(rss(*(item(number, body="x" * 60) for number in range(2))))
    assert [len(entry.text) for entry in large.entries] == [60, 0]
    assert large.problem == "more than 100 characters of text"


# -- fingerprints


def _fingerprint(**changes: str) -> bytes:
    parts = {
        "title": "t",
        "link": "https://site.example/a",
        "description": "d &lt;img src='/i.jpg?sig=1'>",
        "author": "ann",
        "pubDate": "Tue, 10 Jun 2003 04:00:00 GMT",
    }
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in (parts | changes).items())
    return _only(_rss(f"<item>{inside}</item>")).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"pubDate": "Wed, 11 Jun 2003 04:00:00 GMT"},
        {"link": "https://site.example/a?utm_source=rss#xtor=RSS-3"},
        {"description": "d &lt;img src='/i.jpg?sig=2'>"},
        {"description": "&lt;p>d&lt;/p> &lt;img src='/i.jpg?sig=1'>"},
        {"category": "new"},
    ],
)
def test_what_a_reader_does_not_see_is_no_change(changes: dict[str, str]) -> None:
    assert _fingerprint(**changes) == _fingerprint()


@pytest.mark.parametrize(
    "changes", [{"title": "T"}, {"description": "e"}, {"author": "bob"}, {"link": "https://site.example/b"}]
)
def test_what_a_reader_sees_is_a_change(changes: dict[str, str]) -> None:
    assert _fingerprint(**changes) != _fingerprint()
    assert len(_fingerprint(**changes)) == 16


def test_the_hash_of_entries_ignores_the_head_of_a_document_and_nothing_else() -> None:
    def document(*, date: str, title: str) -> bytes:
        head = f"<lastBuildDate>{date}</lastBuildDate><items>x</items>"
        return _rss(f"<item><title>{title}</title></item>", head=head).encode()

    assert entries_hash(document(date="1", title="t")) == entries_hash(document(date="2", title="t"))
    assert entries_hash(document(date="1", title="t")) != entries_hash(document(date="1", title="u"))
    assert entries_hash(b'{"x": 1, "items": [1]}') == entries_hash(b'{"x": 2, "items": [1]}')
    assert entries_hash(b"<rss>1</rss>") != entries_hash(b"<rss>2</rss>")
    assert len(entries_hash(b"")) == 16


# -- JSON Feed


def test_a_json_feed_is_read() -> None:
    feed = _parse(
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "Été <b>",
                "home_page_url": "/",
                "language": "fr-FR",
                "favicon": "/icon.png",
                "items": [
                    {
                        "id": 12,
                        "url": "a",
                        "title": "Titre",
                        "content_html": "<p>Un.</p><img src='/i.png'>",
                        "summary": "U.",
                        "date_published": "2020-01-10T00:00:00Z",
                        "authors": [{"name": "Ann"}, {"name": "Bob"}, {}],
                        "tags": ["x", 3, "X"],
                    },
                    {"id": "https://site.example/b", "content_text": "a < b", "author": {"name": "Old"}},
                    "nonsense",
                ],
            }
        )
    )
    assert (feed.title, feed.format, feed.language, feed.icon) == (
        "Été <b>",
        "json11",
        "fr-fr",
        "https://site.example/icon.png",
    )
    first, second = feed.entries
    assert (first.guid, first.link, first.title, first.text, first.summary) == (
        "12",
        "https://site.example/feeds/a",
        "Titre",
        "Un.",
        "U.",
    )
    assert (first.image, first.author, first.tags, first.published) == (
        "https://site.example/i.png",
        "Ann, Bob",
        ("x",),
        1_578_614_400,
    )
    assert (second.link, second.text, second.author) == ("https://site.example/b", "a < b", "Old")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = [
    "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
    "date_published", "date_modified", "author", "authors", "tags", "language", "attachments",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(st.dictionaries(st.sampled_from(_MEMBERS), _JSON, max_size=6), max_size=4),
    members=st.dictionaries(
        st.sampled_from(["title", "language", "home_page_url", "icon", "favicon"]), _JSON
    ),
)
def test_members_of_any_type_do_not_break_a_json_feed(
    items: list[dict[str, object]], members: dict[str, object]
) -> None:
    document = {"version": "https://jsonfeed.org/version/1", "items": items} | members
    for entry in _parse(json.dumps(document)).entries:
        _check(entry)


# -- anything


def _check(entry: Entry) -> None:
    assert len(entry.fingerprint) == 16
    assert len(entry.title) <= entries.MAX_TITLE
    assert len(entry.text) <= entries.MAX_TEXT
    assert "\n" not in entry.title
    for address in (entry.link, entry.image):
        assert address is None or address.startswith(("http://", "https://"))
    for text in (entry.title, entry.text, entry.summary, entry.author or "", entry.guid or "", *entry.tags):
        text.encode()
        assert "\x00" not in text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mangled_feed_gives_entries_or_an_error_with_a_name(data: st.DataObject) -> None:
    document = bytearray(
        rss(*(item(n, body="<p>é&amp;</p>", published=1_500_000_000) for n in range(3))).encode()
    )
    for _ in range(data.draw(st.integers(1, 12))):
        position = data.draw(st.integers(0, len(document) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                document[position] = data.draw(st.integers(0, 255))
            case 1:
                del document[position : position + data.draw(st.integers(1, 80))]
            case _:
                document[position:position] = data.draw(
                    st.sampled_from([b"<", b"&", b"]]>", b"<!--", b"&#xD800;", b"\0"])
                )
    try:
        feed = _parse(bytes(document))
    except FeedError:
        return
    for entry in feed.entries:
        _check(entry)


def _real() -> list[Path]:
    files = sorted(
        path for path in shared("feeds/real").rglob("*.*") if path.suffix in {".rss", ".atom", ".rdf"}
    )
    return files if len(files) < 60 else random.Random(1).sample(files, 60)


def test_a_real_feed_loses_no_entry_and_no_title() -> None:
    for path in _real():
        source = path.read_bytes()
        theirs = feedparser.parse(BytesIO(source), sanitize_html=False, resolve_relative_uris=False)
        ours = _parse(source, "").entries
        assert len(ours) == len(theirs.entries), path.name
        assert sum(bool(entry.title) for entry in ours) == sum(
            bool(entry.get("title")) for entry in theirs.entries
        )
        assert all(
            entry.link or not found.get("link") for entry, found in zip(ours, theirs.entries, strict=True)
        )
        for entry in ours:
            _check(entry)
