"""Mapping of RSS and Atom, as parsed by feedparser, to entries."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any

from bot.core.models import Entry, ParsedFeed
from bot.core.received_values import parse_clamped_integer, parse_integer
from bot.feeds.fetch_errors import NOT_A_FEED, FeedError
from bot.feeds.parsing import entries
from bot.text.times import feed_dates

_PERIOD_SECONDS = {
    "hourly": 3_600,
    "daily": 86_400,
    "weekly": 7 * 86_400,
    "monthly": 30 * 86_400,
    "yearly": 365 * 86_400,
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SKIP_HOURS_PATTERN = re.compile(rb"<skipHours>(.{0,4000}?)</skipHours>", re.DOTALL)
_SKIP_DAYS_PATTERN = re.compile(rb"<skipDays>(.{0,4000}?)</skipDays>", re.DOTALL)
_HEAD_BYTES = 64 * 1024
_END_TAG_PATTERN = re.compile(rb"</(?:[\w.-]{1,20}:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_MAX_PROLOG_BYTES = 16 * 1024
"""Maximum number of bytes before the first element: feedparser's time is quadratic in them."""
_FIRST_ELEMENT_PATTERN = re.compile(rb"<\x00{0,3}\w")
"""Pattern of the beginning of an element in any encoding of Unicode."""
_TAIL_BYTES = 4_096
_DECLARED_ENCODING_PATTERN = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET_PATTERN = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_UNRELIABLE_ENCODINGS = {
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "latin1",
    "iso-8859-15",
    "windows-1252",
}
_HIGH_REFERENCE_PATTERN = re.compile(rb"&#(?:[xX]0*([0-9a-fA-F]{4,})|0*([0-9]{5,}));?")
_REFERENCE_PAIR_PATTERN = re.compile(
    rb"&#(?:[xX]([dD][89abAB][0-9a-fA-F]{2})|(5[56][0-9]{3}));"
    rb"&#(?:[xX]([dD][c-fC-F][0-9a-fA-F]{2})|(5[67][0-9]{3}));"
)
_MARKUP_TYPES = {"text/html", "application/xhtml+xml"}
_PICTURE_URL_PATTERN = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_AUTHOR_WITH_ADDRESS_PATTERN = re.compile(r"\s*(?:[^\s()<>@]+@\S+\s+\((.+)\)|(.+?)\s*[<(][^\s()<>@]+@[^\s<>]+[>)])\s*$")
"""Pattern of an author as in RSS 2.0, `a@site.example (Ann)`, or of a mailbox, `Ann <a@site.example>`."""
_MAX_AUTHOR_CHARS = 200
_MAX_NUMBER = 99_999_999
"""Maximum of a picture's width in pixels, and of a publisher's minutes and number of updates in a period."""
_MAX_LIST_LENGTH = 50

TRUNCATED_WARNING = "cut short"
"""Warning for a document that breaks off before its end tag: it may have had more entries."""

FeedParserDict = dict[str, Any]
"""Dictionary of feedparser, in which some keys are aliases of others."""


