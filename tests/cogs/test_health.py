"""Messages to the operator about unreachable feeds; health, metrics and status over HTTP; shards."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.client.health import MAX_GATEWAY_DOWNTIME_SECONDS, MAX_POLL_SILENCE_SECONDS
from bot.client.sharding.gateway_probe import CHECK_INTERVAL_SECONDS, GIVE_UP_SECONDS, GatewayProbe
from bot.client.sharding.shard_balance import REQUEST_INTERVAL_SECONDS, ShardBalancer
from bot.client.web.status_routes import FAILING_FEED_SECONDS, MAX_AGE_SECONDS, MAX_DELAY_SECONDS
from bot.core.preferences import ProcessRole
from bot.core.version import __version__
from bot.store import StoreError
from bot.store.records.process_records import Process
from cogs.running.health_monitor import HealthCog
from tests.support.clocks import ManualClock
from tests.support.discord_world import World
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.scenario import publish_items
from tests.support.wire.waiting import PATIENCE, wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs"
DASHBOARD, ALERTS = DOCS / "grafana.json", DOCS / "prometheus-rules.yml"


@pytest.fixture
def reader_owned_world(telex, monkeypatch) -> World:
    """The world with the reader as owner of the application (in simcord it is the bot itself)."""

    async def application_info() -> Any:
        return SimpleNamespace(team=None, owner=telex.reader.user)

    monkeypatch.setattr(telex.bot, "application_info", application_info)
    return telex


def find_health_cog(world: World) -> HealthCog:
    cog = world.bot.get_cog("HealthCog")
    assert isinstance(cog, HealthCog)
    return cog


async def read_owner_messages(world: World) -> list[str]:
    await find_health_cog(world).check_once()
    await world.env.settle()
    person = await world.bot.fetch_user(world.reader.id)
    channel = person.dm_channel or await person.create_dm()
    return [message.content async for message in channel.history(oldest_first=True)]


async def test_owner_is_notified_once_of_outage_and_recovery(reader_owned_world, feed_server, caplog):
    feed = await reader_owned_world.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    await reader_owned_world.poll(feed)
    feed_server.serve("/feed", b"", status=500)
    reader_owned_world.clock.advance(MAX_POLL_SILENCE_SECONDS - 60)
    await reader_owned_world.poll(feed)
    assert await read_owner_messages(reader_owned_world) == []
    reader_owned_world.clock.advance(120)
    with caplog.at_level(logging.WARNING, "cogs.running.health_monitor"):
        (first,) = await read_owner_messages(reader_owned_world)
        assert first.startswith("I haven’t been able to reach any feed for 2 hours.")
        assert await read_owner_messages(reader_owned_world) == [first]
        await publish_items(reader_owned_world, feed_server, feed, make_rss_item(0), make_rss_item(1), delivered=False)
        assert await read_owner_messages(reader_owned_world) == [first, "I can reach the feeds again."]
    assert [record.message for record in caplog.records if record.name == "cogs.running.health_monitor"] == [
        "feeds unreachable hours=2",
        "feeds reachable again",
    ]


async def test_wall_clock_change_neither_raises_nor_clears_alarm(reader_owned_world, feed_server):
    """Silence is measured with the monotonic clock."""
    feed = await reader_owned_world.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    reader_owned_world.clock.advance(MAX_POLL_SILENCE_SECONDS - 60)  # so that the bot started long before the last poll
    await reader_owned_world.poll(feed)
    feed_server.serve("/feed", b"", status=500)
    reader_owned_world.clock.advance(MAX_POLL_SILENCE_SECONDS // 2)
    reader_owned_world.clock.set_by(MAX_POLL_SILENCE_SECONDS)
    await reader_owned_world.poll(feed)
    assert await read_owner_messages(reader_owned_world) == []
    reader_owned_world.clock.advance(MAX_POLL_SILENCE_SECONDS // 2 + 60)
    await reader_owned_world.poll(feed)
    (first,) = await read_owner_messages(reader_owned_world)
    assert first.startswith("I haven’t been able to reach any feed for 2 hours.")
    reader_owned_world.clock.set_by(-MAX_POLL_SILENCE_SECONDS)
    assert await read_owner_messages(reader_owned_world) == [first]


async def test_feed_polled_once_a_day_raises_no_alarm(reader_owned_world, feed_server):
    feed = await reader_owned_world.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    await reader_owned_world.poll(feed)
    (slow_feed,) = [feed_row for feed_row in await reader_owned_world.store.feeds.list_all() if feed_row.id == feed.id]
    await reader_owned_world.store.polls.record_unchanged(
        [replace(slow_feed, next_poll_at=reader_owned_world.clock.now() + 86_400)]
    )
    reader_owned_world.clock.advance(3 * MAX_POLL_SILENCE_SECONDS)
    assert await read_owner_messages(reader_owned_world) == []


async def test_stopped_poller_raises_alarm(reader_owned_world, feed_server):
    feed = await reader_owned_world.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    await reader_owned_world.poll(feed)
    reader_owned_world.clock.advance(3 * MAX_POLL_SILENCE_SECONDS)
    assert len(await read_owner_messages(reader_owned_world)) == 1


async def test_no_feeds_raise_no_alarm(reader_owned_world):
    reader_owned_world.clock.advance(3 * MAX_POLL_SILENCE_SECONDS)
    assert await read_owner_messages(reader_owned_world) == []


async def test_owner_message_is_retried_after_error(reader_owned_world, monkeypatch, feed_server, caplog):
    original_application_info = reader_owned_world.bot.application_info

    async def application_info() -> Any:
        raise discord.DiscordException("out of reach")

    monkeypatch.setattr(reader_owned_world.bot, "application_info", application_info)
    await reader_owned_world.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    reader_owned_world.clock.advance(3 * MAX_POLL_SILENCE_SECONDS)
    with caplog.at_level(logging.WARNING, "cogs.running.health_monitor"):
        assert await read_owner_messages(reader_owned_world) == []
    assert "owner message delayed error=out of reach" in caplog.messages
    monkeypatch.setattr(reader_owned_world.bot, "application_info", original_application_info)
    assert len(await read_owner_messages(reader_owned_world)) == 1
    assert len(await read_owner_messages(reader_owned_world)) == 1


@pytest.fixture
async def page(telex) -> AsyncIterator[Any]:
    """A function that requests a path from the HTTP server and returns status and text."""
    port = await find_health_cog(telex).start_http_server("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:

        async def get(path: str, language: str = "en") -> tuple[int, str]:
            headers = {"Accept-Language": language}
            async with session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer:
                return answer.status, await answer.text()

        yield get


@pytest.mark.parametrize("database_engine", ["sqlite", "postgres"])
async def test_health_check_fails_without_discord(telex, page, database_engine):
    assert await page("/healthz") == (200, '{"well": true, "problems": [], "maintenance": false}')
    await find_health_cog(telex).on_disconnect()
    telex.clock.advance(MAX_GATEWAY_DOWNTIME_SECONDS + 60)
    await find_health_cog(telex).on_disconnect()  # a further attempt does not restart the downtime
    if database_engine == "postgres":
        assert (await page("/healthz"))[0] == 200
        # Nor can this process take a shard.
        telex.bot.services.leases.set_available(ProcessRole.GATEWAY, is_available=False)
    status, text = await page("/healthz")
    assert status == 503
    assert "Discord has been out of reach for 11 minutes" in text
    await find_health_cog(telex).on_resumed()
    assert (await page("/healthz"))[0] == 200


async def test_metrics_count_polls_articles_deliveries_and_commands(telex, page, feed_server):
    feed = await telex.follow(feed_server.serve("/feed", make_rss(make_rss_item(0))))
    await telex.poll(feed)
    await publish_items(telex, feed_server, feed, make_rss_item(0), make_rss_item(1), delivered=False)
    feed_server.serve("/feed", b"", status=404)
    await telex.poll(feed)
    telex.clock.advance(90)
    await telex.run_as_reader("about")
    await telex.bot.services.join_cluster()
    status, text = await page("/metrics")
    assert status == 200
    metrics = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert metrics['telex_polls_total{outcome="new"}'] == "2.0"
    assert metrics['telex_polls_total{outcome="failed"}'] == "1.0"
    assert metrics["telex_articles"] == "2.0"
    assert metrics[f'telex_build_info{{version="{__version__}"}}'] == "1.0"
    pending_count = float(metrics['telex_deliveries{state="waiting"}'])
    assert pending_count >= 1
    assert metrics['telex_delivery_oldest_seconds{state="waiting"}'] == "90.0"
    assert metrics['telex_interaction_seconds_count{command="about"}'] == "1.0"
    assert float(metrics["telex_database_bytes"]) > 0
    assert metrics["telex_pages_waiting"] == "0.0"
    assert float(metrics['telex_leases{kind="upkeep"}']) == 1
    assert metrics['telex_leases_gained_total{kind="shard"}'] == "0.0"
    assert float(metrics["telex_index_behind_changes"]) > 0
    assert metrics["telex_servers"] == "1.0"
    assert metrics["telex_delivery_overdue_seconds"] == "90.0"
    used_metrics = set(re.findall(r"\b(?:telex|process)_\w+", DASHBOARD.read_text("utf-8") + ALERTS.read_text("utf-8")))
    assert used_metrics - set(re.findall(r"^(?:# HELP )?(\w+)", text, re.MULTILINE)) == set()
    telex.bot.services.full_text_fetcher.outcome_counts["robots"] += 2
    assert 'telex_pages_total{outcome="robots"} 2.0' in (await page("/metrics"))[1]
    await telex.deliver()
    later = (await page("/metrics"))[1]
    assert f'telex_deliveries{{state="sent"}} {pending_count}' in later
    assert 'telex_deliveries{state="waiting"}' not in later


@pytest.mark.parametrize("database_engine", ["sqlite", "postgres"])
async def test_status_page_shows_delays_and_failures_without_names(telex, page, feed_server, database_engine):
    feed = await telex.follow(feed_server.serve("/feed", make_rss(make_rss_item(0), title="Daily Bugle")))
    await telex.poll(feed)
    await publish_items(telex, feed_server, feed, make_rss_item(0), make_rss_item(1), delivered=False)
    telex.clock.advance(90)
    assert await load_status(page) == {
        "well": True,
        "maintenance": False,
        "is_well": True,
        "connected_shards": 1,
        "shards": 1,
        "typical_delay_seconds": None,
        "overdue_seconds": 90,
        "failing_feeds": 0,
        "feeds": 1,
        "are_feeds_unreachable": False,
        "is_in_maintenance": False,
    }
    telex.clock.advance(MAX_DELAY_SECONDS)
    status_document = await load_status(page)
    assert (status_document["well"], status_document["is_well"]) == (False, False)
    status, text = await page("/status", "fr-CA,fr;q=0.9,en;q=0.8")
    assert status == 200
    assert "Les publications ont du retard. Aucune n’est perdue." in text
    await telex.deliver()
    feed_server.serve("/feed", b"", status=500)
    await telex.poll(feed)
    telex.clock.advance(MAX_AGE_SECONDS)
    status_document = await load_status(page)
    assert (status_document["typical_delay_seconds"], status_document["overdue_seconds"]) == (90 + MAX_DELAY_SECONDS, 0)
    assert status_document["failing_feeds"] == 0
    telex.clock.advance(FAILING_FEED_SECONDS)
    assert (await load_status(page))["failing_feeds"] == 1
    _status, text = await page("/status", "de")
    assert "Everything works." in text
    assert "1 of 1 failing" in text
    assert "Bugle" not in text
    assert telex.guild.name not in text


async def test_pages_do_not_name_versions_of_their_server(telex):
    port = await find_health_cog(telex).start_http_server("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for path in ("/status", "/status.json", "/healthz", "/metrics", "/missing"):
            async with session.get(path) as response:
                assert "Server" not in response.headers, path


async def test_concurrent_status_requests_measure_delays_once(telex, page, monkeypatch):
    measurements = []
    measure_delays = telex.store.dispatches.measure_delays

    async def count_and_measure() -> Any:
        measurements.append(1)
        return await measure_delays()

    monkeypatch.setattr(telex.store.dispatches, "measure_delays", count_and_measure)
    await asyncio.gather(*(page("/status") for _ in range(20)))
    assert len(measurements) == 1


async def test_status_page_explains_missing_discord_or_database(telex, page, monkeypatch):
    settings = replace(telex.bot.services.settings, support_url='https://support.example/?a="1"')
    object.__setattr__(telex.bot.services, "settings", settings)
    await find_health_cog(telex).on_disconnect()
    status, text = await page("/status")
    assert status == 200
    assert "Telex isn’t connected to Discord." in text
    assert '<a href="https://support.example/?a=&quot;1&quot;">Get help</a>' in text

    async def fail() -> Any:
        raise StoreError("the disk is gone from /secret/path")

    monkeypatch.setattr(telex.store.dispatches, "measure_delays", fail)
    telex.clock.advance(MAX_AGE_SECONDS)
    status, text = await page("/status")
    assert status == 503
    assert "The database can’t be read." in text
    assert "secret" not in text
    assert await page("/status.json") == (503, '{"well": false, "is_well": false}')


async def load_status(page: Any) -> dict[str, Any]:
    """Load /status.json, which is cached for some seconds: the caller advances the clock by more."""
    status, text = await page("/status.json")
    assert status == 200
    answer: dict[str, Any] = json.loads(text)
    return answer


async def test_late_identify_waits_for_next_turn(telex, page, monkeypatch):
    async def fetch_limits() -> Any:
        return SimpleNamespace(total=1_000, remaining=900, reset_after=0)

    monkeypatch.setattr(telex.bot, "fetch_session_start_limits", fetch_limits)
    scheduler, shards = telex.bot.leased_shards.identify_scheduler, telex.store.shards
    await scheduler.wait_for_identify(0)
    telex.clock.advance(shards.identify_interval_seconds)
    assert not (await shards.request_identify(0)).wait_seconds
    confirmation = asyncio.create_task(scheduler.confirm_identify(0))
    await wait_until(lambda: scheduler.waiting_count)
    metrics = (await page("/metrics"))[1]
    assert "telex_shards_waiting 1.0" in metrics
    assert "telex_discord_sessions_left 900.0" in metrics
    assert not confirmation.done()
    telex.clock.advance(shards.identify_interval_seconds)
    await confirmation
    assert scheduler.waiting_count == 0


async def advance_in_steps(clock: ManualClock, seconds: float, step: float) -> None:
    await asyncio.sleep(0.02)
    for _ in range(int(seconds / step)):
        clock.advance(step)
        await asyncio.sleep(0.002)


async def test_disconnected_shards_are_released_only_to_other_process(telex):
    leased_shards = telex.bot.leased_shards
    probe = GatewayProbe(telex.bot, leased_shards.identify_scheduler, leased_shards.connections, telex.bot.services)
    waiting_task = asyncio.create_task(probe.wait_for_disconnected_shards([1]))  # which is not connected
    await advance_in_steps(telex.clock, GIVE_UP_SECONDS + 5, CHECK_INTERVAL_SECONDS)
    assert not waiting_task.done()
    assert not telex.bot.services.leases.is_available(ProcessRole.GATEWAY)
    await telex.store.processes.heartbeat_and_rebalance(
        Process("other", "host", (ProcessRole.GATEWAY,), "1"), [], ttl_seconds=900
    )
    await advance_in_steps(telex.clock, 1, CHECK_INTERVAL_SECONDS)
    assert await asyncio.wait_for(waiting_task, PATIENCE) == {1}


async def test_shards_are_handed_over_at_identify_interval(telex, monkeypatch):
    shards, clock = telex.bot.leased_shards, telex.clock
    handover_times = []

    async def hand_over(_shard_number: int, process_id: str) -> None:
        assert process_id == "other"
        handover_times.append(clock.monotonic())
        await clock.sleep(4)

    monkeypatch.setattr(shards.connections, "is_connected", lambda _shard_number: True)
    telex.store.shards.reset(6, owner_id="this")
    telex.store.shards.set_served(range(6))
    await telex.store.processes.heartbeat_and_rebalance(
        Process("other", "host", (ProcessRole.GATEWAY,), "1"), [], ttl_seconds=900
    )
    balancer = ShardBalancer(telex.bot.services, shards.identify_scheduler, shards.connections, hand_over)
    handover = asyncio.create_task(balancer.hand_over_all())
    interval_seconds = shards.identify_scheduler.mean_interval_seconds
    while not handover.done():
        await advance_in_steps(clock, 0.25, 0.25)
    gaps = [later - earlier for earlier, later in pairwise(handover_times)]
    assert len(gaps) == 5
    assert min(gaps) > interval_seconds - 0.3
    assert sum(gaps) / 5 < interval_seconds + 2  # the clock runs on while a busy machine is late, but not four seconds


async def test_shard_requests_back_off_when_unanswered(telex, monkeypatch):
    notices = []

    async def record_notice(notice: str) -> None:
        notices.append(notice)

    async def load_other_owners(_kind: str) -> dict[int, str]:
        return {1: "other", 2: "other"}  # which does not hand them over

    async def fetch_limits() -> Any:
        return SimpleNamespace(total=1_000, remaining=900, reset_after=0)

    monkeypatch.setattr(telex.store, "notify", record_notice)
    monkeypatch.setattr(telex.store.processes, "load_owner_ids_by_number", load_other_owners)
    monkeypatch.setattr(telex.bot, "fetch_session_start_limits", fetch_limits)
    shards = telex.bot.leased_shards
    ShardBalancer(telex.bot.services, shards.identify_scheduler, shards.connections, shards.hand_over).start()
    await advance_in_steps(telex.clock, 300, REQUEST_INTERVAL_SECONDS)
    assert 5 <= len(notices) <= 10
