"""Cogs that run loops while they are loaded, which send posts and keep the outlets' emoji up to date."""

import asyncio
from collections.abc import Awaitable, Callable

from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.posting.emoji.application_emoji import ApplicationEmojiSync
from bot.processes.supervision import cancel_and_wait


class LoopCog(commands.Cog):
    """Cog that runs loops from when it is loaded until it is unloaded."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add_loop(self, name: str, run_loop: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run_loop))

    async def cog_load(self) -> None:
        self._tasks = [self.bot.services.supervisor.start(*loop) for loop in self._loops]

    async def cog_unload(self) -> None:
        """Cancel the loops. Work that is interrupted is done again after the next start."""
        await cancel_and_wait(self._tasks)


class OutboxCog(LoopCog):
    """Cog that sends the messages in the outbox, and is woken when a process has enqueued one."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.add_loop("courier", bot.outbox_relay.run)

    async def cog_load(self) -> None:
        services, outbox_relay = self.bot.services, self.bot.outbox_relay
        services.cluster_events.subscribe("outbox", outbox_relay.wake)
        await super().cog_load()

    async def cog_unload(self) -> None:
        """Stop sending: requests in progress are finished, other messages stay in the outbox."""
        services, outbox_relay = self.bot.services, self.bot.outbox_relay
        services.cluster_events.unsubscribe("outbox", outbox_relay.wake)
        await super().cog_unload()
        await outbox_relay.stop()


class EmojiCog(LoopCog):
    """Cog that keeps the emoji of outlets up to date."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        services = bot.services
        self.emoji_sync = ApplicationEmojiSync(
            services.store, bot, services.clock, services.fetcher, services.occasional_workers
        )
        self.add_loop("emoji", self.emoji_sync.run)