def parse_xml(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Parse RSS or Atom with feedparser, except dates: feedparser reads 2020/1/10 as November.

    An entry within which the document breaks off, and entries without title, link, guid and text, are left out.
    Raises FeedError (not-a-feed), and whatever feedparser raises.
    """
    import feedparser  # noqa: PLC0415 - a megabyte that only a worker needs

    if _FIRST_ELEMENT_PATTERN.search(body[:_MAX_PROLOG_BYTES]) is None and len(body) > _MAX_PROLOG_BYTES:
        raise FeedError(NOT_A_FEED, f"no element in the first {_MAX_PROLOG_BYTES} bytes")
    document = feedparser.parse(
        BytesIO(_fix_character_references(body)),  # feedparser takes bytes for a file name
        # Without a content-location feedparser leaves guids as they are; made absolute, they would all change
        # when the feed moves.
        response_headers={"content-type": _select_content_type(body, content_type)},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not document.version and not document.entries:
        raise FeedError(NOT_A_FEED, "neither RSS nor Atom")
    feed = document.feed
    language = entries.parse_language_tag(feed.get("language")) or entries.parse_language_tag(
        (feed.get("title_detail") or {}).get("language")
    )
    is_atom = document.version.startswith("atom")
    warning = _find_parse_warning(document, body)
    raw_entries = document.entries[:-1] if warning == TRUNCATED_WARNING and _is_truncated(body) else document.entries
    accepted_entries, limit_warning = entries.limit_entries(
        _build_entry(raw_entry, url, language, is_atom=is_atom)
        for raw_entry in islice(raw_entries, entries.MAX_ENTRIES + 1)
    )
    head = body[:_HEAD_BYTES]
    return ParsedFeed(
        title=_clean_title(feed, is_atom=is_atom),
        site_url=entries.resolve_url(feed.get("link"), url),
        language=language,
        icon_url=_find_icon(feed, url),
        format=document.version,
        ttl=_find_update_interval(feed),
        skip_hours=frozenset(_iter_skipped_hours(head)),
        skip_days=frozenset(_iter_skipped_days(head)),
        hub_url=_find_link(feed, "hub", url),
        self_url=_find_link(feed, "self", url),
        entries=tuple(entry for entry in accepted_entries if entry.title or entry.link or entry.guid or entry.text),
        parse_warning=warning or limit_warning,
    )


def _fix_character_references(body: bytes) -> bytes:
    """Return a document without references to characters that do not exist: feedparser fails on surrogates.

    A surrogate pair, as some publishers write an emoji, becomes a reference to its character.
    """
    if b"&#" not in body:
        return body
    return _HIGH_REFERENCE_PATTERN.sub(_replace_invalid_reference, _REFERENCE_PAIR_PATTERN.sub(_join_surrogates, body))


def _parse_code_point(hexadecimal: bytes | None, decimal: bytes | None) -> int:
    return int(hexadecimal[:9], 16) if hexadecimal else int((decimal or b"0")[:9])


def _join_surrogates(match: re.Match[bytes]) -> bytes:
    high_surrogate, low_surrogate = (
        _parse_code_point(match[1], match[2]),
        _parse_code_point(match[3], match[4]),
    )
    if 0xD800 <= high_surrogate < 0xDC00 <= low_surrogate < 0xE000:  # noqa: PLR2004 - The Unicode Standard, section 3.9 (D91)
        return b"&#%d;" % (0x10000 + (high_surrogate - 0xD800 << 10) + low_surrogate - 0xDC00)
    return match[0]


def _replace_invalid_reference(match: re.Match[bytes]) -> bytes:
    code_point = _parse_code_point(match[1], match[2])
    return match[0] if code_point < 0xD800 or 0xE000 <= code_point <= sys.maxunicode else b"&#65533;"  # noqa: PLR2004 - surrogates


def _select_content_type(body: bytes, content_type: str) -> str:
    """Return the content type to parse with: valid UTF-8 is UTF-8, even if labelled as Latin-1."""
    encoding_match = _DECLARED_ENCODING_PATTERN.match(body[:300].removeprefix(b"\xef\xbb\xbf"))
    charset_match = _CHARSET_PATTERN.search(content_type)
    encoding_labels = [encoding_match[1].decode("ascii", "replace")] if encoding_match else []
    encoding_labels += [charset_match[1]] if charset_match else []
    if not body.isascii() and all(label.lower() in _UNRELIABLE_ENCODINGS for label in encoding_labels):
        try:
            body.decode()
        except UnicodeDecodeError:
            pass
        else:
            return "application/xml; charset=utf-8"
    return content_type or "application/xml"


def _build_entry(raw_entry: FeedParserDict, base_url: str, feed_language: str | None, *, is_atom: bool) -> Entry:
    contents = [content for content in raw_entry.get("content", ())[:_MAX_LIST_LENGTH] if content.get("value")]
    content: FeedParserDict = max(contents, key=lambda content: len(content["value"]), default={})
    summary_detail = raw_entry.get("summary_detail") or {"value": raw_entry.get("summary") or ""}
    summary, text = sorted((_extract_text(content), _extract_text(summary_detail)), key=len)
    guid = entries.parse_guid(raw_entry.get("id"))
    published = _find_date(raw_entry, "published", "created", "issued")
    updated = _find_date(raw_entry, "updated")
    text_detail = content or summary_detail
    audio_url = _find_audio(raw_entry, base_url)
    comments_url = _find_comments_url(raw_entry, base_url)
    return entries.add_fingerprint(
        Entry(
            guid=guid,
            link=_find_entry_url(raw_entry, base_url, guid) or audio_url,
            title=_clean_title(raw_entry, is_atom=is_atom),
            summary="" if summary == text else summary,
            text=text,
            author=_find_author(raw_entry, is_atom=is_atom),
            tags=entries.clean_tags(
                tag.get("label") or tag.get("term") for tag in raw_entry.get("tags", ())[:_MAX_LIST_LENGTH]
            ),
            image_url=_find_image(raw_entry, base_url)
            or _find_content_image(content, base_url)
            or _find_content_image(summary_detail, base_url),
            published=updated if published is None else published,
            updated=updated,
            language=entries.parse_language_tag(raw_entry.get("language"))
            or entries.parse_language_tag(text_detail.get("language"))
            or feed_language,
            audio_url=audio_url,
            duration_seconds=entries.parse_duration(raw_entry.get("itunes_duration")) if audio_url else None,
            comments_url=comments_url,
            comment_count=_find_comment_count(raw_entry) if comments_url else None,
        )
    )


def _find_link(feed: FeedParserDict, relation: str, base_url: str) -> str | None:
    links = (link.get("href") for link in feed.get("links", ())[:_MAX_LIST_LENGTH] if link.get("rel") == relation)
    return entries.resolve_first_url(links, base_url)


def _clean_title(raw_element: FeedParserDict, *, is_atom: bool) -> str:
    title_detail = raw_element.get("title_detail") or {}
    kind = "either"
    if is_atom:
        kind = "markup" if title_detail.get("type") in _MARKUP_TYPES else "text"
    return entries.clean_title(raw_element.get("title") or "", kind=kind)


def _extract_text(content: FeedParserDict) -> str:
    markup = content.get("value") or ""
    is_plain_text = content.get("type") == "text/plain" and "<" not in markup and "&" not in markup
    return entries.extract_text(markup, is_plain_text=is_plain_text)


def _find_entry_url(raw_entry: FeedParserDict, base_url: str, guid: str | None) -> str | None:
    candidate_urls = [raw_entry.get("feedburner_origlink"), raw_entry.get("link")]
    candidate_urls += [
        link.get("href") for link in raw_entry.get("links", ())[:_MAX_LIST_LENGTH] if link.get("rel") == "alternate"
    ]
    if guid and guid.startswith(("http://", "https://")):
        candidate_urls.append(guid)
    return entries.resolve_first_url(candidate_urls, base_url)


def _find_author(raw_entry: FeedParserDict, *, is_atom: bool) -> str | None:
    authors = raw_entry.get("authors", ())[:5]
    names = [author.get("name") for author in authors if author.get("name")]
    author_text = (raw_entry.get("author") or "")[:_MAX_AUTHOR_CHARS]
    if not is_atom and "@" in author_text:  # feedparser takes half of a long domain for the name
        match = _AUTHOR_WITH_ADDRESS_PATTERN.match(author_text)
        names = [match[1] or match[2]] if match else []
    return entries.clean_title(", ".join(dict.fromkeys(names)), kind="either")[:_MAX_AUTHOR_CHARS] or None


def _find_date(raw_entry: FeedParserDict, *names: str) -> int | None:
    texts = (dict.get(raw_entry, name) for name in names)
    return next(
        (timestamp for text in texts if text and (timestamp := feed_dates.parse_date(text[:200])) is not None),
        None,
    )


def _find_image(raw_entry: FeedParserDict, base_url: str) -> str | None:
    """Return the URL of the picture that an entry names, or None if there is none.

    The widest `media:content` comes first, then thumbnails, enclosures and the image of the entry.
    """
    media_items = [
        media_item for media_item in raw_entry.get("media_content", ())[:_MAX_LIST_LENGTH] if _is_picture(media_item)
    ]
    media_items.sort(key=_get_width, reverse=True)
    candidate_urls = [picture.get("url") for picture in media_items]
    candidate_urls += [thumbnail.get("url") for thumbnail in raw_entry.get("media_thumbnail", ())[:_MAX_LIST_LENGTH]]
    candidate_urls += [
        enclosure.get("href")
        for enclosure in raw_entry.get("enclosures", ())[:_MAX_LIST_LENGTH]
        if _is_picture(enclosure)
    ]
    candidate_urls.append((raw_entry.get("image") or {}).get("href"))
    return entries.resolve_first_url(candidate_urls, base_url)


def _find_audio(raw_entry: FeedParserDict, base_url: str) -> str | None:
    """Return the URL of a podcast episode (RSS 2.0, `enclosure`), or None if the entry has none."""
    enclosures = raw_entry.get("enclosures", ())[:_MAX_LIST_LENGTH]
    audio_urls = (
        enclosure.get("href") for enclosure in enclosures if (enclosure.get("type") or "").startswith("audio/")
    )
    return entries.resolve_first_url(audio_urls, base_url)


def _list_reply_links(raw_entry: FeedParserDict) -> list[FeedParserDict]:
    """Return the links to pages with replies to an entry (RFC 4685, section 4), without those to feeds of replies."""
    return [
        link
        for link in raw_entry.get("links", ())[:_MAX_LIST_LENGTH]
        if link.get("rel") == "replies" and (link.get("type") or "text/html") in _MARKUP_TYPES
    ]


def _find_comments_url(raw_entry: FeedParserDict, base_url: str) -> str | None:
    """Return the URL of the discussion of an entry (RSS `comments`, Atom `replies`), or None if there is none."""
    candidate_urls = [raw_entry.get("comments"), *(link.get("href") for link in _list_reply_links(raw_entry))]
    return next(filter(None, (entries.resolve_public_url(url, base_url) for url in candidate_urls)), None)


def _find_comment_count(raw_entry: FeedParserDict) -> int | None:
    """Return the number of comments on an entry (`slash:comments`, `thr:total`, `thr:count`), or None if unknown."""
    candidate_texts = [raw_entry.get("slash_comments"), raw_entry.get("thr_total")]
    candidate_texts += [link.get("thr:count") for link in _list_reply_links(raw_entry)]
    counts = (entries.parse_count(text) for text in candidate_texts)
    return next((count for count in counts if count is not None), None)


def _find_content_image(content: FeedParserDict, base_url: str) -> str | None:
    return entries.find_image(
        content.get("value") or "", entries.resolve_url(content.get("base"), base_url) or base_url
    )


def _is_picture(media: FeedParserDict) -> bool:
    media_kind = media.get("medium") or (media.get("type") or "").partition("/")[0]
    return media_kind == "image" or (
        not media_kind and bool(_PICTURE_URL_PATTERN.search(media.get("url") or media.get("href") or ""))
    )


def _get_width(media: FeedParserDict) -> int:
    return parse_integer(media.get("width"), maximum=_MAX_NUMBER) or 0


def _find_icon(feed: FeedParserDict, base_url: str) -> str | None:
    image = feed.get("image") or {}
    return entries.resolve_first_url((feed.get("icon"), image.get("href"), feed.get("logo")), base_url)


def _find_update_interval(feed: FeedParserDict) -> int | None:
    """Return the publisher's update interval in seconds, or None if the feed names none.

    RSS `ttl` is in minutes; `sy:updatePeriod` is divided by `sy:updateFrequency` (RSS 1.0 modules).
    """
    intervals = []
    if ttl := parse_clamped_integer(feed.get("ttl"), maximum=_MAX_NUMBER):
        intervals.append(ttl * 60)
    period = _PERIOD_SECONDS.get(str(feed.get("sy_updateperiod") or "").strip().lower())
    if period:
        intervals.append(period // (parse_clamped_integer(feed.get("sy_updatefrequency"), maximum=_MAX_NUMBER) or 1))
    return max(intervals, default=0) or None


def _iter_skipped_hours(head: bytes) -> Iterator[int]:
    if skip_hours_match := _SKIP_HOURS_PATTERN.search(head):
        for hour in re.findall(rb"<hour>\s*(\d{1,2})\s*</hour>", skip_hours_match[1]):
            if (number := parse_integer(hour.decode(), maximum=24)) is not None:  # both 0 and 24 name midnight
                yield number % 24


def _iter_skipped_days(head: bytes) -> Iterator[int]:
    if skip_days_match := _SKIP_DAYS_PATTERN.search(head):
        for day in re.findall(rb"<day>\s*(\w{1,12})\s*</day>", skip_days_match[1]):
            if day.decode("ascii", "replace").lower() in _WEEKDAYS:
                yield _WEEKDAYS.index(day.decode().lower())


def _is_truncated(body: bytes) -> bool:
    """Return whether a document breaks off within an entry."""
    return any(body.rfind(b"<" + name) > body.rfind(b"</" + name) for name in (b"item", b"entry"))


def _find_parse_warning(document: FeedParserDict, body: bytes) -> str | None:
    import feedparser  # noqa: PLC0415 - a megabyte that only a worker needs

    error = document.get("bozo_exception")
    if error and not _END_TAG_PATTERN.search(body[-_TAIL_BYTES:].replace(b"\x00", b"")):
        return TRUNCATED_WARNING
    harmless_errors = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
    return f"{type(error).__name__}: {error}"[:200] if error and not isinstance(error, harmless_errors) else None
