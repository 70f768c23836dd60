"""Mapping of RSS and Atom, as parsed by feedparser, to entries."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any

from bot.core.models import Entry, ParsedFeed
from bot.feeds.fetch_errors import NOT_A_FEED, FeedError
from bot.feeds.parsing import entries
from bot.text.times import feed_dates

_PERIODS = {
    "hourly": 3_600,
    "daily": 86_400,
    "weekly": 7 * 86_400,
    "monthly": 30 * 86_400,
    "yearly": 365 * 86_400,
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SKIP_HOURS = re.compile(rb"<skipHours>(.{0,4000}?)</skipHours>", re.DOTALL)
_SKIP_DAYS = re.compile(rb"<skipDays>(.{0,4000}?)</skipDays>", re.DOTALL)
_HEAD = 64 * 1024
_END = re.compile(rb"</(?:[\w.-]{1,20}:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_TAIL = 4_096
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_OFTEN_WRONG = {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252"}
_HIGH_REFERENCE = re.compile(rb"&#(?:[xX]0*([0-9a-fA-F]{4,})|0*([0-9]{5,}));?")
_REFERENCE_PAIR = re.compile(
    rb"&#(?:[xX]([dD][89abAB][0-9a-fA-F]{2})|(5[56][0-9]{3}));"
    rb"&#(?:[xX]([dD][c-fC-F][0-9a-fA-F]{2})|(5[67][0-9]{3}));"
)
_MARKUP_TYPES = {"text/html", "application/xhtml+xml"}
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_AUTHOR = re.compile(r"\s*(?:[^\s()<>@]+@\S+\s+\((.+)\)|(.+?)\s*[<(][^\s()<>@]+@[^\s<>]+[>)])\s*$")
"""An author in the form of RSS 2.0, `a@site.example (Ann)`, or a mailbox, `Ann <a@site.example>`."""
_MAX_AUTHOR = 200
_MAX_LISTED = 50

TRUNCATED = "cut short"
"""Warning for a document that ends before its end tag: it may have had more entries."""

FeedParserDict = dict[str, Any]
"""A dictionary of feedparser, in which some keys are aliases of others."""


def parse_xml(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Parse RSS or Atom with feedparser; dates are parsed again, as it reads 2020/1/10 as November.

    Raises FeedError (not-a-feed), and whatever feedparser raises.
    """
    import feedparser  # noqa: PLC0415 - a megabyte that only a worker needs

    found = feedparser.parse(
        BytesIO(_fix_character_references(body)),  # feedparser takes bytes for a file name
        # Without a content-location feedparser leaves guids as they are; made absolute, they would all change
        # when the feed moves.
        response_headers={"content-type": _trusted_type(body, content_type)},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not found.version and not found.entries:
        raise FeedError(NOT_A_FEED, "neither RSS nor Atom")
    feed = found.feed
    language = entries.language_of(feed.get("language")) or entries.language_of(
        (feed.get("title_detail") or {}).get("language")
    )
    is_atom = found.version.startswith("atom")
    problem = _problem(found, body)
    listed = found.entries[:-1] if problem == TRUNCATED and _is_truncated(body) else found.entries
    kept, limit = entries.limit_entries(
        _entry(entry, url, language, is_atom=is_atom) for entry in islice(listed, entries.MAX_ENTRIES + 1)
    )
    head = body[:_HEAD]
    return ParsedFeed(
        title=_title(feed, is_atom=is_atom),
        site_url=entries.absolute_url(feed.get("link"), url),
        language=language,
        icon_url=_icon(feed, url),
        format=found.version,
        ttl=_ttl(feed),
        skip_hours=frozenset(_skipped_hours(head)),
        skip_days=frozenset(_skipped_days(head)),
        hub_url=_linked(feed, "hub", url),
        self_url=_linked(feed, "self", url),
        entries=tuple(entry for entry in kept if entry.title or entry.link or entry.guid or entry.text),
        parse_warning=problem or limit,
    )


def _fix_character_references(body: bytes) -> bytes:
    """Replace references to characters that do not exist: feedparser raises on surrogates.

    A surrogate pair, as some publishers write an emoji, becomes its character.
    """
    if b"&#" not in body:
        return body
    return _HIGH_REFERENCE.sub(_drop_invalid_reference, _REFERENCE_PAIR.sub(_join_surrogates, body))


def _code_point(hexadecimal: bytes | None, decimal: bytes | None) -> int:
    return int(hexadecimal[:9], 16) if hexadecimal else int((decimal or b"0")[:9])


def _join_surrogates(match: re.Match[bytes]) -> bytes:
    high, low = _code_point(match[1], match[2]), _code_point(match[3], match[4])
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:  # noqa: PLR2004 - The Unicode Standard, section 3.9 (D91)
        return b"&#%d;" % (0x10000 + (high - 0xD800 << 10) + low - 0xDC00)
    return match[0]


def _drop_invalid_reference(match: re.Match[bytes]) -> bytes:
    number = _code_point(match[1], match[2])
    return match[0] if number < 0xD800 or 0xE000 <= number <= sys.maxunicode else b"&#65533;"  # noqa: PLR2004 - surrogates


def _trusted_type(body: bytes, content_type: str) -> str:
    """Return the content type to parse with: valid UTF-8 is UTF-8, even if its labels say Latin."""
    declared = _DECLARED.match(body[:300].removeprefix(b"\xef\xbb\xbf"))
    charset = _CHARSET.search(content_type)
    labels = [declared[1].decode("ascii", "replace")] if declared else []
    labels += [charset[1]] if charset else []
    if not body.isascii() and all(label.lower() in _OFTEN_WRONG for label in labels):
        try:
            body.decode()
        except UnicodeDecodeError:
            pass
        else:
            return "application/xml; charset=utf-8"
    return content_type or "application/xml"


def _entry(found: FeedParserDict, base: str, feed_language: str | None, *, is_atom: bool) -> Entry:
    contents = [content for content in found.get("content", ())[:_MAX_LISTED] if content.get("value")]
    content: FeedParserDict = max(contents, key=lambda content: len(content["value"]), default={})
    summary_detail = found.get("summary_detail") or {"value": found.get("summary") or ""}
    summary, text = sorted((_plain(content), _plain(summary_detail)), key=len)
    guid = entries.guid_of(found.get("id"))
    published = _date(found, "published", "created", "issued")
    updated = _date(found, "updated")
    markup = content or summary_detail
    audio = _audio(found, base)
    return entries.with_fingerprint(
        Entry(
            guid=guid,
            link=_link(found, base, guid) or audio,
            title=_title(found, is_atom=is_atom),
            summary="" if summary == text else summary,
            text=text,
            author=_author(found, is_atom=is_atom),
            tags=entries.tags_of(
                tag.get("label") or tag.get("term") for tag in found.get("tags", ())[:_MAX_LISTED]
            ),
            image_url=_image(found, base) or _image_in(content, base) or _image_in(summary_detail, base),
            published=updated if published is None else published,
            updated=updated,
            language=entries.language_of(found.get("language"))
            or entries.language_of(markup.get("language"))
            or feed_language,
            audio_url=audio,
            duration_seconds=entries.duration_of(found.get("itunes_duration")) if audio else None,
        )
    )


def _linked(feed: FeedParserDict, relation: str, base: str) -> str | None:
    links = (link.get("href") for link in feed.get("links", ())[:_MAX_LISTED] if link.get("rel") == relation)
    return entries.first_absolute(links, base)


def _title(found: FeedParserDict, *, is_atom: bool) -> str:
    detail = found.get("title_detail") or {}
    kind = "either"
    if is_atom:
        kind = "markup" if detail.get("type") in _MARKUP_TYPES else "text"
    return entries.title_of(found.get("title") or "", kind=kind)


def _plain(content: FeedParserDict) -> str:
    value = content.get("value") or ""
    is_text = content.get("type") == "text/plain" and "<" not in value and "&" not in value
    return entries.text_of(value, is_text=is_text)


def _link(found: FeedParserDict, base: str, guid: str | None) -> str | None:
    candidates = [found.get("feedburner_origlink"), found.get("link")]
    candidates += [
        link.get("href") for link in found.get("links", ())[:_MAX_LISTED] if link.get("rel") == "alternate"
    ]
    if guid and guid.startswith(("http://", "https://")):
        candidates.append(guid)
    return entries.first_absolute(candidates, base)


def _author(found: FeedParserDict, *, is_atom: bool) -> str | None:
    people = found.get("authors", ())[:5]
    names = [person.get("name") for person in people if person.get("name")]
    author = (found.get("author") or "")[:_MAX_AUTHOR]
    if not is_atom and "@" in author:  # feedparser takes half of a long domain for the name
        match = _AUTHOR.match(author)
        names = [match[1] or match[2]] if match else []
    return entries.title_of(", ".join(dict.fromkeys(names)), kind="either")[:_MAX_AUTHOR] or None


def _date(found: FeedParserDict, *names: str) -> int | None:
    texts = (dict.get(found, name) for name in names)
    return next((date for text in texts if text and (date := feed_dates.parse(text[:200])) is not None), None)


def _image(found: FeedParserDict, base: str) -> str | None:
    """Return the picture that the entry names: the widest of media:content, its thumbnail, or another."""
    media = [one for one in found.get("media_content", ())[:_MAX_LISTED] if _is_picture(one)]
    media.sort(key=_width, reverse=True)
    candidates = [one.get("url") for one in media]
    candidates += [one.get("url") for one in found.get("media_thumbnail", ())[:_MAX_LISTED]]
    candidates += [one.get("href") for one in found.get("enclosures", ())[:_MAX_LISTED] if _is_picture(one)]
    candidates.append((found.get("image") or {}).get("href"))
    return entries.first_absolute(candidates, base)


def _audio(found: FeedParserDict, base: str) -> str | None:
    """Return the episode of a podcast (RSS 2.0, `enclosure`)."""
    enclosed = found.get("enclosures", ())[:_MAX_LISTED]
    listened = (one.get("href") for one in enclosed if (one.get("type") or "").startswith("audio/"))
    return entries.first_absolute(listened, base)


def _image_in(content: FeedParserDict, base: str) -> str | None:
    return entries.image_in(
        content.get("value") or "", entries.absolute_url(content.get("base"), base) or base
    )


def _is_picture(media: FeedParserDict) -> bool:
    kind = media.get("medium") or (media.get("type") or "").partition("/")[0]
    return kind == "image" or (
        not kind and bool(_PICTURE.search(media.get("url") or media.get("href") or ""))
    )


def _width(media: FeedParserDict) -> int:
    return _number(media.get("width")) or 0


def _number(text: object) -> int | None:
    text = str(text or "").strip()[:8]
    return int(text) if text.isascii() and text.isdecimal() else None


def _icon(feed: FeedParserDict, base: str) -> str | None:
    image = feed.get("image") or {}
    return entries.first_absolute((feed.get("icon"), image.get("href"), feed.get("logo")), base)


def _ttl(feed: FeedParserDict) -> int | None:
    """Return the publisher's update interval in seconds, None without one.

    RSS `ttl` is in minutes; `sy:updatePeriod` is divided by `sy:updateFrequency` (RSS 1.0 modules).
    """
    wishes = []
    if ttl := _number(feed.get("ttl")):
        wishes.append(ttl * 60)
    period = _PERIODS.get(str(feed.get("sy_updateperiod") or "").strip().lower())
    if period:
        wishes.append(period // (_number(feed.get("sy_updatefrequency")) or 1))
    return max(wishes, default=0) or None


def _skipped_hours(head: bytes) -> Iterator[int]:
    if block := _SKIP_HOURS.search(head):
        for hour in re.findall(rb"<hour>\s*(\d{1,2})\s*</hour>", block[1]):
            if int(hour) <= 24:  # noqa: PLR2004 - both 0 and 24 name midnight
                yield int(hour) % 24


def _skipped_days(head: bytes) -> Iterator[int]:
    if block := _SKIP_DAYS.search(head):
        for day in re.findall(rb"<day>\s*(\w{1,12})\s*</day>", block[1]):
            if day.decode("ascii", "replace").lower() in _DAYS:
                yield _DAYS.index(day.decode().lower())


def _is_truncated(body: bytes) -> bool:
    return any(body.rfind(b"<" + name) > body.rfind(b"</" + name) for name in (b"item", b"entry"))


def _problem(found: FeedParserDict, body: bytes) -> str | None:
    import feedparser  # noqa: PLC0415 - a megabyte that only a worker needs

    error = found.get("bozo_exception")
    if error and not _END.search(body[-_TAIL:].replace(b"\x00", b"")):
        return TRUNCATED
    quiet = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
    return f"{type(error).__name__}: {error}"[:200] if error and not isinstance(error, quiet) else None
