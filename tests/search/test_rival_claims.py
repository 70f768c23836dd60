"""Feeds that claim another publisher's links or GUIDs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.client.services import Services
from bot.core.models import Article, Feed
from bot.polling.feed_updates import MOVE_PROBATION_SECONDS
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver_pending, deliver_titles, follow_feed, poll_feed

SITE = "127.0.0.3"
LINK = "https://news.example/articles/1"
CLAIMS = {
    "the same link": make_rss_item(1, title="Lies about it").replace("article-1", "other"),
    "the same guid": make_rss_item(1, title="Lies about it").replace("articles/1", "articles/other"),
    "the same link and guid": make_rss_item(1, title="Lies about it", body="All of it is lies."),
    "the link as its guid": make_rss_item(1, title="Lies about it").replace("article-1", LINK),
    "the link with tracking": make_rss_item(1, title="Lies about it").replace(
        "articles/1", "articles/1?utm_source=evil"
    ),
    "another scheme": make_rss_item(1, title="Lies about it").replace("https://", "http://"),
}


async def get_newest_article(newsroom: Services, feed: Feed) -> Article:
    return (await newsroom.store.articles.list_newest([feed.id], limit=1))[0]


async def search_titles(newsroom: Services, words: str, *feeds: Feed) -> list[str]:
    """Search these feeds and list the titles of the results."""
    page = await newsroom.searcher.search(words, feed_ids={feed.id for feed in feeds}, limit=9)
    return [hit.article.title for hit in page.results]


@pytest.mark.parametrize("claim", CLAIMS)
async def test_other_feeds_claim_does_not_change_article(newsroom, feed_server, clock, claim):
    honest = await poll_feed(
        newsroom,
        await follow_feed(newsroom, feed_server.serve("/honest", make_rss(make_rss_item(1, title="The truth")))),
    )
    before = await get_newest_article(newsroom, honest)
    assert await deliver_titles(newsroom) == ["The truth"]
    clock.advance(60)
    evil = await follow_feed(newsroom, feed_server.serve("/evil", make_rss(title="Evil")))
    evil = await poll_feed(newsroom, evil)
    feed_server.serve("/evil", make_rss(CLAIMS[claim], title="Evil"))
    evil = await poll_feed(newsroom, evil)
    for text in ("Lies about it", "Worse lies"):
        feed_server.serve("/evil", make_rss(CLAIMS[claim].replace("Lies about it", text), title="Evil"))
        evil = await poll_feed(newsroom, evil)
    assert await get_newest_article(newsroom, honest) == before
    posted = {of.title for _, articles in await deliver_pending(newsroom) for of in articles}
    assert "The truth" not in posted
    assert await search_titles(newsroom, "truth", honest, evil) == ["The truth"]
    assert (await newsroom.store.articles.get_by_key(before.key)) == before
    newest = await newsroom.store.articles.list_newest([honest.id, evil.id], limit=9)
    assert before in newest


@pytest.mark.parametrize("claim", CLAIMS)
async def test_earlier_claim_does_not_hide_article_of_other_server(newsroom, feed_server, clock, claim):
    evil = await poll_feed(
        newsroom,
        await follow_feed(newsroom, feed_server.serve("/evil", make_rss(CLAIMS[claim], title="Evil")), 900, 901),
    )
    clock.advance(60)
    honest = await poll_feed(
        newsroom,
        await follow_feed(newsroom, feed_server.serve("/honest", make_rss(make_rss_item(1, title="The truth")))),
    )
    assert await deliver_titles(newsroom) == ["The truth"]
    assert await deliver_titles(newsroom, 900) == ["Lies about it"]
    assert await search_titles(newsroom, "truth", honest) == ["The truth"]
    assert await search_titles(newsroom, "lies", honest) == []
    newest = await newsroom.store.articles.list_newest([honest.id], limit=9)
    assert [listed_article.title for listed_article in newest] == ["The truth"]
    assert evil.id != honest.id


@pytest.fixture
async def publisher() -> AsyncIterator[FeedServer]:
    """A server on its own site, which its feeds link to."""
    server = await FeedServer().start(SITE)
    yield server
    await server.stop()


def make_publisher_item(title: str = "The truth", *, body: str = "") -> str:
    """Make an article on the publisher's own site."""
    return make_rss_item(1, title=title, body=body).replace("https://news.example", f"http://{SITE}")


@pytest.mark.parametrize("title", ["Lies about it", "The truth"])
@pytest.mark.parametrize("sent_before", [False, True])
async def test_earlier_claim_does_not_block_publishers_own_article(
    newsroom, feed_server, publisher, clock, title, sent_before
):
    """Both feeds are followed in one channel; the publisher's own article is posted all the same."""
    evil = await follow_feed(newsroom, feed_server.serve("/evil", make_rss(title="Evil")))
    honest = await follow_feed(newsroom, publisher.serve("/feed", make_rss(title="Honest")))
    evil, honest = await poll_feed(newsroom, evil), await poll_feed(newsroom, honest)
    feed_server.serve("/evil", make_rss(make_publisher_item(title, body="All of it is lies."), title="Evil"))
    evil = await poll_feed(newsroom, evil)
    posts = await deliver_pending(newsroom) if sent_before else []
    clock.advance(60)
    publisher.serve("/feed", make_rss(make_publisher_item(), title="Honest"))
    honest = await poll_feed(newsroom, honest)
    posts += await deliver_pending(newsroom)
    outlets = [of.outlet for _, articles in posts for of in articles]
    assert sorted(outlets) == ["Evil", "Honest"]
    assert (await get_newest_article(newsroom, honest)).page_key != (await get_newest_article(newsroom, evil)).page_key
    assert set(await search_titles(newsroom, "truth", honest, evil)) == {"The truth"}


