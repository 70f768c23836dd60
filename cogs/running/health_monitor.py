"""How the bot is: an alarm for the operator when feeds fall silent, figures on a local port."""

import asyncio
import logging
import time
import zlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.client import health
from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.choices import Role
from bot.core.locale import _, amount, ngettext
from bot.processes.supervision import stop
from bot.store import AlreadyRunning, DatabaseBroken, DatabaseFault
from cogs.shared.views import Interaction

if TYPE_CHECKING:
    from aiohttp import web

    from bot.client.web.metrics import Figures

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
"""Seconds between looks at whether feeds answer."""
FILE_EVERY = 2.0
"""Seconds between looks at whether the database is still where it was."""


class Health(commands.Cog):
    """Watches the bot for the people who run it."""

    def __init__(self, bot: Telex) -> None:
        self._bot = bot
        self._clock, self._settings = bot.newsroom.clock, bot.newsroom.settings
        self.health = health.Health(bot.newsroom)
        self._watch: asyncio.Task[None] | None = None
        self._figures: Figures | None = None
        self._served = AsyncExitStack()
        self._alarmed = False
        self._troubled: DatabaseFault | None = None
        self._untold: list[str] = []
        self._ending: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Begin to watch, and to answer on the local port where one is set. Raises OSError."""
        if self._settings.health_address is not None:
            await self.serve(*self._settings.health_address)
        self._watch = self._bot.newsroom.supervisor.start("liveness", self._look)

    async def serve(self, host: str, port: int) -> int:
        """Answer on a local port from now on; the port, for 0 a free one. Raises OSError."""
        from bot.client.web import feed_routes, hub_routes  # noqa: PLC0415 - megabytes that are seldom asked for
        from bot.client.web.metrics import Figures  # noqa: PLC0415 - likewise

        self._figures = Figures(
            self._bot.newsroom, self.health, (self._bot.requests, self._bot.leased.starts)
        )
        others: list[web.RouteDef] = []
        if (public := self._settings.public_url) is not None:
            room = self._bot.newsroom
            if room.leases.has(Role.POLLER):
                hubs = hub_routes.HubRoutes(room.pushes, self._settings)
                others += hubs.routes()
            others += feed_routes.ChannelFeedRoutes(self._bot, public).routes()
        return await self._served.enter_async_context(self._figures.served(host, port, others))

    async def cog_unload(self) -> None:
        if self._watch is not None:
            await stop((self._watch,))
        await self._served.aclose()

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        self.health.disconnected = None

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        self.health.disconnected = None

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        """Discord's gateway went away; it is asked again and again, and each time this is called."""
        if self.health.disconnected is None:
            self.health.disconnected = self._clock.now()

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        interaction.extras["arrived"] = time.monotonic()

    @commands.Cog.listener()
    async def on_app_command_completion(
        self,
        interaction: Interaction,
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        arrived = interaction.extras.get("arrived")
        if arrived is not None and self._figures is not None:
            self._figures.interactions.labels(command.qualified_name).observe(time.monotonic() - arrived)

    async def look(self) -> None:
        """Raise the alarm when the database is in trouble or feeds fell silent, and tell when it is over.

        Raises StoreError.
        """
        await self._look_at_store()
        await self._tell()
        since = await self.health.silent_since()
        if not self._bot.store.shards.has(None):  # whoever has direct messages tells of it
            self._alarmed = False
            return
        if since is not None and not self._alarmed:
            hours = max(1, (self._clock.now() - since) // 3600)
            log.error("No feed could be fetched for %d hours", hours)
            with locale.use(self._settings.language):
                self._untold.append(_alarm(hours))
        elif since is None and self._alarmed:
            log.warning("Feeds are fetched again")
            with locale.use(self._settings.language):
                self._untold.append(_("I can reach the feeds again."))
        self._alarmed = since is not None
        await self._tell()

    async def _look_at_store(self) -> None:
        """What the log says by itself, for the owner."""
        store = self._bot.store
        if store.trouble is not None:
            await store.takes_writes(surely=True)
        with locale.use(self._settings.language):
            if store.trouble is not None and self._troubled is None:
                self._untold.append(_trouble(store.trouble))
            elif store.trouble is None and self._troubled is not None:
                self._untold.append(_("My database works again. Waiting posts are on their way."))
            elif isinstance(store.trouble, DatabaseBroken) and not isinstance(self._troubled, DatabaseBroken):
                self._untold.append(_trouble(store.trouble))
        self._troubled = store.trouble

    async def _tell(self) -> None:
        while self._untold and await self._tell_owner(self._untold[0]):
            del self._untold[0]

    async def _look(self) -> None:
        looked = self._clock.monotonic()
        while True:
            await self._clock.sleep(FILE_EVERY)
            try:
                await self._bot.store.look()
            except AlreadyRunning as error:
                self._untold.append(str(error))
                await self._tell()
                self._ending = asyncio.create_task(self._bot.give_way(error))
            is_news = self._bot.store.fault is not None and self._troubled is None
            if is_news or self._clock.monotonic() - looked >= LOOK_EVERY:
                looked = self._clock.monotonic()
                await self.look()

    async def _tell_owner(self, text: str) -> bool:
        """A direct message to whoever owns the application: the person, or the team's owner.

        Returns whether there is no more to do; else it is to be tried again.
        """
        try:
            application = await self._bot.application_info()
            owner_id = application.team.owner_id if application.team else application.owner.id
            if owner_id is not None:
                owner = await self._bot.fetch_user(owner_id)
                await owner.send(text, nonce=zlib.crc32(text.encode()))  # a repeated one arrives once
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("The owner takes no messages: %s", error)
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError) as error:
            log.warning("The owner could not be told yet: %s", error)
            return False
        return True


def _trouble(fault: DatabaseFault) -> str:
    if isinstance(fault, DatabaseBroken):
        return _(
            "My database is damaged, so I’ve stopped writing to it. Nothing is posted or saved until "
            "you restore a backup; `telex check` tells you whether a database is intact. {error}"
        ).format(error=fault)
    return _(
        "I can’t write to my database, so I’m not posting or saving anything for now. "
        "Nothing is lost, and I keep trying. {error}"
    ).format(error=fault)


def _alarm(hours: int) -> str:
    silence = ngettext(
        "I haven’t been able to reach any feed for {hours} hour.",
        "I haven’t been able to reach any feed for {hours} hours.",
        hours,
    ).format(hours=amount(hours))
    advice = _("Check my machine’s network and my log. Missed articles will follow once feeds respond again.")
    return f"{silence} {advice}"
