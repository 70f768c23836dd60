"""What a channel gets, seen from the outbox."""

from __future__ import annotations

import itertools

from bot.client.services import Services
from bot.core.models import Article, Dispatch, Feed

SERVER = 100
CHANNEL = 200

_message_ids = itertools.count(10_000)


async def follow_feed(newsroom: Services, url: str, channel: int = CHANNEL, server: int = SERVER) -> Feed:
    """A feed that a channel follows and that was never polled."""
    feed = await newsroom.store.feeds.add(url)
    await newsroom.store.subscriptions.follow(
        server_id=server, channel_id=channel, feed_id=feed.id, first_article_id=None
    )
    return feed


async def poll_feed(newsroom: Services, feed: Feed) -> Feed:
    """The feed after one more poll."""
    now = await newsroom.store.feeds.get(feed.id)
    assert now is not None
    return (await newsroom.poller.poll(now)).feed


async def deliver_pending(newsroom: Services, channel: int = CHANNEL) -> list[tuple[Dispatch, list[Article]]]:
    """Everything the channel is owed, now sent, each with its articles."""
    dispatches = newsroom.store.dispatches
    done = []
    while (dispatch := await dispatches.claim(channel)) is not None:
        articles = await newsroom.store.articles.list_by_ids(dispatch.article_ids)
        await dispatches.mark_sent(
            dispatch.id, message_id=next(_message_ids), thread_id=None, sent_at=newsroom.clock.now()
        )
        done.append((dispatch, articles))
    return done


async def deliver_titles(newsroom: Services, channel: int = CHANNEL) -> list[str]:
    """The titles of what the channel is owed, in the order in which they are sent."""
    return [article.title for _, articles in await deliver_pending(newsroom, channel) for article in articles]
