"""Reading of OPML lists that are attached or at a URL, and export of a server's feeds."""

import asyncio
import io

import discord

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.models import Feed
from bot.core.user_errors import UserFacingError
from bot.feeds import fetch_errors
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import ChannelOutline, FeedList
from bot.polling.following import opml_import
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording.feed_error_sentences import describe_feed_error
from cogs.feeds import subscription_options
from cogs.shared.channel_options import channel_name
from cogs.shared.views import Interaction


async def read_feed_list(interaction: Interaction, file: discord.Attachment | None, opml_url: str | None) -> FeedList:
    """Return the list of feeds in an OPML file, which is attached or at a URL.

    Raises `UserFacingError`, FeedError or RequestRejected if the file cannot be read or has no feeds.
    """
    services = interaction.client.services
    if (file is None) is (opml_url is None):
        raise UserFacingError(_("Give me either an OPML file or its address."))
    if opml_url is not None:
        return await opml_import.fetch_opml(services.fetcher, services.workers, opml_url)
    assert file is not None
    if file.size > opml.MAX_OPML_BYTES:
        raise UserFacingError(describe_feed_error(fetch_errors.TOO_LARGE))
    try:
        opml_bytes = await file.read()
    except DISCORD_ERRORS as error:
        raise UserFacingError(_("Discord didn’t give me the file. Try again.")) from error
    return await opml_import.parse_opml(services.workers, opml_bytes)


async def export_opml(interaction: Interaction) -> None:
    """Send the feeds of channels that the user can see, with their filters and looks, as an OPML file.

    Feeds whose addresses contain a password or key are left out. Raises `UserFacingError` if no feed is followed.
    """
    guild = interaction.guild
    assert guild is not None
    feeds_by_channel: dict[ChannelOutline, list[Feed]] = {}
    for subscription, feed in await subscription_options.list_visible_subscriptions(interaction):
        channel = ChannelOutline(subscription.channel_id, channel_name(guild, subscription.channel_id))
        feeds_by_channel.setdefault(channel, []).append(feed)
    if not feeds_by_channel:
        raise UserFacingError(linkify_commands(_("No feeds here yet. Start with /feed add or /feed packs.")))
    setup = await interaction.client.store.setups.read(guild.id)
    opml_document, left_out_count = await asyncio.to_thread(
        opml_import.build_opml_export,
        feeds_by_channel,
        setup,
        guild.name,
        now=interaction.client.services.clock.now(),
    )
    message_lines = [
        linkify_commands(
            _("This server’s feeds and filters, by channel. Import the file in a feed reader or with /feed import.")
        )
    ]
    if left_out_count:
        message_lines.append(
            format_count(
                "{count} feed left out: its address contains a password or key.",
                "{count} feeds left out: their addresses contain a password or key.",
                left_out_count,
            )
        )
    file = discord.File(io.BytesIO(opml_document), filename="telex.opml")
    await interaction.edit_original_response(content="\n".join(message_lines), attachments=[file])
