"""Import of an OPML list of feeds with its results; a list with channels, filters or looks is previewed before."""

import asyncio
import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.feeds.parsing.opml import MAX_OUTLINES, FeedList
from bot.operating.setup_limits import load_setup_limits
from bot.polling.following.opml_plan import MAX_IMPORTED_SUBSCRIPTIONS, OpmlImportPlan, plan_import
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, text_block
from bot.posting.rendering.look_checks import find_look_error
from bot.text import discord_text
from bot.watches.subscription_filters import MAX_FILTERS_PER_PLACE
from cogs.feeds.transferring.opml_import_undo import OpmlImportUndoPanel
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import (
    PostableChannel,
    permission_problems,
    require_can_post,
    require_existing_channel,
)
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction

_MAX_INLINE_REPORT_LINES = 15
"""Maximum number of lines of an import report that is shown in the message.

A longer report becomes a file.
"""
_MAX_REPORT_LENGTH = 3000
"""Maximum length, in UTF-16 code units, of an import report that is shown in the message."""
_MAX_CHANNEL_LINES = 15
"""Maximum number of channels on separate lines of the preview of an import."""
_MAX_NAMED_CHANNELS = 5
"""Maximum number of channels named on one line of the preview of an import."""
_MAX_CHANNEL_NAME_LENGTH = 40
"""Maximum length, in UTF-16 code units, of the name of a channel in a list."""


async def import_feed_list(interaction: Interaction, chosen_channel: PostableChannel, feed_list: FeedList) -> None:
    """Follow the feeds of a list and report the results; a list with channels, filters or looks is previewed before.

    Feeds for which the list names no other usable channel go to `chosen_channel`.
    Raises `UserFacingError` if the bot cannot post in the channel, and RequestRejected, without any change, if the
    server's settings change meanwhile.
    """
    require_can_post(chosen_channel)
    feed_list = await asyncio.to_thread(_drop_invalid_looks, feed_list)
    panel = OpmlImportPanel(interaction, chosen_channel, feed_list)
    if feed_list.channels or any(
        outline.channel_id or outline.filters or outline.look for outline in feed_list.outlines
    ):
        await panel.render(interaction)
    else:
        await panel.import_at_once(interaction)


def _drop_invalid_looks(feed_list: FeedList) -> FeedList:
    """Return the list without invalid looks (how a feed's posts appear), which are added to its unreadable parts."""
    outlines = tuple(
        outline if outline.look is None or find_look_error(outline.look) is None else replace(outline, look=None)
        for outline in feed_list.outlines
    )
    dropped_count = sum(old.look != new.look for old, new in zip(feed_list.outlines, outlines, strict=True))
    return replace(feed_list, outlines=outlines, unreadable_count=feed_list.unreadable_count + dropped_count)


