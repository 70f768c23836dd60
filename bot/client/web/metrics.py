"""How the bot is, for machines: `/healthz` for whoever watches it, `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.client.health import Health
from bot.client.services import Newsroom
from bot.client.sharding.session_starts import SessionStarts
from bot.polling.page_reader import Reader
from bot.polling.poller import Poller
from bot.posting.sending.request_pace import RequestPace
from bot.processes.leases import FEEDS, SHARDS, UPKEEP, Leases
from bot.store import StoreError

log = logging.getLogger(__name__)

LATENESS_EVERY = 0.5
"""Seconds between looks at how late the event loop is."""

LEASES = (FEEDS, SHARDS, UPKEEP)
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LATE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Figures:
    """What is measured of a running bot, where it is asked for on a local port."""

    def __init__(
        self, newsroom: Newsroom, health: Health, discord: tuple[RequestPace, SessionStarts] | None = None
    ) -> None:
        self._store, self._clock, self._health = newsroom.store, newsroom.clock, health
        self._index = newsroom.index
        self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Polls(newsroom.poller))
        self._registry.register(_Pages(newsroom.reader))
        self._registry.register(_Leases(newsroom.leases))
        if discord is not None:
            self._registry.register(_Requests(*discord))
        self.interactions = Histogram(
            "telex_interaction_seconds",
            "How long a command took, from its arrival to its whole answer.",
            ("command",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._lateness = Histogram(
            "telex_loop_late_seconds",
            "How late the event loop was for a timer.",
            buckets=_LATE,
            registry=self._registry,
        )
        self._articles = self._gauge("telex_articles", "Articles in the store.")
        self._pages = self._gauge("telex_pages_waiting", "Pages of articles that are to be read.")
        self._database = self._gauge("telex_database_bytes", "Size of the database, without its log.")
        self._behind = self._gauge("telex_index_behind_changes", "Changes that the index does not hold yet.")
        self._behind_for = self._gauge(
            "telex_index_behind_seconds", "How long ago the index held all that is stored; 0 while it does."
        )
        self._deliveries = self._gauge(
            "telex_deliveries", "Messages owed to channels or sent, by state.", "state"
        )
        self._oldest = self._gauge(
            "telex_delivery_oldest_seconds", "Age of the oldest message in a state.", "state"
        )

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry)

    async def metrics(self) -> bytes:
        """The figures in Prometheus' text format. Raises StoreError."""
        self._articles.set(await self._store.articles.count())
        self._pages.set(await self._store.readings.waiting())
        self._database.set(await self._store.size())
        changes, seconds = await self._index.behind()
        self._behind.set(changes)
        self._behind_for.set(seconds)
        self._deliveries.clear()
        self._oldest.clear()
        for state, count, oldest in await self._store.dispatches.by_state():
            self._deliveries.labels(state).set(count)
            self._oldest.labels(state).set(self._clock.now() - oldest)
        return generate_latest(self._registry)

    async def watch_lateness(self) -> None:
        """Measure how late the event loop is, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LATENESS_EVERY)
            self._lateness.observe(max(0.0, loop.time() - before - LATENESS_EVERY))

    @asynccontextmanager
    async def served(self, host: str, port: int, others: Iterable[web.RouteDef] = ()) -> AsyncIterator[int]:
        """Answer `/healthz` (200 when well, else 503), `/metrics` and other routes within the block.

        Gives the port, for 0 a free one.

        Raises OSError when the address cannot be used.
        """
        app = web.Application()
        app.add_routes([web.get("/healthz", self._healthz), web.get("/metrics", self._metrics), *others])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            bound: int = runner.addresses[0][1]
            log.info("Health and metrics at http://%s:%d", host, bound)
            yield bound
        finally:
            await runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        found = await self._health.problems()
        return web.json_response({"well": not found, "problems": found}, status=503 if found else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        try:
            body = await self.metrics()
        except StoreError as error:
            return web.Response(status=503, text=f"The database cannot be read: {error}\n")
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Pages(Collector):
    """Pages of articles by how reading them ended, counted by the reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def collect(self) -> list[Metric]:
        pages = CounterMetricFamily(
            "telex_pages", "Pages of articles by how reading them ended.", labels=["outcome"]
        )
        for outcome, count in self._reader.outcomes.items():
            pages.add_metric([outcome], count)
        return [pages]


class _Polls(Collector):
    """Polls by how they ended, counted by the poller."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    def collect(self) -> list[Metric]:
        polls = CounterMetricFamily("telex_polls", "Polls by how they ended.", labels=["outcome"])
        for outcome, count in self._poller.outcomes.items():
            polls.add_metric([outcome.value], count)
        return [polls]


class _Leases(Collector):
    """What this process works at of what processes share, and what it took over from others."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def collect(self) -> list[Metric]:
        held = GaugeMetricFamily("telex_leases", "Leases that this process holds, by kind.", labels=["kind"])
        gained = CounterMetricFamily(
            "telex_leases_gained", "Leases that came after the start, mostly from others.", labels=["kind"]
        )
        for kind in LEASES:
            held.add_metric([kind], len(self._leases.held(kind)))
            gained.add_metric([kind], self._leases.gained[kind])
        return [held, gained]


class _Requests(Collector):
    """Requests to Discord: those answered, by status, and those that wait for their turn; and sessions."""

    def __init__(self, pace: RequestPace, starts: SessionStarts) -> None:
        self._pace, self._starts = pace, starts

    def collect(self) -> list[Metric]:
        answers = CounterMetricFamily(
            "telex_discord_answers", "Answers of Discord by status.", labels=["status"]
        )
        for status, count in self._pace.answers.items():
            answers.add_metric([str(status)], count)
        waiting = GaugeMetricFamily(
            "telex_discord_waiting", "Requests to Discord that wait for their turn.", self._pace.waiting
        )
        waited = CounterMetricFamily(
            "telex_discord_waited_seconds",
            "Seconds for which requests waited for their turn.",
            self._pace.waited,
        )
        sessions = GaugeMetricFamily(
            "telex_discord_sessions_left", "Sessions that Discord lets this bot begin until the day is over."
        )
        if self._starts.left is not None:
            sessions.add_metric([], self._starts.left)
        held_up = GaugeMetricFamily(
            "telex_shards_waiting", "Shards that wait until they may begin a session.", self._starts.waiting
        )
        return [answers, waiting, waited, sessions, held_up]
