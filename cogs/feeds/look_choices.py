"""Whose look a panel chooses: that of a feed in a channel, or of a whole server."""

from __future__ import annotations

import discord

from bot.core.choices import USUAL, Look
from bot.core.locale import _
from bot.core.models import Article, Feed
from bot.core.refusals import Refusal
from bot.posting.rendering import post_looks
from cogs.feeds.look_panel import LookPanel
from cogs.feeds.post_previews import sample
from cogs.feeds.subscription_options import Pair, bold, no_longer, require_still, visible
from cogs.shared.views import Interaction


class FeedLook(LookPanel):
    """The look of a subscription."""

    def __init__(self, interaction: Interaction, pair: Pair, command_id: int | None = None) -> None:
        super().__init__(interaction, command_id or interaction.command_id, pair[0].channel_id, pair[0].look)
        self._pair = pair

    async def check(self, interaction: Interaction) -> None:
        await super().check(interaction)
        await require_still(interaction, self._pair)

    async def usual(self, interaction: Interaction) -> Look:
        return await interaction.client.store.preferences.look(self._pair[0].server_id)

    def heading(self) -> tuple[str, str]:
        told = _("How {feed} looks in <#{channel}>:")
        return (
            told.format(feed=bold(self._pair[1]), channel=self._channel_id),
            _("Default for this server"),
        )

    def default_label(self) -> str:
        return _("Server’s default")

    def may_mention(self, interaction: Interaction, member: discord.Member, role: discord.Role) -> bool:
        channel = member.guild.get_channel_or_thread(self._channel_id) or interaction.channel
        assert isinstance(channel, discord.abc.GuildChannel | discord.Thread)
        return post_looks.may_mention(member, role, channel)

    async def example(self, interaction: Interaction) -> tuple[Article, Feed]:
        feed = self._pair[1]
        newest = await interaction.client.store.articles.newest([feed.id], limit=1)
        return newest[0] if newest else sample(feed), feed

    async def keep(self, interaction: Interaction, look: Look | None) -> str:
        subscription, feed = await require_still(interaction, self._pair)
        saved = await interaction.client.store.subscriptions.set_look(
            subscription.id, look, person_id=interaction.user.id
        )
        if not saved:
            raise Refusal(no_longer())
        return _("Saved. {feed} looks like this in <#{channel}> from its next post.").format(
            feed=bold(feed), channel=subscription.channel_id
        )


class ServerLook(LookPanel):
    """The look of a server's posts where their subscription has none of its own."""

    async def usual(self, _interaction: Interaction) -> Look:
        return USUAL

    def heading(self) -> tuple[str, str]:
        return (
            _("How posts look on this server, unless their feed has its own look:"),
            _("Default look"),
        )

    def default_label(self) -> str:
        return _("Default")

    def may_mention(self, _interaction: Interaction, member: discord.Member, role: discord.Role) -> bool:
        allowed = role.mentionable or member.guild_permissions.mention_everyone
        return allowed and not role.is_default()

    async def example(self, interaction: Interaction) -> tuple[Article, Feed]:
        feeds = {feed.id: feed for _subscription, feed in await visible(interaction)}
        newest = await interaction.client.store.articles.newest(feeds, limit=1)
        if newest:
            return newest[0], feeds[newest[0].feed_id]
        feed = next(iter(feeds.values()), Feed(id=0, url="", outlet=_("Its outlet")))
        return sample(feed), feed

    async def keep(self, interaction: Interaction, look: Look | None) -> str:
        await interaction.client.store.preferences.set_look(
            self.guild.id, look or USUAL, person_id=interaction.user.id
        )
        return _("Saved. New posts look like this, unless their feed has its own look.")


async def open_server_look(interaction: Interaction, command_id: int | None) -> None:
    """Open the panel of the server's look, for who may use that command."""
    assert interaction.guild_id is not None
    assert interaction.channel_id is not None
    kept = await interaction.client.store.preferences.look(interaction.guild_id)
    look = None if kept == USUAL else kept
    await ServerLook(interaction, command_id, interaction.channel_id, look).show(interaction)
