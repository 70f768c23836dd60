"""Export and import of articles as JSON Lines: one object per line, UTF-8.

Keys: `url`, `title`, `text`, `summary`, `published` (ISO 8601), `language`, `source`, `author`, `tags`,
`image`, `comments`. An import needs `url` and one of `title` and `text`, ignores other keys, and accepts dates in other
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
    build_articles,
    compute_article_key_of_row,
    parse_row,
    to_json_line,
)
from bot.store import Store
from bot.store.records.content_records import StoredArticle
from bot.text import urls
from bot.text.times import feed_dates

MAX_LINES_PER_BATCH = 500
"""Maximum number of lines that are stored as one batch; a batch also ends beyond `MAX_LINE_BYTES` bytes."""
BUILD_TIMEOUT_SECONDS = 120.0
"""Maximum number of seconds in which a worker builds the articles of a batch of lines."""
MAX_REPORTED_PROBLEMS = 1_000
"""Maximum number of rejected lines that are reported with their reason; further lines are only counted."""


class LineProblem(NamedTuple):
    """A rejected line of an import: its number, from 1, and the reason."""

    line_number: int
    reason: str


@dataclass(slots=True)
class ArticleImportResult:
    """Outcome of an import: the numbers of articles stored now, of articles already stored, and of rejected lines.

    An article that repeats one of an earlier line counts as already stored. `problems` are the first
    `MAX_REPORTED_PROBLEMS` rejected lines.
    `line_count_by_unknown_key` has, by a JSON key that the import ignores, the number of lines with this key.
    """

    stored_count: int = 0
    already_stored_count: int = 0
    rejected_count: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    line_count_by_unknown_key: Counter[str] = field(default_factory=Counter)

    def reject(self, line_number: int, reason: str) -> None:
        """Count a line that cannot be imported; record the reason, except after `MAX_REPORTED_PROBLEMS` lines."""
        self.rejected_count += 1
        if len(self.problems) < MAX_REPORTED_PROBLEMS:
            self.problems.append(LineProblem(line_number, reason))


async def export_articles(store: Store, output_file: TextIO) -> int:
    """Write all articles, oldest first, and return their number.

    Articles with equal link, outlet, title and time, as of two feeds of one outlet, are written once. Raises
    StoreError, and OSError if the file cannot be written.
    """
    article_count = 0
    published_at = None
    exported_identities: set[tuple[str, str, str]] = set()
    async for article in store.articles.iterate():
        if article.published != published_at:
            published_at = article.published
            exported_identities.clear()
        article_identity = (article.url, article.outlet, article.title)
        if article_identity not in exported_identities:
            exported_identities.add(article_identity)
            output_file.write(to_json_line(article) + "\n")
            article_count += 1
    return article_count


async def import_lines(
    services: Services, stream: BinaryIO, *, on_progress: Callable[[int], None] | None = None
) -> ArticleImportResult:
    """Import articles from lines of JSON, and return the counts and problems.

    Stored articles stay unchanged. `on_progress` is called after each batch with the number of lines read so far.
    Raises StoreError, and WorkerTimeout or WorkerDied if a worker fails.
    """
    import_result = ArticleImportResult()
    feed_id_by_source: dict[str, int] = {}
    line_number = 0
    for batch in _split_into_batches(_read_numbered_lines(stream)):
        import_rows = []
        for line_number, raw_line in batch:
            try:
                import_rows.append(parse_row(raw_line, import_result.line_count_by_unknown_key))
            except ValueError as error:
                import_result.reject(line_number, str(error))
        await _import_batch(services, import_rows, feed_id_by_source, import_result)
        if on_progress is not None:
            on_progress(line_number)
    return import_result


async def _import_batch(
    services: Services,
    import_rows: Sequence[ImportRow],
    feed_id_by_source: dict[str, int],
    import_result: ArticleImportResult,
) -> None:
    article_store = services.store.articles
    articles_by_url = await article_store.load_stored_articles_by_url({row.url for row in import_rows})
    now = services.clock.now()
    row_drafts: list[RowDraft] = []
    for row in import_rows:
        if row.source not in feed_id_by_source:
            feed = await services.store.feeds.add(
                IMPORT_URL_PREFIX + row.source, title=row.source, outlet=row.source, state=FeedState.IMPORTED_ARTICLES
            )
            feed_id_by_source[row.source] = feed.id
        article_key = compute_article_key_of_row(row)
        articles_at_url = articles_by_url.setdefault(row.url, [])
        if any(
            stored_article.key == article_key or _is_same_article(row, stored_article)
            for stored_article in articles_at_url
        ):
            import_result.already_stored_count += 1
            continue
        page_key = _compute_page_key(row, articles_at_url)
        published_at = feed_dates.clamp_publication_time(row.published, now)
        articles_at_url.append(StoredArticle(article_key, row.url, page_key, row.source, row.title, published_at))
        row_drafts.append(RowDraft(row, feed_id_by_source[row.source], page_key))
    new_articles: list[NewArticle] = await services.workers.run(
        build_articles, row_drafts, now, timeout=BUILD_TIMEOUT_SECONDS
    )
    stored_count = await article_store.import_batch(
        [(row_draft.feed_id, article) for row_draft, article in zip(row_drafts, new_articles, strict=True)]
    )
    import_result.stored_count += stored_count
    import_result.already_stored_count += len(new_articles) - stored_count


def _is_same_article(row: ImportRow, stored_article: StoredArticle) -> bool:
    return (
        row.source == stored_article.outlet
        and row.title == stored_article.title
        and (row.published is None or row.published == stored_article.published)
    )


def _compute_page_key(row: ImportRow, articles_at_url: Sequence[StoredArticle]) -> str:
    """Return the page key of an imported article: the identifier that all versions of one web page share.

    A stored article at the same link with the same title or time of publication is a version of the same page: the
    row gets its page key. If other articles are at the link, the row gets a page key of its own.
    """
    for stored_article in articles_at_url:
        if row.title == stored_article.title or row.published == stored_article.published:
            return stored_article.page_key
    return urls.compute_page_key(row.url, row.identity_hash.hex() if articles_at_url else None)


def _read_numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers; long lines are cut to `MAX_LINE_BYTES` + 1."""
    line_number = 0
    while raw_line := stream.readline(MAX_LINE_BYTES + 1):
        line_number += 1
        last_chunk = raw_line
        while not last_chunk.endswith(b"\n") and (last_chunk := stream.readline(MAX_LINE_BYTES)):
            pass
        if raw_line.strip():
            yield line_number, raw_line


def _split_into_batches(numbered_lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    batch_bytes = 0
    for line_number, raw_line in numbered_lines:
        batch.append((line_number, raw_line))
        batch_bytes += len(raw_line)
        if len(batch) == MAX_LINES_PER_BATCH or batch_bytes > MAX_LINE_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch
