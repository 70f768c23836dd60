"""A process that asks feeds and never speaks to Discord: the gateways deliver what it finds."""

import asyncio
from contextlib import AsyncExitStack

from bot.client.health import Health
from bot.client.newsroom_loops import going_on
from bot.client.services import Newsroom, open_newsroom
from bot.core.settings import Settings

LOOK_EVERY = 2.0
"""Seconds between looks at whether the database is still there."""


async def serve(settings: Settings) -> None:
    """Ask feeds until it is cancelled.

    Raises `StoreError` where the database cannot be used, OSError where the address for health cannot.
    """
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(open_newsroom(settings))
        await stack.enter_async_context(going_on(room))
        if settings.health_address is not None:
            await _tell_health(stack, room, *settings.health_address)
        while True:
            await room.store.look()
            await asyncio.sleep(LOOK_EVERY)


async def _tell_health(stack: AsyncExitStack, room: Newsroom, host: str, port: int) -> None:
    from bot.client.web import hub_routes  # noqa: PLC0415 - megabytes that are seldom asked for
    from bot.client.web.metrics import Figures  # noqa: PLC0415 - likewise

    health = Health(room)
    health.disconnected = None  # nor was it to be connected
    routes = hub_routes.HubRoutes(room.pushes, room.settings).routes()
    serving = Figures(room, health).served(host, port, routes if room.pushes.enabled else ())
    await stack.enter_async_context(serving)