class OpmlImportPanel(ManagersPanel):
    """Panel that shows what the import of a list of feeds will change, with a button that imports it."""

    def __init__(self, interaction: Interaction, chosen_channel: PostableChannel, feed_list: FeedList) -> None:
        super().__init__(interaction)
        self._chosen_channel, self._feed_list = chosen_channel, feed_list
        self._channel_by_id: dict[int, PostableChannel] = {}
        self._plan = OpmlImportPlan()
        self._uses_listed_channels = True

    async def render(self, interaction: Interaction, note: str = "") -> None:
        await self._make_plan(interaction)
        import_button = ActionButton(
            self._confirm, label=_("Import"), style=discord.ButtonStyle.success, disabled=not self._plan.changes
        )
        await self.display_card(
            interaction,
            heading_block(_("Before the import"), note, *self._iter_channel_lines(), *_iter_summary_lines(self._plan)),
            ActionRow(import_button, self._build_channel_button(), ActionButton(self.cancel, label=_("Cancel"))),
        )

    async def import_at_once(self, interaction: Interaction) -> None:
        """Import the list without a preview, and report the results.

        Raises RequestRejected, without any change, if the server's settings change meanwhile.
        """
        await self._make_plan(interaction)
        await self._import(interaction)

    async def _confirm(self, interaction: Interaction) -> None:
        shown_changes = self._plan.changes
        await self._make_plan(interaction)
        if self._plan.changes == shown_changes:
            await self._import(interaction)
        else:
            await self.render(interaction, "⚠️ " + _("Something changed meanwhile. Check before you import."))

    async def _switch_channels(self, _interaction: Interaction) -> None:
        self._uses_listed_channels = not self._uses_listed_channels

    async def _make_plan(self, interaction: Interaction) -> None:
        """Plan the import with the channels that can be used now.

        Channels of the list that are not in the cache, such as archived threads, are not used: a list may name
        thousands that do not exist.
        """
        self._channel_by_id = {self._chosen_channel.id: self._chosen_channel}
        for channel_id in self._list_other_channel_ids() if self._uses_listed_channels else ():
            with contextlib.suppress(UserFacingError):
                channel = await require_existing_channel(interaction, channel_id)
                require_can_post(channel)
                self._channel_by_id[channel_id] = channel
        self._limits = await load_setup_limits(self.client.services.limits, self.guild.id)
        self._plan = await asyncio.to_thread(
            plan_import,
            await self.store.setups.read(self.guild.id),
            self._feed_list,
            chosen_channel_id=self._chosen_channel.id,
            usable_channel_ids=self._channel_by_id.keys() if self._uses_listed_channels else (),
            max_feeds=self._limits.feeds,
            now=self.store.clock.now(),
            blocked_sources=await self.client.services.blocked_sources.load(),
        )

    def _list_other_channel_ids(self) -> list[int]:
        """List the ids of the channels of this server that the list names, without that of the chosen channel."""
        listed_ids = {outline.channel_id or 0 for outline in self._feed_list.outlines}
        return [
            channel_id
            for channel_id in sorted(listed_ids - {self._chosen_channel.id})
            if self.guild.get_channel_or_thread(channel_id) is not None
        ]

    def _build_channel_button(self) -> ActionButton | None:
        """Return the button that sends all feeds to the chosen channel, or each to its own; None without others."""
        if self._uses_listed_channels and len(self._channel_by_id) == 1:
            return None
        label = _("All in {channel}") if self._uses_listed_channels else _("Each in its own channel")
        return ActionButton(self._switch_channels, label=label.format(channel=f"#{self._chosen_channel.name}"))

    def _iter_channel_lines(self) -> Iterator[str]:
        """Yield lines on what each channel gets, and on the channels of the list that can't be used."""
        if not self._plan.changes:
            yield _("There’s nothing new in this list.")
        channel_ids = list(self._plan.feed_counts | self._plan.filter_counts)
        for channel_id in channel_ids[:_MAX_CHANNEL_LINES]:
            yield " · ".join(filter(None, (f"<#{channel_id}>", *self._list_counts(channel_id))))
        if (hidden_count := len(channel_ids) - _MAX_CHANNEL_LINES) > 0:
            yield format_count("{count} more channel", "{count} more channels", hidden_count)
        unusable_names = [
            discord_text.to_markdown_line(channel.name, _MAX_CHANNEL_NAME_LENGTH)
            for channel in self._feed_list.channels
            if channel.id not in self._channel_by_id
        ]
        if unusable_names and self._uses_listed_channels:
            names_text = ", ".join(unusable_names[:_MAX_NAMED_CHANNELS])
            if len(unusable_names) > _MAX_NAMED_CHANNELS:
                names_text += f", {discord_text.ELLIPSIS}"
            yield "↪️ " + _("I can’t post there for you: {names}. These feeds go to {channel}.").format(
                names=names_text, channel=self._chosen_channel.mention
            )

    def _list_counts(self, channel_id: int) -> tuple[str, ...]:
        """Return texts on the number of feeds, of filters and of looks of feeds that a channel gets; "" for none."""
        feed_count, filter_count = self._plan.feed_counts[channel_id], self._plan.filter_counts[channel_id]
        look_count = self._plan.look_counts[channel_id]
        return (
            format_count("{count} feed", "{count} feeds", feed_count) if feed_count else "",
            format_count("{count} filter", "{count} filters", filter_count) if filter_count else "",
            format_count("{count} look", "{count} looks", look_count) if look_count else "",
        )

    async def _import(self, interaction: Interaction) -> None:
        """Make the planned changes of settings in one transaction, and report the results.

        Raises RequestRejected, without any change, if the settings changed since the plan was made.
        """
        plan, client = self._plan, self.client
        await self.store.setups.apply(self.guild.id, plan.changes, user_id=self.user_id, limits=self._limits)
        client.services.poller.wake()
        for channel_id in plan.feed_counts:
            await client.outbox_relay.recheck_channel(channel_id)
        self.stop()
        report_blocks = tuple(self._iter_report_blocks())
        if plan.changes:
            await OpmlImportUndoPanel(interaction, report_blocks, plan.changes).render(interaction)
        else:
            await self.finish(interaction, (Card(report_blocks, outlet_branding.DEFAULT_COLOUR),))
        report_lines = list(_iter_report_lines(plan))
        if len(report_lines) > _MAX_INLINE_REPORT_LINES:
            report_file = discord.File(io.BytesIO("\n".join(report_lines).encode()), filename="telex-import.txt")
            await interaction.followup.send(file=report_file, ephemeral=True)

    def _iter_report_blocks(self) -> Iterator[Block]:
        filled_channels = [self._channel_by_id[channel_id] for channel_id in self._plan.feed_counts]
        heading = _("Imported into {channel}").format(channel=self._chosen_channel.mention)
        if filled_channels not in ([], [self._chosen_channel]):
            heading = _("Imported into {channel}").format(
                channel=", ".join(channel.mention for channel in filled_channels[:_MAX_NAMED_CHANNELS])
            )
        added_count = len(self._plan.added_labels)
        added_text = "✅ " + format_count("{count} feed added", "{count} feeds added", added_count)
        yield heading_block(heading, added_text if added_count else "", *_iter_summary_lines(self._plan))
        report_lines = list(_iter_report_lines(self._plan))
        if 0 < len(report_lines) <= _MAX_INLINE_REPORT_LINES:
            report_text = discord_text.escape_markdown("\n".join(report_lines))
            yield Separator()
            yield text_block(discord_text.truncate_utf16(report_text, _MAX_REPORT_LENGTH))
            yield Separator()
        if added_count:
            posting_note = linkify_commands(
                _(
                    "New articles will be posted; older ones can only be searched. Feeds are checked one after "
                    "another: /feed list shows their status."
                )
            )
            yield text_block(f"-# {posting_note}")
        for channel in filled_channels[:_MAX_NAMED_CHANNELS]:
            if permission_advice := permission_problems(channel)[1]:
                yield text_block(permission_advice)


