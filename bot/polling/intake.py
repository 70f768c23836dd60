"""Intake of a feed's document: known, new and changed entries, and their articles.

A worker parses the document and returns the keys of its entries, each entry packed. New and changed entries
go to a worker once more, still packed, and become articles there. The event loop only looks keys up and
unpacks the articles to be written.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar, TypeVarTuple

from bot.core.models import Article, Feed, NewArticle, ParsedFeed
from bot.core.settings import Settings
from bot.core.worker_pool import WorkerPool
from bot.feeds.fetch import FetchResult
from bot.feeds.pages import list_feeds
from bot.feeds.pages.list_feeds import KnownItem
from bot.feeds.worker_calls import parse_errors_as_feed_errors
from bot.polling.drafts import (
    ArticleDraft,
    ArticleSource,
    FeedDocument,
    build_articles,
    parse_feed,
    parse_list,
)
from bot.polling.entry_comparison import (
    EntryComparison,
    Matches,
    identities_to_store,
    make_draft,
    skipped_identities,
)
from bot.polling.identity import entry_identity, relocated_entries, retractions
from bot.polling.identity.entry_keys import EntryKeys, build_entry_keys, content_hash, link_keys
from bot.polling.ingest_quota import MIN_ENTRIES_FOR_UNSTABLE_IDS, FeedFollowers, IngestQuota
from bot.store import Store
from bot.store.records.source_records import (
    ChangedArticle,
    IntakeResult,
    KnownArticle,
    OverQuotaKind,
    PollOverflow,
    SkippedEntry,
)
from bot.text import urls

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NO_FOLLOWERS = FeedFollowers()
"""Followers of a feed that nobody follows."""

BATCH = 64
"""Entries that become articles in one call of a worker."""
BATCH_BYTES = 512 * 1024
"""Packed bytes of entries in one call of a worker."""


class Intake:
    """Classification of entries, and construction of articles from new and changed ones."""

    def __init__(self, settings: Settings, store: Store, workers: WorkerPool, shares: IngestQuota) -> None:
        self._shares = shares
        self._settings = settings
        self._store = store
        self._workers = workers

    async def parse(self, feed: Feed, fetched: FetchResult) -> FeedDocument:
        """Parse a document in a worker. Raises FeedError, and StoreError for the list of a page."""
        if not list_feeds.is_list_url(feed.url):
            return await self._run_in_worker(parse_feed, fetched.body, fetched.content_type, fetched.url)
        seen = [
            KnownItem(*row) for row in await self._store.articles.list_history(feed.id, list_feeds.MOST_SEEN)
        ]
        url = feed.url.replace(list_feeds.page_url(feed.url), fetched.url.partition("#")[0])
        return await self._run_in_worker(
            parse_list, fetched.body, fetched.content_type, url, feed.page_list or "", seen, feed.added
        )

    async def classify(
        self,
        feed: Feed,
        document: FeedDocument,
        *,
        now: int,
        followed: FeedFollowers = NO_FOLLOWERS,
        is_part: bool = False,
    ) -> IntakeResult:
        """Classify the entries of a document as new, changed or known; write nothing.

        `feed` must have the outlet of its articles. `now` becomes their discovery time. `followers` says
        whose quota new articles use. `is_part`: the document is a push and may lack entries. Raises
        FeedError, StoreError.
        """
        polls = self._store.polls
        sketches = document.entry_keys
        names = {
            name for sketch in sketches for name in (sketch.weak_key, sketch.strong_key, sketch.repeat_marker)
        }
        known = await polls.known_by_identity(feed.id, names) if names else {}
        by_name = entry_identity.match_by_identity(sketches, known)
        others, at_pages = await self._match_unidentified(feed, sketches, by_name)
        matches = by_name | others
        passed_over = {name for sketch in sketches for name in skipped_identities(sketch, followed)}
        missed = bool(sketches) and not matches and not passed_over and not is_part

        comparison = EntryComparison(
            feed, document.metadata, Matches(known, by_name, others, at_pages), followed, now
        )
        await comparison.run(sketches)
        new, changed = comparison.new, comparison.changed
        sizes = [len(draft.packed) for draft in new]
        admitted = self._shares.admit(
            feed,
            followed,
            sizes,
            entries=len(sketches),
            strangers=bool(sketches) and not by_name and not passed_over and not is_part,
            no_known_entries=missed,
            now=now,
        )
        restless = comparison.refused >= max(MIN_ENTRIES_FOR_UNSTABLE_IDS, len(sketches) // 4)
        refused = comparison.refused if restless else 0
        excess = _excess(new[admitted.accepted_count :], admitted.kind, passed_over, refused)
        del new[admitted.accepted_count :]
        source = ArticleSource(feed.id, feed.outlet, feed.language)
        watched = await polls.retraction_candidates(feed.id, now - retractions.MAX_RETRACTION_AGE_SECONDS)
        present = {match.article_id for match in matches.values()}
        dates = [match.published for match in matches.values()]
        is_whole = document.metadata.parse_warning is None and not is_part
        return IntakeResult(
            new=await self._build_articles(new, source),
            changed=[
                ChangedArticle(article_id, article)
                for article_id, article in zip(
                    changed, await self._build_articles(list(changed.values()), source), strict=True
                )
            ],
            aliases=comparison.aliases,
            no_known_entries=missed,
            missing_ids=retractions.find_missing(watched, present, dates) if is_whole else (),
            reappeared_ids=retractions.find_reappeared(watched, present),
            overflow=excess,
            quota_used_seconds=admitted.used,
        )

    async def _match_unidentified(
        self, feed: Feed, sketches: Sequence[EntryKeys], by_name: Mapping[bytes, KnownArticle]
    ) -> tuple[dict[bytes, KnownArticle], dict[str, list[KnownArticle]]]:
        """Match entries by URL variant, link and content; also return the articles at their pages."""
        polls = self._store.polls
        found: dict[bytes, KnownArticle] = {}

        def unknown() -> list[EntryKeys]:
            return [one for one in sketches if one.strong_key not in by_name and one.strong_key not in found]

        def present() -> set[int]:
            return {match.article_id for those in (by_name, found) for match in those.values()}

        variants = {name for sketch in unknown() for name in sketch.url_variant_keys}
        if variants:
            found |= entry_identity.match_by_url_variant(
                unknown(), await polls.known_by_identity(feed.id, variants)
            )
        pages = await asyncio.to_thread(_pages, unknown()) if unknown() else {}
        at_pages = await polls.known_pages(feed.id, pages) if pages else {}
        found |= entry_identity.match_by_link(unknown(), at_pages, present())
        if feed.last_success is None or not unknown():
            return found, at_pages
        dates = {sketch.published for sketch in unknown() if sketch.published is not None}
        articles = await polls.relocation_candidates(
            feed.id, dates, len(sketches) + relocated_entries.EXTRA_ARTICLES
        )
        candidates = await asyncio.to_thread(
            relocated_entries.RelocationMatcher, sketches, unknown(), articles, present()
        )
        if candidates.pairs:
            given = await polls.original_texts({pair.known.article_id for pair in candidates.pairs})
            found |= await asyncio.to_thread(_matched, candidates, given)
        return found, at_pages

    async def build_preview(self, feed: Feed, parsed: ParsedFeed, *, now: int) -> Article:
        """Return the only entry of `parsed` as the article it would become, with id 0. Raises FeedError."""
        (sketch,) = build_entry_keys(parsed.entries)
        names = identities_to_store(sketch, is_repeated=False)
        draft = make_draft(feed, parsed, sketch, names, shared=False, now=now)
        (new,) = await self._run_in_worker(
            build_articles, [draft], ArticleSource(feed.id, feed.outlet, feed.language)
        )
        told = {name: getattr(new, name) for name in Article._fields if hasattr(new, name)}
        return Article(id=0, feed_id=feed.id, found=now, **told)

    async def _build_articles(
        self, drafts: Sequence[ArticleDraft], source: ArticleSource
    ) -> list[NewArticle]:
        articles: list[NewArticle] = []
        for batch in _batches(drafts):
            articles += await self._run_in_worker(build_articles, batch, source)
            await asyncio.sleep(0)  # Unpacking a batch blocks the event loop.
        return articles

    async def _run_in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        with parse_errors_as_feed_errors():
            return await self._workers.run(function, *args, timeout=self._settings.parse_timeout)


def _excess(
    left_out: Sequence[ArticleDraft], kind: OverQuotaKind | None, still: Collection[bytes], refused: int
) -> PollOverflow | None:
    if kind is None and not refused:
        return None
    passed = [SkippedEntry(draft.identities[0], link_keys(draft.url)[1]) for draft in left_out]
    return PollOverflow(kind or OverQuotaKind.CHANGES, passed, still, refused)


def _pages(sketches: Sequence[EntryKeys]) -> dict[str, Collection[str]]:
    return {sketch.page: urls.url_variants(sketch.url) for sketch in sketches if sketch.url}


def _matched(
    candidates: relocated_entries.RelocationMatcher, given: Mapping[int, tuple[str, str]]
) -> dict[bytes, KnownArticle]:
    return candidates.match({article_id: content_hash(*texts) for article_id, texts in given.items()})


def _batches(drafts: Sequence[ArticleDraft]) -> Iterator[list[ArticleDraft]]:
    batch: list[ArticleDraft] = []
    size = 0
    for draft in drafts:
        batch.append(draft)
        size += len(draft.packed)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
