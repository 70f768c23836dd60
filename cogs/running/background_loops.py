"""Cogs that run loops while the bot is connected: the outbox relay and the outlets' emoji."""

import asyncio
from collections.abc import Awaitable, Callable

from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.posting.emoji.application_emoji import ApplicationEmojiSync
from bot.processes.supervision import stop
from bot.store.records.source_records import PollWriteResult


class LoopCog(commands.Cog):
    """A cog that runs loops while it is loaded."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add_loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run))

    async def cog_load(self) -> None:
        self._tasks = [self.bot.newsroom.supervisor.start(*loop) for loop in self._loops]

    async def cog_unload(self) -> None:
        """Cancel the loops; interrupted work is repeated after the next start."""
        await stop(self._tasks)


class OutboxCog(LoopCog):
    """A cog that runs the outbox relay and wakes it when a poll recorded articles."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.add_loop("courier", bot.courier.run)

    async def cog_load(self) -> None:
        room, courier = self.bot.newsroom, self.bot.courier
        room.poller.on_recorded = self._recorded
        room.full_text_fetcher.on_read = courier.wake
        room.notices.subscribe("outbox", courier.wake)
        room.on_clock_stepped_back.append(courier.on_clock_set_back)
        await super().cog_load()

    async def cog_unload(self) -> None:
        """Stop the relay: sends in flight finish, the rest stays in the outbox."""
        room, courier = self.bot.newsroom, self.bot.courier
        room.on_clock_stepped_back.remove(courier.on_clock_set_back)
        room.notices.unsubscribe("outbox", courier.wake)
        await super().cog_unload()
        await courier.stop()

    def _recorded(self, _recorded: PollWriteResult) -> None:
        self.bot.courier.wake()


class EmojiCog(LoopCog):
    """A cog that keeps the emoji of outlets up to date."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        room = bot.newsroom
        self.emoji = ApplicationEmojiSync(room.store, bot, room.clock, room.fetcher, room.workers)
        self.add_loop("emoji", self.emoji.run)
