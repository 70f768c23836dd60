"""Comparison of a document's entries with the stored articles: which are new, which changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.core.models import Feed, ParsedFeed
from bot.polling.drafts import ArticleDraft, compute_article_key
from bot.polling.identity import entry_identity
from bot.polling.identity.entry_keys import EntryKeys
from bot.polling.ingest_quota import FeedFollowers, accepts_change
from bot.store.records.source_records import KnownArticle
from bot.text import urls

YIELD_EVERY = 50
"""Number of entries compared (in half a millisecond) before the event loop runs other tasks."""


class Matches(NamedTuple):
    """Stored articles that the entries of a document belong to, by the strong key of the entry.

    `matched_by_identity` were matched by a stored identity hash, `matched_otherwise` by link, URL variant or content.
    `known_identities` are the articles of all identity hashes found in the store; `articles_by_page_key` the feed's
    articles at the pages of entries.
    """

    known_identities: Mapping[bytes, KnownArticle]
    matched_by_identity: Mapping[bytes, KnownArticle]
    matched_otherwise: Mapping[bytes, KnownArticle]
    articles_by_page_key: Mapping[str, Sequence[KnownArticle]]


class EntryComparison:
    """Comparison of a document's entries with stored articles, and its outcome after `run`.

    `new_drafts` are in document order, `changed_by_id` are drafts by article id, `aliases` further identity
    hashes of known articles, `comment_counts` new numbers of comments by article id. `refused_count` is the
    number of changes that come too often to be accepted.
    """

    def __init__(self, feed: Feed, metadata: ParsedFeed, matches: Matches, followers: FeedFollowers, now: int) -> None:
        self.new_drafts: list[ArticleDraft] = []
        self.changed_by_id: dict[int, ArticleDraft] = {}
        self.aliases: list[tuple[bytes, int]] = []
        self.comment_counts: list[tuple[int, int]] = []
        self.refused_count = 0
        self._feed, self._metadata = feed, metadata
        self._matches, self._followers, self._now = matches, followers, now
        self._stored_markers = set(matches.known_identities)
        self._unchanged_ids: set[int] = set()

    async def run(self, entry_keys: Sequence[EntryKeys]) -> None:
        """Compare the entries, and let the event loop run other tasks every `YIELD_EVERY` entries."""
        for index, keys in enumerate(entry_keys):
            if index % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            self._compare(keys)

    def _compare(self, keys: EntryKeys) -> None:
        matches = self._matches
        identities = select_identities_to_store(
            keys, is_repeated=entry_identity.is_repeated(keys, matches.known_identities)
        )
        if keys.is_weak_key_repeated and keys.repeat_marker not in self._stored_markers:
            self._stored_markers.add(keys.repeat_marker)
            identities += (keys.repeat_marker,)
        article = matches.matched_otherwise.get(keys.strong_key) or matches.matched_by_identity.get(keys.strong_key)
        if article is not None:
            if keys.strong_key in matches.matched_otherwise or keys.is_weak_key_repeated:
                self.aliases += [
                    (identity, article.article_id)
                    for identity in identities
                    if identity not in matches.known_identities
                ]
            self._compare_existing(keys, article)
        elif not find_skipped_identities(keys, self._followers):
            has_shared_link = keys.is_link_shared or bool(
                entry_identity.get_articles_at_link(keys, matches.articles_by_page_key)
            )
            self.new_drafts.append(
                make_draft(self._feed, self._metadata, keys, identities, is_shared=has_shared_link, now=self._now)
            )

    def _compare_existing(self, keys: EntryKeys, article: KnownArticle) -> None:
        """Compare an entry with its stored article; only the first entry of an article counts."""
        article_id = article.article_id
        if article_id in self._unchanged_ids or article_id in self.changed_by_id:
            return
        if article.fingerprint == keys.fingerprint:
            self._unchanged_ids.add(article_id)
            if keys.comment_count is not None and keys.comment_count != article.comment_count:
                self.comment_counts.append((article_id, keys.comment_count))
        elif self._followers.server_ids and not accepts_change(article, self._now):
            self._unchanged_ids.add(article_id)
            self.refused_count += 1
        else:
            self.changed_by_id[article_id] = _make_changed_draft(self._feed, self._metadata, keys, article)


def find_skipped_identities(keys: EntryKeys, followers: FeedFollowers) -> Collection[bytes]:
    """Return the identity hashes of an entry by which it was skipped before because of a quota."""
    return [identity for identity in (keys.weak_key, keys.strong_key) if identity in followers.skipped_identities]


def select_identities_to_store(keys: EntryKeys, *, is_repeated: bool) -> tuple[bytes, ...]:
    """Return the identity hashes to store, by which the entry is recognised later.

    `is_repeated`: several entries have or had the weak key, so that only the strong key counts.
    """
    if is_repeated:
        return (keys.strong_key,)
    # If the feed repeats the guid one day, link or title say which article had it first.
    return (keys.weak_key,) if keys.url else (keys.weak_key, keys.strong_key)


def make_draft(
    feed: Feed,
    metadata: ParsedFeed,
    keys: EntryKeys,
    identities: tuple[bytes, ...],
    *,
    is_shared: bool,
    now: int,
) -> ArticleDraft:
    """Return the draft of an article from an entry, with these identity hashes.

    `is_shared`: other entries or articles have its link, so that the link alone is not its page key. `now` is
    Unix time in seconds.
    """
    url = keys.url or _get_fallback_url(feed, metadata)
    page_identity = identities[0].hex() if is_shared or not keys.url else None
    return ArticleDraft(
        packed_entry=keys.packed_entry,
        key=compute_article_key(feed.url, identities[0], feed.server_id),
        page_key=urls.compute_page_key(url, page_identity),
        url=url,
        identities=identities,
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
