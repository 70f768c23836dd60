"""Normalisation of entries: plain text of bounded length, absolute URLs, a fingerprint."""

import re
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from html import unescape
from urllib.parse import urljoin, urlsplit

from bot.core.models import Entry
from bot.core.received_values import clean_text, parse_integer, to_single_line
from bot.text.html import LONE_SURROGATE_PATTERN, exceeds_parse_budget, to_text
from bot.text.urls import canonicalize, has_credentials, parse_host

MAX_ENTRIES = 2_000
"""Maximum number of entries that are read from a feed document."""
MAX_TITLE_CHARS = 1_000
"""Maximum number of characters of an entry's title."""
MAX_TEXT_CHARS = 200_000
"""Maximum number of characters of an entry's text."""
MAX_TAGS = 20
"""Maximum number of tags of an entry."""
MAX_TAG_CHARS = 100
"""Maximum number of characters of an entry's tag."""
MAX_GUID_CHARS = 2_048
"""Maximum number of characters of a guid; a longer guid is replaced by its hash."""
MAX_URL_CHARS = 2_048
"""Maximum number of characters of a URL; a longer URL is ignored."""
MAX_DURATION_SECONDS = 86_400
"""Maximum duration of an episode in seconds; a longer duration is a mistake."""
MAX_DOCUMENT_TEXT_CHARS = 4_000_000
"""Maximum number of characters of text in one document; further entries lose their texts."""

_MAX_MARKUP_CHARS = 2_000_000
"""Maximum number of characters of HTML that are read of one text of an entry."""
_MAX_COUNT = 9_999_999
"""Maximum number of comments on an entry; a higher number is a mistake."""
_PRIVATE_TOP_LEVEL_DOMAINS = frozenset({"localhost", "local", "internal", "lan", "home", "corp", "arpa"})
_DURATION_PATTERN = re.compile(r"(?:\d{1,2}:)?\d{1,3}:\d{1,2}|\d{1,6}(?:\.\d{1,6})?", re.ASCII)
_LANGUAGE_TAG_PATTERN = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}", re.IGNORECASE)
_HTML_TAG_PATTERN = re.compile(r"<(/?)([a-z][a-z0-9]{0,9})(\s[^<>]*)?/?>", re.IGNORECASE)
_REMOVED_TAG_PATTERN = re.compile(
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|div|em|font|h[1-6]|i|ins|kbd|li|mark|ol|p|pre|q|s|samp|small|span"
    "|strike|strong|sub|sup|time|tt|u|ul|var"
)
"""Pattern of the names of elements of running text, whose tags are removed from titles."""
_VOID_TAGS = frozenset({"br", "hr", "img", "wbr"})
_ENTITY_PATTERN = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")


def clean_title(text: str, *, kind: str) -> str:
    """Return a title as plain text on one line of at most `MAX_TITLE_CHARS` characters.

    `kind` is "markup" for HTML, "text" for plain text, and "either" for RSS, which does not say: tags that
    can only be markup are removed, entities are decoded, `a < b` stays.
    """
    text = clean_text(text[: 20 * MAX_TITLE_CHARS])
    if kind == "markup":
        text = to_text(text)
    elif kind == "either":
        text = _ENTITY_PATTERN.sub(lambda match: unescape(match[0]), _strip_tags(text))  # not `&copy=1` in a URL
    return to_single_line(text, MAX_TITLE_CHARS)


def _strip_tags(text: str) -> str:
    """Return a text without tags of HTML elements that have an end tag in it, and with spaces for void elements.

    Only elements of running text are meant; all other tags stay."""
    html_tags = [(slash, name.lower()) for slash, name, _ in _HTML_TAG_PATTERN.findall(text)]
    end_names = {name for slash, name in html_tags if slash}
    paired_names = end_names & {name for slash, name in html_tags if not slash}

    def replace_tag(match: re.Match[str]) -> str:
        name = match[2].lower()
        if name in _VOID_TAGS:
            return " "
        return "" if name in paired_names and _REMOVED_TAG_PATTERN.fullmatch(name) else match[0]

    return _HTML_TAG_PATTERN.sub(replace_tag, text)


