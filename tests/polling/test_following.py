"""Following a feed: discovery, preview and first article."""

import pytest

from bot.core.limits import Limit
from bot.core.user_errors import RequestRejected
from bot.feeds import outlet_directory
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording import refusal_sentences
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.outbox_scenario import deliver_pending, deliver_titles, follow_feed, poll_feed

PAGE = """<html><head><title>Example</title>{}</head><body></body></html>"""
LINK = '<link rel="alternate" type="application/rss+xml" title="{}" href="{}">'


async def test_following_posts_newest_article_with_one_request(newsroom, feed_server, clock):
    url = feed_server.serve("/feed", make_rss(*(make_rss_item(n, published=clock.now() - n * 3600) for n in range(5))))
    discovery = await newsroom.follow_service.resolve(url, 1)
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    assert (follow_outcome.is_new, follow_outcome.feed.url, follow_outcome.first_article.title) == (
        True,
        url,
        "Article 0",
    )
    assert await deliver_titles(newsroom, 10) == ["Article 0"]
    assert await newsroom.store.articles.count() == 5
    assert feed_server.count("/feed") == 1
    assert follow_outcome.feed.next_poll_at > clock.now()
    await poll_feed(newsroom, follow_outcome.feed)  # the next poll is conditional already
    assert feed_server.visits[-1].headers["If-None-Match"]
    assert await deliver_titles(newsroom, 10) == []


async def test_following_twice_changes_nothing_more(newsroom, feed_server):
    discovery = await newsroom.follow_service.resolve(feed_server.serve("/feed", make_rss(make_rss_item(1))), 1)
    first = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    again = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.subscription == first.subscription
    assert await deliver_titles(newsroom, 10) == ["Article 1"]


