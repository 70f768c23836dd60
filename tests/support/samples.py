"""Articles for tests of the store, made as intake makes them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from bot.core.models import Dispatch, Feed, NewArticle, ParsedFeed
from bot.posting.rendering.source_preview import SourcePreview
from bot.store import Store
from bot.store.records.people_records import ProposalDraft
from bot.store.records.source_records import IntakeResult, PollWrite, PollWriteResult
from bot.text import urls

SERVER = 1_000
CHANNEL = 2_000
CATCH_UP_AFTER = 10


def compute_digest(*parts: object) -> bytes:
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def make_new_article(feed: Feed, name: str, *, published: int = 1_779_000_000, **fields: Any) -> NewArticle:
    """An article of a feed whose identity, key, page and texts come from its name."""
    url = fields.pop("url", f"https://news.example/{name}")
    field_values: dict[str, Any] = {
        "key": compute_digest(feed.url, name).hex()[:22],
        "page_key": urls.compute_page_key(url),
        "url": url,
        "identity_hashes": (compute_digest("guid", name),),
        "fingerprint": compute_digest(name, published, fields),
        "title": f"Title of {name}",
        "summary": "",
        "text": f"Une interdiction de la reconnaissance faciale: {name}.",
        "author": None,
        "outlet": feed.outlet,
        "language": "fr",
        "tags": (),
        "image_url": None,
        "published": published,
    } | fields
    field_values.setdefault("body", field_values["text"])
    return NewArticle(**field_values)


def make_proposal(
    title: str, *, server_id: int, channel_id: int, user_id: int, dm_channel_id: int, url: str | None = None
) -> ProposalDraft:
    """A feed that a user proposes for a channel in it; without `url`, one that doesn't exist."""
    preview = SourcePreview.from_feed(ParsedFeed(title=title), title, f"https://{title}.example/", 0)
    return ProposalDraft(
        server_id=server_id,
        target_channel_id=channel_id,
        url=url or f"https://{title}.example/feed",
        title=title,
        preview=preview.to_json(),
        user_id=user_id,
        reason="",
        language="en",
        channel_id=channel_id,
        message_id=None,
        dm_channel_id=dm_channel_id,
    )


async def add_feed(store: Store, name: str = "first") -> Feed:
    return await store.feeds.add(f"https://{name}.example/feed", title=name, outlet=name)


async def write_poll(
    store: Store, feed: Feed, *new: NewArticle, first: bool = False, max_pending_posts: int = CATCH_UP_AFTER
) -> PollWriteResult:
    """A successful poll now that found these articles, in the document's order."""
    now = store.clock.now()
    polled = replace(feed, last_poll_at=now, last_success_at=now)
    return await store.polls.record(
        PollWrite(polled, IntakeResult(new), max_pending_posts=max_pending_posts, is_first_poll=first)
    )


async def follow_feed(store: Store, feed: Feed, *, server: int = SERVER, channel: int = CHANNEL) -> int:
    """Let a channel follow a feed; the subscription's id."""
    subscription, _ = await store.subscriptions.follow(
        server_id=server, channel_id=channel, feed_id=feed.id, first_article_id=None
    )
    return subscription.id


async def add_followed_feed(store: Store, name: str = "first", **place: int) -> Feed:
    """A feed that a channel follows."""
    feed = await add_feed(store, name)
    await follow_feed(store, feed, **place)
    return feed


async def deliver_pending(store: Store, channel: int = CHANNEL, *, limit: int = 1_000) -> list[Dispatch]:
    """Claim and send what is due in a channel; the dispatches as they were claimed."""
    done: list[Dispatch] = []
    while len(done) < limit and (claimed := await store.dispatches.claim(channel)):
        await store.dispatches.mark_sent(
            claimed.id, message_id=10_000_000 + claimed.id, thread_id=None, sent_at=store.clock.now()
        )
        done.append(claimed)
    return done


async def load_delivery_statuses(store: Store, article: NewArticle) -> dict[int, tuple[str, str | None]]:
    """What became of an article by channel: the fate and the reason."""
    return {
        row.channel_id: (row.status.value, None if row.reason is None else str(row.reason))
        for row in await store.delivery_statuses.list_by_page_key(article.page_key)
    }
