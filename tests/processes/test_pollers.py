"""Several pollers on one database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from aiohttp import web

from bot.client.health import MAX_POLL_SILENCE_SECONDS, Health
from bot.client.services import Services, open_services
from bot.core.preferences import ProcessRole
from bot.polling import ingest_quota
from bot.processes.leases import HOST_SLOT_LEASE_KIND
from bot.text.host_slots import HOST_SLOT_COUNT, get_host_slot
from tests.support import store_probe
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import deliver_pending, follow_feed
from tests.support.store_probe import Column
from tests.support.wire.waiting import wait_until

Pair = tuple[Services, Services]


@pytest.fixture
def database_engine() -> str:
    return "postgres"


@pytest.fixture
def small_quota(monkeypatch) -> None:
    """A quota of about eleven articles per server; requested before `pair`."""
    monkeypatch.setattr(ingest_quota, "SERVER_QUOTA_BYTES", 50_000)


@pytest.fixture
async def pair(settings, clock) -> AsyncIterator[Pair]:
    """Two processes that share the host slots."""
    async with AsyncExitStack() as stack:
        rooms = []
        for name in ("a", "b"):
            own = replace(settings, index=settings.index_folder.with_name(name))
            rooms.append(await stack.enter_async_context(open_services(own, clock)))
            await rooms[-1].join_cluster()
        leases_by_room = [room.leases for room in rooms]
        await wait_until(
            lambda: (
                [len(leases.get_owned_numbers(HOST_SLOT_LEASE_KIND)) for leases in leases_by_room]
                == [HOST_SLOT_COUNT // 2, HOST_SLOT_COUNT // 2]
            )
        )
        yield rooms[0], rooms[1]


@pytest.fixture
async def publishers() -> AsyncIterator[Callable[[int], FeedServer]]:
    """A function that returns the feed server with this index, each on its own host from 127.0.0.2 on."""
    servers = [await FeedServer().start(f"127.0.0.{number}") for number in range(2, 6)]
    yield servers.__getitem__
    for server in servers:
        await server.stop()


@pytest.fixture
async def running_pair(pair) -> AsyncIterator[Pair]:
    tasks = [asyncio.create_task(room.poller.run()) for room in pair]
    yield pair
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_feed_is_polled_by_one_process_and_by_other_after_its_end(running_pair, publishers, clock):
    servers, database_url = [publishers(number) for number in range(4)], running_pair[0].settings.database
    feeds = [
        await follow_feed(running_pair[0], server.serve("/", make_rss(make_rss_item(1)), etag=False))
        for server in servers
    ]
    store = running_pair[0].store

    async def are_polled() -> bool:
        now = [await store.feeds.get(feed.id) for feed in feeds]
        return all(feed is not None and feed.last_success_at == clock.now() for feed in now)

    await wait_until(are_polled)
    assert [server.count("/") for server in servers] == [1] * 4
    owners = [
        room
        for room in running_pair
        if room.leases.get_owned_numbers(HOST_SLOT_LEASE_KIND) & {get_host_slot(feed.url) for feed in feeds}
    ]
    await owners[0].leases.close()
    clock.advance(5)
    for feed in feeds:
        await store.feeds.make_due(feed.id)  # the event wakes the remaining process
    await wait_until(are_polled)
    assert [server.count("/") for server in servers] == [2] * 4
    watching = Health(owners[0])  # which polls nothing anymore
    clock.advance(MAX_POLL_SILENCE_SECONDS + 60)
    now = clock.now()
    for column in (Column.FEED_LAST_SUCCESS_AT, Column.FEED_LAST_POLL_AT):
        store_probe.set_column(database_url, column, now)
    assert await watching.load_problems() == []  # other processes have the shards
    owners[0].leases.set_available(ProcessRole.GATEWAY, is_available=False)
    assert await watching.load_problems() == ["Discord has been out of reach for 121 minutes"]
    clock.advance(MAX_POLL_SILENCE_SECONDS + 60)
    assert await watching.find_polling_stall_start() == now


async def test_poll_by_process_that_lost_lease_is_refused(running_pair, publishers, caplog):
    caplog.set_level(logging.INFO)
    server = publishers(0)
    request_started, release = asyncio.Event(), asyncio.Event()

    async def answer_slowly_once(_request: web.Request) -> web.Response:
        if not request_started.is_set():
            request_started.set()
            await release.wait()
            return web.Response(text=make_rss(make_rss_item(2), make_rss_item(1)), content_type="application/rss+xml")
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    feed = await follow_feed(running_pair[0], server.handle("/", answer_slowly_once))
    await request_started.wait()
    former_owner, remaining_room = sorted(
        running_pair,
        key=lambda room: get_host_slot(feed.url) not in room.leases.get_owned_numbers(HOST_SLOT_LEASE_KIND),
    )
    await former_owner.cluster_events.close()  # it is cut off
    store_probe.set_column(
        former_owner.settings.database, Column.PROCESS_EXPIRES_AT, 0, row_ids=[former_owner.leases.process.id]
    )
    remaining_room.leases.wake()

    async def has_new_article() -> bool:
        return await remaining_room.store.articles.count() == 1

    await wait_until(has_new_article)
    release.set()
    await wait_until(lambda: "Another process works at feeds" in caplog.text)
    assert await has_new_article()


async def test_server_quota_applies_across_pollers(small_quota, pair, publishers):
    for number, room in enumerate(pair):
        feed = await follow_feed(room, publishers(number).serve("/", make_rss(), etag=False))
        await room.poller.poll(feed, wait_for_host=False)
        entries = [make_rss_item(100 * number + place) for place in range(10)]
        publishers(number).serve("/", make_rss(*entries), etag=False)
        await room.poller.poll(feed, wait_for_host=False)
    assert 10 < await pair[0].store.articles.count() < 16


async def test_same_story_found_by_two_pollers_is_posted_once(pair, publishers):
    first = pair[0]
    urls = [publishers(number).serve("/", make_rss(), etag=False) for number in range(2)]
    feeds = [await follow_feed(first, url) for url in urls]
    for feed in feeds:
        await first.poller.poll(feed, wait_for_host=False)
    cities = ("Strasbourg", "Marseille", "Toulouse", "Grenoble")
    for number, city in enumerate(cities):
        titles = (
            f"Fire in {city} destroys the Hexavolt data centre",
            f"Hexavolt data centre in {city} destroyed by fire",
        )
        for server, title in enumerate(titles):
            entry = make_rss_item(10 * number + server, title=title, published=first.clock.now())
            publishers(server).serve("/", make_rss(entry, title=f"Outlet {server}"), etag=False)
        polls = (room.poller.poll(feed, wait_for_host=False) for room, feed in zip(pair, feeds, strict=True))
        await asyncio.gather(*polls)
    assert len(store_probe.load_outbox(first.settings.database)) == len(cities)
    deliveries = store_probe.load_deliveries(first.settings.database)
    assert [delivery.state for delivery in deliveries] == ["waiting"] * 2 * len(cities)


async def test_correction_found_by_one_process_wakes_posting_process(pair, publishers, clock):
    polling, posting = pair
    woken = asyncio.Event()
    posting.cluster_events.subscribe("outbox", woken.set)
    published = clock.now() - 3600
    feed = await follow_feed(
        polling, publishers(0).serve("/", make_rss(make_rss_item(1, published=published)), etag=False)
    )
    await polling.poller.poll(feed, wait_for_host=False)
    await woken.wait()
    await deliver_pending(posting)
    woken.clear()
    corrected = make_rss_item(1, published=published, title="Corrected")
    publishers(0).serve("/", make_rss(corrected), etag=False)
    await polling.poller.poll(feed, wait_for_host=False)
    await wait_until(woken.is_set)
    assert await posting.store.dispatches.get_next_edit_due_at() == clock.now()
