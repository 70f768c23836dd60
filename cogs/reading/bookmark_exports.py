"""Export of bookmarks as Markdown, JSON and browser bookmark files."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from bot.core.i18n import _
from bot.core.local_time import format_iso
from bot.core.user_models import Bookmark
from bot.text import discord_text


def to_markdown(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a Markdown list, with markup in titles escaped."""
    heading = _("Bookmarks")
    lines = [f"# {heading}", ""]
    for bookmark in bookmarks:
        article = bookmark.article
        publication_day = datetime.fromtimestamp(article.published, UTC).date().isoformat()
        outlet = _escape_line(article.outlet)
        byline = f"{outlet}, {publication_day}" if outlet else publication_day
        lines.append(f"- [{_escape_line(article.title) or publication_day}](<{_escape_url(article.url)}>) – {byline}")
        if bookmark.note:
            lines.append(f"  {_escape_line(bookmark.note)}")
    return "\n".join(lines) + "\n"


def to_json(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a JSON list of objects.

    Keys from the article: `url`, `title`, `source`, `published` (ISO 8601), `language`, `tags`. Keys from
    the bookmark: `saved` (ISO 8601), `note`, `my_tags`, `read` (ISO 8601 or null).
    """
    bookmark_documents = [
        {
            "url": bookmark.article.url,
            "title": bookmark.article.title,
            "source": bookmark.article.outlet,
            "published": format_iso(bookmark.article.published),
            "saved": format_iso(bookmark.created_at),
            "language": bookmark.article.language,
            "tags": list(bookmark.article.tags),
            "note": bookmark.note,
            "my_tags": list(bookmark.tags),
            "read": None if bookmark.read_at is None else format_iso(bookmark.read_at),
        }
        for bookmark in bookmarks
    ]
    return json.dumps(bookmark_documents, ensure_ascii=False, indent=2) + "\n"


def to_netscape_html(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a Netscape bookmark file, which all browsers import.

    Format:
    https://learn.microsoft.com/previous-versions/windows/internet-explorer/ie-developer/platform-apis/aa753582(v=vs.85)
    """
    lines = [
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
        '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">',
        "<TITLE>Bookmarks</TITLE>",
        "<H1>Bookmarks</H1>",
        "<DL><p>",
        "    <DT><H3>Telex</H3>",
        "    <DL><p>",
    ]
    for bookmark in bookmarks:
        article = bookmark.article
        tag_list_text = ",".join(
            discord_text.to_plain_line(tag).replace(",", " ") for tag in dict.fromkeys((*bookmark.tags, *article.tags))
        )
        tags_attribute = f' TAGS="{escape(tag_list_text)}"' if tag_list_text else ""
        title = escape(discord_text.to_plain_line(article.title) or article.url)
        lines.append(
            f'        <DT><A HREF="{escape(article.url)}" ADD_DATE="{bookmark.created_at}"{tags_attribute}>{title}</A>'
        )
        if bookmark.note:
            lines.append(f"        <DD>{escape(discord_text.to_plain_line(bookmark.note))}")
    lines += ["    </DL><p>", "</DL><p>"]
    return "\n".join(lines) + "\n"


def _escape_line(text: str) -> str:
    """Return text as one line with all ASCII punctuation escaped (CommonMark §2.4)."""
    return "".join(
        f"\\{character}" if character.isascii() and not character.isalnum() and character != " " else character
        for character in discord_text.to_plain_line(text)
    )


def _escape_url(url: str) -> str:
    """Return the address, escaped so that it can stand between < and > (CommonMark §6.3)."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]-._|", errors="replace")
