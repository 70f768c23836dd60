"""What a worker does for intake: documents to sketches, drafts to articles.

Like `bot.polling.identity.entry_keys` without the store and settings, which a worker has no use for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot.core.models import Entry, NewArticle, ParsedFeed
from bot.feeds.pages import list_feeds
from bot.feeds.pages.list_feeds import Seen
from bot.feeds.parsing.entries import MAX_TITLE
from bot.feeds.parsing.parse import parse
from bot.polling.identity.entry_keys import Sketch, sketched
from bot.text import excerpts, furniture, language, urls
from bot.text.times import feed_dates

TITLE = 120
"""Characters of a title taken from a text that has none."""
READ_FOR_LANGUAGE = 4_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: what it says of itself, without entries, and the sketches of these.

    `page_list` is by what a list of a page is to be found again; None for a feed.
    """

    head: ParsedFeed
    sketches: tuple[Sketch, ...]
    page_list: str | None = None


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


def read(body: bytes, content_type: str, url: str) -> Document:
    """Parse a document and sketch its entries (runs in a worker). Raises FeedError."""
    parsed = parse(body, content_type, url)
    return Document(replace(parsed, entries=()), sketched(parsed.entries))


def read_list(
    body: bytes, content_type: str, url: str, trace: str, seen: Sequence[Seen], since: int
) -> Document:
    """The same for a list of a page (runs in a worker); see `list_feeds.read_list`. Raises FeedError."""
    found = list_feeds.read_list(body, content_type, url, trace, seen, since)
    return Document(replace(found.feed, entries=()), sketched(found.feed.entries), found.trace)


def prepare(drafts: Sequence[Draft], source: Source) -> list[NewArticle]:
    """Make articles of drafts (runs in a worker)."""
    return [_article(draft, msgspec.msgpack.decode(draft.packed, type=Entry), source) for draft in drafts]


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


def _article(draft: Draft, entry: Entry, source: Source) -> NewArticle:
    body = furniture.body(entry.text or entry.summary)
    title = entry.title or excerpts.excerpt(body, TITLE) or urls.masked(draft.url)[:MAX_TITLE]
    published = feed_dates.clamp(entry.published, draft.latest)
    told = language.detect(
        "\n".join((title, entry.summary, body[:READ_FOR_LANGUAGE])), entry.language or source.language
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
        audio=entry.audio,
        duration=entry.duration,
    )
