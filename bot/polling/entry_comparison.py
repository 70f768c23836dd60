"""Comparison of a document's entries with the stored articles: which are new, which changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.core.models import Feed, ParsedFeed
from bot.polling.drafts import ArticleDraft, article_key
from bot.polling.identity import entry_identity
from bot.polling.identity.entry_keys import EntryKeys
from bot.polling.ingest_quota import FeedFollowers, accepts_change
from bot.store.records.source_records import KnownArticle
from bot.text import urls

YIELD_EVERY = 50
"""Entries that are compared before the event loop runs other tasks: half a millisecond."""


class Matches(NamedTuple):
    """Stored articles of entries, by the strong key of the entry.

    `by_identity` were matched by a stored identity hash, `matched_otherwise` by link, URL variant or content.
    `known_identities` are all identity hashes found in the store; `by_page_key` the feed's articles at the
    pages of entries.
    """

    known: Mapping[bytes, KnownArticle]
    by_name: Mapping[bytes, KnownArticle]
    matched_otherwise: Mapping[bytes, KnownArticle]
    by_page_key: Mapping[str, Sequence[KnownArticle]]


class EntryComparison:
    """The outcome of a comparison.

    `new_drafts` are in document order, `changed_by_id` are drafts by article id, `aliases` further identity
    hashes of known articles. `refused_count` counts changes that come too often to be accepted.
    """

    def __init__(
        self, feed: Feed, head: ParsedFeed, matches: Matches, followed: FeedFollowers, now: int
    ) -> None:
        self.new: list[ArticleDraft] = []
        self.changed: dict[int, ArticleDraft] = {}
        self.aliases: list[tuple[bytes, int]] = []
        self.refused = 0
        self._feed, self._head = feed, head
        self._matches, self._followed, self._now = matches, followed, now
        self._marked = set(matches.known)
        self._unchanged: set[int] = set()

    async def run(self, sketches: Sequence[EntryKeys]) -> None:
        """Compare the entries, yielding to the event loop every `YIELD_EVERY`."""
        for number, sketch in enumerate(sketches):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            self._compare(sketch)

    def _compare(self, sketch: EntryKeys) -> None:
        matches = self._matches
        names = identities_to_store(sketch, is_repeated=entry_identity.is_repeated(sketch, matches.known))
        if sketch.is_weak_key_repeated and sketch.repeat_marker not in self._marked:
            self._marked.add(sketch.repeat_marker)
            names += (sketch.repeat_marker,)
        match = matches.matched_otherwise.get(sketch.strong_key) or matches.by_name.get(sketch.strong_key)
        if match is not None:
            if sketch.strong_key in matches.matched_otherwise or sketch.is_weak_key_repeated:
                self.aliases += [(name, match.article_id) for name in names if name not in matches.known]
            self._compare_existing(sketch, match)
        elif not skipped_identities(sketch, self._followed):
            shared = sketch.is_link_shared or bool(
                entry_identity.articles_at_link(sketch, matches.by_page_key)
            )
            self.new.append(make_draft(self._feed, self._head, sketch, names, shared=shared, now=self._now))

    def _compare_existing(self, sketch: EntryKeys, match: KnownArticle) -> None:
        """Compare an entry with its article; only the first entry of an article counts."""
        id_ = match.article_id
        if id_ in self._unchanged or id_ in self.changed:
            return
        if match.fingerprint == sketch.fingerprint:
            self._unchanged.add(id_)
        elif self._followed.servers and not accepts_change(match, self._now):
            self._unchanged.add(id_)
            self.refused += 1
        else:
            self.changed[id_] = _redraft(self._feed, self._head, sketch, match)


def skipped_identities(sketch: EntryKeys, followed: FeedFollowers) -> Collection[bytes]:
    """Return those identity hashes of an entry that were skipped before for being over quota."""
    return [name for name in (sketch.weak_key, sketch.strong_key) if name in followed.passed_over]


def identities_to_store(sketch: EntryKeys, *, is_repeated: bool) -> tuple[bytes, ...]:
    """Return the identity hashes by which an entry is recognised later."""
    if is_repeated:
        return (sketch.strong_key,)
    # If the feed repeats the guid one day, link or title say which article had it first.
    return (sketch.weak_key,) if sketch.url else (sketch.weak_key, sketch.strong_key)


def make_draft(
    feed: Feed, head: ParsedFeed, sketch: EntryKeys, names: tuple[bytes, ...], *, shared: bool, now: int
) -> ArticleDraft:
    """Return the draft of an article with these identity hashes."""
    url = sketch.url or _fallback_url(feed, head)
    name = names[0].hex() if shared or not sketch.url else None
    return ArticleDraft(
        packed=sketch.packed_entry,
        key=article_key(feed.url, names[0], feed.server_id),
        page_key=urls.page_key(url, name),
        url=url,
        identities=names,
        max_published=now,
    )


def _redraft(feed: Feed, head: ParsedFeed, sketch: EntryKeys, known: KnownArticle) -> ArticleDraft:
    url = sketch.url or _fallback_url(feed, head)
    if url == known.url:
        page = known.page
    else:
        page = urls.page_key(
            url, sketch.strong_key.hex() if sketch.is_link_shared or not sketch.url else None
        )
    return ArticleDraft(sketch.packed_entry, known.key, page, url, (), max_published=known.published)


def _fallback_url(feed: Feed, head: ParsedFeed) -> str:
    """Return the site's URL for an entry without a link; never the feed's, which may hold secrets."""
    return urls.canonicalize(head.site_url or feed.site_url or "") or f"https://{urls.host(feed.url)}/"
