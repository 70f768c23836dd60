"""Parsing of JSON Feed 1.0 and 1.1 (jsonfeed.org), which feedparser does not support."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from bot.core.models import Entry, ParsedFeed
from bot.core.received_values import to_single_line
from bot.feeds.fetch_errors import BAD_ENCODING, NOT_A_FEED, FeedError
from bot.feeds.parsing import entries, reddit_listing
from bot.text.times import feed_dates


def parse_json(body: bytes, url: str) -> ParsedFeed:
    """Parse a JSON Feed, or a listing of Reddit's API; members of the wrong type are ignored.

    Raises FeedError: not-a-feed if the document is not a JSON Feed, encoding if it is not UTF-8.
    """
    try:
        document = json.loads(body.strip(b"\x00"), strict=False)  # `clean_text` drops control characters
    except UnicodeError as error:
        raise FeedError(BAD_ENCODING, "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise FeedError(NOT_A_FEED, "not JSON") from error
    if isinstance(document, dict) and document.get("kind") == reddit_listing.LISTING_KIND:
        return reddit_listing.parse_listing(document, url)
    raw_entries = document.get("items") if isinstance(document, dict) else None
    if not isinstance(raw_entries, list):
        raise FeedError(NOT_A_FEED, "JSON, but not a JSON Feed")
    version = _get_text(document, "version")
    language = entries.parse_language_tag(document.get("language"))
    accepted_entries, warning = entries.limit_entries(_iter_entries(raw_entries, url, language))
    if "jsonfeed.org" not in version and not any(entry.guid for entry in accepted_entries):
        raise FeedError(NOT_A_FEED, "JSON, but not a JSON Feed")
    return ParsedFeed(
        title=entries.clean_title(_get_text(document, "title"), kind="text"),
        site_url=entries.resolve_url(document.get("home_page_url"), url),
        language=language,
        icon_url=entries.resolve_url(document.get("favicon") or document.get("icon"), url),
        format="json11" if version.endswith("1.1") else "json1",
        entries=accepted_entries,
        hub_url=_find_hub(document.get("hubs"), url),
        self_url=entries.resolve_url(document.get("feed_url"), url),
        parse_warning=warning,
    )


def _find_hub(hubs: object, base_url: str) -> str | None:
    """Return the URL of the first WebSub hub (JSON Feed 1.1, `hubs`), or None if there is none."""
    hub_objects = [hub for hub in hubs[:20] if isinstance(hub, dict)] if isinstance(hubs, list) else []
    return entries.resolve_first_url((hub.get("url") for hub in hub_objects if hub.get("type") == "WebSub"), base_url)


def _iter_entries(raw_entries: list[Any], base_url: str, language: str | None) -> Iterator[Entry]:
    for raw_entry in islice(raw_entries, entries.MAX_ENTRIES + 1):
        if isinstance(raw_entry, dict):
            yield _build_entry(raw_entry, base_url, language)


def _build_entry(raw_entry: dict[str, Any], base_url: str, language: str | None) -> Entry:
    markup = _get_text(raw_entry, "content_html")
    text = entries.extract_text(markup) or entries.extract_text(
        _get_text(raw_entry, "content_text"), is_plain_text=True
    )
    summary = entries.extract_text(_get_text(raw_entry, "summary"), is_plain_text=True)
    link = entries.resolve_first_url((raw_entry.get("url"), raw_entry.get("external_url")), base_url)
    guid = entries.parse_guid(raw_entry.get("id"))
    published, updated = (
        feed_dates.parse_date(_get_text(raw_entry, f"date_{date_name}")) for date_name in ("published", "modified")
    )
    tags = raw_entry.get("tags")
    audio_url, duration_seconds = _find_audio(raw_entry, base_url)
    return entries.add_fingerprint(
        Entry(
            guid=guid,
            link=link or entries.resolve_url(guid, "") or audio_url,
            title=entries.clean_title(_get_text(raw_entry, "title"), kind="either"),
            summary="" if summary == text else summary,
            text=text or summary,
            author=_join_authors(raw_entry),
            tags=entries.clean_tags(tags if isinstance(tags, list) else ()),
            image_url=_find_image(raw_entry, base_url) or entries.find_image(markup, base_url),
            published=updated if published is None else published,
            updated=updated,
            language=entries.parse_language_tag(raw_entry.get("language")) or language,
            audio_url=audio_url,
            duration_seconds=duration_seconds,
        )
    )


def _get_text(members: dict[str, Any], name: str) -> str:
    member = members.get(name)
    return member if isinstance(member, str) else ""


def _join_authors(raw_entry: dict[str, Any]) -> str | None:
    authors = raw_entry.get("authors")
    authors = authors if isinstance(authors, list) else [raw_entry.get("author")]  # 1.0 had one
    names = [_get_text(author, "name") for author in authors[:5] if isinstance(author, dict)]
    return to_single_line(", ".join(filter(None, names)), 200) or None


def _find_audio(raw_entry: dict[str, Any], base_url: str) -> tuple[str | None, int | None]:
    for attachment in _list_attachments(raw_entry):
        url = entries.resolve_url(attachment.get("url"), base_url)
        if url and _get_text(attachment, "mime_type").startswith("audio/"):
            return url, entries.parse_duration(attachment.get("duration_in_seconds"))
    return None, None


def _list_attachments(raw_entry: dict[str, Any]) -> list[dict[str, Any]]:
    attachments = raw_entry.get("attachments")
    limited_attachments = attachments[:20] if isinstance(attachments, list) else []
    return [attachment for attachment in limited_attachments if isinstance(attachment, dict)]


def _find_image(raw_entry: dict[str, Any], base_url: str) -> str | None:
    image_urls = [raw_entry.get("image"), raw_entry.get("banner_image")] + [
        attachment.get("url")
        for attachment in _list_attachments(raw_entry)
        if _get_text(attachment, "mime_type").startswith("image/")
    ]
    return entries.resolve_first_url(image_urls, base_url)
