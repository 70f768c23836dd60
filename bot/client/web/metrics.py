"""HTTP routes `/healthz` for monitors and `/metrics` for Prometheus."""

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.client.health import Health
from bot.client.services import Services
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.web.connection_limits import ConnectionLimiter, create_server_logger
from bot.core.version import __version__
from bot.posting.sending.rate_limiter import RateLimiter
from bot.processes.leases import HOST_SLOT_LEASE_KIND, SHARD_LEASE_KIND, UPKEEP_LEASE_KIND
from bot.processes.supervision import cancel_and_wait
from bot.store import StoreError
from bot.writing.model_client import ModelClient

log = logging.getLogger(__name__)

LOOP_LAG_INTERVAL_SECONDS = 0.5
"""Seconds between two measurements of the event loop's lag."""

_BACKLOG = 1_024
"""Maximum number of connections that wait to be accepted."""

LEASE_KINDS = (HOST_SLOT_LEASE_KIND, SHARD_LEASE_KIND, UPKEEP_LEASE_KIND)
"""Kinds of leases (shares of the work among processes) whose numbers are in the metrics."""
_LATENCY_BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class GatewaySource(NamedTuple):
    """Objects from which the metrics on a process's connection to Discord are read.

    `load_latencies` returns the number of each shard of this process and its gateway latency: the seconds between the
    last heartbeat and its acknowledgement, NaN before the first.
    """

    rate_limiter: RateLimiter
    identify_scheduler: IdentifyScheduler
    load_latencies: Callable[[], list[tuple[int, float]]]


