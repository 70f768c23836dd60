"""A process that asks feeds and never speaks to Discord: the gateways deliver what it finds."""

import asyncio
from contextlib import AsyncExitStack

from bot.client.background_tasks import run_background_tasks
from bot.client.health import Health
from bot.client.services import Services, open_services
from bot.core.settings import Settings

DATABASE_CHECK_SECONDS = 2.0
"""Seconds between looks at whether the database is still there."""


async def serve(settings: Settings) -> None:
    """Ask feeds until it is cancelled.

    Raises `StoreError` where the database cannot be used, OSError where the address for health cannot.
    """
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(open_services(settings))
        await stack.enter_async_context(run_background_tasks(room))
        if settings.health_address is not None:
            await _serve_health(stack, room, *settings.health_address)
        while True:
            await room.store.check_alive()
            await asyncio.sleep(DATABASE_CHECK_SECONDS)


async def _serve_health(stack: AsyncExitStack, room: Services, host: str, port: int) -> None:
    from bot.client.web import websub_routes  # noqa: PLC0415 - megabytes that are seldom asked for
    from bot.client.web.metrics import MetricsCollector  # noqa: PLC0415 - likewise

    health = Health(room)
    health.gateway_down_since = None  # nor was it to be connected
    routes = websub_routes.WebSubRoutes(room.websub, room.settings).routes()
    serving = MetricsCollector(room, health).serve(host, port, routes if room.websub.enabled else ())
    await stack.enter_async_context(serving)
