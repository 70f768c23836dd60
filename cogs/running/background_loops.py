"""What runs for as long as the bot speaks to Discord: posting, and the emoji of outlets."""

import asyncio
from collections.abc import Awaitable, Callable

from discord.ext import commands

from bot.client.discord_client import Telex
from bot.posting.emoji.application_emoji import ApplicationEmoji
from bot.processes.supervision import stop
from bot.store.records.source_records import Recorded


class LoopCog(commands.Cog):
    """A cog that runs loops for as long as it is there."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run))

    async def cog_load(self) -> None:
        self._tasks = [self.bot.newsroom.supervisor.start(*loop) for loop in self._loops]

    async def cog_unload(self) -> None:
        """End; what is under way is as if it had never begun."""
        await stop(self._tasks)


class Posting(LoopCog):
    """Runs the courier, and wakes it when a poll brought something."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self.loop("courier", bot.courier.run)

    async def cog_load(self) -> None:
        room, courier = self.bot.newsroom, self.bot.courier
        room.poller.on_recorded = self._recorded
        room.reader.on_read = courier.wake
        room.notices.on("outbox", courier.wake)
        room.on_clock_set_back.append(courier.clock_set_back)
        await super().cog_load()

    async def cog_unload(self) -> None:
        """End delivering: what is being sent may end, what is not stays for the next start."""
        room, courier = self.bot.newsroom, self.bot.courier
        room.on_clock_set_back.remove(courier.clock_set_back)
        room.notices.off("outbox", courier.wake)
        await super().cog_unload()
        await courier.stop()

    def _recorded(self, _recorded: Recorded) -> None:
        self.bot.courier.wake()


class Emoji(LoopCog):
    """Draws tiles and fetches icons of outlets."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        room = bot.newsroom
        self.emoji = ApplicationEmoji(room.store, bot, room.clock, room.fetcher, room.workers)
        self.loop("emoji", self.emoji.run)
