"""Why an article was, or was not, posted: what the operator reads of `telex why LINK`."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.store import Store
from bot.text import urls
from bot.words import Article


async def explain(store: Store, link: str) -> list[str]:
    """What became of the article at that address: a line a feed it was found in, a line a channel.

    Empty when no feed ever carried it.
    """
    lines: list[str] = []
    articles = await store.articles.by_url(urls.canonical(link))
    for article in articles:
        feed = await store.feeds.get(article.feed_id)
        source = urls.masked(feed.url) if feed else "a feed that is gone"
        lines.append(f"“{article.title}”: found {_time(article.found)} in {source}")
    for page in dict.fromkeys(article.page for article in articles):
        fates = await store.dispatches.fates(page)
        lines += [
            f"channel {row.channel_id}: {row.fate.value} since {_time(row.since)}"
            + (f" ({row.reason})" if row.reason else "")
            + (f", message {row.message_id}" if row.message_id else "")
            for row in fates
        ]
        if not fates:
            lines.append(_nowhere(articles))
    return lines


def _nowhere(articles: list[Article]) -> str:
    found = min(article.found for article in articles)
    return (
        "Posted nowhere: no channel follows its feed, or it was already in the feed when the channel began "
        f"to follow it (it is known since {_time(found)})."
    )


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")
