"""One word to the channels of a feed when it breaks, with cause and remedy, and one when it is back."""

from __future__ import annotations

from bot import locale
from bot.feeds.errors import describe
from bot.locale import _
from bot.settings import Settings
from bot.store import Store
from bot.text import urls
from bot.words import Feed, FeedState

BROKEN_AFTER = 6 * 3_600
"""Seconds that a feed fails before its readers are told; one that is gone for good is told at once."""
BROKEN_TIMES = 3


def is_broken(feed: Feed) -> bool:
    """Whether a feed has failed for so long that its readers are told."""
    if feed.failing_since is None or feed.last_poll is None:
        return False
    lasting = feed.last_poll - feed.failing_since >= BROKEN_AFTER and feed.failures >= BROKEN_TIMES
    return lasting or feed.state is FeedState.GONE


async def tell(store: Store, settings: Settings, before: Feed, after: Feed) -> None:
    """Owe the channels that follow a feed the word that a poll calls for, if any; twice is as once."""
    if after.failures:
        if is_broken(after):
            await _tell(store, settings, after, f"broken:{after.id}:{after.failing_since}")
    elif before.failures and is_broken(before):
        await _tell(store, settings, after, f"back:{after.id}:{before.failing_since}")


async def _tell(store: Store, settings: Settings, feed: Feed, what: str) -> None:
    for subscription in await store.subscriptions.of_feed(feed.id):
        if subscription.paused is not None:
            continue
        with locale.use(await store.servers.locale(subscription.server_id) or settings.language):
            await store.dispatches.notice(subscription.channel_id, what, _words(feed))


def _words(feed: Feed) -> str:
    name = feed.title or urls.masked(feed.url)
    if feed.error is None:
        return _("{feed} can be read again. What it published meanwhile follows.").format(feed=name)
    cause = describe(feed.error)
    if feed.state is FeedState.GONE:
        return _("{feed} is gone. {cause}").format(feed=name, cause=cause)
    return _("{feed} cannot be read at the moment. {cause}").format(feed=name, cause=cause)
