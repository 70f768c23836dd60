"""From a feed's document to articles: which entries are known, which are new, which changed.

The document is read in a worker, which sends back what is needed to decide and each entry packed. What is new
or changed goes to a worker once more, still packed, and becomes articles there. The event loop looks names up
and unpacks nothing but the articles that are about to be written.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar, TypeVarTuple

from bot.core.models import Article, Feed, NewArticle, ParsedFeed
from bot.core.settings import Settings
from bot.core.workers import Workers
from bot.feeds.fetch import Fetched
from bot.feeds.pages import list_feeds
from bot.feeds.pages.list_feeds import Seen
from bot.feeds.worker_calls import reading
from bot.polling.comparison import Comparison, Matches, draft_of, names_passed_over, names_to_keep
from bot.polling.drafts import Document, Draft, Source, prepare, read, read_list
from bot.polling.identity import entry_identity, moved_entries, retractions
from bot.polling.identity.entry_keys import Sketch, content, link_names, sketched
from bot.polling.shares import FEW, Followed, Shares
from bot.store import Store
from bot.store.records.source_records import ChangedArticle, Decision, Excess, Known, PassedOver, SurplusKind
from bot.text import urls

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NOBODY = Followed()

BATCH = 64
"""Entries that become articles in one call of a worker."""
BATCH_BYTES = 512 * 1024


class Intake:
    """Decides what the entries of a feed are, and has the new and the changed ones made into articles."""

    def __init__(self, settings: Settings, store: Store, workers: Workers, shares: Shares) -> None:
        self._shares = shares
        self._settings = settings
        self._store = store
        self._workers = workers

    async def read(self, feed: Feed, fetched: Fetched) -> Document:
        """Parse a document in a worker. Raises FeedError, and StoreError for a list of a page."""
        if not list_feeds.is_list(feed.url):
            return await self._work(read, fetched.body, fetched.content_type, fetched.url)
        seen = [Seen(*row) for row in await self._store.articles.seen(feed.id, list_feeds.MOST_SEEN)]
        url = feed.url.replace(list_feeds.page_of(feed.url), fetched.url.partition("#")[0])
        return await self._work(
            read_list, fetched.body, fetched.content_type, url, feed.page_list or "", seen, feed.added
        )

    async def decide(
        self, feed: Feed, document: Document, *, now: int, followed: Followed = NOBODY, is_part: bool = False
    ) -> Decision:
        """Compare a document with what is known of its feed; changes nothing. Raises FeedError, StoreError.

        `feed` has the outlet that its articles are to carry; `now` is the time found; `followed` tells whose
        share new articles use. `is_part`: the document has not all that the feed has.
        """
        polls = self._store.polls
        sketches = document.sketches
        names = {name for sketch in sketches for name in (sketch.weak, sketch.strong, sketch.mark)}
        known = await polls.known(feed.id, names) if names else {}
        by_name = entry_identity.by_name(sketches, known)
        others, at_pages = await self._otherwise(feed, sketches, by_name)
        matches = by_name | others
        passed_over = {name for sketch in sketches for name in names_passed_over(sketch, followed)}
        missed = bool(sketches) and not matches and not passed_over and not is_part

        comparison = Comparison(feed, document.head, Matches(known, by_name, others, at_pages), followed, now)
        await comparison.of(sketches)
        new, changed = comparison.new, comparison.changed
        sizes = [len(draft.packed) for draft in new]
        admitted = self._shares.admit(
            feed,
            followed,
            sizes,
            entries=len(sketches),
            strangers=bool(sketches) and not by_name and not passed_over and not is_part,
            missed=missed,
            now=now,
        )
        restless = comparison.refused >= max(FEW, len(sketches) // 4)
        refused = comparison.refused if restless else 0
        excess = _excess(new[admitted.kept :], admitted.kind, passed_over, refused)
        del new[admitted.kept :]
        source = Source(feed.id, feed.outlet, feed.language)
        watched = await polls.watched(feed.id, now - retractions.RECENT)
        present = {match.article_id for match in matches.values()}
        dates = [match.published for match in matches.values()]
        is_whole = document.head.problem is None and not is_part
        return Decision(
            new=await self._prepared(new, source),
            changed=[
                ChangedArticle(article_id, article)
                for article_id, article in zip(
                    changed, await self._prepared(list(changed.values()), source), strict=True
                )
            ],
            aliases=comparison.aliases,
            missed=missed,
            vanished=retractions.vanished(watched, present, dates) if is_whole else (),
            returned=retractions.returned(watched, present),
            excess=excess,
            used=admitted.used,
        )

    async def _otherwise(
        self, feed: Feed, sketches: Sequence[Sketch], by_name: Mapping[bytes, Known]
    ) -> tuple[dict[bytes, Known], dict[str, list[Known]]]:
        """The articles that entries of unknown names are, by the strong name; and those at their pages."""
        polls = self._store.polls
        found: dict[bytes, Known] = {}

        def unknown() -> list[Sketch]:
            return [one for one in sketches if one.strong not in by_name and one.strong not in found]

        def present() -> set[int]:
            return {match.article_id for those in (by_name, found) for match in those.values()}

        variants = {name for sketch in unknown() for name in sketch.variants}
        if variants:
            found |= entry_identity.by_variant(unknown(), await polls.known(feed.id, variants))
        pages = await asyncio.to_thread(_pages, unknown()) if unknown() else {}
        at_pages = await polls.known_pages(feed.id, pages) if pages else {}
        found |= entry_identity.by_link(unknown(), at_pages, present())
        if feed.last_success is None or not unknown():
            return found, at_pages
        dates = {sketch.published for sketch in unknown() if sketch.published is not None}
        articles = await polls.resembling(feed.id, dates, len(sketches) + moved_entries.MARGIN)
        candidates = await asyncio.to_thread(
            moved_entries.Candidates, sketches, unknown(), articles, present()
        )
        if candidates.pairs:
            given = await polls.given({pair.known.article_id for pair in candidates.pairs})
            found |= await asyncio.to_thread(_matched, candidates, given)
        return found, at_pages

    async def sample(self, feed: Feed, parsed: ParsedFeed, *, now: int) -> Article:
        """The one entry of `parsed` as the article it would become, with id 0. Raises FeedError."""
        (sketch,) = sketched(parsed.entries)
        names = names_to_keep(sketch, is_repeated=False)
        draft = draft_of(feed, parsed, sketch, names, shared=False, now=now)
        (new,) = await self._work(prepare, [draft], Source(feed.id, feed.outlet, feed.language))
        told = {name: getattr(new, name) for name in Article._fields if hasattr(new, name)}
        return Article(id=0, feed_id=feed.id, found=now, **told)

    async def _prepared(self, drafts: Sequence[Draft], source: Source) -> list[NewArticle]:
        articles: list[NewArticle] = []
        for batch in _batches(drafts):
            articles += await self._work(prepare, batch, source)
            await asyncio.sleep(0)  # unpacking one batch is enough for one turn of the event loop
        return articles

    async def _work(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        with reading():
            return await self._workers.run(function, *args, timeout=self._settings.parse_timeout)


def _excess(
    left_out: Sequence[Draft], kind: SurplusKind | None, still: Collection[bytes], refused: int
) -> Excess | None:
    if kind is None and not refused:
        return None
    passed = [PassedOver(draft.identities[0], link_names(draft.url)[1]) for draft in left_out]
    return Excess(kind or SurplusKind.CHANGES, passed, still, refused)


def _pages(sketches: Sequence[Sketch]) -> dict[str, Collection[str]]:
    return {sketch.page: urls.forms(sketch.url) for sketch in sketches if sketch.url}


def _matched(
    candidates: moved_entries.Candidates, given: Mapping[int, tuple[str, str]]
) -> dict[bytes, Known]:
    return candidates.matched({article_id: content(*texts) for article_id, texts in given.items()})


def _batches(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        batch.append(draft)
        size += len(draft.packed)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
