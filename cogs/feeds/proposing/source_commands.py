"""Commands that list the feeds, and that follow a site's feed or, for users who do not manage feeds, propose it."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.feeds import outlet_directory
from bot.posting.rendering import discord_limits
from cogs.feeds import source_follow
from cogs.feeds.proposing.feed_directory import FeedDirectory
from cogs.feeds.proposing.proposal_buttons import PROPOSAL_ITEMS
from cogs.feeds.proposing.proposal_flow import ProposalFlow, explain_proposals_off, require_may_propose
from cogs.feeds.source_follow import SourceFlow
from cogs.feeds.subscription_health import ManualFeedChecks
from cogs.shared.authorization import (
    NotAuthorized,
    can_use_manager_command,
    guild_context_only,
    require_manager_command,
)
from cogs.shared.message_links import list_web_links
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import Interaction

_MAX_CONCURRENT_DISCOVERIES = 8
"""Maximum number of sites whose feeds are looked for at once for members' proposals; servers share them fairly."""


class SourceCog(PersistentItemCog):
    """Cog of the message menu entry “Follow this source”, of /propose and of /feeds."""

    persistent_items = PROPOSAL_ITEMS

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._manual_checks = ManualFeedChecks(bot)
        self._discovery_slots = FairSemaphore(_MAX_CONCURRENT_DISCOVERIES)
        self.add_message_menu(
            locale_str("Follow this source"),
            self.follow_source,
            locale_str("follow the site that a message links to, or propose it"),
            in_servers_only=True,
        )

    async def follow_source(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the steps that follow or propose the site of a link in the message.

        Raises `UserFacingError` if there is no link, or an error that says why the user may do neither.
        """
        guild = interaction_context.get_home_server(interaction)
        assert guild is not None
        if (await self.bot.store.preferences.get_by_server(guild.id)).proposer_policy is None:
            try:
                await require_manager_command(interaction, "feed")
            except NotAuthorized as error:
                raise NotAuthorized(f"{error} {explain_proposals_off()}") from error
        source_flow = await self._create_flow(interaction, message)
        links = list_web_links(message)
        if not links:
            raise UserFacingError(_("This message has no link to a site."))
        await source_flow.open(interaction, links)

    @app_commands.command(name="propose", description=locale_str("Propose a feed to the managers of this server"))
    @app_commands.describe(url=locale_str("Address or name: theverge.com, “lemonde tech”, a YouTube channel…"))
    @guild_context_only
    async def propose(self, interaction: Interaction, url: Range[str, 3, 2000]) -> None:
        await self.open_source_flow(interaction, url)

    @propose.autocomplete("url")
    async def suggest_outlets(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        outlets = outlet_directory.search_outlets(current)
        return [Choice(name=outlet.name, value=outlet.name) for outlet in outlets[: discord_limits.MAX_CHOICES]]

    @app_commands.command(name="feeds", description=locale_str("See which feeds post in the channels you can see"))
    @guild_context_only
    async def feeds(self, interaction: Interaction) -> None:
        await FeedDirectory(interaction, self.open_source_flow).render(interaction)

    async def open_source_flow(self, interaction: Interaction, address: str) -> None:
        """Open the steps that follow the site or feed at an address or, unless the user manages feeds, propose it.

        Raises `UserFacingError` or RequestRejected if the user may do neither, and FeedError if it is no address.
        """
        await (await self._create_flow(interaction, None)).open_address(interaction, address)

    async def _create_flow(self, interaction: Interaction, message: discord.Message | None) -> SourceFlow:
        """Return the steps that follow or, unless the user manages feeds, propose a site linked in `message`, if given.

        Raises `UserFacingError` or RequestRejected if the user may do neither.
        """
        guild = interaction_context.get_home_server(interaction)
        if guild is None:
            raise UserFacingError(_("This only works in a server."))
        is_manager = await can_use_manager_command(interaction, "feed")
        if not is_manager:
            await require_may_propose(interaction)
        channel = await source_follow.find_usual_channel(interaction, guild)
        if is_manager:
            return SourceFlow(interaction, channel, self._manual_checks)
        return ProposalFlow(interaction, channel, self._manual_checks, self._discovery_slots, message)
