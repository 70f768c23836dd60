"""Welcome message, which is sent when the bot joins a server."""

import logging

import discord

from bot import DATA
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Image, Section, text_block
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import DISCORD_ERRORS

log = logging.getLogger(__name__)

_LOGO_PATH = DATA / "identity" / "telex.png"


async def send_welcome(bot: TelexBot, guild: discord.Guild) -> None:
    """Send the welcome message to a server, if there is a suitable channel; a failure is only logged."""
    channel = find_welcome_channel(guild)
    if channel is None:
        return
    language = (await bot.store.preferences.get_by_server(guild.id)).language
    language = language or i18n.supported_language(str(guild.preferred_locale)) or bot.services.settings.language
    with i18n.language_scope(language):
        intro_text = _(
            "I post news in your channels, find any article again and answer your questions. Your "
            "first feed is three clicks away:\n**1.** Press **{begin}** and choose a starter pack, or "
            "add a site.\n**2.** Choose a channel.\n**3.** Press **{follow}**. The first articles "
            "appear right away."
        ).format(begin=_("Get started"), follow=_("Follow"))
        hint_text = linkify_commands(_("For members with Manage Server. /help shows everyone what I can do."))
        title = _("Hi, I’m Telex")
        logo_file = discord.File(_LOGO_PATH)
        card = Card(
            (
                Section(
                    (text_block(f"## {title}\n{intro_text}"),),
                    Image(f"attachment://{logo_file.filename}", "Telex"),
                ),
                text_block(f"-# {hint_text}"),
                ActionRow(buttons.BEGIN_BUTTON()),
            ),
            outlet_branding.DEFAULT_COLOUR,
        )
    try:
        await channel.send(view=layout_views.build_static_view((card,)), file=logo_file)
    except DISCORD_ERRORS as error:
        log.warning("welcome failed server_id=%d error=%s", guild.id, error)


def find_welcome_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return the system channel or the first public text channel in which the bot can write.

    Returns None if there is none.
    """
    if guild.system_channel is not None and not permissions.find_missing_permissions(guild.system_channel):
        return guild.system_channel
    for channel in guild.text_channels:
        if channel.permissions_for(guild.default_role).view_channel and not permissions.find_missing_permissions(
            channel
        ):
            return channel
    return None
