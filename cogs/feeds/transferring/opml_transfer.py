"""Import of feeds from OPML files into a channel, and export of a server's feeds."""

import io
from collections.abc import Iterator

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.models import Feed
from bot.core.preferences import Filter, FilterPlace, FilterScope
from bot.core.user_errors import UserFacingError
from bot.feeds import fetch_errors
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import ChannelOutline, FeedList
from bot.polling.following import opml_import
from bot.polling.following.opml_import import OpmlImportResult
from bot.posting.rendering.layout.blocks import Block, Separator, text_block
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.text import discord_text
from cogs.feeds import subscription_options
from cogs.shared.channel_options import PostableChannel, channel_name, require_can_post
from cogs.shared.panels import heading_block
from cogs.shared.views import Interaction, reply_with_card

_MAX_INLINE_REPORT_LINES = 15
"""Maximum number of lines of an import report that is shown in the message.

A longer report becomes a file.
"""
_MAX_REPORT_LENGTH = 3000
"""Maximum length, in UTF-16 code units, of an import report that is shown in the message."""


async def import_opml(
    interaction: Interaction,
    target_channel: PostableChannel,
    file: discord.Attachment | None,
    opml_url: str | None,
) -> None:
    """Follow the feeds of an OPML file, which is attached or at a URL, and report the results.

    Raises `UserFacingError`, FeedError or RequestRejected if the bot cannot post in the channel, or the file cannot be
    read or has no feeds.
    """
    permission_advice = require_can_post(target_channel)
    feed_list = await _read_feed_list(interaction, file, opml_url)

    async def report_progress(done_count: int, total_count: int) -> None:
        await interaction.edit_original_response(
            content=_("{done} of {total} feeds done…").format(
                done=format_number(done_count), total=format_number(total_count)
            )
        )

    services = interaction.client.services
    import_result = await opml_import.follow_all(
        services.store,
        services.limits,
        services.poller,
        feed_list,
        server_id=target_channel.guild.id,
        channel_id=target_channel.id,
        on_progress=report_progress,
        user_id=interaction.user.id,
    )
    await interaction.client.outbox_relay.recheck_channel(target_channel.id)
    report_lines = list(_iter_report_lines(import_result))
    heading_markup = _("Imported into {channel}").format(channel=target_channel.mention)
    card_blocks: list[Block] = [heading_block(heading_markup, *_iter_summary_lines(import_result))]
    if 0 < len(report_lines) <= _MAX_INLINE_REPORT_LINES:
        card_blocks += [
            Separator(),
            text_block(
                discord_text.truncate_utf16(discord_text.escape_markdown("\n".join(report_lines)), _MAX_REPORT_LENGTH)
            ),
            Separator(),
        ]
    if import_result.added_labels:
        posting_note = linkify_commands(
            _(
                "New articles will be posted; older ones can only be searched. Feeds are checked one after "
                "another: /feed list shows their status."
            )
        )
        card_blocks.append(text_block(f"-# {posting_note}"))
    if permission_advice:
        card_blocks.append(text_block(permission_advice))
    await reply_with_card(interaction, *card_blocks)
    if len(report_lines) > _MAX_INLINE_REPORT_LINES:
        report_file = discord.File(io.BytesIO("\n".join(report_lines).encode()), filename="telex-import.txt")
        await interaction.followup.send(file=report_file, ephemeral=True)


async def _read_feed_list(interaction: Interaction, file: discord.Attachment | None, opml_url: str | None) -> FeedList:
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
    except (discord.HTTPException, discord.NotFound) as error:
        raise UserFacingError(_("Discord didn’t give me the file. Try again.")) from error
    return await opml_import.parse_opml(services.workers, opml_bytes)


def _iter_summary_lines(import_result: OpmlImportResult) -> Iterator[str]:
    if feed_count := len(import_result.added_labels):
        yield "✅ " + format_count("{count} feed added", "{count} feeds added", feed_count)
    if feed_count := len(import_result.already_followed_labels):
        yield "☑️ " + format_count(
            "{count} feed was already followed", "{count} feeds were already followed", feed_count
        )
    if feed_count := len(import_result.invalid_labels):
        yield "❌ " + format_count(
            "{count} feed has no usable address", "{count} feeds have no usable address", feed_count
        )
    if feed_count := len(import_result.over_limit_labels) + import_result.skipped_count:
        yield "➖ " + format_count(
            "{count} feed left out: whoever runs this bot limits this server to {most}",
            "{count} feeds left out: whoever runs this bot limits this server to {most}",
            feed_count,
            most=format_number(import_result.max_feeds),
        )


def _iter_report_lines(import_result: OpmlImportResult) -> Iterator[str]:
    for mark, feed_labels in (
        ("✅", import_result.added_labels),
        ("☑️", import_result.already_followed_labels),
        ("❌", import_result.invalid_labels),
        ("➖", import_result.over_limit_labels),
    ):
        yield from (f"{mark} {feed_label}" for feed_label in feed_labels)


async def export_opml(interaction: Interaction) -> None:
    """Send the feeds of channels that the user can see as an OPML file.

    Raises `UserFacingError` if there are none.
    """
    guild = interaction.guild
    assert guild is not None
    filters_by_place = await interaction.client.store.filters.list_by_server(guild.id)
    feeds_by_channel_id: dict[int, list[tuple[Feed, tuple[Filter, ...]]]] = {}
    for subscription, feed in await subscription_options.list_visible_subscriptions(interaction):
        feed_filters = tuple(filters_by_place.get(FilterPlace(subscription.id), ()))
        feeds_by_channel_id.setdefault(subscription.channel_id, []).append((feed, feed_filters))
    if not feeds_by_channel_id:
        raise UserFacingError(linkify_commands(_("No feeds here yet. Start with /feed add or /feed packs.")))
    channel_groups = [
        (
            ChannelOutline(
                channel_id,
                channel_name(guild, channel_id),
                tuple(filters_by_place.get(FilterPlace(channel_id, FilterScope.CHANNEL), ())),
            ),
            feeds_with_filters,
        )
        for channel_id, feeds_with_filters in feeds_by_channel_id.items()
    ]
    opml_document, left_out_count = opml_import.build_opml_export(
        channel_groups, guild.name, now=interaction.client.services.clock.now()
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
