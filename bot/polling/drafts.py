"""Functions that a worker process runs during a poll: from feed documents to keys of entries, from drafts to articles.

Keys are hashes by which entries are recognised; drafts are new or changed entries, from which articles are built.
Store and settings are not imported: a worker has no use for them, and they would double its memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot.core.models import Entry, NewArticle, ParsedFeed
from bot.feeds.pages import list_feeds
from bot.feeds.pages.list_feeds import KnownItem
from bot.feeds.parsing.entries import MAX_TITLE_CHARS
from bot.feeds.parsing.parse import parse_feed_document
from bot.polling.identity.entry_keys import EntryKeys, build_entry_keys
from bot.text import boilerplate, excerpts, language, urls
from bot.text.times import feed_dates

MAX_DERIVED_TITLE_LENGTH = 120
"""Maximum length, in UTF-16 units, of a title that is made from the text of an entry without a title."""
LANGUAGE_SAMPLE_CHARS = 4_000
"""Maximum number of characters of an article's text by which the article's language is detected."""


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """Parsed document of a feed: metadata, and the entries with the keys (hashes) by which they are recognised.

    `list_signature` describes the list if the feed is made from a list on a web page; it is None for other
    feeds.
    """

    metadata: ParsedFeed
    entry_keys: tuple[EntryKeys, ...]
    list_signature: str | None = None


class ArticleDraft(NamedTuple):
    """New or changed entry of a feed, serialised (`packed_entry`), with attributes for the article made from it.

    `article_key` identifies the article in every database; `page_key` is equal for articles about one web page.
    `identity_hashes` are hashes to be stored, by which the entry is recognised later. `max_published` is the latest
    publication time (Unix time in seconds) that the article may get.
    """

    packed_entry: bytes
    article_key: str
    page_key: str
    url: str
    identity_hashes: tuple[bytes, ...]
    max_published: int


class ArticleSource(NamedTuple):
    """Attributes that an article gets from its feed; `language`, such as `fr-FR`, is a hint to its own language."""

    feed_id: int
    outlet: str
    language: str | None


def parse_feed(body: bytes, content_type: str, url: str) -> FeedDocument:
    """Parse a feed document into metadata and entries with their keys (hashes of identity); runs in a worker.

    Raises FeedError if the document is no feed or cannot be parsed.
    """
    parsed_feed = parse_feed_document(body, content_type, url)
    return FeedDocument(replace(parsed_feed, entries=()), build_entry_keys(parsed_feed.entries))


def parse_list(
    body: bytes,
    content_type: str,
    url: str,
    signature: str,
    known_items: Sequence[KnownItem],
    followed_since: int,
) -> FeedDocument:
    """Parse a list of links on a web page as a feed, into metadata and items with their keys (runs in a worker).

    `signature` describes the list at the last poll, "" before the first; `known_items` are the newest
    articles of the feed, newest first; `followed_since` is when it was first followed (Unix time in seconds).
    Raises FeedError: list-lost if the list is not on the page, needs-script if the page is empty without
    JavaScript.
    """
    extracted_list = list_feeds.extract_list(body, content_type, url, signature, known_items, followed_since)
    return FeedDocument(
        replace(extracted_list.feed, entries=()),
        build_entry_keys(extracted_list.feed.entries),
        extracted_list.signature_json,
    )


def build_articles(drafts: Sequence[ArticleDraft], source: ArticleSource) -> list[NewArticle]:
    """Return the articles made from drafts, which are new or changed entries (runs in a worker)."""
    return [_build_article(draft, msgspec.msgpack.decode(draft.packed_entry, type=Entry), source) for draft in drafts]


def compute_article_key(feed_url: str, identity_hash: bytes, server_id: int | None = None) -> str:
    """Return an article's key: 20 hexadecimal digits, equal in every database.

    The key is a hash of `feed_url`, the identity hash of the entry and, for a private feed, its `server_id`,
    since another server may follow a feed with that URL.
    """
    key_hash = blake2b(feed_url.encode("utf-8", "surrogatepass"), digest_size=10)
    key_hash.update(b"\x00" + identity_hash)
    if server_id is not None:
        key_hash.update(b"\x00" + str(server_id).encode())
    return key_hash.hexdigest()


def _build_article(draft: ArticleDraft, entry: Entry, source: ArticleSource) -> NewArticle:
    text_without_boilerplate = boilerplate.strip_boilerplate(entry.text or entry.summary)
    title = (
        entry.title
        or excerpts.make_excerpt(text_without_boilerplate, MAX_DERIVED_TITLE_LENGTH)
        or urls.redact(draft.url)[:MAX_TITLE_CHARS]
    )
    published = feed_dates.clamp_publication_time(entry.published, draft.max_published)
    detected_language = language.detect_language(
        "\n".join((title, entry.summary, text_without_boilerplate[:LANGUAGE_SAMPLE_CHARS])),
        entry.language or source.language,
    )
    return NewArticle(
        key=draft.article_key,
        page_key=draft.page_key,
        url=draft.url,
        identity_hashes=draft.identity_hashes,
        fingerprint=entry.fingerprint,
        title=title,
        summary=entry.summary,
        text=entry.text,
        body=text_without_boilerplate,
        author=entry.author,
        outlet=source.outlet,
        language=detected_language,
        tags=entry.tags,
        image_url=entry.image_url,
        published=published,
        audio_url=entry.audio_url,
        duration_seconds=entry.duration_seconds,
        comments_url=entry.comments_url,
        comment_count=entry.comment_count,
    )