class MetricsCollector(Collector):
    """Collector of the metrics of a running bot, and HTTP server of these metrics and of the bot's health.

    `gateway_source` is None in a process without a connection to Discord.
    """

    def __init__(
        self,
        services: Services,
        health: Health,
        gateway_source: GatewaySource | None = None,
    ) -> None:
        self._services, self._store, self._health, self._gateway_source = (
            services,
            services.store,
            health,
            gateway_source,
        )
        self._connection_limiter = ConnectionLimiter()
        self._stored_metrics: list[Metric] = []
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(self)
        self.interaction_histogram = Histogram(
            "telex_interaction_seconds",
            "How long a command took, from its arrival to its whole answer.",
            ("command",),
            buckets=_LATENCY_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._loop_lag_histogram = Histogram(
            "telex_loop_late_seconds",
            "How late the event loop was for a timer.",
            buckets=_LAG_BUCKETS_SECONDS,
            registry=self._registry,
        )

    async def render_metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format. Raises StoreError."""
        store, now = self._store, self._services.clock.now()
        pending_change_count, lag_seconds = await self._services.index.measure_lag()
        state_rows = await store.dispatches.count_by_state()
        delays = await store.dispatches.measure_delays()
        self._stored_metrics = [
            _create_gauge("articles", "Articles in the store.", await store.articles.count()),
            _create_gauge("servers", "Discord servers of all processes.", await store.servers.count()),
            _create_gauge(
                "pages_waiting",
                "Pages of articles that are to be read.",
                await store.page_fetches.count_pending(),
            ),
            _create_gauge(
                "delivery_overdue_seconds",
                "How long the first post has been due, in channels that get posts at once.",
                delays.overdue_seconds,
            ),
            _create_gauge("maintenance", "1 during maintenance, else 0.", self._services.maintenance.is_on),
            _create_gauge("database_bytes", "Size of the database, without its log.", await store.measure_size_bytes()),
            _create_gauge("index_behind_changes", "Changes that the index does not hold yet.", pending_change_count),
            _create_gauge(
                "index_behind_seconds",
                "How long ago the index held all that is stored; 0 while it does.",
                lag_seconds,
            ),
            _create_labelled_metric(
                GaugeMetricFamily,
                "deliveries",
                "Messages owed to channels or sent, by state.",
                "state",
                {state: count for state, count, _oldest in state_rows},
            ),
            _create_labelled_metric(
                GaugeMetricFamily,
                "delivery_oldest_seconds",
                "Age of the oldest message in a state.",
                "state",
                {state: now - oldest_at for state, _count, oldest_at in state_rows},
            ),
        ]
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this process, and of the database as `render_metrics` last read them."""
        yield from self._stored_metrics
        yield InfoMetricFamily("telex_build", "Version of Telex.", {"version": __version__})
        services, counter_type = self._services, CounterMetricFamily
        poll_counts, page_counts = services.poller.outcome_counts, services.full_text_fetcher.outcome_counts
        yield _create_labelled_metric(counter_type, "polls", "Polls by how they ended.", "outcome", poll_counts)
        yield _create_labelled_metric(
            counter_type, "pages", "Pages of articles by how reading them ended.", "outcome", page_counts
        )
        owned_count_by_kind = {kind: len(services.leases.get_owned_numbers(kind)) for kind in LEASE_KINDS}
        gained_count_by_kind = {kind: services.leases.gained_count_by_kind[kind] for kind in LEASE_KINDS}
        help_text = "Leases that this process holds, by kind."
        yield _create_labelled_metric(GaugeMetricFamily, "leases", help_text, "kind", owned_count_by_kind)
        help_text = "Leases that came after the start, mostly from others."
        yield _create_labelled_metric(counter_type, "leases_gained", help_text, "kind", gained_count_by_kind)
        limiter = self._connection_limiter
        help_text = "Connections of strangers that the bot closed: full, too many at once; slow, no request in time."
        yield _create_labelled_metric(
            counter_type, "connections_closed", help_text, "reason", limiter.close_count_by_reason
        )
        help_text = "Requests to the bot's pages that were not valid HTTP."
        yield CounterMetricFamily("telex_malformed_requests", help_text, limiter.malformed_request_count)
        if services.model_services is not None:
            yield from _iter_model_metrics(services.model_services.client)
        if self._gateway_source is not None:
            yield from _iter_discord_metrics(self._gateway_source)

    async def _measure_loop_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started_at = loop.time()
            await asyncio.sleep(LOOP_LAG_INTERVAL_SECONDS)
            self._loop_lag_histogram.observe(max(0.0, loop.time() - started_at - LOOP_LAG_INTERVAL_SECONDS))

    @asynccontextmanager
    async def serve(self, host: str, port: int, other_routes: Iterable[web.RouteDef] = ()) -> AsyncIterator[int]:
        """Serve `/healthz` (200 if healthy, else 503), `/metrics` and `other_routes` within the `with` block.

        Yields the port; if `port` is 0, a free port is chosen. Raises OSError, which names the setting, if
        the address cannot be bound.
        """
        app = web.Application(middlewares=[self._connection_limiter.track_request])
        app.add_routes(
            [
                web.get("/healthz", self._respond_health),
                web.get("/metrics", self._respond_metrics),
                *other_routes,
            ]
        )
        app.on_response_prepare.append(_hide_versions)
        limiter = self._connection_limiter
        app_runner = web.AppRunner(app, access_log=None, logger=create_server_logger(limiter))
        await app_runner.setup()
        lag_task = self._services.supervisor.start("lateness", self._measure_loop_lag)
        server: asyncio.Server | None = None
        try:
            assert app_runner.server is not None
            server = await _listen(limiter.limit(app_runner.server), host, port)
            bound_port: int = server.sockets[0].getsockname()[1]
            log.info("health server listening url=http://%s:%d", host, bound_port)
            yield bound_port
        finally:
            await cancel_and_wait((lag_task,))
            if server is not None:
                server.close()
            await app_runner.cleanup()

    async def _respond_health(self, _request: web.Request) -> web.Response:
        problems = await self._health.load_problems()
        return web.json_response(
            {"well": not problems, "problems": problems, "maintenance": self._services.maintenance.is_on},
            status=503 if problems else 200,
        )

    async def _respond_metrics(self, _request: web.Request) -> web.Response:
        try:
            body = await self.render_metrics()
        except StoreError as error:
            return web.Response(status=503, text=f"The database cannot be read: {error}\n")
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _hide_versions(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the header `Server`, which names the versions of Python and aiohttp."""
    response.headers.pop("Server", None)


async def _listen(create_protocol: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(create_protocol, host, port, backlog=_BACKLOG)
    except OSError as error:
        error_number = error.errno or 0
        reason = os.strerror(error_number) if error_number > 0 else error.strerror  # An unresolvable host name
        raise OSError(error_number, reason, f"TELEX_HEALTH_ADDRESS={host}:{port}") from error


def _iter_model_metrics(client: ModelClient) -> Iterator[Metric]:
    """Yield the metrics of requests to the language model, by the task of the request."""
    for field_name, help_text in (
        ("calls", "Requests to the language model."),
        ("failures", "Requests to the language model that failed or brought nothing usable."),
        ("seconds", "Seconds that requests to the language model took."),
        ("prompt_tokens", "Tokens in prompts, as far as the model reports them."),
        ("completion_tokens", "Tokens in replies, as far as the model reports them."),
        ("dropped_sentences", "Sentences by the language model that its check found unsupported."),
    ):
        values_by_task = {task.value: getattr(usage, field_name) for task, usage in client.usage.items()}
        yield _create_labelled_metric(CounterMetricFamily, f"model_{field_name}", help_text, "task", values_by_task)


def _iter_discord_metrics(gateway_source: GatewaySource) -> Iterator[Metric]:
    rate_limiter, scheduler, load_latencies = gateway_source
    responses_help = "Answers of Discord by status."
    yield _create_labelled_metric(
        CounterMetricFamily, "discord_answers", responses_help, "status", rate_limiter.response_count_by_status
    )
    yield _create_gauge("discord_waiting", "Requests to Discord that wait for their turn.", rate_limiter.waiting_count)
    wait_help = "Seconds for which requests waited for their turn."
    yield CounterMetricFamily("telex_discord_waited_seconds", wait_help, rate_limiter.total_wait_seconds)
    sessions_help = "Sessions that Discord lets this bot begin until the day is over."
    yield _create_gauge("discord_sessions_left", sessions_help, scheduler.sessions_remaining)
    yield _create_gauge("shards_waiting", "Shards that wait until they may begin a session.", scheduler.waiting_count)
    latency_help = "Seconds between a shard's last heartbeat and Discord's acknowledgement."
    # Before the first heartbeat, discord.py gives NaN or infinity.
    latency_by_shard = {shard: latency for shard, latency in load_latencies() if math.isfinite(latency)}
    yield _create_labelled_metric(GaugeMetricFamily, "gateway_latency_seconds", latency_help, "shard", latency_by_shard)


def _create_gauge(name: str, help_text: str, measurement: float | None) -> Metric:
    return GaugeMetricFamily(f"telex_{name}", help_text, measurement)


def _create_labelled_metric(
    family_type: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    help_text: str,
    label_name: str,
    measurement_by_label_value: Mapping[Any, float],
) -> Metric:
    metric = family_type(f"telex_{name}", help_text, labels=[label_name])
    for label_value, measurement in measurement_by_label_value.items():
        metric.add_metric([str(label_value)], measurement)
    return metric
