"""Comparison of a document's entries with the stored articles: which are new, which changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.core.models import Feed, ParsedFeed
from bot.polling.drafts import ArticleDraft, compute_article_key
from bot.polling.identity import entry_identity
from bot.polling.identity.entry_keys import EntryKeys
from bot.polling.ingest_quota import FeedQuotaState, accepts_change
from bot.store.records.source_records import KnownArticle
from bot.text import urls

YIELD_INTERVAL_ENTRIES = 50
"""Number of entries compared (in half a millisecond) before the event loop runs other tasks."""


class Matches(NamedTuple):
    """Stored articles that the entries of a document belong to.

    An entry has two identity hashes: a weak key (of the guid, else of link or content), which entries may share, and a
    strong key, unique in the document. `identity_matches` are the articles found by a stored identity hash,
    `other_matches` those found by link, URL variant or content, both by the strong key of the entry.
    `article_by_identity_hash` has the articles by those identity hashes of entries that are stored;
    `articles_by_page_key` has the feed's articles at the web pages of entries.
    """

    article_by_identity_hash: Mapping[bytes, KnownArticle]
    identity_matches: Mapping[bytes, KnownArticle]
    other_matches: Mapping[bytes, KnownArticle]
    articles_by_page_key: Mapping[str, Sequence[KnownArticle]]


class EntryComparison:
    """Comparison of a document's entries with stored articles, and its outcome after `run`.

    `new_drafts` are new entries to become articles, in document order and without those that a quota once kept out,
    `changed_drafts_by_id` are changed entries by article id. `aliases` are pairs of a further identity hash (by which
    an entry is recognised) of a stored article and the article's id, `comment_counts` pairs of an article's id and its
    new number of comments. `refused_change_count` is the number of changes that come too soon after earlier ones.
    """

    def __init__(
        self, feed: Feed, metadata: ParsedFeed, matches: Matches, feed_quota_state: FeedQuotaState, now: int
    ) -> None:
        self.new_drafts: list[ArticleDraft] = []
        self.changed_drafts_by_id: dict[int, ArticleDraft] = {}
        self.aliases: list[tuple[bytes, int]] = []
        self.comment_counts: list[tuple[int, int]] = []
        self.refused_change_count = 0
        self._feed, self._metadata = feed, metadata
        self._matches, self._feed_quota_state, self._now = matches, feed_quota_state, now
        self._stored_hashes = set(matches.article_by_identity_hash)
        self._article_ids_without_draft: set[int] = set()

    async def run(self, entry_keys: Sequence[EntryKeys]) -> None:
        """Compare the entries, and let the event loop run other tasks every `YIELD_INTERVAL_ENTRIES` entries."""
        for index, keys in enumerate(entry_keys):
            if index % YIELD_INTERVAL_ENTRIES == 0:
                await asyncio.sleep(0)
            self._compare(keys)

    def _compare(self, keys: EntryKeys) -> None:
        matches = self._matches
        identity_hashes = select_hashes_to_store(
            keys, is_repeated=entry_identity.has_repeated_weak_key(keys, matches.article_by_identity_hash)
        )
        if keys.is_weak_key_repeated and keys.repeat_marker not in self._stored_hashes:
            self._stored_hashes.add(keys.repeat_marker)
            identity_hashes += (keys.repeat_marker,)
        article = matches.other_matches.get(keys.strong_key) or matches.identity_matches.get(keys.strong_key)
        if article is not None:
            if keys.strong_key in matches.other_matches or keys.is_weak_key_repeated:
                self.aliases += [
                    (identity_hash, article.article_id)
                    for identity_hash in identity_hashes
                    if identity_hash not in matches.article_by_identity_hash
                ]
            self._compare_existing(keys, article)
        elif not find_skipped_identity_hashes(keys, self._feed_quota_state):
            has_shared_link = keys.is_link_shared or bool(
                entry_identity.get_articles_at_link(keys, matches.articles_by_page_key)
            )
            self.new_drafts.append(
                make_draft(
                    self._feed, self._metadata, keys, identity_hashes, has_shared_link=has_shared_link, now=self._now
                )
            )

    def _compare_existing(self, keys: EntryKeys, article: KnownArticle) -> None:
        """Note whether an entry changes its stored article, and how; only the first entry of an article counts."""
        article_id = article.article_id
        if article_id in self._article_ids_without_draft or article_id in self.changed_drafts_by_id:
            return
        if article.fingerprint == keys.fingerprint:
            self._article_ids_without_draft.add(article_id)
            if keys.comment_count is not None and keys.comment_count != article.comment_count:
                self.comment_counts.append((article_id, keys.comment_count))
        elif self._feed_quota_state.server_ids and not accepts_change(article, self._now):
            self._article_ids_without_draft.add(article_id)
            self.refused_change_count += 1
        else:
            self.changed_drafts_by_id[article_id] = _make_changed_draft(self._feed, self._metadata, keys, article)


def find_skipped_identity_hashes(keys: EntryKeys, feed_quota_state: FeedQuotaState) -> Collection[bytes]:
    """Return the identity hashes of an entry by which it was skipped before because of a quota."""
    return [key for key in (keys.weak_key, keys.strong_key) if key in feed_quota_state.skipped_identity_hashes]


def select_hashes_to_store(keys: EntryKeys, *, is_repeated: bool) -> tuple[bytes, ...]:
    """Return the hashes to store, by which an entry is recognised later.

    `is_repeated`: several entries have or had its weak key (hash of guid, link or content), so that only its strong key
    (hash also of link and title) counts.
    """
    if is_repeated:
        return (keys.strong_key,)
    # If the feed repeats the guid one day, link or title say which article had it first.
    return (keys.weak_key,) if keys.url else (keys.weak_key, keys.strong_key)


def make_draft(
    feed: Feed,
    metadata: ParsedFeed,
    keys: EntryKeys,
    identity_hashes: tuple[bytes, ...],
    *,
    has_shared_link: bool,
    now: int,
) -> ArticleDraft:
    """Return the draft of an article from an entry, with the hashes by which the entry is recognised later.

    `has_shared_link`: other entries or articles have its link, so that the link alone does not identify its web page.
    `now` is Unix time in seconds.
    """
    url = keys.url or _get_fallback_url(feed, metadata)
    page_identity = identity_hashes[0].hex() if has_shared_link or not keys.url else None
    return ArticleDraft(
        packed_entry=keys.packed_entry,
        article_key=compute_article_key(feed.url, identity_hashes[0], feed.server_id),
        page_key=urls.compute_page_key(url, page_identity),
        url=url,
        identity_hashes=identity_hashes,
        max_published=now,
    )


def _make_changed_draft(feed: Feed, metadata: ParsedFeed, keys: EntryKeys, article: KnownArticle) -> ArticleDraft:
    url = keys.url or _get_fallback_url(feed, metadata)
    if url == article.url:
        page_key = article.page_key
    else:
        page_key = urls.compute_page_key(url, keys.strong_key.hex() if keys.is_link_shared or not keys.url else None)
    return ArticleDraft(keys.packed_entry, article.key, page_key, url, (), max_published=article.published)


def _get_fallback_url(feed: Feed, metadata: ParsedFeed) -> str:
    """Return the URL of a feed's site for an entry without a link; a feed's own URL may hold secrets."""
    return urls.canonicalize(metadata.site_url or feed.site_url or "") or f"https://{urls.parse_host(feed.url)}/"