async def test_abandoned_claim_frees_link_for_publisher(newsroom, feed_server, publisher):
    url = feed_server.serve("/evil", make_rss(title="Evil"))
    evil = await poll_feed(newsroom, await follow_feed(newsroom, url))
    honest = await poll_feed(newsroom, await follow_feed(newsroom, publisher.serve("/feed", make_rss(title="Honest"))))
    claim = make_publisher_item("Lies about it")
    for text in (claim, claim.replace("articles/1", "articles/2"), claim.replace("articles/1", "articles/3")):
        feed_server.serve("/evil", make_rss(text, title="Evil"))
        evil = await poll_feed(newsroom, evil)
    assert await deliver_titles(newsroom) == ["Lies about it"]
    publisher.serve(
        "/feed",
        make_rss(
            make_publisher_item(),
            make_publisher_item("More").replace("articles/1", "articles/2").replace("-1", "-2"),
        ),
    )
    await poll_feed(newsroom, honest)
    assert sorted(await deliver_titles(newsroom)) == ["More", "The truth"]


async def test_aggregator_after_publisher_adds_no_post(newsroom, feed_server, publisher):
    hacker = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.serve("/hn", make_rss(title="Links"))))
    honest = await poll_feed(newsroom, await follow_feed(newsroom, publisher.serve("/feed", make_rss(title="Honest"))))
    publisher.serve("/feed", make_rss(make_publisher_item("A new way to sort"), title="Honest"))
    await poll_feed(newsroom, honest)
    feed_server.serve("/hn", make_rss(make_publisher_item("A new way to sort (2026)"), title="Links"))
    await poll_feed(newsroom, hacker)
    assert await deliver_titles(newsroom) == ["A new way to sort"]


async def test_third_party_feeds_share_link_if_titles_match(newsroom, feed_server):
    feeds = [await follow_feed(newsroom, feed_server.serve(f"/{name}", make_rss(title=name))) for name in "abc"]
    feeds = [await poll_feed(newsroom, feed) for feed in feeds]
    for feed, title in zip(feeds, ("Sorting, anew", "Sorting anew [video]", "Lies about it"), strict=True):
        feed_server.serve(f"/{feed.title}", make_rss(make_rss_item(1, title=title), title=feed.title))
        await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Sorting, anew", "Lies about it"]


async def test_changed_title_splits_shared_page(newsroom, feed_server, publisher):
    evil = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.serve("/evil", make_rss(title="Evil"))))
    honest = await poll_feed(
        newsroom, await follow_feed(newsroom, publisher.serve("/feed", make_rss(make_publisher_item())))
    )
    feed_server.serve("/evil", make_rss(make_publisher_item(), title="Evil"))
    evil = await poll_feed(newsroom, evil)
    assert (await get_newest_article(newsroom, evil)).page_key == (await get_newest_article(newsroom, honest)).page_key
    feed_server.serve("/evil", make_rss(make_publisher_item("Lies about it"), title="Evil"))
    evil = await poll_feed(newsroom, evil)
    assert (await get_newest_article(newsroom, evil)).page_key != (await get_newest_article(newsroom, honest)).page_key
    assert await search_titles(newsroom, "truth", honest, evil) == ["The truth"]


async def test_redirecting_feed_leaves_no_articles_at_target(newsroom, feed_server, clock):
    """Else its old articles would be posted as that publisher's to whoever follows the address next."""
    theirs = await FeedServer().start("127.0.0.2")
    try:
        honest = theirs.serve("/feed", make_rss(make_rss_item(1, title="The truth"), title="Honest"))
        url = feed_server.serve("/evil", make_rss(make_rss_item(6, title="Lies"), title="Evil"))
        evil = await poll_feed(newsroom, await follow_feed(newsroom, url, 900, 901))
        feed_server.redirect("/evil", honest)
        for _ in range(3):
            evil = await poll_feed(newsroom, evil)
            clock.advance(MOVE_PROBATION_SECONDS + 60)
        assert evil.url == url
        feed = await poll_feed(newsroom, await follow_feed(newsroom, honest))
        assert feed.id != evil.id
        assert feed.outlet == "Honest"
        assert await deliver_titles(newsroom) == ["The truth"]
        assert await search_titles(newsroom, "lies", feed) == []
    finally:
        await theirs.stop()


async def test_private_feed_is_separate_per_server(newsroom, feed_server):
    url = feed_server.serve("/private", make_rss(make_rss_item(1, title="Between us"))) + "?token=0123456789abcdef"
    keys = set()
    for server, channel in ((SERVER, CHANNEL), (SERVER + 1, CHANNEL + 1)):
        feed = await newsroom.store.feeds.add(url, server_id=server)
        await newsroom.store.subscriptions.follow(
            server_id=server, channel_id=channel, feed_id=feed.id, first_article_id=None
        )
        keys.add((await get_newest_article(newsroom, await poll_feed(newsroom, feed))).key)
    assert len(keys) == 2
