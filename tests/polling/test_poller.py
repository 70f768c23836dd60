"""Single polls: what a response does to a feed and its channels."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.client.services import open_services
from bot.core.models import DispatchKind, Feed, FeedState
from bot.feeds import fetch_errors
from bot.feeds.fetch import FetchResult
from bot.polling.feed_updates import MOVE_PROBATION_SECONDS
from bot.polling.intake import Intake
from bot.polling.poll_recorder import PollOutcome
from bot.store import StoreError
from bot.store.sources.polls import Polls
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.outbox_scenario import deliver_pending, deliver_titles, follow_feed, poll_feed

DAY = 86_400


@pytest.fixture
def parsed_urls(monkeypatch) -> list[str]:
    """URLs of the documents that were parsed, in order."""
    urls: list[str] = []
    original = Intake.parse

    async def parse_and_record(self: Intake, feed: Feed, fetched: FetchResult) -> Any:
        urls.append(fetched.url)
        return await original(self, feed, fetched)

    monkeypatch.setattr(Intake, "parse", parse_and_record)
    return urls


async def test_first_poll_posts_newest_and_stores_backlog(newsroom, feed_server, clock):
    url = feed_server.serve("/", make_rss(*(make_rss_item(n, published=clock.now() - n * DAY) for n in range(30))))
    await poll_feed(newsroom, await follow_feed(newsroom, url))
    assert await deliver_titles(newsroom) == ["Article 0"]
    assert await newsroom.store.articles.count() == 30


async def test_articles_are_posted_once_oldest_first(newsroom, feed_server, clock):
    url = feed_server.serve("/", make_rss(make_rss_item(0)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await deliver_titles(newsroom)
    clock.advance(DAY)
    feed_server.serve(
        "/",
        make_rss(*(make_rss_item(n, published=clock.now() - (9 - n) * 60) for n in (3, 2, 1)), make_rss_item(0)),
    )
    for _ in range(3):
        feed = await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 1", "Article 2", "Article 3"]


@pytest.mark.parametrize("status", [200, 429])
async def test_host_pauses_until_its_rate_limit_resets(newsroom, feed_server, clock, status):
    spent = {"X-Ratelimit-Remaining": "0.0", "X-Ratelimit-Reset": "58"}
    url = feed_server.serve("/r/python/.rss", make_rss(make_rss_item(0)), headers=spent, status=status)
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    host = newsroom.poller.hosts.get(url)
    rests = [host.backoff_until > clock.now() or not host.is_free(clock.monotonic())]
    for seconds in (50, 9):
        clock.advance(seconds)
        rests.append(host.backoff_until > clock.now() or not host.is_free(clock.monotonic()))
    assert rests == [True, True, False]
    assert feed.error == (None if status == 200 else "rate-limited")


async def test_all_entries_are_new_when_none_is_known(newsroom, feed_server):
    # Entries may have scrolled past: the others must not be taken for a backlog
    url = feed_server.serve("/", make_rss(*map(make_rss_item, range(5))))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await deliver_titles(newsroom)
    feed_server.serve("/", make_rss(*map(make_rss_item, range(10, 18))))
    report = await newsroom.poller.poll(feed)
    assert (report.outcome, report.new_count) == (PollOutcome.NEW, 8)
    assert len(await deliver_titles(newsroom)) == 8
    assert report.feed.interval < feed.interval or report.feed.interval == 600


async def test_many_articles_after_outage_become_catch_up(newsroom, feed_server, clock):
    url = feed_server.serve("/", make_rss(make_rss_item(0)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await deliver_titles(newsroom)
    clock.advance(DAY)
    many = [make_rss_item(n, published=clock.now() - n * 60) for n in range(1, 41)]
    feed_server.serve("/", make_rss(*many, make_rss_item(0)))
    await poll_feed(newsroom, feed)
    posts = await deliver_pending(newsroom)
    assert [dispatch.kind for dispatch, _ in posts] == [DispatchKind.CATCH_UP] + [DispatchKind.POST] * 10
    covered = [article.title for _, articles in posts for article in articles]
    assert covered == [f"Article {n}" for n in range(40, 0, -1)]


async def test_future_or_missing_date_becomes_time_of_poll(newsroom, feed_server, clock):
    url = feed_server.serve("/", make_rss(make_rss_item(1, published=clock.now() + DAY), make_rss_item(2)))
    await poll_feed(newsroom, await follow_feed(newsroom, url))
    assert {article.published for article in await newsroom.store.articles.list_newest(None, limit=9)} == {clock.now()}


async def test_edited_entry_updates_article_and_post(newsroom, feed_server, clock):
    url = feed_server.serve("/", make_rss(make_rss_item(1, body="Before.", published=clock.now() - 60)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    ((dispatch, (article,)),) = await deliver_pending(newsroom)
    clock.advance(600)
    feed_server.serve("/", make_rss(make_rss_item(1, body="After.", published=clock.now())))
    report = await newsroom.poller.poll(feed)
    assert (report.outcome, report.new_count, report.changed_count) == (PollOutcome.CHANGED, 0, 1)
    edited_article = await newsroom.store.articles.get(article.id)
    assert (edited_article.text, edited_article.key, edited_article.page_key, edited_article.published) == (
        "After.",
        article.key,
        article.page_key,
        article.published,
    )
    assert await deliver_titles(newsroom) == []
    assert [edit.id for edit in await newsroom.store.dispatches.list_dispatches_to_edit(clock.now(), 9)] == [
        dispatch.id
    ]


@pytest.mark.parametrize("unchanged", ["304", "same bytes", "new head"])
async def test_unchanged_feed_is_not_parsed(unchanged, newsroom, feed_server, parsed_urls):
    url = feed_server.serve("/", make_rss(make_rss_item(1)), etag=unchanged == "304")
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    if unchanged == "new head":
        built = "<lastBuildDate>Tue, 05 May 2026 08:00:00 GMT</lastBuildDate><item>"
        feed_server.serve("/", make_rss(make_rss_item(1)).replace("<item>", built), etag=False)
    report = await newsroom.poller.poll(feed)
    assert (report.outcome, len(parsed_urls)) == (PollOutcome.UNCHANGED, 1)
    assert report.feed == await newsroom.store.feeds.get(feed.id)
    assert report.feed.next_poll_at > newsroom.clock.now()


async def test_validators_are_sent_back_unchanged(newsroom, feed_server):
    url = feed_server.serve(
        "/",
        make_rss(make_rss_item(1)),
        headers={"ETag": 'W/"odd, one"', "Last-Modified": "Sat, 1 jan 2000 00:00:00 +0000"},
    )
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await poll_feed(newsroom, feed)
    request_headers = feed_server.visits[-1].headers
    assert request_headers["If-None-Match"] == 'W/"odd, one"'
    assert request_headers["If-Modified-Since"] == "Sat, 1 jan 2000 00:00:00 +0000"


async def test_failed_polls_keep_validators_and_lose_no_article(newsroom, feed_server):
    url = feed_server.serve("/", make_rss(make_rss_item(1)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await deliver_titles(newsroom)
    for body, status, code in (
        ("<html></html>", 200, fetch_errors.NOT_A_FEED),
        ("", 503, "http-503"),
        ("", 404, "http-404"),
    ):
        feed_server.serve("/", body, status=status)
        report = await newsroom.poller.poll(feed)
        assert (report.outcome, report.error_code) == (PollOutcome.FAILED, code)
        assert report.feed.validators == feed.validators
        assert report.feed.state is FeedState.ACTIVE
        assert report.feed.failure_count == feed.failure_count + 1
        feed = report.feed
    feed_server.serve("/", make_rss(make_rss_item(2), make_rss_item(1)))
    feed = await poll_feed(newsroom, feed)
    assert (feed.error, feed.failure_count, feed.failing_since) == (None, 0, None)
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_gone_feed_is_not_polled_again(newsroom, feed_server, clock):
    feed = await follow_feed(newsroom, feed_server.serve("/", "", status=410))
    report = await newsroom.poller.poll(feed)
    assert (report.outcome, report.feed.state) == (PollOutcome.GONE, FeedState.GONE)
    clock.advance(30 * DAY)
    assert await newsroom.store.feeds.list_due(clock.now(), 10) == []


async def test_hanging_parser_fails_only_that_poll(tmp_path, settings, clock, feed_server):
    author = f"<item><title>x</title><author>{'a' * 50_000}</author></item>"
    slow = feed_server.serve("/slow", make_rss(author))
    fine = feed_server.serve("/fine", make_rss(make_rss_item(1)))
    async with open_services(replace(settings, parse_timeout=0.3), clock) as room:
        await room.poller.poll(await follow_feed(room, fine))
        reports = [await room.poller.poll(await follow_feed(room, url)) for url in (slow, fine)]
    assert reports[0].error_code == fetch_errors.PARSE_TIMEOUT
    assert reports[1].error_code is None


async def test_bug_in_one_poll_does_not_affect_next(newsroom, feed_server, monkeypatch):
    async def fail_to_classify(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "classify", fail_to_classify)
        report = await newsroom.poller.poll(feed)
    assert (report.outcome, report.error_code) == (PollOutcome.FAILED, fetch_errors.PARSER_CRASHED)
    await poll_feed(newsroom, report.feed)
    assert await deliver_titles(newsroom) == ["Article 1"]


@pytest.mark.parametrize("failure", [StoreError("the disk is full"), asyncio.CancelledError()])
async def test_unrecorded_poll_is_repeated_without_loss(failure, newsroom, feed_server, monkeypatch):
    # If the ETag of a document whose articles were lost was stored, they would never be found again
    feed = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1)))))
    await deliver_titles(newsroom)
    feed_server.serve("/", make_rss(make_rss_item(2), make_rss_item(1)))

    async def fail_to_record(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(Polls, "record", fail_to_record)
        with pytest.raises(type(failure)):
            await newsroom.poller.poll(feed)
    assert (await newsroom.store.feeds.get(feed.id)).validators == feed.validators
    await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_concurrent_polls_of_feed_store_article_once(newsroom, feed_server):
    feed = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1)))))
    await deliver_titles(newsroom)
    feed_server.serve("/", make_rss(make_rss_item(2), make_rss_item(1)), etag=False)
    reports = await asyncio.gather(*(newsroom.poller.poll(feed, wait_for_host=False) for _ in range(4)))
    assert sorted(report.new_count for report in reports) == [0, 0, 0, 1]
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_permanent_redirect_is_adopted_after_probation(newsroom, feed_server, clock):
    new = feed_server.serve("/new", make_rss(make_rss_item(1)))
    old = feed_server.redirect("/old", new)
    feed = await poll_feed(newsroom, await follow_feed(newsroom, old))
    assert (feed.url, feed.moved_to) == (old, new)
    clock.advance(MOVE_PROBATION_SECONDS - 60)
    feed = await poll_feed(newsroom, feed)
    assert feed.url == old
    clock.advance(61)
    feed = await poll_feed(newsroom, feed)
    assert (await newsroom.store.feeds.get(feed.id)).url == new
    await deliver_titles(newsroom)
    feed_server.serve("/new", make_rss(make_rss_item(2), make_rss_item(1)))
    await poll_feed(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_interrupted_redirect_restarts_probation(newsroom, feed_server, clock):
    new = feed_server.serve("/new", make_rss(make_rss_item(1)))
    old = feed_server.redirect("/old", new)
    feed = await poll_feed(newsroom, await follow_feed(newsroom, old))
    clock.advance(2 * DAY)
    feed_server.serve("/old", make_rss(make_rss_item(1)))
    feed = await poll_feed(newsroom, feed)
    assert feed.moved_to is None
    feed_server.redirect("/old", new)
    clock.advance(2 * DAY)
    feed = await poll_feed(newsroom, feed)
    assert (feed.url, feed.moved_since) == (old, clock.now())


async def test_temporary_redirect_is_never_adopted(newsroom, feed_server, clock):
    old = feed_server.redirect("/old", feed_server.serve("/new", make_rss(make_rss_item(1))), status=302)
    feed = await poll_feed(newsroom, await follow_feed(newsroom, old))
    clock.advance(9 * DAY)
    feed = await poll_feed(newsroom, feed)
    assert (feed.url, feed.moved_to) == (old, None)


async def test_redirect_to_url_of_other_feed_is_not_adopted(newsroom, feed_server, clock):
    new = feed_server.serve("/new", make_rss(make_rss_item(1)))
    other_feed = await poll_feed(newsroom, await follow_feed(newsroom, new))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.redirect("/old", new)))
    clock.advance(MOVE_PROBATION_SECONDS)
    await poll_feed(newsroom, feed)
    assert (await newsroom.store.feeds.get(feed.id)).url == feed.url
    assert (await newsroom.store.feeds.get(other_feed.id)).url == new


async def test_shared_feed_does_not_adopt_url_with_secret(newsroom, feed_server, clock):
    secret = feed_server.serve("/new", make_rss(make_rss_item(1))) + "?token=0123456789abcdef"
    feed = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.redirect("/old", secret)))
    clock.advance(MOVE_PROBATION_SECONDS)
    assert (await poll_feed(newsroom, feed)).url == feed.url


async def test_two_servers_can_have_private_feeds_of_same_url(newsroom, feed_server):
    url = feed_server.serve("/private", make_rss(make_rss_item(1))) + "?token=0123456789abcdef"
    for server in (1, 2):
        feed = await newsroom.store.feeds.add(url, server_id=server)
        await newsroom.store.subscriptions.follow(
            server_id=server, channel_id=server * 10, feed_id=feed.id, first_article_id=None
        )
        await poll_feed(newsroom, feed)
    assert [await deliver_titles(newsroom, channel) for channel in (10, 20)] == [["Article 1"], ["Article 1"]]


async def test_retry_after_postpones_all_feeds_of_host(newsroom, feed_server, clock):
    busy = await follow_feed(newsroom, feed_server.serve("/busy", "", status=429, headers={"Retry-After": "7200"}))
    other_feed = await follow_feed(newsroom, feed_server.serve("/other", make_rss(make_rss_item(1))))
    assert (await newsroom.poller.poll(busy)).error_code == fetch_errors.RATE_LIMITED
    report = await newsroom.poller.poll(other_feed)
    assert report.outcome is PollOutcome.POSTPONED
    assert feed_server.count("/other") == 0
    postponed_feed = await newsroom.store.feeds.get(other_feed.id)
    assert clock.now() + 7200 <= postponed_feed.next_poll_at <= clock.now() + 7300  # also after a restart
    assert (await newsroom.poller.poll(postponed_feed, wait_for_host=False)).outcome is PollOutcome.NEW
    clock.advance(7201)
    assert (await newsroom.poller.poll(postponed_feed)).outcome is not PollOutcome.POSTPONED