def _iter_summary_lines(plan: OpmlImportPlan) -> Iterator[str]:
    """Yield lines on the feeds and filters that an import does not add: they exist already, or can't be added."""
    if feed_count := len(plan.already_followed_labels):
        yield "☑️ " + format_count(
            "{count} feed was already followed", "{count} feeds were already followed", feed_count
        )
    if feed_count := len(plan.invalid_labels):
        yield "❌ " + format_count(
            "{count} feed has no usable address", "{count} feeds have no usable address", feed_count
        )
    if feed_count := len(plan.blocked_labels):
        yield "⛔ " + format_count(
            "{count} feed left out: whoever runs this bot has blocked its site",
            "{count} feeds left out: whoever runs this bot has blocked their sites",
            feed_count,
        )
    if feed_count := len(plan.over_limit_labels):
        yield "➖ " + format_count(
            "{count} feed left out: whoever runs this bot limits this server to {most}",
            "{count} feeds left out: whoever runs this bot limits this server to {most}",
            feed_count,
            most=format_number(plan.max_feeds),
        )
    if plan.skipped_count:
        yield "➖ " + format_count(
            "{count} feed left out: an import reads up to {read} and adds up to {added}. Split the list.",
            "{count} feeds left out: an import reads up to {read} and adds up to {added}. Split the list.",
            plan.skipped_count,
            read=format_number(MAX_OUTLINES),
            added=format_number(MAX_IMPORTED_SUBSCRIPTIONS),
        )
    if plan.left_out_setup_count:
        yield "➖ " + format_count(
            "{count} filter or look left out: I can’t use it, or there’d be more than {most} filters in one place",
            "{count} filters or looks left out: I can’t use them, or there’d be more than {most} filters in one place",
            plan.left_out_setup_count,
            most=format_number(MAX_FILTERS_PER_PLACE),
        )


def _iter_report_lines(plan: OpmlImportPlan) -> Iterator[str]:
    for mark, feed_labels in (
        ("✅", plan.added_labels),
        ("☑️", plan.already_followed_labels),
        ("❌", plan.invalid_labels),
        ("⛔", plan.blocked_labels),
        ("➖", plan.over_limit_labels),
    ):
        yield from (f"{mark} {feed_label}" for feed_label in feed_labels)
