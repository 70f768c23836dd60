"""From a feed's document to articles: which entries are known, which are new, which changed.

The document is read in a worker, which sends back what is needed to decide and each entry packed. What is new
or changed goes to a worker once more, still packed, and becomes articles there. The event loop looks names up
and unpacks nothing but the articles that are about to be written.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple, TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from bot.feeds import errors
from bot.feeds.errors import FeedError
from bot.feeds.parse import parse
from bot.news import identity
from bot.news.identity import Sketch
from bot.settings import Settings
from bot.store import Store
from bot.store.polls import ChangedArticle, Known
from bot.text import clean, dates, excerpts, language, terms, urls
from bot.words import Article, Entry, Feed, NewArticle, ParsedFeed
from bot.workers import WorkerDied, Workers, WorkerTimeout

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BATCH = 64
"""Entries that become articles in one call of a worker."""
BATCH_BYTES = 512 * 1024
TITLE = 120
"""Characters of a title taken from a text that has none."""
READ_FOR_LANGUAGE = 4_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: what it says of itself, without entries, and the sketches of these."""

    head: ParsedFeed
    sketches: tuple[Sketch, ...]


class Draft(NamedTuple):
    """A new or changed entry, packed, on its way to become an article. `latest` bounds its date."""

    packed: bytes
    key: str
    page: str
    url: str
    identities: tuple[bytes, ...]
    latest: int


