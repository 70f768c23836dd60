"""Export of a server’s feeds as an OPML file, and the import of such a file: its preview, its progress and its undo."""

import asyncio
import contextlib
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.models import Feed
from bot.core.preferences import SettingKind
from bot.core.user_errors import UserFacingError
from bot.feeds import fetch_errors
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import MAX_OUTLINES, ChannelOutline, FeedList
from bot.operating.setup_limits import load_setup_limits
from bot.polling.following import opml_import
from bot.polling.following.opml_plan import MAX_IMPORTED_SUBSCRIPTIONS, OpmlImportPlan, plan_import
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, text_block
from bot.posting.rendering.look_checks import find_look_error
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup, SetupChange, compare_setups
from bot.text import discord_text
from bot.watches.subscription_filters import MAX_FILTERS_PER_PLACE
from cogs.feeds import subscription_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import (
    PostableChannel,
    can_see_channel,
    channel_name,
    permission_problems,
    require_can_post,
    require_existing_channel,
)
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction


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


class OpmlImportUndoPanel(ManagersPanel):
    """Panel with the results of an import of a list of feeds, and a button that removes what the import added."""

    def __init__(
        self, interaction: Interaction, report_blocks: Sequence[Block], changes: Sequence[SetupChange]
    ) -> None:
        super().__init__(interaction)
        self._report_blocks = report_blocks
        self._imported_texts = {change.key: change.new_text for change in changes if change.new_text is not None}

    async def render(self, interaction: Interaction) -> None:
        undo_button = ActionButton(self._undo, label=_("Undo the import"))
        await self.display_card(interaction, *self._report_blocks, ActionRow(undo_button))

    async def _undo(self, interaction: Interaction) -> None:
        """Remove the imported feeds and filters; feeds that were changed since, or that the user can't see, stay."""
        channel_ids = {key.channel_id for key in self._imported_texts if key.channel_id is not None}
        visible_channel_ids = {
            channel_id for channel_id in channel_ids if await can_see_channel(interaction, channel_id)
        }
        setup = await self.store.setups.read(self.guild.id)
        unchanged_texts = _select_unchanged(setup, self._imported_texts)
        removed_texts = {key: text for key, text in unchanged_texts.items() if key.channel_id in visible_channel_ids}
        await self.store.setups.apply(
            self.guild.id,
            compare_setups(removed_texts, {}),
            user_id=self.user_id,
            limits=await load_setup_limits(self.client.services.limits, self.guild.id),
        )
        self.client.outbox_relay.wake()
        stored_texts = {key: text for key, text in self._imported_texts.items() if key in setup}
        heading = _("Import undone") if removed_texts else _("Nothing changed.")
        result_block = heading_block(heading, *_iter_result_lines(stored_texts, removed_texts))
        await self.finish(interaction, (Card((result_block,), outlet_branding.DEFAULT_COLOUR),))


def _iter_result_lines(stored_texts: Setup, removed_texts: Setup) -> Iterator[str]:
    """Yield lines on the feeds and channels' filters that are removed, and on the stored feeds that stay."""
    removed_count = _count_feeds(removed_texts)
    if removed_count:
        yield "↩️ " + format_count("{count} feed removed", "{count} feeds removed", removed_count)
    if filter_count := sum(key.feed is None for key in removed_texts):
        yield "↩️ " + format_count("{count} filter removed", "{count} filters removed", filter_count)
    if unremoved_count := _count_feeds(stored_texts) - removed_count:
        yield "❌ " + format_count(
            "{count} feed stays: it was changed since, or you can’t see its channel",
            "{count} feeds stay: they were changed since, or you can’t see their channels",
            unremoved_count,
        )


def _select_unchanged(setup: Setup, imported_texts: Setup) -> dict[SettingKey, str]:
    """Return those imported settings that a server still has; of a feed, only if it has neither more nor fewer."""
    current_parts, imported_parts = _group_by_feed(setup), _group_by_feed(imported_texts)
    return {
        key: text
        for key, text in imported_texts.items()
        if setup.get(key) == text
        and (key.feed is None or current_parts[key.channel_id, key.feed] == imported_parts[key.channel_id, key.feed])
    }


def _group_by_feed(setup: Setup) -> Mapping[tuple[int | None, FeedAddress], dict[SettingKey, str]]:
    """Group the settings of feeds by channel and feed."""
    texts_by_feed: defaultdict[tuple[int | None, FeedAddress], dict[SettingKey, str]] = defaultdict(dict)
    for key, text in setup.items():
        if key.feed is not None:
            texts_by_feed[key.channel_id, key.feed][key] = text
    return texts_by_feed


def _count_feeds(setup: Setup) -> int:
    return sum(key.setting == SettingKind.SUBSCRIPTION for key in setup)


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
