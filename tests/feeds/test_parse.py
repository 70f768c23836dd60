"""Parsing of entries: titles, texts, links, pictures, dates and fingerprints."""

from __future__ import annotations

from html import escape

from bot.feeds.parsing.parse import hash_entries
from tests.feeds.documents import URL, build_atom, build_rss, parse_document, parse_only_entry
from tests.support.cases import check_cases

# -- titles and texts


@check_cases(
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
def test_rss_title_is_plain_text(raw, title):
    assert parse_only_entry(build_rss(f"<item><title>{raw}</title></item>")).title == title


@check_cases(
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
def test_atom_title_follows_its_type(kind, raw, title):
    assert parse_only_entry(build_atom(f"<entry><title type='{kind}'>{raw}</title></entry>")).title == title


def test_longer_of_content_and_description_is_text():
    namespace = "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    long, short = "<p>The whole story.</p><p>Its second paragraph.</p>", "The story."
    for content, description in ((long, short), (short, long)):
        entry = parse_only_entry(
            build_rss(
                f"<item><title>t</title><description>{escape(description)}</description>"
                f"<content:encoded {namespace}>{escape(content)}</content:encoded></item>"
            )
        )
        assert (entry.text, entry.summary) == ("The whole story.\n\nIts second paragraph.", "The story.")


def test_only_text_is_not_repeated_as_summary():
    entry = parse_only_entry(build_rss("<item><title>t</title><description>The story.</description></item>"))
    assert (entry.text, entry.summary) == ("The story.", "")


def test_markup_and_scripts_are_stripped():
    body = escape("<script>alert(1)</script><style>x{}</style><p onclick=x>Read <b>this</b>.</p>")
    assert (
        parse_only_entry(build_rss(f"<item><title>t</title><description>{body}</description></item>")).text
        == "Read this."
    )


# -- addresses


@check_cases("link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x.example/", "http://"])
def test_link_outside_the_web_is_dropped(link):
    assert parse_only_entry(build_rss(f"<item><title>t</title><link>{link}</link></item>")).link is None


def test_relative_links_are_resolved():
    feed = parse_document(build_rss("<item><title>t</title><link>/a?b=1&amp;c=2</link></item>", head="<link>..</link>"))
    assert feed.entries[0].link == "https://site.example/a?b=1&c=2"
    assert feed.site_url == "https://site.example/"


def test_links_and_pictures_are_resolved_against_xml_base():
    entry = parse_only_entry(
        build_atom(
            "<entry><title>t</title><link href='a'/><content type='html'>&lt;img src='i.png'></content></entry>",
            "xml:base='https://other.example/dir/'",
        )
    )
    assert entry.link == "https://other.example/dir/a"
    assert entry.image_url == "https://other.example/dir/i.png"


def test_guid_does_not_depend_on_feed_url():
    document = build_rss("<item><guid>4711</guid><link>/a</link></item>")
    guids = {parse_only_entry(document, url=url).guid for url in (URL, "http://elsewhere.example/feed")}
    assert guids == {"4711"}


def test_url_as_guid_is_link_of_entry_without_link():
    guid = "https://site.example/a"
    assert parse_only_entry(build_rss(f"<item><title>t</title><guid>{guid}</guid></item>")).link == guid
    assert (
        parse_only_entry(build_rss(f"<item><title>t</title><guid isPermaLink='false'>{guid}</guid></item>")).link
        == guid
    )


def test_long_guids_are_shortened_but_distinct():
    items = "".join(f"<item><guid>{'x' * 9_000}{end}</guid></item>" for end in "ab")
    first, second = parse_document(build_rss(items)).entries
    assert first.guid != second.guid
    assert first.guid is not None
    assert len(first.guid) < 100


# -- pictures, people, tags, languages, dates


@check_cases(
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
def test_picture_of_entry_is_chosen(inside, image):
    document = build_rss(f"<item><title>t</title>{inside}</item>").replace(
        "<rss ",
        "<rss xmlns:media='http://search.yahoo.com/mrss/' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' ",
    )
    assert parse_only_entry(document).image_url == (f"https://site.example{image}" if image else None)


def test_tags_are_limited_in_number_and_length():
    tags = "".join(f"<category>tag {number}{'x' * 200}</category>" for number in range(40))
    entry = parse_only_entry(build_rss(f"<item><title>t</title>{tags}</item>"))
    assert len(entry.tags) == 20
    assert max(map(len, entry.tags)) == 100


@check_cases(
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
def test_author_is_name_without_mail_address(author, name):
    assert parse_only_entry(build_rss(f"<item><title>t</title><author>{author}</author></item>")).author == name


def test_language_of_entry_overrides_language_of_feed():
    feed = parse_document(
        build_atom(
            "<entry xml:lang='fr'><title>t</title><content>x</content></entry>"
            "<entry><title>u</title><content>y</content></entry>",
            "xml:lang='EN_us'",
        )
    )
    assert (feed.language, feed.entries[0].language, feed.entries[1].language) == ("en-us", "fr", "en-us")


@check_cases(
    ("date", "seconds"),
    [
        ("Tue, 10 Jun 2003 04:00:00 GMT", 1_055_217_600),
        ("2003-06-10T06:00:00+02:00", 1_055_217_600),
        ("2020/1/10", 1_578_614_400),
        ("some day", None),
        ("", None),
    ],
)
def test_dates_are_parsed_in_common_formats(date, seconds):
    assert parse_only_entry(build_rss(f"<item><title>t</title><pubDate>{date}</pubDate></item>")).published == seconds


# -- fingerprints


def _fingerprint(**changes: str) -> bytes:
    parts = {
        "title": "t",
        "link": "https://site.example/a",
        "description": "d &lt;img src='/i.jpg?sig=1'>",
        "author": "ann",
        "pubDate": "Tue, 10 Jun 2003 04:00:00 GMT",
    }
    inside = "".join(f"<{name}>{element_text}</{name}>" for name, element_text in (parts | changes).items())
    return parse_only_entry(build_rss(f"<item>{inside}</item>")).fingerprint


@check_cases(
    "changes",
    [
        {"pubDate": "Wed, 11 Jun 2003 04:00:00 GMT"},
        {"link": "https://site.example/a?utm_source=rss#xtor=RSS-3"},
        {"description": "d &lt;img src='/i.jpg?sig=2'>"},
        {"description": "&lt;p>d&lt;/p> &lt;img src='/i.jpg?sig=1'>"},
        {"category": "new"},
    ],
)
def test_invisible_change_keeps_fingerprint(changes):
    assert _fingerprint(**changes) == _fingerprint()


@check_cases("changes", [{"title": "T"}, {"description": "e"}, {"author": "bob"}, {"link": "https://site.example/b"}])
def test_visible_change_alters_fingerprint(changes):
    assert _fingerprint(**changes) != _fingerprint()
    assert len(_fingerprint(**changes)) == 16


def test_hash_of_entries_ignores_only_document_head():
    def document(*, date: str, title: str) -> bytes:
        head = f"<lastBuildDate>{date}</lastBuildDate><items>x</items>"
        return build_rss(f"<item><title>{title}</title></item>", head=head).encode()

    assert hash_entries(document(date="1", title="t")) == hash_entries(document(date="2", title="t"))
    assert hash_entries(document(date="1", title="t")) != hash_entries(document(date="1", title="u"))
    assert hash_entries(b'{"x": 1, "items": [1]}') == hash_entries(b'{"x": 2, "items": [1]}')
    assert hash_entries(b"<rss>1</rss>") != hash_entries(b"<rss>2</rss>")
    assert len(hash_entries(b"")) == 16


# -- episodes of podcasts


@check_cases(
    ("raw_duration", "seconds"),
    [
        ("42:10", 2_530),
        ("1:02:03", 3_723),
        ("2530", 2_530),
        ("90:00", 5_400),
        ("0", None),
        ("999999", None),
        ("soon", None),
        ("1:2:3:4", None),
    ],
)
def test_podcast_episode_has_player_duration_and_notes(raw_duration, seconds):
    itunes = "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'"
    episode = parse_only_entry(
        build_rss(
            "<item><title>Bridges</title><guid isPermaLink='false'>7</guid>"
            "<description>&lt;p&gt;With an engineer.&lt;/p&gt;</description>"
            "<enclosure url='/7.jpg' type='image/jpeg'/><enclosure url='/7.mp3?x=1' type='audio/mpeg'/>"
            f"<itunes:duration {itunes}>{raw_duration}</itunes:duration></item>"
        )
    )
    player = "https://site.example/7.mp3?x=1"
    assert (episode.audio_url, episode.duration_seconds, episode.text) == (
        player,
        seconds,
        "With an engineer.",
    )
    assert episode.link == player, "the entry has no other link"


def test_json_feed_episode_has_player_and_duration():
    document = (
        '{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1","url":"https://x.example/1",'
        '"attachments":[{"url":"https://x.example/1.mp3","mime_type":"audio/mpeg","duration_in_seconds":90.5}]}]}'
    )
    episode = parse_only_entry(document)
    assert (episode.link, episode.audio_url, episode.duration_seconds) == (
        "https://x.example/1",
        "https://x.example/1.mp3",
        90,
    )