def extract_text(markup: str, *, is_plain_text: bool = False) -> str:
    """Return the plain text of HTML with its paragraphs, at most `MAX_TEXT_CHARS` characters.

    If `is_plain_text`, `markup` is no HTML, and only its invalid characters are removed.
    """
    markup = clean_text(markup[:_MAX_MARKUP_CHARS])
    text = markup if is_plain_text else to_text(markup)
    return text[:MAX_TEXT_CHARS].strip()


def find_image(markup: str, base_url: str) -> str | None:
    """Return the absolute URL of the first picture in HTML, or None if there is none."""
    if "<img" not in markup and "<IMG" not in markup:
        return None
    return resolve_url(find_first_image_source(markup[:_MAX_MARKUP_CHARS]), base_url)


def resolve_url(address: object, base_url: str) -> str | None:
    """Return an absolute http(s) URL, or None if `address` is invalid or longer than `MAX_URL_CHARS`."""
    if not isinstance(address, str) or not (address := address.strip()) or len(address) > MAX_URL_CHARS:
        return None
    try:
        resolved_url = urljoin(base_url, address)
        parts = urlsplit(resolved_url)
        is_web_url = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return clean_text("".join(resolved_url.split())) if is_web_url else None


def resolve_public_url(address: object, base_url: str) -> str | None:
    """Return a canonical http(s) URL of a host on the internet, or None if `address` is anything else.

    None is also returned for a URL with credentials. Names are not looked up.
    """
    url = canonicalize(resolve_url(address, base_url) or "")
    return url if url and not has_credentials(url) and _is_public_host(parse_host(url)) else None


def _is_public_host(host: str) -> bool:
    ip_text = host.strip("[]")
    last_label = host.rpartition(".")[2]
    if ":" in ip_text or last_label.isdecimal() or last_label.startswith("0x"):  # browsers read 127.1 as an address
        from bot.feeds.ssrf_guard import get_refusal_reason  # noqa: PLC0415 - yarl, which hardly any document needs

        return get_refusal_reason(ip_text) is None
    return "." in host and last_label not in _PRIVATE_TOP_LEVEL_DOMAINS


def parse_count(value: object) -> int | None:
    """Return the number of comments that a number or text gives, or None for anything else and above `_MAX_COUNT`."""
    return parse_integer(value, maximum=_MAX_COUNT)


def resolve_first_url(addresses: Iterable[object], base_url: str) -> str | None:
    """Return the first valid http(s) URL, made absolute, or None if there is none."""
    return next(filter(None, (resolve_url(address, base_url) for address in addresses)), None)


def parse_duration(duration: object) -> int | None:
    """Return the duration of an episode in seconds, or None if it is invalid or too long.

    `duration` may be a number of seconds, or `[[H:]M:]S` as in `itunes:duration`.
    """
    text = str(duration).strip() if isinstance(duration, str | int | float) else ""
    if not _DURATION_PATTERN.fullmatch(text):
        return None
    seconds = 0
    for piece in text.split(":"):
        seconds = 60 * seconds + (parse_integer(piece.partition(".")[0]) or 0)
    return seconds if 0 < seconds <= MAX_DURATION_SECONDS else None


def parse_guid(raw_guid: object) -> str | None:
    """Return the guid of an entry, or None if there is none; a very long guid is replaced by its hash."""
    guid = clean_text(str(raw_guid)).strip() if isinstance(raw_guid, str | int) else ""
    if len(guid) > MAX_GUID_CHARS:
        return "blake2b:" + blake2b(guid.encode(), digest_size=16).hexdigest()
    return guid or None


def parse_language_tag(tag: object) -> str | None:
    """Return a language tag (BCP 47) in lower case, or None if `tag` is no language tag."""
    tag = tag.strip().replace("_", "-").lower() if isinstance(tag, str) else ""
    return tag if _LANGUAGE_TAG_PATTERN.fullmatch(tag) else None


