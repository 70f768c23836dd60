"""`/healthz` for monitors and `/metrics` for Prometheus."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.client.health import Health
from bot.client.services import Services
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.posting.sending.rate_limiter import RateLimiter
from bot.processes.leases import FEEDS, SHARDS, UPKEEP
from bot.processes.supervision import stop
from bot.store import StoreError

log = logging.getLogger(__name__)

LOOP_LAG_INTERVAL_SECONDS = 0.5
"""Seconds between measurements of the event loop's lag."""

LEASES = (FEEDS, SHARDS, UPKEEP)
_LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class MetricsCollector(Collector):
    """Metrics of a running bot, served on a local port."""

    def __init__(
        self, newsroom: Services, health: Health, discord: tuple[RateLimiter, IdentifyScheduler] | None = None
    ) -> None:
        self._newsroom, self._store, self._health, self._discord = newsroom, newsroom.store, health, discord
        self._stored: list[Metric] = []
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(self)
        self.interactions = Histogram(
            "telex_interaction_seconds",
            "How long a command took, from its arrival to its whole answer.",
            ("command",),
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )
        self._lateness = Histogram(
            "telex_loop_late_seconds",
            "How late the event loop was for a timer.",
            buckets=_LAG_BUCKETS,
            registry=self._registry,
        )

    async def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format. Raises StoreError."""
        store, now = self._store, self._newsroom.clock.now()
        changes, seconds = await self._newsroom.index.lag()
        states = await store.dispatches.count_by_state()
        self._stored = [
            _gauge("articles", "Articles in the store.", await store.articles.count()),
            _gauge(
                "pages_waiting",
                "Pages of articles that are to be read.",
                await store.page_fetches.count_pending(),
            ),
            _gauge("database_bytes", "Size of the database, without its log.", await store.size()),
            _gauge("index_behind_changes", "Changes that the index does not hold yet.", changes),
            _gauge(
                "index_behind_seconds",
                "How long ago the index held all that is stored; 0 while it does.",
                seconds,
            ),
            _by_label(
                GaugeMetricFamily,
                "deliveries",
                "Messages owed to channels or sent, by state.",
                "state",
                {state: count for state, count, _oldest in states},
            ),
            _by_label(
                GaugeMetricFamily,
                "delivery_oldest_seconds",
                "Age of the oldest message in a state.",
                "state",
                {state: now - oldest for state, _count, oldest in states},
            ),
        ]
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the store and of this process."""
        yield from self._stored
        room, counter = self._newsroom, CounterMetricFamily
        polls, pages = room.poller.outcomes, room.full_text_fetcher.outcomes
        yield _by_label(counter, "polls", "Polls by how they ended.", "outcome", polls)
        yield _by_label(counter, "pages", "Pages of articles by how reading them ended.", "outcome", pages)
        held = {kind: len(room.leases.owned(kind)) for kind in LEASES}
        gained = {kind: room.leases.gained[kind] for kind in LEASES}
        meaning = "Leases that this process holds, by kind."
        yield _by_label(GaugeMetricFamily, "leases", meaning, "kind", held)
        meaning = "Leases that came after the start, mostly from others."
        yield _by_label(counter, "leases_gained", meaning, "kind", gained)
        if self._discord is not None:
            yield from _of_discord(*self._discord)

    async def _measure_loop_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LOOP_LAG_INTERVAL_SECONDS)
            self._lateness.observe(max(0.0, loop.time() - before - LOOP_LAG_INTERVAL_SECONDS))

    @asynccontextmanager
    async def serve(self, host: str, port: int, others: Iterable[web.RouteDef] = ()) -> AsyncIterator[int]:
        """Serve `/healthz` (200 if healthy, else 503), `/metrics` and `other_routes` within the block.

        Yields the port, a free one for 0. Raises OSError, which names the setting, if the address cannot be
        bound.
        """
        app = web.Application()
        app.add_routes([web.get("/healthz", self._healthz), web.get("/metrics", self._metrics), *others])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        lateness = self._newsroom.supervisor.start("lateness", self._measure_loop_lag)
        try:
            await _listen(runner, host, port)
            bound: int = runner.addresses[0][1]
            log.info("health server listening url=http://%s:%d", host, bound)
            yield bound
        finally:
            await stop((lateness,))
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


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror  # An unresolvable host name
        raise OSError(number, reason, f"TELEX_HEALTH_ADDRESS={host}:{port}") from error


def _of_discord(pace: RateLimiter, starts: IdentifyScheduler) -> Iterator[Metric]:
    answers = "Answers of Discord by status."
    yield _by_label(CounterMetricFamily, "discord_answers", answers, "status", pace.responses_by_status)
    yield _gauge("discord_waiting", "Requests to Discord that wait for their turn.", pace.waiting_count)
    meaning = "Seconds for which requests waited for their turn."
    yield CounterMetricFamily("telex_discord_waited_seconds", meaning, pace.total_wait_seconds)
    left = "Sessions that Discord lets this bot begin until the day is over."
    yield _gauge("discord_sessions_left", left, starts.sessions_remaining)
    yield _gauge("shards_waiting", "Shards that wait until they may begin a session.", starts.waiting)


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    return GaugeMetricFamily(f"telex_{name}", meaning, value)


def _by_label(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    meaning: str,
    label: str,
    values: Mapping[Any, float],
) -> Metric:
    made = family(f"telex_{name}", meaning, labels=[label])
    for key, value in values.items():
        made.add_metric([str(key)], value)
    return made
