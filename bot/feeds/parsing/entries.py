"""Normalised entries: plain text of bounded length, absolute URLs, a fingerprint."""

import re
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from html import unescape
from urllib.parse import urljoin, urlsplit

from bot.core.models import Entry
from bot.text.html import LONE_SURROGATE, exceeds_parse_budget, to_text
from bot.text.urls import canonicalize

MAX_ENTRIES = 2_000
"""Entries of one document."""
MAX_TITLE = 1_000
"""Characters of a title."""
MAX_TEXT = 200_000
"""Characters of an entry's text."""
MAX_TAGS = 20
"""Tags of an entry."""
MAX_TAG = 100
"""Characters of a tag."""
MAX_GUID = 2_048
"""Characters of a guid; a longer one is replaced by its hash."""
MAX_URL = 2_048
"""Characters of a URL; a longer one is ignored."""
MAX_DURATION = 86_400
"""Longest duration of an episode in seconds; a longer one is a mistake."""
MAX_ALL_TEXT = 4_000_000
"""Characters of text in one document; entries beyond it keep their titles."""

_MAX_MARKUP = 2_000_000
_DURATION = re.compile(r"(?:\d{1,2}:)?\d{1,3}:\d{1,2}|\d{1,6}(?:\.\d{1,6})?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]{0,9})(\s[^<>]*)?/?>", re.IGNORECASE)
_INLINE = re.compile(
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|div|em|font|h[1-6]|i|ins|kbd|li|mark|ol|p|pre|q|s|samp|small|span"
    "|strike|strong|sub|sup|time|tt|u|ul|var"
)
_VOID = frozenset({"br", "hr", "img", "wbr"})
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")
_UNSOUND = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

_HIGH = {bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(0x80, 0xC0)}
_MOJIBAKE = re.compile("(?:[ÂÃ][{0}]|â[€\x80-\x81][{0}]|Å[“’])".format("".join(_HIGH)))
"""Two or three characters that were one before its UTF-8 was decoded as windows-1252."""


def clean_text(text: str) -> str:
    """Remove characters that XML forbids, and undo double encoding."""
    if "Ã" in text or "Â" in text or "â€" in text or "Å" in text:
        text = _MOJIBAKE.sub(_undo_mojibake, text)
    return _UNSOUND.sub("", text)


def _undo_mojibake(match: re.Match[str]) -> str:
    raw = bytes(_HIGH.get(character, ord(character)) for character in match[0])
    return raw.decode("utf-8", "ignore") or match[0]


def single_line(text: str, limit: int) -> str:
    """Return the text on one line of at most `limit` characters."""
    return " ".join(clean_text(text[: 4 * limit]).split())[:limit].rstrip()


def title_of(text: str, *, kind: str) -> str:
    """Return a title as plain text on one line of at most `MAX_TITLE_CHARS` characters.

    `kind` is "markup" for HTML, "text" for plain text, and "either" for RSS, which does not say: tags that
    can only be markup are removed, entities are decoded, `a < b` stays.
    """
    text = clean_text(text[: 20 * MAX_TITLE])
    if kind == "markup":
        text = to_text(text)
    elif kind == "either":
        text = _ENTITY.sub(lambda match: unescape(match[0]), _without_tags(text))  # not `&copy=1` in a URL
    return single_line(text, MAX_TITLE)


def _without_tags(text: str) -> str:
    """Remove HTML tags that are void elements or have their end tag in the same text."""
    tags = [(end, name.lower()) for end, name, _ in _TAG.findall(text)]
    paired = {name for end, name in tags if end} & {name for end, name in tags if not end}

    def kept(match: re.Match[str]) -> str:
        name = match[2].lower()
        if name in _VOID:
            return " "
        return "" if name in paired and _INLINE.fullmatch(name) else match[0]

    return _TAG.sub(kept, text)


def text_of(markup: str, *, is_text: bool = False) -> str:
    """Return the plain text of HTML, at most `MAX_TEXT_CHARS` characters, with its paragraphs."""
    markup = clean_text(markup[:_MAX_MARKUP])
    text = markup if is_text else to_text(markup)
    return text[:MAX_TEXT].strip()


def image_in(markup: str, base: str) -> str | None:
    """Return the absolute URL of the first picture in HTML, None without one."""
    if "<img" not in markup and "<IMG" not in markup:
        return None
    return absolute_url(first_image(markup[:_MAX_MARKUP]), base)


def absolute_url(address: object, base: str) -> str | None:
    """Return an absolute http(s) URL, None if `address` is none or longer than `MAX_URL_CHARS`."""
    if not isinstance(address, str) or not (address := address.strip()) or len(address) > MAX_URL:
        return None
    try:
        whole = urljoin(base, address)
        parts = urlsplit(whole)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return clean_text("".join(whole.split())) if usable else None


