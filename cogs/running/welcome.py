"""What the bot says, once, when it was invited to a server."""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _
from bot.posting.rendering import buttons
from bot.posting.rendering.messages import COLOUR
from bot.posting.sending import permissions

log = logging.getLogger(__name__)


async def say(bot: Telex, guild: discord.Guild) -> None:
    """Tell the people of a server how to get their first feed, where they read it; nowhere: say nothing."""
    channel = place(guild)
    if channel is None:
        return
    language = (await bot.store.preferences.of_server(guild.id)).language
    language = language or locale.supported(str(guild.preferred_locale)) or bot.newsroom.settings.language
    with locale.use(language):
        embed = discord.Embed(
            colour=COLOUR,
            title=_("Hello! I bring news to this server."),
            description=_(
                "I post the articles of news feeds, find them again by any word, answer questions from them "
                "and keep your bookmarks. Your first feed is three clicks away:\n"
                "1. Press **{begin}** and pick what you want to read: a ready list, or a site’s address.\n"
                "2. Pick the channel.\n"
                "3. Press **{follow}**: the first articles appear at once."
            ).format(begin=_("Get started"), follow=_("Follow")),
        )
        embed.set_footer(
            text=_(
                "For those who have Manage Server; /setup begins as well. /help tells everybody what I do."
            )
        )
        view = buttons.row(buttons.begin())
    try:
        await channel.send(embed=embed, view=view)
    except (discord.DiscordException, aiohttp.ClientError) as error:
        log.warning("Could not say hello in server %d: %s", guild.id, error)


def place(guild: discord.Guild) -> discord.TextChannel | None:
    """Where the bot may write: the channel of Discord's own messages, else the first that everybody reads."""
    if guild.system_channel is not None and not permissions.lacking(guild.system_channel):
        return guild.system_channel
    for channel in guild.text_channels:
        if channel.permissions_for(guild.default_role).view_channel and not permissions.lacking(channel):
            return channel
    return None
