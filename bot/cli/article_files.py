"""Export and import of articles as JSON Lines: one object per line, UTF-8.

Keys: `url`, `title`, `text`, `summary`, `published` (ISO 8601), `language`, `source`, `author`, `tags`,
`image`. An import needs `url` and one of `title` and `text`, ignores other keys, and accepts dates in other
formats or seconds since 1970 as `published`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, TextIO

from bot.client.services import Services
from bot.core.models import FeedState, NewArticle
from bot.polling.jsonl_articles import (
    IMPORT_URL_PREFIX,
    MAX_LINE_BYTES,
    ImportRow,
    RowDraft,
    article_key_of_row,
    build_articles,
    parse_row,
    to_json_line,
)
from bot.store import Store
from bot.store.records.content_records import StoredArticle
from bot.text import urls
from bot.text.times import feed_dates

BATCH = 500
"""Lines that are read, prepared and stored together."""
BUILD_TIMEOUT_SECONDS = 120.0
"""Seconds that a worker may take for a batch."""
MAX_REPORTED_PROBLEMS = 1_000
"""Rejected lines that are reported with their reason; further ones are only counted."""


class LineProblem(NamedTuple):
    """A rejected line, counted from 1, and the reason."""

    line: int
    reason: str


@dataclass(slots=True)
class ArticleImportResult:
    """Counts of an import: articles stored, already known and rejected, with the first problems."""

    stored: int = 0
    known: int = 0
    rejected: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    """Number of lines by ignored key."""

    def reject(self, line: int, reason: str) -> None:
        """Count a line that cannot be used."""
        self.rejected += 1
        if len(self.problems) < MAX_REPORTED_PROBLEMS:
            self.problems.append(LineProblem(line, reason))


async def export(store: Store, lines: TextIO) -> int:
    """Write all articles, oldest first, and return their number.

    An article that two feeds of one outlet carry is written once.
    """
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
            lines.write(to_json_line(article) + "\n")
            count += 1
    return count


async def import_lines(
    newsroom: Services, lines: BinaryIO, *, on_progress: Callable[[int], None] | None = None
) -> ArticleImportResult:
    """Import articles; existing ones stay unchanged, and lines that cannot be used are reported.

    `on_progress` is called with the number of lines done. Raises StoreError, WorkerTimeout, WorkerDied.
    """
    done = ArticleImportResult()
    sources: dict[str, int] = {}
    last = 0
    for batch in _batches(_numbered_lines(lines)):
        rows = []
        for last, raw in batch:
            try:
                rows.append(parse_row(raw, done.unknown_fields))
            except ValueError as error:
                done.reject(last, str(error))
        await _import(newsroom, rows, sources, done)
        if on_progress is not None:
            on_progress(last)
    return done


async def _import(
    newsroom: Services, rows: Sequence[ImportRow], sources: dict[str, int], done: ArticleImportResult
) -> None:
    articles = newsroom.store.articles
    there = await articles.stored_at_urls({row.url for row in rows})
    now = newsroom.clock.now()
    drafts: list[RowDraft] = []
    for row in rows:
        if row.source not in sources:
            feed = await newsroom.store.feeds.add(
                IMPORT_URL_PREFIX + row.source, title=row.source, outlet=row.source, state=FeedState.IMPORTED
            )
            sources[row.source] = feed.id
        key = article_key_of_row(row)
        at_url = there.setdefault(row.url, [])
        if any(kept.key == key or _is_same(row, kept) for kept in at_url):
            done.known += 1
            continue
        page = _page(row, at_url)
        published = feed_dates.clamp(row.published, now)
        at_url.append(StoredArticle(key, row.url, page, row.source, row.title, published))
        drafts.append(RowDraft(row, sources[row.source], page))
    new: list[NewArticle] = await newsroom.workers.run(
        build_articles, drafts, now, timeout=BUILD_TIMEOUT_SECONDS
    )
    stored = await articles.import_batch(
        [(draft.feed_id, article) for draft, article in zip(drafts, new, strict=True)]
    )
    done.stored += stored
    done.known += len(new) - stored


def _is_same(row: ImportRow, kept: StoredArticle) -> bool:
    return (
        row.source == kept.outlet
        and row.title == kept.title
        and (row.published is None or row.published == kept.published)
    )


def _page(row: ImportRow, at_url: Sequence[StoredArticle]) -> str:
    """Return the page key of a row: that of an article with its link unless several articles share it."""
    for kept in at_url:
        if row.title == kept.title or row.published == kept.published:
            return kept.page
    return urls.page_key(row.url, row.identity_hash.hex() if at_url else None)


def _numbered_lines(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers; long lines are cut to `MAX_LINE_BYTES` + 1."""
    number = 0
    while raw := lines.readline(MAX_LINE_BYTES + 1):
        number += 1
        end = raw
        while not end.endswith(b"\n") and (end := lines.readline(MAX_LINE_BYTES)):
            pass
        if raw.strip():
            yield number, raw


def _batches(numbered: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, raw in numbered:
        batch.append((number, raw))
        size += len(raw)
        if len(batch) == BATCH or size > MAX_LINE_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
