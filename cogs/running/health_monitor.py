"""Health checks: alerts to the owner, and an HTTP server with metrics, health and published feeds."""

import asyncio
import logging
import time
import zlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import health
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _, format_number, ngettext
from bot.core.preferences import ProcessRole
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.processes.supervision import cancel_and_wait
from bot.store import DatabaseBroken, DatabaseFault, ProcessMustEnd
from cogs.shared.views import Interaction

if TYPE_CHECKING:
    from bot.client.web.metrics import MetricsCollector

log = logging.getLogger(__name__)

FEED_CHECK_INTERVAL_SECONDS = 60.0
"""Interval in seconds of checks whether feeds can be fetched."""
DATABASE_CHECK_INTERVAL_SECONDS = 2.0
"""Interval in seconds of checks of the database, and of this process's lease (right to write) on it."""


class HealthCog(commands.Cog):
    """Cog that monitors the bot for its owner."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._clock, self._settings = bot.services.clock, bot.services.settings
        self.health = health.Health(bot.services)
        self._check_task: asyncio.Task[None] | None = None
        self._metrics: MetricsCollector | None = None
        self._exit_stack = AsyncExitStack()
        self._is_feed_alarm_active = False
        self._reported_fault: DatabaseFault | None = None
        self._unsent_owner_messages: list[str] = []
        self._shutdown_task: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start the checks and, if an address is set, the HTTP server.

        Raises `OSError` if the address is taken.
        """
        if self._settings.health_address is not None:
            await self.start_http_server(*self._settings.health_address)
        self._check_task = self._bot.services.supervisor.start("liveness", self._run_checks)

    async def start_http_server(self, host: str, port: int) -> int:
        """Start the HTTP server and return its port; for port 0, a free port is used.

        Raises `OSError` if the address is taken.
        """
        from bot.client.web import feed_routes, status_routes, websub_routes  # noqa: PLC0415 - large, rarely used
        from bot.client.web.metrics import GatewaySource, MetricsCollector  # noqa: PLC0415

        gateway_source = GatewaySource(
            self._bot.request_rate_limiter, self._bot.leased_shards.identify_scheduler, lambda: self._bot.latencies
        )
        self._metrics = MetricsCollector(self._bot.services, self.health, gateway_source)
        routes = status_routes.StatusRoutes(self._bot.services, self.health).build_routes()
        if (public_url := self._settings.public_url) is not None:
            services = self._bot.services
            if services.leases.has_role(ProcessRole.POLLER):
                websub_handler = websub_routes.WebSubRoutes(
                    services.websub_subscriber, self._settings, services.maintenance
                )
                routes += websub_handler.build_routes()
            routes += feed_routes.PublishedFeedRoutes(self._bot, public_url).build_routes()
        return await self._exit_stack.enter_async_context(self._metrics.serve(host, port, routes))

    async def cog_unload(self) -> None:
        if self._check_task is not None:
            await cancel_and_wait((self._check_task,))
        await self._exit_stack.aclose()

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        self.health.gateway_down_since = None

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        self.health.gateway_down_since = None

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        """Record when the gateway connection was lost.

        discord.py calls this again for each failed attempt to reconnect.
        """
        if self.health.gateway_down_since is None:
            self.health.gateway_down_since = self._clock.now()

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        interaction.extras["arrived"] = time.monotonic()

    @commands.Cog.listener()
    async def on_app_command_completion(
        self,
        interaction: Interaction,
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        arrived_at = interaction.extras.get("arrived")
        if arrived_at is not None and self._metrics is not None:
            self._metrics.interaction_histogram.labels(command.qualified_name).observe(time.monotonic() - arrived_at)

    async def check_once(self) -> None:
        """Alert the owner when the database fails or no feed can be fetched, and when that is over.

        Raises `StoreError` if the health of the feeds cannot be read.
        """
        await self._check_database()
        await self._send_owner_messages()
        stalled_since = await self.health.find_polling_stall_start()
        if not self._bot.store.shards.serves(None):  # The process that handles direct messages sends the alert.
            self._is_feed_alarm_active = False
            return
        if stalled_since is not None and not self._is_feed_alarm_active:
            stalled_hours = max(1, (self._clock.now() - stalled_since) // 3600)
            log.error("feeds unreachable hours=%d", stalled_hours)
            with i18n.language_scope(self._settings.language):
                self._unsent_owner_messages.append(_feed_alarm_text(stalled_hours))
        elif stalled_since is None and self._is_feed_alarm_active:
            log.warning("feeds reachable again")
            with i18n.language_scope(self._settings.language):
                self._unsent_owner_messages.append(_("I can reach the feeds again."))
        self._is_feed_alarm_active = stalled_since is not None
        await self._send_owner_messages()

    async def _check_database(self) -> None:
        """Queue messages to the owner about new and recovered database faults."""
        store = self._bot.store
        if store.recent_fault is not None:
            await store.is_writable(probe=True)
        with i18n.language_scope(self._settings.language):
            if store.recent_fault is not None and self._reported_fault is None:
                self._unsent_owner_messages.append(_database_fault_text(store.recent_fault))
            elif store.recent_fault is None and self._reported_fault is not None:
                self._unsent_owner_messages.append(_("My database works again. Waiting posts are on their way."))
            elif isinstance(store.recent_fault, DatabaseBroken) and not isinstance(
                self._reported_fault, DatabaseBroken
            ):
                self._unsent_owner_messages.append(_database_fault_text(store.recent_fault))
        self._reported_fault = store.recent_fault

    async def _send_owner_messages(self) -> None:
        while self._unsent_owner_messages and await self._send_to_owner(self._unsent_owner_messages[0]):
            del self._unsent_owner_messages[0]

    async def _run_checks(self) -> None:
        feeds_checked_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(DATABASE_CHECK_INTERVAL_SECONDS)
            try:
                await self._bot.store.check_alive()
            except ProcessMustEnd as error:
                self._unsent_owner_messages.append(str(error))
                await self._send_owner_messages()
                self._shutdown_task = asyncio.create_task(self._bot.close_for_successor(error))
            is_new_fault = self._bot.store.fault is not None and self._reported_fault is None
            if is_new_fault or self._clock.monotonic() - feeds_checked_at >= FEED_CHECK_INTERVAL_SECONDS:
                feeds_checked_at = self._clock.monotonic()
                await self.check_once()

    async def _send_to_owner(self, text: str) -> bool:
        """Send a direct message to the owner of the application or team.

        Returns False if the message has to be sent again later, True if it was sent or rejected.
        """
        try:
            application = await self._bot.application_info()
            owner_id = application.team.owner_id if application.team else application.owner.id
            if owner_id is not None:
                owner = await self._bot.fetch_user(owner_id)
                # The nonce keeps a retry from arriving twice.
                await owner.send(text, nonce=zlib.crc32(text.encode()))
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("owner message rejected error=%s", error)
        except DISCORD_ERRORS as error:
            log.warning("owner message delayed error=%s", error)
            return False
        return True


def _database_fault_text(fault: DatabaseFault) -> str:
    if isinstance(fault, DatabaseBroken):
        return _(
            "My database is damaged, so I’ve stopped writing to it. Nothing is posted or saved until "
            "you restore a backup; `telex check` tells you whether a database is intact. {error}"
        ).format(error=fault)
    return _(
        "I can’t write to my database, so I’m not posting or saving anything for now. "
        "Nothing is lost, and I keep trying. {error}"
    ).format(error=fault)


def _feed_alarm_text(stalled_hours: int) -> str:
    silence_sentence = ngettext(
        "I haven’t been able to reach any feed for {hours} hour.",
        "I haven’t been able to reach any feed for {hours} hours.",
        stalled_hours,
    ).format(hours=format_number(stalled_hours))
    advice_sentence = _("Check my machine’s network and my log. Missed articles will follow once feeds respond again.")
    return f"{silence_sentence} {advice_sentence}"
