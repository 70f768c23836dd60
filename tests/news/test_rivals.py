"""No feed changes or hides what another feed's article says, whatever it claims to be."""

from __future__ import annotations

import pytest

from bot.news.newsroom import Newsroom
from bot.news.visits import MOVE_PROBATION
from bot.words import Article, Feed
from tests.clocks import ManualClock
from tests.feed_server import FeedServer, item, rss
from tests.news.desk import CHANNEL, SERVER, followed, polled, sent, titles

LINK = "https://news.example/articles/1"
CLAIMS = {
    "the same link": item(1, title="Lies about it").replace("article-1", "other"),
    "the same guid": item(1, title="Lies about it").replace("articles/1", "articles/other"),
    "the same link and guid": item(1, title="Lies about it", body="All of it is lies."),
    "the link as its guid": item(1, title="Lies about it").replace("article-1", LINK),
    "the link with tracking": item(1, title="Lies about it").replace(
        "articles/1", "articles/1?utm_source=evil"
    ),
    "another scheme": item(1, title="Lies about it").replace("https://", "http://"),
}


async def article(newsroom: Newsroom, feed: Feed) -> Article:
    return (await newsroom.store.articles.newest([feed.id], limit=1))[0]


async def found(newsroom: Newsroom, words: str, *feeds: Feed) -> list[str]:
    """The titles that a search in these feeds finds."""
    page = await newsroom.searcher.search(words, feed_ids={feed.id for feed in feeds}, limit=9)
    return [result.article.title for result in page.results]


@pytest.mark.parametrize("claim", CLAIMS)
async def test_an_article_stays_what_it_is_when_another_feed_claims_it(
    newsroom: Newsroom, feed_server: FeedServer, clock: ManualClock, claim: str
) -> None:
    honest = await polled(
        newsroom, await followed(newsroom, feed_server.serve("/honest", rss(item(1, title="The truth"))))
    )
    before = await article(newsroom, honest)
    assert await titles(newsroom) == ["The truth"]
    clock.advance(60)
    evil = await followed(newsroom, feed_server.serve("/evil", rss(title="Evil")))
    evil = await polled(newsroom, evil)
    feed_server.serve("/evil", rss(CLAIMS[claim], title="Evil"))
    evil = await polled(newsroom, evil)
    for text in ("Lies about it", "Worse lies"):
        feed_server.serve("/evil", rss(CLAIMS[claim].replace("Lies about it", text), title="Evil"))
        evil = await polled(newsroom, evil)
    assert await article(newsroom, honest) == before
    posted = {of.title for _, articles in await sent(newsroom) for of in articles}
    assert "The truth" not in posted
    assert await found(newsroom, "truth", honest, evil) == ["The truth"]
    assert (await newsroom.store.articles.by_key(before.key)) == before
    newest = await newsroom.store.articles.newest([honest.id, evil.id], limit=9)
    assert before in newest


@pytest.mark.parametrize("claim", CLAIMS)
async def test_a_claim_made_first_hides_nothing_from_a_server_that_does_not_follow_its_feed(
    newsroom: Newsroom, feed_server: FeedServer, clock: ManualClock, claim: str
) -> None:
    evil = await polled(
        newsroom,
        await followed(newsroom, feed_server.serve("/evil", rss(CLAIMS[claim], title="Evil")), 900, 901),
    )
    clock.advance(60)
    honest = await polled(
        newsroom, await followed(newsroom, feed_server.serve("/honest", rss(item(1, title="The truth"))))
    )
    assert await titles(newsroom) == ["The truth"]
    assert await titles(newsroom, 900) == ["Lies about it"]
    assert await found(newsroom, "truth", honest) == ["The truth"]
    assert await found(newsroom, "lies", honest) == []
    newest = await newsroom.store.articles.newest([honest.id], limit=9)
    assert [each.title for each in newest] == ["The truth"]
    assert evil.id != honest.id


async def test_a_feed_that_redirects_to_another_site_leaves_nothing_of_its_own_there(
    newsroom: Newsroom, feed_server: FeedServer, clock: ManualClock
) -> None:
    """Else its old articles would be posted as that publisher's to whoever follows the address next."""
    theirs = await FeedServer().start("127.0.0.2")
    try:
        honest = theirs.serve("/feed", rss(item(1, title="The truth"), title="Honest"))
        url = feed_server.serve("/evil", rss(item(6, title="Lies"), title="Evil"))
        evil = await polled(newsroom, await followed(newsroom, url, 900, 901))
        feed_server.redirect("/evil", honest)
        for _ in range(3):
            evil = await polled(newsroom, evil)
            clock.advance(MOVE_PROBATION + 60)
        assert evil.url == url
        feed = await polled(newsroom, await followed(newsroom, honest))
        assert feed.id != evil.id
        assert feed.outlet == "Honest"
        assert await titles(newsroom) == ["The truth"]
        assert await found(newsroom, "lies", feed) == []
    finally:
        await theirs.stop()


async def test_a_private_feed_is_another_feed_for_every_server(
    newsroom: Newsroom, feed_server: FeedServer
) -> None:
    url = feed_server.serve("/private", rss(item(1, title="Between us"))) + "?token=0123456789abcdef"
    keys = set()
    for server, channel in ((SERVER, CHANNEL), (SERVER + 1, CHANNEL + 1)):
        feed = await newsroom.store.feeds.add(url, server_id=server)
        await newsroom.store.subscriptions.follow(
            server_id=server, channel_id=channel, feed_id=feed.id, first_article_id=None
        )
        keys.add((await article(newsroom, await polled(newsroom, feed))).key)
    assert len(keys) == 2
