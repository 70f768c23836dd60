"""Articles out of and into the store as JSON Lines: one object a line, UTF-8.

`url`, `title`, `text`, `summary`, `published` (ISO 8601), `language`, `source`, `author`, `tags`, `image`. Of
what comes in, `url` and one of `title` and `text` are needed, keys of other names mean nothing, and
`published` may also be a date in words or seconds since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, BinaryIO, NamedTuple, TextIO

from bot.feeds.entries import sound
from bot.news import intake
from bot.news.newsroom import Newsroom
from bot.store import Store
from bot.store.articles import Kept
from bot.text import clean, dates, excerpts, language, terms, urls
from bot.words import Article, FeedState, NewArticle

LONGEST_LINE = 4 * 2**20
"""Bytes."""
BATCH = 500
"""Lines read, prepared and stored together."""
PREPARE_TIME = 120.0
"""Seconds that a worker may take for a batch."""
MOST_PROBLEMS = 1_000
"""Lines of which is told what is wrong with them; the rest is counted."""
SOURCE = 200
"""Characters of an outlet's name."""
IMPORTED = "import:"
"""Before the name of an outlet: the address of the feed that holds what was imported of it."""

_FAR = 10**14
"""Milliseconds after 1970: the year 5138."""


class Problem(NamedTuple):
    """A line that was not imported, counted from 1, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Imported:
    """What an import did: articles stored, known already, and lines rejected, with the first problems."""

    stored: int = 0
    known: int = 0
    rejected: int = 0
    problems: list[Problem] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Count a line that cannot be used."""
        self.rejected += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line, reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line that can be used. `published` is None where the line has no date."""

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
    def name(self) -> bytes:
        """What names it among the rows of its source."""
        digest = blake2b(digest_size=16)
        for part in (self.url, self.title, str(self.published)):
            digest.update(part.encode() + b"\x00")
        return digest.digest()


class _Draft(NamedTuple):
    row: Row
    feed_id: int
    page: str


def iso(seconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC, such as `2020-06-10T08:30:00Z`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line_of(article: Article) -> str:
    """An article as a line without its end."""
    return json.dumps(
        {
            "url": article.url,
            "title": article.title,
            "text": article.text,
            "summary": article.summary,
            "published": iso(article.published),
            "language": article.language,
            "source": article.outlet,
            "author": article.author,
            "tags": list(article.tags),
            "image": article.image,
        },
        ensure_ascii=False,
    )


async def export(store: Store, lines: TextIO) -> int:
    """Write every article, oldest first; how many. What two feeds of one outlet carry is written once."""
    count = 0
    moment = None
    written: set[tuple[str, str, str]] = set()
    async for article in store.articles.export():
        if article.published != moment:
            moment = article.published
            written.clear()
        name = (article.url, article.outlet, article.title)
        if name not in written:
            written.add(name)
            lines.write(line_of(article) + "\n")
            count += 1
    return count


async def import_lines(
    newsroom: Newsroom, lines: BinaryIO, *, on_progress: Callable[[int], None] | None = None
) -> Imported:
    """Import articles. What is there already stays as it is; a line that cannot be used is told of.

    `on_progress` is called with the number of lines done. Raises StoreError, WorkerTimeout, WorkerDied.
    """
    done = Imported()
    sources: dict[str, int] = {}
    last = 0
    for batch in _batches(_numbered(lines)):
        rows = []
        for last, raw in batch:
            try:
                rows.append(row_of(raw))
            except ValueError as error:
                done.reject(last, str(error))
        await _import(newsroom, rows, sources, done)
        if on_progress is not None:
            on_progress(last)
    return done


async def _import(newsroom: Newsroom, rows: Sequence[Row], sources: dict[str, int], done: Imported) -> None:
    articles = newsroom.store.articles
    there = await articles.at_urls({row.url for row in rows})
    now = newsroom.clock.now()
    drafts: list[_Draft] = []
    for row in rows:
        if row.source not in sources:
            feed = await newsroom.store.feeds.add(
                IMPORTED + row.source, title=row.source, outlet=row.source, state=FeedState.IMPORTED
            )
            sources[row.source] = feed.id
        key = _key(row)
        at_url = there.setdefault(row.url, [])
        if any(kept.key == key or _is_same(row, kept) for kept in at_url):
            done.known += 1
            continue
        page = _page(row, at_url)
        published = dates.clamp(row.published, now)
        at_url.append(Kept(key, row.url, page, row.source, row.title, published))
        drafts.append(_Draft(row, sources[row.source], page))
    new: list[NewArticle] = await newsroom.workers.run(prepare, drafts, now, timeout=PREPARE_TIME)
    stored = await articles.import_batch(
        [(draft.feed_id, article) for draft, article in zip(drafts, new, strict=True)]
    )
    done.stored += stored
    done.known += len(new) - stored


def _is_same(row: Row, kept: Kept) -> bool:
    return (
        row.source == kept.outlet
        and row.title == kept.title
        and (row.published is None or row.published == kept.published)
    )


def _page(row: Row, at_url: Sequence[Kept]) -> str:
    """The page of a row: that of an article with its link, unless the link is that of several articles."""
    for kept in at_url:
        if row.title == kept.title or row.published == kept.published:
            return kept.page
    return urls.page(row.url, row.name.hex() if at_url else None)


def _key(row: Row) -> str:
    return intake.article_key(IMPORTED + row.source, row.name)


def prepare(drafts: Sequence[_Draft], now: int) -> list[NewArticle]:
    """Make articles of rows (runs in a worker)."""
    return [_article(draft, now) for draft in drafts]


def _article(draft: _Draft, now: int) -> NewArticle:
    row = draft.row
    body = clean.body(row.text or row.summary)
    told = row.language or language.detect(f"{row.title}\n{row.summary}\n{body}")
    published = dates.clamp(row.published, now)
    index = terms.index_terms(
        title=row.title,
        body=body,
        language=told,
        feed_id=draft.feed_id,
        outlet=row.source,
        author=row.author,
        tags=row.tags,
        published=published,
        image=row.image,
    )
    return NewArticle(
        key=_key(row),
        page=draft.page,
        url=row.url,
        identities=(row.name,),
        fingerprint=row.name,
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
        title_terms=index.title,
        body_terms=index.body,
        meta_terms=index.meta,
    )


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank with their numbers; one that is too long comes cut after the limit."""
    number = 0
    while raw := lines.readline(LONGEST_LINE + 1):
        number += 1
        end = raw
        while not end.endswith(b"\n") and (end := lines.readline(LONGEST_LINE)):
            pass
        if raw.strip():
            yield number, raw


