"""/digest: one message a day or a week that tells a channel what came."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.core.locale import _, clickable
from bot.core.models import Digest
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Row, text
from cogs.feeds import subscription_options
from cogs.shared import place_options
from cogs.shared.lasting_items import LastingCog
from cogs.shared.panels import headed
from cogs.shared.place_options import Option, channel_name, place, require_view
from cogs.shared.rights import FOR_MANAGERS, ManagersLayout, ManagersOnly, in_servers
from cogs.shared.views import Choose, Interaction, Reply, option
from cogs.watching import digest_words
from cogs.watching.digest_flow import DigestFlow
from cogs.watching.personal_digest_panel import PersonalDigestPanel, personal_digest_button


@in_servers
class Digests(
    ManagersOnly,
    LastingCog,
    commands.GroupCog,
    group_name="digest",
    group_description=locale_str("The top stories in one message, daily or weekly"),
):
    """Digests of channels, for those who manage the server's feeds; and of people, for each their own."""

    items = (personal_digest_button,)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse who does not manage feeds, unless it is about their own digest."""
        command = interaction.command
        is_open = isinstance(command, app_commands.Command) and not command.extras.get("managers")
        return is_open or await super().interaction_check(interaction)

    @app_commands.command(name="me", description=locale_str("Get your own digest by direct message"))
    async def me(self, interaction: Interaction) -> None:
        await PersonalDigestPanel(interaction).start(interaction)

    @app_commands.command(
        name="setup",
        description=locale_str("Set up, change or stop a channel’s digest"),
        extras=FOR_MANAGERS,
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def setup(self, interaction: Interaction, channel: Option | None = None) -> None:
        await DigestFlow(interaction, await place(interaction, channel)).start(interaction)

    @app_commands.command(
        name="list", description=locale_str("See this server’s digests"), extras=FOR_MANAGERS
    )
    async def list_(self, interaction: Interaction) -> None:
        await DigestList(interaction).show(interaction)


class DigestList(ManagersLayout):
    """The digests of a server in channels that the asker sees, and in channels that are gone."""

    async def show(self, interaction: Interaction) -> None:
        found = await interaction.client.store.digests.of_server(self.guild.id)
        seen = await subscription_options.shown(interaction, {one.channel_id for one in found})
        shown = [one for one in found if one.channel_id in seen]
        title = _("Digests")
        if not shown:
            said = clickable(_("None yet. Set one up with /digest setup."))
            await self.display_card(interaction, headed(title, said))
            return
        options = [
            option(channel_name(self.guild, one.channel_id), one.channel_id, digest_words.when(one.plan))
            for one in shown
        ]
        menu = Choose(self._open, Reply.NEW, placeholder=_("Change or stop one…"), options=options)
        entries = (text(_entry(one)) for one in shown)
        await self.display_card(interaction, headed(title), *entries, Row(menu))

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        target = await place_options.find(self.guild, int(values[0]))
        if target is None:
            if not await subscription_options.is_gone(self.guild, int(values[0])):
                raise Refusal(_("I can’t reach that channel right now. Try again later."))
            ended = await interaction.client.store.digests.stop(
                server_id=self.guild.id, channel_id=int(values[0]), person_id=interaction.user.id
            )
            raise Refusal(
                _("That channel is gone, so I stopped its digest.")
                if ended
                else _("That channel no longer exists.")
            )
        await require_view(interaction, target.id)
        await DigestFlow(interaction, target, self.command_id).start(interaction)


def _entry(digest: Digest) -> str:
    line = _("<#{channel}>: {when} ({zone}), next one {date}").format(
        channel=digest.channel_id,
        when=digest_words.when(digest.plan),
        zone=digest.time_zone,
        date=f"<t:{digest.due}:R>",
    )
    return "\n".join((line, *(f"-# {choice}" for choice in digest_words.choices(digest.plan))))