class Source(NamedTuple):
    """What an article has from its feed."""

    feed_id: int
    outlet: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a document brings: `new` in its order, what changed, and further identities of known articles.

    `missed` says that the document has entries of which none was known.
    """

    new: Sequence[NewArticle] = ()
    changed: Sequence[ChangedArticle] = ()
    aliases: Sequence[tuple[bytes, int]] = ()
    missed: bool = False


class Intake:
    """Decides what the entries of a feed are, and has the new and the changed ones made into articles."""

    def __init__(self, settings: Settings, store: Store, workers: Workers) -> None:
        self._settings = settings
        self._store = store
        self._workers = workers
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, feed_id: int) -> AsyncIterator[bool]:
        """From fetching to recording, one at a time a feed. Yields whether this had to wait for another."""
        lock = self._turns.setdefault(feed_id, asyncio.Lock())
        waited = lock.locked()
        async with lock:
            yield waited

    async def read(self, body: bytes, content_type: str, url: str) -> Document:
        """Parse a document in a worker. Raises FeedError."""
        return await self._work(read, body, content_type, url)

    async def decide(self, feed: Feed, document: Document, *, now: int) -> Decision:
        """Compare a document with what is known of its feed; changes nothing. Raises FeedError, StoreError.

        `feed` has the outlet that its articles are to carry; `now` is the time found.
        """
        polls = self._store.polls
        sketches = document.sketches
        names = {name for sketch in sketches for name in (sketch.weak, sketch.strong, sketch.mark)}
        known = await polls.known(feed.id, names) if names else {}
        matches = identity.by_name(sketches, known)
        missed = bool(sketches) and not matches
        unknown = [sketch for sketch in sketches if sketch.strong not in matches]
        addresses = {form for sketch in unknown for form in identity.forms(sketch.url)}
        at_urls = await polls.known_urls(feed.id, addresses) if addresses else {}
        by_link = identity.by_link(unknown, at_urls, {match.article_id for match in matches.values()})
        matches |= by_link

        new: list[Draft] = []
        changed: dict[int, Draft] = {}
        unchanged: set[int] = set()
        aliases: list[tuple[bytes, int]] = []
        marked = set(known)
        for sketch in sketches:
            names_ = _names_to_keep(sketch, is_repeated=identity.is_repeated(sketch, known))
            if sketch.repeated and sketch.mark not in marked:
                marked.add(sketch.mark)
                names_ += (sketch.mark,)
            match = matches.get(sketch.strong)
            if match is None:
                shared = sketch.shared or bool(identity.at_link(sketch, at_urls))
                new.append(_draft(feed, document.head, sketch, names_, shared=shared, now=now))
                continue
            if sketch.strong in by_link or sketch.repeated:
                aliases += [(name, match.article_id) for name in names_ if name not in known]
            if match.article_id in unchanged or match.article_id in changed:
                continue
            if match.fingerprint == sketch.fingerprint:
                unchanged.add(match.article_id)
            else:
                changed[match.article_id] = _redraft(feed, document.head, sketch, match)
        source = Source(feed.id, feed.outlet, feed.language)
        return Decision(
            new=await self._prepared(new, source),
            changed=[
                ChangedArticle(article_id, article)
                for article_id, article in zip(
                    changed, await self._prepared(list(changed.values()), source), strict=True
                )
            ],
            aliases=aliases,
            missed=missed,
        )

    async def sample(self, feed: Feed, parsed: ParsedFeed, *, now: int) -> Article:
        """The one entry of `parsed` as the article it would become, with id 0. Raises FeedError."""
        (sketch,) = identity.sketched(parsed.entries)
        names = _names_to_keep(sketch, is_repeated=False)
        draft = _draft(feed, parsed, sketch, names, shared=False, now=now)
        (new,) = await self._work(prepare, [draft], Source(feed.id, feed.outlet, feed.language))
        return Article(
            id=0,
            key=new.key,
            feed_id=feed.id,
            page=new.page,
            url=new.url,
            title=new.title,
            summary=new.summary,
            text=new.text,
            body=new.body,
            author=new.author,
            outlet=new.outlet,
            language=new.language,
            tags=new.tags,
            image=new.image,
            published=new.published,
            found=now,
        )

    async def _prepared(self, drafts: Sequence[Draft], source: Source) -> list[NewArticle]:
        articles: list[NewArticle] = []
        for batch in _batches(drafts):
            articles += await self._work(prepare, batch, source)
            await asyncio.sleep(0)  # unpacking one batch is enough for one turn of the event loop
        return articles

    async def _work(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        try:
            return await self._workers.run(function, *args, timeout=self._settings.parse_timeout)
        except WorkerTimeout as error:
            raise FeedError(errors.PARSE_TIMEOUT, str(error)) from error
        except WorkerDied as error:
            raise FeedError(errors.PARSE_DIED, str(error)) from error


def read(body: bytes, content_type: str, url: str) -> Document:
    """Parse a document and sketch its entries (runs in a worker). Raises FeedError."""
    parsed = parse(body, content_type, url)
    return Document(replace(parsed, entries=()), identity.sketched(parsed.entries))


def prepare(drafts: Sequence[Draft], source: Source) -> list[NewArticle]:
    """Make articles of drafts (runs in a worker)."""
    return [_article(draft, pickle.loads(draft.packed), source) for draft in drafts]  # noqa: S301 - packed by `read`


def article_key(address: str, name: bytes, server_id: int | None = None) -> str:
    """An article's key: 20 hexadecimal digits, the same in every database.

    `address` is the feed's; `name` is the entry's identity in it. A private feed has its server in the key,
    since another server may have a feed of the same address.
    """
    digest = blake2b(address.encode("utf-8", "surrogatepass"), digest_size=10)
    digest.update(b"\x00" + name)
    if server_id is not None:
        digest.update(b"\x00" + str(server_id).encode())
    return digest.hexdigest()


def _names_to_keep(sketch: Sketch, *, is_repeated: bool) -> tuple[bytes, ...]:
    """The names by which an entry is to be known again."""
    if is_repeated:
        return (sketch.strong,)
    # Should the guid be repeated one day, the link tells which article had it first; without one, the title.
    return (sketch.weak,) if sketch.url else (sketch.weak, sketch.strong)


def _draft(
    feed: Feed, head: ParsedFeed, sketch: Sketch, names: tuple[bytes, ...], *, shared: bool, now: int
) -> Draft:
    url = sketch.url or _place(feed, head)
    name = names[0].hex() if shared or not sketch.url else None
    return Draft(
        packed=sketch.packed,
        key=article_key(feed.url, names[0], feed.server_id),
        page=urls.page(url, name),
        url=url,
        identities=names,
        latest=now,
    )


def _redraft(feed: Feed, head: ParsedFeed, sketch: Sketch, known: Known) -> Draft:
    url = sketch.url or _place(feed, head)
    if url == known.url:
        page = known.page
    else:
        page = urls.page(url, sketch.strong.hex() if sketch.shared or not sketch.url else None)
    return Draft(sketch.packed, known.key, page, url, (), latest=known.published)


def _place(feed: Feed, head: ParsedFeed) -> str:
    """Where an entry without a link leads: to the site; never to an address that may hold secrets."""
    return urls.canonical(head.site_url or feed.site_url or "") or f"https://{urls.host(feed.url)}/"


def _article(draft: Draft, entry: Entry, source: Source) -> NewArticle:
    body = clean.body(entry.text or entry.summary)
    title = entry.title or excerpts.excerpt(body, TITLE) or urls.masked(draft.url)
    published = dates.clamp(entry.published, draft.latest)
    told = language.detect(
        "\n".join((title, entry.summary, body[:READ_FOR_LANGUAGE])), entry.language or source.language
    )
    index = terms.index_terms(
        title=title,
        body=body,
        language=told,
        feed_id=source.feed_id,
        outlet=source.outlet,
        author=entry.author,
        tags=entry.tags,
        published=published,
        image=entry.image,
    )
    return NewArticle(
        key=draft.key,
        page=draft.page,
        url=draft.url,
        identities=draft.identities,
        fingerprint=entry.fingerprint,
        title=title,
        summary=entry.summary,
        text=entry.text,
        body=body,
        author=entry.author,
        outlet=source.outlet,
        language=told,
        tags=entry.tags,
        image=entry.image,
        published=published,
        title_terms=index.title,
        body_terms=index.body,
        meta_terms=index.meta,
    )


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
