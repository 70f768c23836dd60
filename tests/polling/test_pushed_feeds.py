"""WebSub: subscription at hubs, pushes and the polls beside them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from bot.client.services import Services, open_services
from bot.client.web import websub_routes
from bot.core.concurrency.rate_limits import FailedLookupLimiter
from bot.core.configuration.settings import Settings
from bot.core.models import Feed
from bot.feeds import websub
from bot.feeds.parsing import parse
from bot.polling.websub import websub_subscriber
from bot.polling.websub.body_budget import BodyBudget
from bot.polling.websub.subscription_cache import SubscriptionCache
from bot.store.records.source_records import PushSubscription
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import CHANNEL, deliver_titles, follow_feed, poll_feed
from tests.support.wire.waiting import wait_until

DAY = 86_400
LARGEST = 100_000
FORGED = {"X-Hub-Signature": f"sha256={'0' * 64}"}


class Hub:
    """A hub beside a feed, and the bot process that it calls."""

    newsroom: Services

    def __init__(self, settings: Settings, server: FeedServer, clock: ManualClock) -> None:
        self.settings, self.server, self.clock = settings, server, clock
        self._process = AsyncExitStack()
        self.forms: list[dict[str, str]] = []
        self.status = 202
        server.handle("/hub", self._subscribe)
        self.serve(1)

    async def _subscribe(self, request: web.Request) -> web.Response:
        self.forms.append(dict(parse_qsl((await request.read()).decode())))
        return web.Response(status=self.status)

    def serve(self, *numbers: int) -> str:
        links = {"Link": f'<{self.server.origin}/hub>; rel="hub", <{self.topic}>; rel=self'}
        return self.server.serve("/feed", make_rss(*map(make_rss_item, numbers), title="Wire"), headers=links)

    def start_subscribing(self) -> None:
        """Start the task that subscribes at hubs."""
        self._asking = asyncio.create_task(self.newsroom.websub_subscriber.run())

    async def stop_subscribing(self) -> None:
        """Stop the task that subscribes at hubs."""
        self._asking.cancel()
        await self.newsroom.websub_subscriber.close()

    async def start_bot_process(self) -> None:
        """Start a bot process with an empty cache, which does not subscribe yet."""
        self.newsroom = await self._process.enter_async_context(open_services(self.settings, self.clock))
        await self.newsroom.join_cluster()
        self.routes = websub_routes.WebSubRoutes(
            self.newsroom.websub_subscriber, self.settings, self.newsroom.maintenance
        )

    async def end_bot_process(self) -> None:
        await self.stop_subscribing()
        await self._process.aclose()

    async def restart_bot_process(self) -> None:
        await self.end_bot_process()
        await self.start_bot_process()

    @property
    def topic(self) -> str:
        return f"{self.server.origin}/feed?as=topic"

    async def until_asked(self, times: int = 1) -> dict[str, str]:
        host = self.newsroom.poller.hosts.get(self.server.origin)
        await wait_until(lambda: len(self.forms) >= times and host.is_free(self.clock.monotonic()))
        await asyncio.sleep(0.02)  # so that it sleeps again before a test advances the clock
        return self.forms[-1]

    async def call(self, **query: str) -> tuple[int, str]:
        callback_query = {
            "hub.mode": "subscribe",
            "hub.topic": self.topic,
            "hub.challenge": "c4ll",
            "hub.lease_seconds": "864000",
        }
        callback_query |= {f"hub.{name}": query_value for name, query_value in query.items()}
        async with aiohttp.request("GET", self.forms[-1]["hub.callback"], params=callback_query) as answer:
            return answer.status, await answer.text()

    async def push(
        self, body: str | bytes, *, secret: str | None = None, method: str = "sha256", at: str | None = None
    ) -> int:
        """Push a document, signed with the agreed secret or another one, and return the status."""
        raw = body.encode() if isinstance(body, str) else body
        key = (secret if secret is not None else self.forms[-1]["hub.secret"]).encode()
        headers = {"Content-Type": "application/rss+xml"}
        if method in websub.SIGNATURE_ALGORITHMS:
            headers["X-Hub-Signature"] = f"{method}={hmac.new(key, raw, getattr(hashlib, method)).hexdigest()}"
        callback = at or self.forms[-1]["hub.callback"]
        async with aiohttp.request("POST", callback, data=raw, headers=headers) as answer:
            status = answer.status
        await self.newsroom.websub_subscriber.drain()
        return status

    async def follow_pushed_feed(self) -> Feed:
        """Follow a feed, confirm its subscription at the hub and return the feed."""
        feed = await poll_feed(self.newsroom, await follow_feed(self.newsroom, self.serve(1)))
        await deliver_titles(self.newsroom)
        await self.until_asked()
        assert await self.call() == (200, "c4ll")
        return feed


@asynccontextmanager
async def open_hub(settings: Settings, feed_server: FeedServer, clock: ManualClock) -> AsyncIterator[Hub]:
    """A hub and a bot process that subscribes there; its callbacks are served on loopback."""
    runner = web.AppRunner(web.Application())

    async def forward_to_routes(request: web.Request) -> web.StreamResponse:
        route = opened_hub.routes.build_routes()[request.method == "POST"]
        request.match_info["token"] = request.path.rpartition("/")[2]
        return await route.handler(request)

    runner.app.router.add_route("*", "/websub/{any}", forward_to_routes)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    public = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = replace(settings, public_url=public, max_feed_bytes=LARGEST)
    opened_hub = Hub(settings, feed_server, clock)
    await opened_hub.start_bot_process()
    opened_hub.start_subscribing()
    yield opened_hub
    await opened_hub.end_bot_process()
    await runner.cleanup()


@pytest.fixture
async def hub(tmp_path, feed_server, clock, settings, store) -> AsyncIterator[Hub]:
    await store.close()
    async with open_hub(settings, feed_server, clock) as opened_hub:
        yield opened_hub


async def test_hub_is_subscribed_and_its_push_is_posted_once(hub):
    feed = await hub.follow_pushed_feed()
    form = hub.forms[0]
    assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", hub.topic)
    assert len(form["hub.secret"]) >= 32
    assert await hub.push(make_rss(make_rss_item(2))) == 202
    assert await deliver_titles(hub.newsroom) == ["Article 2"]
    assert await hub.push(make_rss(make_rss_item(2), make_rss_item(1))) == 202
    hub.serve(2, 1)
    await poll_feed(hub.newsroom, feed)
    assert await deliver_titles(hub.newsroom) == []
    assert hub.newsroom.websub_subscriber.is_pushed(feed.id)


async def test_push_during_maintenance_gets_503(hub):
    await hub.follow_pushed_feed()
    await hub.newsroom.store.maintenance.turn_on(expected_seconds=None, user_id=None)
    await hub.newsroom.maintenance.refresh()
    assert await hub.push(make_rss(make_rss_item(2))) == HTTPStatus.SERVICE_UNAVAILABLE
    await hub.newsroom.store.maintenance.turn_off(user_id=None)
    await hub.newsroom.maintenance.refresh()
    assert await deliver_titles(hub.newsroom) == []
    assert await hub.push(make_rss(make_rss_item(2))) == HTTPStatus.ACCEPTED
    assert await deliver_titles(hub.newsroom) == ["Article 2"]


async def test_pushes_of_only_new_entries_neither_overflow_nor_retract(hub):
    feed = await hub.follow_pushed_feed()
    for number in range(2, 12):  # enough for a feed to count as one that renames its entries
        hub.clock.advance(60)
        await hub.push(make_rss(make_rss_item(number)))
    assert await deliver_titles(hub.newsroom) == [f"Article {number}" for number in range(2, 12)]
    assert await hub.newsroom.store.quota_overflows.get_by_feed(feed.id) is None


async def test_pushed_feed_is_polled_less_until_push_is_missed(hub):
    feed = await hub.follow_pushed_feed()
    feed = await poll_feed(hub.newsroom, feed)
    assert feed.next_poll_at - hub.clock.now() >= 4 * 540
    hub.serve(2, 1)
    feed = await poll_feed(hub.newsroom, feed)
    assert await deliver_titles(hub.newsroom) == ["Article 2"]
    assert feed.next_poll_at - hub.clock.now() <= 660
    await hub.push(make_rss(make_rss_item(3)))
    hub.serve(3, 2, 1)
    feed = await poll_feed(hub.newsroom, feed)
    assert feed.next_poll_at - hub.clock.now() >= 4 * 270, "the hub pushes again"


async def test_lease_is_renewed_after_restart_and_expires_otherwise(hub):
    feed = await hub.follow_pushed_feed()
    await hub.restart_bot_process()
    assert await hub.push(make_rss(make_rss_item(2))) == 202, "with 410 a hub would stop pushing"
    assert await deliver_titles(hub.newsroom) == ["Article 2"]
    hub.clock.advance(9 * DAY + 60)
    hub.start_subscribing()
    assert (await hub.until_asked(2))["hub.callback"] == hub.forms[0]["hub.callback"]
    await hub.restart_bot_process()
    assert await hub.call() == (200, "c4ll"), "any process can answer the hub"
    assert hub.newsroom.websub_subscriber.is_pushed(feed.id)
    hub.start_subscribing()
    hub.status = 500
    hub.clock.advance(9 * DAY + 60)
    await hub.until_asked(3)
    hub.clock.advance(DAY)
    assert not hub.newsroom.websub_subscriber.is_pushed(feed.id)
    assert await hub.push(make_rss(make_rss_item(9))) == 202
    assert await deliver_titles(hub.newsroom) == []


async def test_push_while_database_hangs_gets_503(hub, monkeypatch):
    await hub.follow_pushed_feed()
    await hub.restart_bot_process()
    monkeypatch.setattr(websub_routes, "LOOKUP_TIMEOUT_SECONDS", 0.05)
    with monkeypatch.context() as hanging:
        hanging.setattr(hub.newsroom.store.push_subscriptions, "list_all", asyncio.Event().wait)
        hub.start_subscribing()
        await asyncio.sleep(0)
        assert await hub.push(make_rss(make_rss_item(2))) == 503
        await hub.stop_subscribing()
    hub.start_subscribing()
    assert await hub.push(make_rss(make_rss_item(2))) == 202
    assert await deliver_titles(hub.newsroom) == ["Article 2"]


async def test_push_with_wrong_signature_is_ignored(hub):
    await hub.follow_pushed_feed()
    for number, method in enumerate(sorted(websub.SIGNATURE_ALGORITHMS), 2):
        assert await hub.push(make_rss(make_rss_item(number)), secret="guess", method=method) == 202
        assert await deliver_titles(hub.newsroom) == []
        assert await hub.push(make_rss(make_rss_item(number)), method=method) == 202
        assert await deliver_titles(hub.newsroom) == [f"Article {number}"]


async def test_push_without_signature_is_refused_before_body_is_read(hub):
    await hub.follow_pushed_feed()

    async def generate_endless_body() -> AsyncIterator[bytes]:
        yield b"<rss>"
        await asyncio.Event().wait()

    callback = hub.forms[-1]["hub.callback"]
    for signature in (None, "", "sha256", "sha256=", "sha256=00", f"md5={'0' * 32}", "sha256=é", f"sha256={'é' * 64}"):
        headers = {} if signature is None else {"X-Hub-Signature": signature}
        async with aiohttp.request("POST", callback, data=generate_endless_body(), headers=headers) as answer:
            assert answer.status == 403, signature


async def test_concurrent_pushes_share_buffer_limit(hub):
    await hub.follow_pushed_feed()
    callback = hub.forms[-1]["hub.callback"]
    sending_started, goes_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b" " * (LARGEST * 6 // 10)
        sending_started.set()
        await goes_on.wait()

    async def send() -> int:
        async with aiohttp.request("POST", callback, data=slow(), headers=FORGED) as answer:
            return answer.status

    first = asyncio.create_task(send())
    await sending_started.wait()
    await wait_until(lambda: hub.routes.buffered_bytes >= LARGEST // 2)
    assert await hub.push(b" " * (LARGEST // 2)) == 429
    assert await hub.push(make_rss(make_rss_item(2))) == 202, "a small push still fits"
    goes_on.set()
    assert await first == 202
    assert hub.routes.buffered_bytes == 0
    assert await hub.push(b" " * LARGEST) == 202
    assert await deliver_titles(hub.newsroom) == ["Article 2"]


def test_body_budget_limits_each_hub_and_total():
    budget = BodyBudget(max_bytes=10, max_hub_bytes=6)
    assert budget.reserve("a", 6)
    assert not budget.reserve("a", 1)
    assert budget.reserve("b", 4)
    assert not budget.reserve("c", 1)
    budget.release("a", 6)
    assert budget.reserve("c", 6)


async def test_aborted_push_logs_no_error(hub, caplog):
    await hub.follow_pushed_feed()
    callback = URL(hub.forms[-1]["hub.callback"])
    head = f"POST {callback.path} HTTP/1.1\r\nHost: a\r\nX-Hub-Signature: {FORGED['X-Hub-Signature']}\r\n"
    for framing in ("Content-Length: 1000\r\n\r\n<rss>", "Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n"):
        _reader, writer = await asyncio.open_connection(callback.host, callback.port)
        writer.write((head + framing).encode())
        await wait_until(lambda: hub.routes.buffered_bytes)
        writer.transport.abort()
        await wait_until(lambda: not hub.routes.buffered_bytes)
    await asyncio.sleep(0)
    assert [record for record in caplog.records if record.exc_info] == []
    assert await hub.push(make_rss(make_rss_item(2))) == 202


async def test_unrequested_confirmation_or_push_is_refused(hub):
    await hub.follow_pushed_feed()
    assert (await hub.call())[0] == 404, "the subscription is confirmed already"
    hub.clock.advance(9 * DAY + 60)
    await hub.until_asked(2)
    for query in ({"topic": "https://other.example/"}, {"mode": "unsubscribe"}, {"challenge": "c" * 5_000}):
        assert (await hub.call(**query))[0] == 404
    elsewhere = hub.forms[-1]["hub.callback"].rpartition("/")[0] + "/guess"
    guessed = [
        await hub.push(make_rss(make_rss_item(2)), at=f"{elsewhere}{number}")
        for number in range(FailedLookupLimiter.MAX_MISSES + 1)
    ]
    assert (guessed[0], guessed[-1]) == (410, 429)
    assert await deliver_titles(hub.newsroom) == []


async def generate_slow_body() -> AsyncIterator[bytes]:
    """Yield a document more slowly than the time limit allows."""
    for _ in range(20):
        yield b"<rss>"
        await asyncio.sleep(0.02)


async def test_oversized_slow_or_invalid_pushes_do_no_harm(hub, monkeypatch):
    feed = await hub.follow_pushed_feed()
    assert await hub.push(b"x" * 200_000) == 413
    monkeypatch.setattr(websub_routes, "RECEIVE_TIMEOUT_SECONDS", 0.05)
    async with aiohttp.request(
        "POST", hub.forms[-1]["hub.callback"], data=generate_slow_body(), headers=FORGED
    ) as response:
        assert response.status == 408
    for body in (b"", b"<rss", b"\x00" * 1_000, b"<html>no feed"):
        assert await hub.push(body) == 202
    current = await hub.newsroom.store.feeds.get(feed.id)
    assert current.next_poll_at <= hub.clock.now(), "the feed is polled instead"
    assert current.error is None
    statuses = {await hub.push(b"") for _ in range(websub_subscriber.PUSH_QUOTA + 1)}
    assert statuses == {202, 429}
    assert await deliver_titles(hub.newsroom) == []


@pytest.mark.parametrize("lease", ["1", "99999999999999999999"])
async def test_extreme_lease_is_renewed_neither_at_once_nor_never(hub, lease):
    await poll_feed(hub.newsroom, await follow_feed(hub.newsroom, hub.serve(1)))
    await hub.until_asked()
    assert (await hub.call(lease_seconds=lease))[0] == 200
    hub.clock.advance(60)
    await asyncio.sleep(0.02)
    assert len(hub.forms) == 1
    async with asyncio.timeout(30):
        while len(hub.forms) == 1:  # the subscriber may have read the clock and not sleep yet
            hub.clock.advance(100 * DAY)
            await asyncio.sleep(0.02)


async def test_failing_hub_is_asked_with_backoff(hub):
    hub.status = 500
    feed = await poll_feed(hub.newsroom, await follow_feed(hub.newsroom, hub.serve(1)))
    await hub.until_asked()
    for hours, times in ((1, 2), (1, 2), (1, 3), (24, 4)):
        hub.clock.advance(hours * 3_600 + 1)
        await hub.until_asked(times)
        assert len(hub.forms) == times
    assert (await hub.call(mode="denied", reason="no"))[0] == 200
    assert not hub.newsroom.websub_subscriber.is_pushed(feed.id)


async def test_hub_in_headers_of_unchanged_feed_is_found(hub):
    body = make_rss(make_rss_item(1), title="Wire")
    url = hub.server.serve("/feed", body)
    feed = await poll_feed(hub.newsroom, await follow_feed(hub.newsroom, url))
    hub.server.serve("/feed", body, headers={"Link": f"<{hub.server.origin}/hub>; rel=hub"})
    async with asyncio.timeout(30):
        while not hub.forms:
            feed = await poll_feed(hub.newsroom, feed)
            await asyncio.sleep(0.02)
    assert (await hub.until_asked())["hub.topic"] == url


async def test_secret_urls_and_private_networks_are_not_sent_to_hubs(hub):
    secret = hub.serve(1).replace("http://", "http://jane:s3cr3t@")
    feed = await hub.newsroom.store.feeds.add(secret, server_id=100)
    await hub.newsroom.store.subscriptions.follow(server_id=100, channel_id=200, feed_id=feed.id, first_article_id=None)
    await poll_feed(hub.newsroom, feed)
    inside = {"Link": "<http://10.1.2.3/hub>; rel=hub"}
    other_url = hub.server.serve("/other", make_rss(make_rss_item(1)), headers=inside)
    await poll_feed(hub.newsroom, await follow_feed(hub.newsroom, other_url))
    await asyncio.sleep(0.05)
    assert hub.forms == []
    assert [push_subscription.hub for push_subscription in await hub.newsroom.store.push_subscriptions.list_all()] == [
        "http://10.1.2.3/hub"
    ]


async def test_unfollowed_feed_is_unsubscribed_from_hub_until_followed_again(hub):
    feed = await hub.follow_pushed_feed()
    await hub.newsroom.store.subscriptions.unfollow(CHANNEL, feed.id)
    # The subscriber may go to sleep only after the clock advanced: advance until it has looked.
    await wait_until(lambda: hub.clock.advance(601) or len(hub.forms) > 1)
    form = await hub.until_asked(2)
    assert (form["hub.mode"], form["hub.topic"]) == ("unsubscribe", hub.topic)
    assert await hub.call(mode="unsubscribe") == (200, "c4ll")
    assert await hub.call() == (404, "")
    assert await hub.push(make_rss(make_rss_item(2)), secret="any") == 410
    await poll_feed(hub.newsroom, await follow_feed(hub.newsroom, hub.serve(1)))
    assert (await hub.until_asked(3))["hub.mode"] == "subscribe"


async def test_hub_of_unchanged_feed_is_found_when_bot_becomes_reachable(tmp_path, feed_server, clock, settings, store):
    await store.close()
    url = feed_server.serve("/feed", make_rss(make_rss_item(1)), headers={"Link": "<https://hub.example/>; rel=hub"})
    for public, offered in ((None, []), ("https://bot.example", ["https://hub.example/"])):
        reachable = replace(settings, public_url=public)
        async with open_services(reachable, clock) as newsroom:
            await newsroom.websub_subscriber.reset_validators_once()
            await poll_feed(newsroom, await follow_feed(newsroom, url))
            running = asyncio.create_task(newsroom.websub_subscriber.run())
            await wait_until(lambda sleeps_before=clock.sleep_count: clock.sleep_count > sleeps_before)  # type: ignore[misc]  # it looked
            assert [
                push_subscription.hub for push_subscription in await newsroom.store.push_subscriptions.list_all()
            ] == offered
            running.cancel()


def test_hub_is_found_in_every_feed_format():
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><link rel="hub" href="https://hub.example/"/>'
        '<link rel="self" href="/self"/><entry><id>1</id><title>One</title></entry></feed>'
    )
    channel = '<channel xmlns:atom="http://www.w3.org/2005/Atom"><atom:link rel="hub" href="https://hub.example/"/>'
    in_rss = make_rss(make_rss_item(1)).replace("<channel>", channel)
    json_feed = (
        '{"version":"https://jsonfeed.org/version/1.1","title":"J","feed_url":"https://x.example/self","items":[],'
        '"hubs":[{"type":"rssCloud","url":"https://cloud.example/"},{"type":"WebSub","url":"https://hub.example/"}]}'
    )
    for document, topic in (
        (atom, "https://x.example/self"),
        (in_rss, "https://x.example/"),
        (json_feed, "https://x.example/self"),
    ):
        parsed = parse.parse_feed_document(document.encode(), "", "https://x.example/")
        assert websub.find_hub({}, parsed, "https://x.example/") == websub.HubLink("https://hub.example/", topic)
    plain = parse.parse_feed_document(make_rss().encode(), "", "https://x.example/")
    assert websub.find_hub({"link": "<" * 9_000}, plain, "https://x.example/") is None
    several = CIMultiDict([("Link", "</page>; rel=alternate"), ("link", "<https://hub.example/>; rel=hub")])
    assert websub.find_hub(several, plain, "https://x.example/") == (
        "https://hub.example/",
        "https://x.example/",
    )


async def test_confirmation_during_reload_is_not_lost(store, monkeypatch):
    feed = await store.feeds.add("https://a.example/feed")
    cache = SubscriptionCache(store, lambda: None)
    confirmed = PushSubscription(feed.id, "https://hub.example", feed.url, "token", "secret", due_at=1)
    cache.replace(confirmed)
    await cache.flush()
    has_read, goes_on, load_all = asyncio.Event(), asyncio.Event(), store.push_subscriptions.list_all

    async def slow() -> list[PushSubscription]:
        push_subscriptions = await load_all()
        has_read.set()
        await goes_on.wait()
        return push_subscriptions

    monkeypatch.setattr(store.push_subscriptions, "list_all", slow)
    loading = asyncio.create_task(cache.load())
    await has_read.wait()
    cache.replace(confirmed._replace(leased_until=9))
    writing = asyncio.create_task(cache.flush())
    await asyncio.wait([writing], timeout=0.05)
    goes_on.set()
    await asyncio.gather(loading, writing)
    assert (
        [push_subscription.leased_until for push_subscription in cache]
        == [stored_subscription.leased_until for stored_subscription in await load_all()]
        == [9]
    )