def clean_tags(tag_names: Iterable[object]) -> tuple[str, ...]:
    """Return at most `MAX_TAGS` tags that differ in more than case, each as plain text of `MAX_TAG_CHARS` at most."""
    tags: dict[str, str] = {}
    for name in tag_names:
        tag = clean_title(name, kind="either")[:MAX_TAG_CHARS] if isinstance(name, str) else ""
        if tag and len(tags) < MAX_TAGS:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())


def add_fingerprint(entry: Entry) -> Entry:
    """Return the entry with its fingerprint: a hash of 16 bytes over what a reader sees.

    Dates and tags are left out, and so are the parts of links and images that change from one response to the next.
    """
    fingerprint_hasher = blake2b(digest_size=16)
    canonical_link = canonicalize(entry.link) if entry.link else ""
    image_address = (entry.image_url or "").partition("?")[0]
    for part in (entry.title, canonical_link, entry.summary, entry.text, entry.author or "", image_address):
        fingerprint_hasher.update(part.encode())
        fingerprint_hasher.update(b"\x00")
    return replace(entry, fingerprint=fingerprint_hasher.digest())


def limit_entries(entries: Iterable[Entry]) -> tuple[tuple[Entry, ...], str | None]:
    """Return the entries within the limits of a document, and a warning if it exceeds them, else None.

    Entries beyond `MAX_ENTRIES` are left out; entries beyond `MAX_DOCUMENT_TEXT_CHARS` lose their texts.
    """
    accepted_entries: list[Entry] = []
    warning = None
    remaining_chars = MAX_DOCUMENT_TEXT_CHARS
    for entry in entries:
        if len(accepted_entries) == MAX_ENTRIES:
            warning = f"more than {MAX_ENTRIES} entries"
            break
        remaining_chars -= len(entry.text) + len(entry.summary)
        if remaining_chars < 0:
            warning = f"more than {MAX_DOCUMENT_TEXT_CHARS} characters of text"
            entry = replace(entry, text="", summary="")  # noqa: PLW2901 - the entry without its text
        accepted_entries.append(entry)
    return tuple(accepted_entries), warning


_IGNORED_IMAGE_URL_PATTERN = re.compile(
    r"feedburner\.com/~|/~ff/|/~r/|doubleclick\.|[/.]pixel[./?]|stats\.wordpress|pixel\.wp\.com|feedsportal\.com"
    r"|[/_-]1x1[._]|/(?:spacer|blank|clear|transparent)\.(?:gif|png)|gravatar\.com/avatar|/smil(?:ies|eys)/"
    r"|s\.w\.org/images/core/emoji|/emoji/",
    re.IGNORECASE,
)
_MAX_TRACKER_PIXELS = 3
"""Maximum number of pixels of the width or of the height of an image that counts as a tracker."""


def find_first_image_source(markup: str) -> str | None:
    """Return the source of the first picture that a reader sees, as written (it may be relative), or None.

    Trackers of a few pixels, emoji, avatars and `data:` URLs are no pictures. None is also returned for
    markup that would take too long to parse.
    """
    if "<img" not in markup.lower() or exceeds_parse_budget(markup):
        return None
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read markup

    for image in LexborHTMLParser(LONE_SURROGATE_PATTERN.sub("", markup)).css("img"):
        attributes = image.attributes
        for name in ("src", "data-src", "data-lazy-src", "data-original"):
            source = (attributes.get(name) or "").strip()
            if source and not source.lower().startswith("data:"):
                break
        else:
            continue
        if not _is_ignored_image(attributes, source):
            return source
    return None


def _is_ignored_image(attributes: dict[str, str | None], source: str) -> bool:
    for dimension in ("width", "height"):
        size = (attributes.get(dimension) or "").strip().removesuffix("px")
        if parse_integer(size, maximum=_MAX_TRACKER_PIXELS) is not None:
            return True
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or bool(_IGNORED_IMAGE_URL_PATTERN.search(source))
