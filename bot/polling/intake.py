"""Intake of a feed's document: its known, new and changed entries, and their articles.

A worker parses the document and returns the keys of its entries (hashes that are stored as the identities of their
articles), with each entry serialised. New and changed entries go to a worker once more, still serialised, and become
articles there. The event loop only looks keys up and unpacks the articles to be written.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar, TypeVarTuple

from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.configuration.settings import Settings
from bot.core.models import Article, Feed, NewArticle, ParsedFeed
from bot.feeds.fetch import FetchResult
from bot.feeds.pages import list_feeds
from bot.feeds.pages.list_feeds import KnownItem
from bot.feeds.worker_calls import translate_worker_errors
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
    find_skipped_identity_hashes,
    make_draft,
    select_hashes_to_store,
)
from bot.polling.identity import entry_identity, relocated_entries, retractions
from bot.polling.identity.entry_keys import EntryKeys, build_entry_keys, build_link_keys, hash_content
from bot.polling.ingest_quota import MIN_ENTRIES_FOR_UNSTABLE_IDS, FeedQuotaState, IngestQuota
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

UNFOLLOWED_FEED_QUOTA_STATE = FeedQuotaState()
"""Quota state of a feed that no server follows, so that no quota applies."""

MAX_BATCH_ENTRIES = 64
"""Maximum number of entries that become articles in one call of a worker."""
BATCH_END_BYTES = 512 * 1024
"""Number of serialised bytes above which the batch of entries for one call of a worker gets no further entry."""


class Intake:
    """Classifier of a document's entries, and builder of articles from new and changed entries."""

    def __init__(self, settings: Settings, store: Store, workers: WorkerPool, quota: IngestQuota) -> None:
        self._quota = quota
        self._settings = settings
        self._store = store
        self._workers = workers

    async def parse(self, feed: Feed, response: FetchResult) -> FeedDocument:
        """Parse the document of a feed in a worker.

        Raises FeedError if that fails, and StoreError if the known articles of a feed made from a page's list
        cannot be loaded.
        """
        if not list_feeds.is_list_url(feed.url):
            return await self._run_in_worker(parse_feed, response.body, response.content_type, response.url)
        known_items = [
            KnownItem(*row) for row in await self._store.articles.list_history(feed.id, list_feeds.MAX_KNOWN_ITEMS)
        ]
        url = feed.url.replace(list_feeds.strip_list_fragment(feed.url), response.url.partition("#")[0])
        return await self._run_in_worker(
            parse_list,
            response.body,
            response.content_type,
            url,
            feed.list_signature or "",
            known_items,
            feed.added_at,
        )

    async def classify(
        self,
        feed: Feed,
        document: FeedDocument,
        *,
        now: int,
        feed_quota_state: FeedQuotaState = UNFOLLOWED_FEED_QUOTA_STATE,
        is_push: bool = False,
    ) -> IntakeResult:
        """Classify the entries of a document as new, changed or known, and charge new ones to quotas; write nothing.

        `feed` must have the name of its outlet. `now` (Unix time in seconds) becomes the articles' discovery
        time. `feed_quota_state` says whose quota new articles use. `is_push`: the document was pushed and may lack
        entries. Raises FeedError, StoreError.
        """
        poll_repository = self._store.polls
        entry_keys = document.entry_keys
        identity_hashes = {
            identity for keys in entry_keys for identity in (keys.weak_key, keys.strong_key, keys.repeat_marker)
        }
        known_articles = (
            await poll_repository.load_known_by_identity(feed.id, identity_hashes) if identity_hashes else {}
        )
        identity_matches = entry_identity.match_by_key(entry_keys, known_articles)
        other_matches, articles_by_page_key = await self._match_unidentified(feed, entry_keys, identity_matches)
        matches = identity_matches | other_matches
        skipped_identity_hashes = {
            identity for keys in entry_keys for identity in find_skipped_identity_hashes(keys, feed_quota_state)
        }
        has_no_known_entries = bool(entry_keys) and not matches and not skipped_identity_hashes and not is_push

        comparison = EntryComparison(
            feed,
            document.metadata,
            Matches(known_articles, identity_matches, other_matches, articles_by_page_key),
            feed_quota_state,
            now,
        )
        await comparison.run(entry_keys)
        new_drafts, changed_drafts_by_id = comparison.new_drafts, comparison.changed_drafts_by_id
        entry_sizes = [len(draft.packed_entry) for draft in new_drafts]
        quota_decision = self._quota.admit(
            feed,
            feed_quota_state,
            entry_sizes,
            entry_count=len(entry_keys),
            has_no_known_identities=bool(entry_keys)
            and not identity_matches
            and not skipped_identity_hashes
            and not is_push,
            has_no_known_entries=has_no_known_entries,
            now=now,
        )
        has_too_many_changes = comparison.refused_change_count >= max(
            MIN_ENTRIES_FOR_UNSTABLE_IDS, len(entry_keys) // 4
        )
        refused_change_count = comparison.refused_change_count if has_too_many_changes else 0
        overflow = _build_overflow(
            new_drafts[quota_decision.accepted_count :],
            quota_decision.over_quota_kind,
            skipped_identity_hashes,
            refused_change_count,
        )
        del new_drafts[quota_decision.accepted_count :]
        article_source = ArticleSource(feed.id, feed.outlet, feed.language)
        retraction_candidates = await poll_repository.list_retraction_candidates(
            feed.id, now - retractions.MAX_RETRACTION_AGE_SECONDS
        )
        matched_article_ids = {article.article_id for article in matches.values()}
        published_times = [article.published for article in matches.values()]
        is_complete = document.metadata.parse_warning is None and not is_push
        return IntakeResult(
            new_articles=await self._build_articles(new_drafts, article_source),
            changed_articles=[
                ChangedArticle(article_id, article)
                for article_id, article in zip(
                    changed_drafts_by_id,
                    await self._build_articles(list(changed_drafts_by_id.values()), article_source),
                    strict=True,
                )
            ],
            aliases=comparison.aliases,
            comment_counts=comparison.comment_counts,
            has_no_known_entries=has_no_known_entries,
            missing_ids=retractions.find_newly_missing_ids(retraction_candidates, matched_article_ids, published_times)
            if is_complete
            else (),
            reappeared_ids=retractions.find_reappeared_ids(retraction_candidates, matched_article_ids),
            overflow=overflow,
            quota_used_seconds=quota_decision.used_seconds,
        )

    async def _match_unidentified(
        self, feed: Feed, entry_keys: Sequence[EntryKeys], identity_matches: Mapping[bytes, KnownArticle]
    ) -> tuple[dict[bytes, KnownArticle], dict[str, list[KnownArticle]]]:
        """Match entries whose identity hashes are unknown to stored articles, by URL variant, link and content.

        Return the articles by strong key (hash) of the entry, and the feed's articles at the pages of such entries.
        Raises StoreError.
        """
        poll_repository = self._store.polls
        matches: dict[bytes, KnownArticle] = {}

        def list_unknown_keys() -> list[EntryKeys]:
            return [
                keys
                for keys in entry_keys
                if keys.strong_key not in identity_matches and keys.strong_key not in matches
            ]

        def list_matched_ids() -> set[int]:
            return {article.article_id for match_map in (identity_matches, matches) for article in match_map.values()}

        variant_identities = {identity for keys in list_unknown_keys() for identity in keys.url_variant_keys}
        if variant_identities:
            matches |= entry_identity.match_by_url_variant(
                list_unknown_keys(), await poll_repository.load_known_by_identity(feed.id, variant_identities)
            )
        url_variants_by_page_key = (
            await asyncio.to_thread(_map_url_variants, list_unknown_keys()) if list_unknown_keys() else {}
        )
        articles_by_page_key = (
            await poll_repository.load_known_by_page_key(feed.id, url_variants_by_page_key)
            if url_variants_by_page_key
            else {}
        )
        matches |= entry_identity.match_by_link(list_unknown_keys(), articles_by_page_key, list_matched_ids())
        if feed.last_success_at is None or not list_unknown_keys():
            return matches, articles_by_page_key
        published_times = {keys.published for keys in list_unknown_keys() if keys.published is not None}
        candidate_articles = await poll_repository.list_relocation_candidates(
            feed.id, published_times, len(entry_keys) + relocated_entries.EXTRA_CANDIDATES
        )
        relocation_matcher = await asyncio.to_thread(
            relocated_entries.RelocationMatcher,
            entry_keys,
            list_unknown_keys(),
            candidate_articles,
            list_matched_ids(),
        )
        if relocation_matcher.pairs:
            original_texts = await poll_repository.load_original_texts(
                {pair.article.article_id for pair in relocation_matcher.pairs}
            )
            matches |= await asyncio.to_thread(_match_relocated, relocation_matcher, original_texts)
        return matches, articles_by_page_key

    async def build_preview(self, feed: Feed, parsed_feed: ParsedFeed, *, now: int) -> Article:
        """Return the only entry of `parsed_feed` as the article that it would become, with id 0.

        Raises FeedError.
        """
        (keys,) = build_entry_keys(parsed_feed.entries)
        identity_hashes = select_hashes_to_store(keys, is_repeated=False)
        draft = make_draft(feed, parsed_feed, keys, identity_hashes, has_shared_link=False, now=now)
        (new_article,) = await self._run_in_worker(
            build_articles, [draft], ArticleSource(feed.id, feed.outlet, feed.language)
        )
        shared_fields = {name: getattr(new_article, name) for name in Article._fields if hasattr(new_article, name)}
        return Article(id=0, feed_id=feed.id, found_at=now, **shared_fields)

    async def _build_articles(self, drafts: Sequence[ArticleDraft], source: ArticleSource) -> list[NewArticle]:
        articles: list[NewArticle] = []
        for batch in _iter_batches(drafts):
            articles += await self._run_in_worker(build_articles, batch, source)
            await asyncio.sleep(0)  # Unpacking a batch blocks the event loop.
        return articles

    async def _run_in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        with translate_worker_errors():
            return await self._workers.run(function, *args, timeout=self._settings.parse_timeout)