async def test_second_server_shares_feed_without_losing_articles(newsroom, feed_server):
    url = feed_server.serve("/feed", make_rss(make_rss_item(1)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url, channel=10))
    await deliver_pending(newsroom, 10)
    feed_server.serve("/feed", make_rss(make_rss_item(2), make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(url, 2)
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=2, channel_id=20)
    assert follow_outcome.feed.id == feed.id
    assert await deliver_titles(newsroom, 10) == ["Article 2"]
    assert len(await deliver_titles(newsroom, 20)) == 1


async def test_page_with_several_feeds_offers_choice(newsroom, feed_server):
    links = LINK.format("News", "/feed") + LINK.format("Comments", "/comments")
    page = feed_server.serve("/", PAGE.format(links), content_type="text/html")
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(page, 1)
    assert [feed.title for feed in discovery.feeds] == ["News", "Comments"]
    assert discovery.parsed_feed is None


async def test_page_with_one_feed_is_followed_directly(newsroom, feed_server):
    page = feed_server.serve("/", PAGE.format(LINK.format("News", "/feed")), content_type="text/html")
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(page, 1)
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    assert follow_outcome.feed.url == feed_server.origin + "/feed"


async def test_preview_shows_newest_article_and_stores_nothing(newsroom, feed_server, clock):
    entries = [make_rss_item(n, published=clock.now() - (5 - n) * 3600) for n in range(5)]
    discovery = await newsroom.follow_service.resolve(feed_server.serve("/feed", make_rss(*entries)), 1)
    feed, article = await newsroom.follow_service.preview(discovery)
    assert (article.title, article.outlet, feed.title) == ("Article 4", "Example News", "Example News")
    assert await newsroom.store.articles.count() == 0
    assert await newsroom.store.feeds.list_all() == []
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    assert follow_outcome.first_article.key == article.key


async def test_feed_without_entries_has_no_preview_or_post(newsroom, feed_server):
    discovery = await newsroom.follow_service.resolve(feed_server.serve("/feed", make_rss()), 1)
    assert await newsroom.follow_service.preview(discovery) is None
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    assert (follow_outcome.is_new, follow_outcome.first_article) == (True, None)
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    await poll_feed(newsroom, follow_outcome.feed)
    assert await deliver_titles(newsroom, 10) == ["Article 1"]


async def follow_and_get_refusal(newsroom, address):
    """Try to follow an address and return the sentence of the refusal."""
    with pytest.raises((RequestRejected, FeedError)) as error:
        await newsroom.follow_service.resolve(address, 1)
    return refusal_sentences.find_error_sentence(error.value) or ""


@pytest.mark.parametrize("address", ["", "ftp://x.example/feed", "http://"])
async def test_invalid_address_is_refused(address, newsroom):
    assert "isn’t a web address" in await follow_and_get_refusal(newsroom, address)


async def test_outlet_name_resolves_to_feed_or_choice(newsroom, feed_server, monkeypatch):
    url = feed_server.serve("/feed", make_rss(make_rss_item(1), title="The Verge"))
    outlets = outlet_directory.search_outlets("the verge")
    assert [outlet.name for outlet in outlets] == ["The Verge"]
    monkeypatch.setattr(outlet_directory, "search_outlets", lambda text: [outlets[0]._replace(feed_url=url)])
    discovery = await newsroom.follow_service.resolve("the verge", 1)
    assert (discovery.feeds[0].url, discovery.parsed_feed.title) == (url, "The Verge")
    monkeypatch.undo()
    discovery = await newsroom.follow_service.resolve("bbc", 1)
    assert "BBC News – Technology" in [feed.title for feed in discovery.feeds]
    assert "called “nobody\\*s news”" in await follow_and_get_refusal(newsroom, "nobody*s news")


async def test_page_without_feed_or_with_error_is_refused(newsroom, feed_server):
    page = feed_server.serve("/", PAGE.format(""), content_type="text/html")
    assert "no feed at" in await follow_and_get_refusal(newsroom, page)
    assert "No feed found at that address" in await follow_and_get_refusal(newsroom, feed_server.origin + "/missing")
    assert "private network" in await follow_and_get_refusal(newsroom, "http://10.1.2.3/feed")


async def test_fediverse_handle_is_resolved_at_its_host(newsroom):
    assert "I can’t reach that site" in await follow_and_get_refusal(newsroom, "@ada@social.invalid")


async def test_feed_with_credentials_is_private_to_server(newsroom, feed_server):
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    url = feed_server.origin.replace("http://", "http://reader:secret@") + "/feed"
    owners = []
    for server in (1, 2):
        discovery = await newsroom.follow_service.resolve(url, server)
        follow_outcome = await newsroom.follow_service.follow(discovery, server_id=server, channel_id=server * 10)
        owners.append((follow_outcome.feed.id, follow_outcome.feed.server_id))
        assert await deliver_titles(newsroom, server * 10) == ["Article 1"]
    assert [owner for _, owner in owners] == [1, 2]
    assert len({id_ for id_, _ in owners}) == 2


async def test_refusal_shows_no_secret(newsroom, feed_server):
    feed_server.serve("/", PAGE.format(""), content_type="text/html")
    url = feed_server.origin.replace("http://", "http://reader:secret@") + "/?token=0123456789abcdef"
    refusal = await follow_and_get_refusal(newsroom, url)
    assert "secret" not in refusal
    assert "0123456789abcdef" not in refusal


async def test_server_cannot_follow_more_feeds_than_limit(newsroom, feed_server, monkeypatch):
    monkeypatch.setitem(newsroom.limits.default_limits, Limit.FEEDS_PER_SERVER, 2)
    feeds = [feed_server.serve(f"/{n}", make_rss(make_rss_item(n))) for n in range(3)]
    discoveries = [await newsroom.follow_service.resolve(url, 1) for url in feeds]
    for discovery in discoveries[:2]:
        await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)
    with pytest.raises(RequestRejected) as rejection:
        await newsroom.follow_service.follow(discoveries[2], server_id=1, channel_id=10)
    assert "its limit of 2 feeds" in str(refusal_sentences.find_error_sentence(rejection.value))
    assert "its limit of 2 feeds" in await follow_and_get_refusal(newsroom, feeds[2])
    # A feed that the server follows can be added to another channel, and other servers have limits of their own.
    assert (await newsroom.follow_service.follow(discoveries[0], server_id=1, channel_id=11)).is_new
    assert (await newsroom.follow_service.follow(discoveries[2], server_id=2, channel_id=20)).is_new


async def test_following_gone_feed_reactivates_it(newsroom, feed_server):
    url = feed_server.serve("/feed", "", status=410)
    await poll_feed(newsroom, await follow_feed(newsroom, url, channel=10))
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(url, 2)
    follow_outcome = await newsroom.follow_service.follow(discovery, server_id=2, channel_id=20)
    assert follow_outcome.feed.state.value == "active"
    assert follow_outcome.feed.error is None


async def test_following_permanent_redirect_uses_new_url(newsroom, feed_server):
    new = feed_server.serve("/new", make_rss(make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(feed_server.redirect("/old", new), 1)
    assert (await newsroom.follow_service.follow(discovery, server_id=1, channel_id=10)).feed.url == new