def first_absolute(addresses: Iterable[object], base: str) -> str | None:
    """Return the first valid http(s) URL, made absolute; None if there is none."""
    return next(filter(None, (absolute_url(address, base) for address in addresses)), None)


def duration_of(value: object) -> int | None:
    """Return the duration of an episode in seconds, None if it is invalid or too long.

    Reads a number of seconds, or `[[H:]M:]S` as in `itunes:duration`.
    """
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if not _DURATION.fullmatch(text):
        return None
    seconds = 0.0
    for piece in text.split(":"):
        seconds = 60 * seconds + float(piece)
    return int(seconds) if 0 < seconds <= MAX_DURATION else None


def guid_of(value: object) -> str | None:
    """Return the guid of an entry, None without one; a very long one is replaced by its hash."""
    guid = clean_text(str(value)).strip() if isinstance(value, str | int) else ""
    if len(guid) > MAX_GUID:
        return "blake2b:" + blake2b(guid.encode(), digest_size=16).hexdigest()
    return guid or None


def language_of(tag: object) -> str | None:
    """Return a language tag (BCP 47) in lower case, None if it cannot be one."""
    tag = tag.strip().replace("_", "-").lower() if isinstance(tag, str) else ""
    return tag if _LANGUAGE.fullmatch(tag) else None


def tags_of(names: Iterable[object]) -> tuple[str, ...]:
    """Return at most `MAX_TAGS` distinct tags."""
    tags: dict[str, str] = {}
    for name in names:
        tag = title_of(name, kind="either")[:MAX_TAG] if isinstance(name, str) else ""
        if tag and len(tags) < MAX_TAGS:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())


def with_fingerprint(entry: Entry) -> Entry:
    """Return the entry with its fingerprint: 16 bytes over what a reader sees.

    Dates are left out, and so are the parts of links and images that change from one response to the next.
    """
    digest = blake2b(digest_size=16)
    link = canonicalize(entry.link) if entry.link else ""
    image = (entry.image_url or "").partition("?")[0]
    for part in (entry.title, link, entry.summary, entry.text, entry.author or "", image):
        digest.update(part.encode())
        digest.update(b"\x00")
    return replace(entry, fingerprint=digest.digest())


def limit_entries(entries: Iterable[Entry]) -> tuple[tuple[Entry, ...], str | None]:
    """Return the entries within the limits of a document, and a warning if it exceeds them, else None."""
    kept: list[Entry] = []
    problem = None
    room = MAX_ALL_TEXT
    for entry in entries:
        if len(kept) == MAX_ENTRIES:
            problem = f"more than {MAX_ENTRIES} entries"
            break
        room -= len(entry.text) + len(entry.summary)
        if room < 0:
            problem = f"more than {MAX_ALL_TEXT} characters of text"
            entry = replace(entry, text="", summary="")  # noqa: PLW2901 - the entry without its text
        kept.append(entry)
    return tuple(kept), problem


_TRACKERS = re.compile(
    r"feedburner\.com/~|/~ff/|/~r/|doubleclick\.|[/.]pixel[./?]|stats\.wordpress|pixel\.wp\.com|feedsportal\.com"
    r"|[/_-]1x1[._]|/(?:spacer|blank|clear|transparent)\.(?:gif|png)|gravatar\.com/avatar|/smil(?:ies|eys)/"
    r"|s\.w\.org/images/core/emoji|/emoji/",
    re.IGNORECASE,
)
_TINY = 3
"""Pixels of a side up to which an image is a tracker."""


def first_image(markup: str) -> str | None:
    """Return the source of the first picture that a reader sees, as written (it may be relative).

    Trackers of a few pixels, emoji, avatars and `data:` are no pictures. None without a picture, or for
    markup that would take too long to parse.
    """
    if "<img" not in markup.lower() or exceeds_parse_budget(markup):
        return None
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read markup

    for image in LexborHTMLParser(LONE_SURROGATE.sub("", markup)).css("img"):
        attributes = image.attributes
        for name in ("src", "data-src", "data-lazy-src", "data-original"):
            source = (attributes.get(name) or "").strip()
            if source and not source.lower().startswith("data:"):
                break
        else:
            continue
        if not _is_tracking_pixel(attributes, source):
            return source
    return None


def _is_tracking_pixel(attributes: dict[str, str | None], source: str) -> bool:
    for name in ("width", "height"):
        value = (attributes.get(name) or "").strip().removesuffix("px")
        if value.isdecimal() and int(value[:9]) <= _TINY:
            return True
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or bool(_TRACKERS.search(source))