def _batches(numbered: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, raw in numbered:
        batch.append((number, raw))
        size += len(raw)
        if len(batch) == BATCH or size > LONGEST_LINE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def row_of(raw: bytes) -> Row:
    """A line as a row. Raises ValueError with what is wrong with it."""
    found = _object(raw)
    url = urls.canonical(_text(found, "url"))
    if not url:
        raise ValueError("url: not an address on the web" if found.get("url") else "url: missing")
    text = _text(found, "text")
    summary = _text(found, "summary")
    title = _text(found, "title").strip() or excerpts.excerpt(clean.body(text), intake.TITLE)
    if not title:
        raise ValueError("title and text: both missing")
    image = _text(found, "image").strip()
    return Row(
        url=url,
        title=title,
        text=text,
        summary=summary,
        published=_published(found.get("published")),
        language=language.base(_text(found, "language")),
        source=_text(found, "source").strip()[:SOURCE] or urls.host(url).removeprefix("www."),
        author=_author(found.get("author")),
        tags=_tags(found.get("tags")),
        image=image if image.startswith(("http://", "https://")) else None,
    )


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} bytes")
    try:
        found = json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a bad line, not a bad call
    return found


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: not a text")  # noqa: TRY004 - a bad line, not a bad call
    return sound(value)


def _published(value: object) -> int | None:
    """Seconds of UTC from a date in words, or from seconds or milliseconds since 1970."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    seconds: int | None = None
    if isinstance(value, str):
        seconds = dates.parse(value)
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
    return sound(value or "").strip() or None


def _tags(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("tags: not a list of texts")
    return tuple(dict.fromkeys(tag for name in names if (tag := sound(name).strip())))
