"""OPML lists, of which most real ones are not well-formed."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from bot.core.preferences import Filter, FilterMode, PostLook, Style, Template
from bot.feeds.parsing import opml, opml_extension
from bot.feeds.parsing.opml import ChannelOutline, FeedList, Outline, parse_outlines, serialize_opml
from bot.posting.rendering.post_templates import MAX_BODY_LENGTH, MAX_TITLE_OR_FOOTER_LENGTH
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path


def test_outlines_keep_order_without_duplicates():
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


@check_cases(
    "data",
    [
        b'<opml><body><outline text="R&D <x" xmlUrl="https://a.example/?a=1&b=2">',
        b'<outline text="R&D <x" xmlUrl=https://a.example/?a=1&b=2 /></opml></body>',
        b'\xef\xbb\xbf<opml><title>x<body><outline text="R&D &lt;x" xmlUrl="https://a.example/?a=1&b=2"/>',
    ],
)
def test_malformed_xml_is_parsed(data):
    assert [(outline.title, outline.url) for outline in parse_outlines(data).outlines] == [
        ("R&D <x", "https://a.example/?a=1&b=2")
    ]


@check_cases("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_titles_keep_accents_in_every_encoding(encoding):
    document = f'<?xml version="1.0" encoding="{encoding}"?><outline text="Été" xmlUrl="https://a.example/"/>'
    assert parse_outlines(document.encode(encoding)).outlines[0].title == "Été"


def test_huge_or_deep_list_is_limited(monkeypatch):
    monkeypatch.setattr(opml, "MAX_OUTLINES", 50)
    many = "".join(f'<outline text="{n}" xmlUrl="https://a.example/{n}">' for n in range(3_000))
    assert len(parse_outlines(many.encode()).outlines) == 50
    assert parse_outlines(b"<outline " * 100_000).outlines == ()
    assert parse_outlines(b"").outlines == ()


NEWS, TECH = 1_180_000_000_000_000_001, 1_180_000_000_000_000_002


def test_channels_filters_and_looks_survive_export_and_import():
    only = Filter(0, FilterMode.INCLUDE, '"an exact phrase" OR title:<é> -without & more')
    never = Filter(0, FilterMode.EXCLUDE, "crypto", 1_798_761_600)
    url = "https://a.example/f?x=1&y=2"
    channels = (ChannelOutline(NEWS, "#news & more", (never,)), ChannelOutline(TECH, "#tech"))
    look = PostLook(style=Style.COMPACT, shows_image=False, colour=0xFF, prefix='"<', template=Template("{title}\n&"))
    longest_template = Template(
        *("é" * max_length for max_length in (MAX_TITLE_OR_FOOTER_LENGTH, MAX_BODY_LENGTH, 300))
    )
    outlines = (
        Outline("A", url, "https://a.example/", "fr", NEWS, (only, never), look),
        Outline("A", url, None, None, TECH, (), PostLook()),
        Outline("B", "https://b.example/", None, None, TECH, (), PostLook(prefix="é" * 40, template=longest_template)),
    )
    groups = [(channels[0], outlines[:1]), (channels[1], outlines[1:])]
    document = serialize_opml("Server", groups, now=1_780_000_000)
    assert parse_outlines(document) == FeedList(outlines, channels=channels)
    other_prefix = document.replace(b"telex:channel", b"T:channel").replace(b"telex:filters", b"T:filters")
    other_prefix = other_prefix.replace(b"telex:look", b"T:look").replace(b"xmlns:telex", b"xmlns:T")
    assert parse_outlines(other_prefix) == FeedList(outlines, channels=channels)
    other_version = document.replace(b"urn:telex:opml:1", b"urn:telex:opml:2")
    assert parse_outlines(other_version) == FeedList(
        (Outline("A", url, "https://a.example/", "fr"), Outline("B", "https://b.example/", None, None))
    )

    body = ET.fromstring(document).find("body")
    assert body is not None
    assert [group.get("text") for group in body] == ["#news & more", "#tech"]
    assert [feed.get("xmlUrl") for group in body for feed in group] == [url, url, "https://b.example/"]
    extension_names = {name for element in body.iter() for name in element.attrib if "{" in name}
    assert extension_names == {f"{{urn:telex:opml:1}}{name}" for name in ("channel", "filters", "look")}


@check_cases(
    ("attributes", "channel_id", "filters", "unreadable_count"),
    [
        (f'telex:channel="{NEWS}" telex:filters=""', NEWS, (), 0),
        ('telex:channel="-1"', None, (), 0),
        ('telex:channel="99999999999999999999"', None, (), 0),
        ('telex:channel="١١٨٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١"', None, (), 0),
        ('telex:filters="never&#10;maybe x&#10;never@soon x&#10;never@-1 x&#10;never@9999999999999 x"', None, (), 5),
        ('telex:filters="never&#9;&#32;a&#10; never  b "', None, ("a", "b"), 0),
        (f'telex:filters="{"never x&#10;" * 1_000}"', None, ("x",) * 20, 980),
    ],
)
def test_unreadable_channel_or_filter_is_skipped_and_counted(attributes, channel_id, filters, unreadable_count):
    document = f'<opml xmlns:telex="{opml_extension.NAMESPACE}"><outline xmlUrl="https://a.example/" {attributes}/>'
    feed_list = parse_outlines(document.encode())
    (outline,) = feed_list.outlines
    assert (outline.channel_id, tuple(own_filter.query for own_filter in outline.filters)) == (channel_id, filters)
    assert feed_list.unreadable_count == unreadable_count


def test_invalid_look_is_skipped_and_counted():
    looks = [
        "[]",
        "{",
        "null",
        '{"style": "x"}',
        '{"image": "yes"}',
        '{"colour": 16777216}',
        '{"excerpt": -1}',
        '{"x": 1}',
    ]
    looks += ['{"template": 5}', '{"template": {"title": 5}}', '{"prefix": ["a"]}', "[" * 5_000, '{"role": "5"}']
    root = ET.Element("opml", {"xmlns:telex": opml_extension.NAMESPACE})
    for number, look in enumerate(looks):
        ET.SubElement(root, "outline", {"xmlUrl": f"https://a.example/{number}", "telex:look": look})
    feed_list = parse_outlines(ET.tostring(root))
    assert [outline.look for outline in feed_list.outlines] == [None] * len(looks)
    assert feed_list.unreadable_count == len(looks)


def test_role_of_look_is_neither_exported_nor_imported():
    outline = Outline("A", "https://a.example/", None, None, NEWS, (), PostLook(style=Style.HEADLINE, role_id=5))
    document = serialize_opml("x", [(ChannelOutline(NEWS, "#news"), [outline])], now=0)
    assert b"role" not in document
    forged = document.replace(b"{&quot;style&quot;", b"{&quot;role&quot;: 6, &quot;style&quot;")
    assert forged != document
    for list_document in (document, forged):
        assert parse_outlines(list_document).outlines[0].look == PostLook(style=Style.HEADLINE)


def test_declared_entities_are_not_expanded():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x"}">' for n in range(12))
    document = f"""<?xml version="1.0"?><!DOCTYPE opml [{entities} <!ENTITY file SYSTEM "file:///etc/passwd">]>
    <opml xmlns:telex="{opml_extension.NAMESPACE}"><body>
    <outline text="&e11;&file;" xmlUrl="https://a.example/" telex:filters="never &e11;"/></body></opml>"""
    (outline,) = parse_outlines(document.encode()).outlines
    assert (outline.title, outline.filters) == ("&e11;&file;", (Filter(0, FilterMode.EXCLUDE, "&e11;"),))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing(data):
    parse_outlines(b'<outline xmlUrl="https://a.example/"' + data)


def test_real_lists_are_parsed_completely():
    paths = sorted(require_shared_path("opml").rglob("*.opml"))
    feeds = 0
    for path in paths:
        document = path.read_bytes()
        outlines = parse_outlines(document).outlines
        assert outlines, path.name
        assert len(outlines) >= document.lower().count(b"xmlurl=") - 1, path.name  # a stray quotation mark hides three
        feeds += len(outlines)
    assert (len(paths), feeds) == (118, 1_566)
