"""What runs beside polling for as long as the bot does: posting, emoji, encoding for search by meaning."""

from __future__ import annotations

from bot.client.discord_client import Telex
from bot.posting.emoji.application_emoji import ApplicationEmoji
from bot.store.records.source_records import Recorded
from cogs.running.loops import LoopCog


class Posting(LoopCog):
    """Runs the courier, and wakes it when a poll brought something."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self.loop("courier", bot.courier.run)

    async def cog_load(self) -> None:
        """Begin to deliver once the bot is ready."""
        self.bot.newsroom.poller.on_recorded = self._recorded
        self.bot.newsroom.reader.on_read = self.bot.courier.wake
        await super().cog_load()

    async def cog_unload(self) -> None:
        """End delivering: what is being sent may end, what is not stays for the next start."""
        await super().cog_unload()
        await self.bot.courier.stop()

    def _recorded(self, _recorded: Recorded) -> None:
        self.bot.courier.wake()


class Emoji(LoopCog):
    """Draws tiles and fetches icons of outlets."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        room = bot.newsroom
        self.emoji = ApplicationEmoji(room.store, bot, room.clock, room.fetcher, room.workers)
        self.loop("emoji", self.emoji.run)


class Encoding(LoopCog):
    """Encodes what articles mean, newest first, where the extra `semantic` is installed."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        if bot.newsroom.meaning is not None:
            self.loop("encoder", bot.newsroom.meaning.run)
