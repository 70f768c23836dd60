"""Articles as JSON Lines. The half that runs in a worker does not import the store."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, NamedTuple

from bot.core.local_time import format_iso
from bot.core.models import Article, NewArticle
from bot.feeds.parsing.entries import clean_text
from bot.polling import drafts
from bot.text import boilerplate, excerpts, language, urls
from bot.text.times import feed_dates

MAX_LINE_BYTES = 4 * 2**20
"""Bytes of a line."""
MAX_SOURCE_CHARS = 200
"""Characters of an outlet's name."""
IMPORT_URL_PREFIX = "import:"
"""Prefix of the URL of the feed that holds an outlet's imported articles."""

_FAR = 10**14
"""Milliseconds since 1970 that are no longer a date: the year 5138."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A valid line; `published` is in seconds of UTC, None where the line has no date."""

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

    @property
    def identity_hash(self) -> bytes:
        """Hash that identifies the row among those of its source."""
        digest = blake2b(digest_size=16)
        for part in (self.url, self.title, str(self.published)):
            digest.update(part.encode() + b"\x00")
        return digest.digest()


class RowDraft(NamedTuple):
    """A row that becomes an article of a feed."""

    row: ImportRow
    feed_id: int
    page_key: str


def to_json_line(article: Article) -> str:
    """Return an article as a line of JSON without its line break."""
    own = {"source": article.outlet, "published": format_iso(article.published), "tags": list(article.tags)}
    values = {name: own[name] if name in own else getattr(article, name) for name in FIELDS}
    return json.dumps(values, ensure_ascii=False)


def article_key_of_row(row: ImportRow) -> str:
    """Return the key of the article that a row becomes."""
    return drafts.article_key(IMPORT_URL_PREFIX + row.source, row.identity_hash)


def build_articles(drafts_: Sequence[RowDraft], now: int) -> list[NewArticle]:
    """Return the articles of rows (runs in a worker)."""
    return [_article(draft, now) for draft in drafts_]


def _article(draft: RowDraft, now: int) -> NewArticle:
    row = draft.row
    body = boilerplate.strip_boilerplate(row.text or row.summary)
    told = row.language or language.detect(f"{row.title}\n{row.summary}\n{body}")
    published = feed_dates.clamp(row.published, now)
    return NewArticle(
        key=article_key_of_row(row),
        page=draft.page_key,
        url=row.url,
        identities=(row.identity_hash,),
        fingerprint=row.identity_hash,
        title=row.title,
        summary=row.summary,
        text=row.text,
        body=body,
        author=row.author,
        outlet=row.source,
        language=told,
        tags=row.tags,
        image=row.image,
        published=published,
    )


FIELDS = tuple(each.name for each in fields(ImportRow))
"""Keys of a line that are read; others are ignored."""
_MOST_OTHERS = 50
"""Distinct unknown keys that are counted."""


def parse_row(raw: bytes, others: Counter[str]) -> ImportRow:
    """Parse a line. Raises ValueError with what is wrong with it.

    `unknown_keys` counts the lines with each key that is ignored, for the first `_MAX_UNKNOWN_KEYS` keys.
    """
    found = _object(raw)
    for name in found.keys() - set(FIELDS):
        if name in others or len(others) < _MOST_OTHERS:
            others[name] += 1
    url = urls.canonicalize(_text(found, "url"))
    if not url:
        raise ValueError("url: not an address on the web" if found.get("url") else "url: missing")
    text = _text(found, "text")
    summary = _text(found, "summary")
    title = _text(found, "title").strip() or excerpts.excerpt(
        boilerplate.strip_boilerplate(text), drafts.MAX_DERIVED_TITLE_CHARS
    )
    if not title:
        raise ValueError("title and text: both missing")
    image = _text(found, "image").strip()
    return ImportRow(
        url=url,
        title=title,
        text=text,
        summary=summary,
        published=_published(found.get("published")),
        language=language.primary_subtag(_text(found, "language")),
        source=_text(found, "source").strip()[:MAX_SOURCE_CHARS] or urls.host(url).removeprefix("www."),
        author=_author(found.get("author")),
        tags=_tags(found.get("tags")),
        image=image if image.startswith(("http://", "https://")) else None,
    )


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        found = json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers expect ValueError
    return found


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: not a text")  # noqa: TRY004 - callers expect ValueError
    return clean_text(value)


def _published(value: object) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    seconds: int | None = None
    if isinstance(value, str):
        seconds = feed_dates.parse(value, whole=True)
    elif isinstance(value, int | float) and not isinstance(value, bool) and -_FAR < value < _FAR:
        seconds = int(value / 1000 if abs(value) >= 1e11 else value)  # noqa: PLR2004 - the year 5138 in seconds
    if seconds is None:
        raise ValueError("published: not a date")
    return seconds


def _author(value: object) -> str | None:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = ", ".join(value)
    if value is not None and not isinstance(value, str):
        raise ValueError("author: not a text")
    return clean_text(value or "").strip() or None


def _tags(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("tags: not a list of texts")
    return tuple(dict.fromkeys(tag for name in names if (tag := clean_text(name).strip())))
