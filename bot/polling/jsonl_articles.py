"""Conversion of articles to and from JSON Lines.

The module does not import the store, because workers run a part of it.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, NamedTuple

from bot.core.local_time import format_iso
from bot.core.models import Article, NewArticle
from bot.core.received_values import clean_text, parse_integer
from bot.feeds.parsing.entries import resolve_public_url
from bot.polling import drafts
from bot.text import boilerplate, excerpts, language, urls
from bot.text.times import feed_dates

MAX_LINE_BYTES = 4 * 2**20
"""Maximum number of bytes of a line of the JSON Lines file, which holds one article."""
MAX_SOURCE_CHARS = 200
"""Maximum number of characters of an outlet's name; longer names are cut."""
IMPORT_URL_PREFIX = "import:"
"""Prefix of the URL of the feed that holds an outlet's imported articles."""

_CONTROL_CHARS_PATTERN = re.compile("[\x7f-\x9f]")
"""Pattern of the control characters that JSON leaves as they are."""
_MAX_MILLISECONDS = 10**14 - 1
"""Highest number that is taken for a date: milliseconds since 1970, in the year 5138."""
_MIN_MILLISECONDS = 10**11
"""Number since 1970 from which on a date is in milliseconds; in seconds, it would be in the year 5138."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """Article read from a line of a JSON Lines file. The fields have the names of the line's keys.

    `published` is Unix time in seconds, None if the line has no date; `source` is the name of the outlet; `image` and
    `comments` are URLs.
    """

    url: str
    title: str
    text: str
    summary: str
    published: int | None
    language: str | None
    source: str
    author: str | None
    tags: tuple[str, ...]
    image: str | None
    comments: str | None

    @property
    def identity_hash(self) -> bytes:
        """Hash that identifies the imported article among the articles of its source."""
        row_hasher = blake2b(digest_size=16)
        for part in (self.url, self.title, str(self.published)):
            row_hasher.update(part.encode() + b"\x00")
        return row_hasher.digest()


class RowDraft(NamedTuple):
    """Imported row that becomes an article of a feed, with the key of the article's web page."""

    row: ImportRow
    feed_id: int
    page_key: str


def to_json_line(article: Article) -> str:
    """Return an article as a line of JSON without its line break; what controls a terminal is escaped."""
    converted_members = {
        "source": article.outlet,
        "published": format_iso(article.published),
        "tags": list(article.tags),
        "image": article.image_url,
        "comments": article.comments_url,
    }
    members = {
        name: converted_members[name] if name in converted_members else getattr(article, name) for name in JSON_KEYS
    }
    return _CONTROL_CHARS_PATTERN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(members, ensure_ascii=False))


def compute_article_key_of_row(row: ImportRow) -> str:
    """Return the key (hash) that identifies the article that an imported row becomes."""
    return drafts.compute_article_key(IMPORT_URL_PREFIX + row.source, row.identity_hash)


def build_articles(row_drafts: Sequence[RowDraft], now: int) -> list[NewArticle]:
    """Return the articles that imported rows become (runs in a worker)."""
    return [_build_article(draft, now) for draft in row_drafts]


def _build_article(draft: RowDraft, now: int) -> NewArticle:
    row = draft.row
    body = boilerplate.strip_boilerplate(row.text or row.summary)
    article_language = row.language or language.detect_language(f"{row.title}\n{row.summary}\n{body}")
    published = feed_dates.clamp_publication_time(row.published, now)
    return NewArticle(
        key=compute_article_key_of_row(row),
        page_key=draft.page_key,
        url=row.url,
        identity_hashes=(row.identity_hash,),
        fingerprint=row.identity_hash,
        title=row.title,
        summary=row.summary,
        text=row.text,
        body=body,
        author=row.author,
        outlet=row.source,
        language=article_language,
        tags=row.tags,
        image_url=row.image,
        comments_url=row.comments,
        published=published,
    )


JSON_KEYS = tuple(field.name for field in fields(ImportRow))
"""Keys of a line of a JSON Lines file that are read and written; all other keys are ignored."""
_MAX_UNKNOWN_KEYS = 50
"""Maximum number of distinct unknown keys that are counted in a JSON Lines file of articles."""


def parse_row(json_line: bytes, unknown_keys: Counter[str]) -> ImportRow:
    """Parse a line with an article. Raises ValueError with a text that says what is wrong with the line.

    `unknown_keys` counts the lines with each key that is ignored, for at most `_MAX_UNKNOWN_KEYS` keys.
    """
    members = _parse_object(json_line)
    for name in members.keys() - set(JSON_KEYS):
        if name in unknown_keys or len(unknown_keys) < _MAX_UNKNOWN_KEYS:
            unknown_keys[name] += 1
    url = urls.canonicalize(_get_text(members, "url"))
    if not url:
        raise ValueError("url: not an address on the web" if members.get("url") else "url: missing")
    text = _get_text(members, "text")
    summary = _get_text(members, "summary")
    title = _get_text(members, "title").strip() or excerpts.make_excerpt(
        boilerplate.strip_boilerplate(text), drafts.MAX_DERIVED_TITLE_LENGTH
    )
    if not title:
        raise ValueError("title and text: both missing")
    image = _get_text(members, "image").strip()
    return ImportRow(
        url=url,
        title=title,
        text=text,
        summary=summary,
        published=_parse_published(members.get("published")),
        language=language.parse_primary_subtag(_get_text(members, "language")),
        source=_get_text(members, "source").strip()[:MAX_SOURCE_CHARS] or urls.parse_host(url).removeprefix("www."),
        author=_parse_author(members.get("author")),
        tags=_parse_tags(members.get("tags")),
        image=image if image.startswith(("http://", "https://")) else None,
        comments=resolve_public_url(_get_text(members, "comments"), url),
    )


def _parse_object(json_line: bytes) -> dict[str, Any]:
    if len(json_line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        members = json.loads(json_line.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(members, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers expect ValueError
    return members


def _get_text(members: dict[str, Any], name: str) -> str:
    member = members.get(name)
    if member is None:
        return ""
    if not isinstance(member, str):
        raise ValueError(f"{name}: not a text")  # noqa: TRY004 - callers expect ValueError
    return clean_text(member)


def _parse_published(published: object) -> int | None:
    if published is None or (isinstance(published, str) and not published.strip()):
        return None
    timestamp: int | None = None
    if isinstance(published, str):
        timestamp = feed_dates.parse_date(published, must_be_only_date=True)
    elif (number := parse_integer(published, maximum=_MAX_MILLISECONDS)) is not None:
        timestamp = number // 1000 if number >= _MIN_MILLISECONDS else number
    if timestamp is None:
        raise ValueError("published: not a date")
    return timestamp


def _parse_author(author: object) -> str | None:
    if isinstance(author, list) and all(isinstance(name, str) for name in author):
        author = ", ".join(author)
    if author is not None and not isinstance(author, str):
        raise ValueError("author: not a text")
    return clean_text(author or "").strip() or None


def _parse_tags(tags: object) -> tuple[str, ...]:
    if tags is None:
        return ()
    tag_names = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(tag_names, list) or not all(isinstance(name, str) for name in tag_names):
        raise ValueError("tags: not a list of texts")
    return tuple(dict.fromkeys(tag for name in tag_names if (tag := clean_text(name).strip())))