def _build_overflow(
    rejected_drafts: Sequence[ArticleDraft],
    over_quota_kind: OverQuotaKind | None,
    skipped_identity_hashes: Collection[bytes],
    refused_change_count: int,
) -> PollOverflow | None:
    if over_quota_kind is None and not refused_change_count:
        return None
    skipped_entries = [
        SkippedEntry(draft.identity_hashes[0], build_link_keys(draft.url)[1]) for draft in rejected_drafts
    ]
    return PollOverflow(
        over_quota_kind or OverQuotaKind.CHANGES, skipped_entries, skipped_identity_hashes, refused_change_count
    )


def _map_url_variants(entry_keys: Sequence[EntryKeys]) -> dict[str, Collection[str]]:
    return {keys.page_key: urls.list_url_variants(keys.url) for keys in entry_keys if keys.url}


def _match_relocated(
    relocation_matcher: relocated_entries.RelocationMatcher, original_texts: Mapping[int, tuple[str, str]]
) -> dict[bytes, KnownArticle]:
    return relocation_matcher.match({article_id: hash_content(*texts) for article_id, texts in original_texts.items()})


def _iter_batches(drafts: Sequence[ArticleDraft]) -> Iterator[list[ArticleDraft]]:
    batch: list[ArticleDraft] = []
    batch_bytes = 0
    for draft in drafts:
        batch.append(draft)
        batch_bytes += len(draft.packed_entry)
        if len(batch) == MAX_BATCH_ENTRIES or batch_bytes > BATCH_END_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch
