"""Main loop of a process that only polls feeds; processes that are connected to Discord post what it finds."""

import asyncio
from contextlib import AsyncExitStack

from bot.client.background_tasks import run_background_tasks
from bot.client.health import Health
from bot.client.services import Services, open_services
from bot.core.configuration.settings import Settings

DATABASE_CHECK_SECONDS = 2.0
"""Seconds between two checks whether the database still answers."""


async def run_poller(settings: Settings) -> None:
    """Poll feeds until the task is cancelled.

    Raises `StoreError` if the database cannot be used, OSError if the health address cannot be bound.
    """
    async with AsyncExitStack() as exit_stack:
        services = await exit_stack.enter_async_context(open_services(settings))
        await exit_stack.enter_async_context(run_background_tasks(services))
        if settings.health_address is not None:
            await _serve_health(exit_stack, services, *settings.health_address)
        while True:
            await services.store.check_alive()
            await asyncio.sleep(DATABASE_CHECK_SECONDS)


async def _serve_health(exit_stack: AsyncExitStack, services: Services, host: str, port: int) -> None:
    from bot.client.web import websub_routes  # noqa: PLC0415 - several MB that are seldom needed
    from bot.client.web.metrics import MetricsCollector  # noqa: PLC0415 - several MB that are seldom needed

    health = Health(services)
    health.gateway_down_since = None  # A poller is never connected.
    routes = websub_routes.WebSubRoutes(
        services.websub_subscriber, services.settings, services.maintenance
    ).build_routes()
    http_server = MetricsCollector(services, health).serve(
        host, port, routes if services.websub_subscriber.is_enabled else ()
    )
    await exit_stack.enter_async_context(http_server)
