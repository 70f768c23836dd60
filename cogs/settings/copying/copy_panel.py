"""Panel of /settings copy: what other channels get from a channel, shown before it's copied, and Undo."""

from collections.abc import Iterator, Sequence

import discord

from bot.core.i18n import _, format_count
from bot.core.models import Feed
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.operating.setup_limits import load_setup_limits
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, Text, text_block
from bot.posting.wording import refusal_sentences
from bot.store.records.setup_records import (
    FeedAddress,
    Setup,
    compare_setups,
    merge_changes,
    require_within_limits,
)
from cogs.settings.copying.change_lines import list_change_lines
from cogs.settings.copying.setup_copy import CopyPlan, plan_copy, select_channel_part
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import (
    ChannelOption,
    PostableChannel,
    require_can_post,
    require_existing_channel,
    resolve_channel_id,
)
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import ActionButton, ChannelMenu, Interaction

MAX_TARGETS = 10
"""Maximum number of channels to which settings are copied at once."""
_TARGETS_PER_PAGE = 3
"""Number of channels whose changes are shown on a page."""
_MAX_LINES_PER_TARGET = (12, 6, 2, 0)
"""Maximum numbers of lines for the changes of a channel, tried in this order until all fits into the message."""


class CopyPanel(PagedMixin, ChannelPanel):
    """Panel that copies the settings of its channel to others, for users who manage feeds and can see all of them."""

    def __init__(self, interaction: Interaction, source: PostableChannel) -> None:
        super().__init__(interaction, source)
        self._target_ids: list[int] = []
        self._plans: list[CopyPlan] = []
        self._feed_by_address: dict[FeedAddress, Feed] = {}

    async def render(self, interaction: Interaction, note: str = "") -> None:
        refusals = await self._make_plans(interaction)
        intro = _(
            "Settings become the same. What only the other channel has stays: "
            "feeds, filters, mentions, watches, digest."
        )
        await self.display_card(
            interaction,
            heading_block(_("Copy settings"), intro, note, *(f"⚠️ {refusal}" for refusal in refusals)),
            text_block("-# " + _("From")),
            ActionRow(self._source_menu()),
            text_block("-# " + _("To")),
            ActionRow(self._target_menu()),
            *self._iter_page_blocks(),
            ActionRow(
                ActionButton(
                    self._confirm,
                    label=_("Copy"),
                    style=discord.ButtonStyle.success,
                    disabled=not any(plan.changes for plan in self._plans),
                ),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
        )

    def _source_menu(self) -> ChannelMenu:
        return ChannelMenu(
            self._choose_source,
            placeholder=_("Copy from…"),
            channel_types=ChannelOption().channel_types,
            default_values=[self.channel],
        )

    def _target_menu(self) -> ChannelMenu:
        return ChannelMenu(
            self._choose_targets,
            placeholder=_("Copy to…"),
            channel_types=ChannelOption().channel_types,
            max_values=MAX_TARGETS,
            default_values=[plan.channel for plan in self._plans],
        )

    async def _choose_source(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self.channel = await resolve_channel_id(interaction, channel_ids[0])

    async def _choose_targets(self, _interaction: Interaction, channel_ids: list[int]) -> None:
        self._target_ids, self.page_index = channel_ids, 0

    async def _make_plans(self, interaction: Interaction) -> list[str]:
        """Plan the copy to the chosen channels as they are now; return why it's not possible for some of them."""
        assert isinstance(interaction.user, discord.Member)
        self._plans, refusals = [], []
        subscriptions_with_feeds = await self.store.subscriptions.list_with_feeds(self.guild.id)
        self._feed_by_address = {
            FeedAddress(feed.url, feed.server_id is not None): feed for _subscription, feed in subscriptions_with_feeds
        }
        setup = await self.store.setups.read(self.guild.id)
        blocked_sources = await self.client.services.blocked_sources.load()
        for target_id in self._target_ids:
            if target_id == self.channel.id:
                continue
            try:
                target = await require_existing_channel(interaction, target_id)
                require_can_post(target)
            except UserFacingError as refusal:
                refusals.append(str(refusal))
            else:
                self._plans.append(plan_copy(interaction.user, setup, self.channel, target, blocked_sources))
        return refusals

    def _iter_page_blocks(self) -> Iterator[Block]:
        """Yield what each channel of the page gets, and the buttons that turn pages."""
        page_start = self.page_index * _TARGETS_PER_PAGE
        for plan in self._plans[page_start : page_start + _TARGETS_PER_PAGE]:
            yield Separator()
            yield text_block(
                *("\n".join(self._iter_plan_lines(plan, max_lines)) for max_lines in _MAX_LINES_PER_TARGET)
            )
            if plan.left_out_labels:
                yield text_block("-# " + _("Can’t be copied: {labels}").format(labels=", ".join(plan.left_out_labels)))
        page_count = -(-len(self._plans) // _TARGETS_PER_PAGE)
        if page_count > 1:
            yield ActionRow(*self.page_buttons(has_more=self.page_index < page_count - 1, page_count_label=page_count))

    def _iter_plan_lines(self, plan: CopyPlan, max_lines: int) -> Iterator[str]:
        yield (
            plan.channel.mention
            if plan.changes
            else _("{channel}: already the same").format(channel=plan.channel.mention)
        )
        change_lines = list_change_lines(plan.changes, plan.channel, self._feed_by_address)
        yield from (f"- {change_line}" for change_line in change_lines[:max_lines])
        if (hidden_count := len(change_lines) - max_lines) > 0:
            yield "- " + format_count("{count} more change", "{count} more changes", hidden_count)

    async def _confirm(self, interaction: Interaction) -> None:
        shown_plans = self._plans
        await self._make_plans(interaction)
        if self._plans != shown_plans:
            await self.render(interaction, "⚠️ " + _("Something changed meanwhile. Check before you copy."))
            return
        setup: Setup = await self.store.setups.read(self.guild.id)
        limits = await load_setup_limits(self.client.services.limits, self.guild.id)
        result_lines: list[str] = []
        copied_plans: list[CopyPlan] = []
        for plan in filter(lambda plan: plan.changes, self._plans):
            new_setup = merge_changes(setup, plan.changes)
            try:
                require_within_limits(setup, new_setup, limits)
            except RequestRejected as rejection:
                refusal = refusal_sentences.find_error_sentence(rejection)
                result_lines.append(f"❌ {plan.channel.mention}: {refusal}")
            else:
                setup = new_setup
                result_lines.append(f"✅ {plan.channel.mention}")
                copied_plans.append(plan)
        await apply_plans(self, copied_plans)
        self.stop()
        heading = _("Settings of {channel} copied").format(channel=self.channel.mention)
        await CopyUndoPanel(interaction, heading_block(heading, *result_lines), copied_plans).render(interaction)


class CopyUndoPanel(ManagersPanel):
    """Panel that says to which channels settings were copied, with a button that undoes it."""

    def __init__(self, interaction: Interaction, outcome_text: Text, copied_plans: Sequence[CopyPlan]) -> None:
        super().__init__(interaction)
        self._outcome_text, self._copied_plans = outcome_text, copied_plans

    async def render(self, interaction: Interaction) -> None:
        undo_button = ActionButton(self._undo, label=_("Undo the change")) if self._copied_plans else None
        await self.display_card(interaction, self._outcome_text, ActionRow(undo_button))

    async def _undo(self, interaction: Interaction) -> None:
        """Restore the settings that the channels had, unless they were changed since."""
        setup = await self.store.setups.read(self.guild.id)
        result_lines: list[str] = []
        undo_plans: list[CopyPlan] = []
        for plan in self._copied_plans:
            try:
                await require_existing_channel(interaction, plan.channel.id)
                _require_unchanged(setup, plan)
            except UserFacingError as refusal:
                result_lines.append(f"❌ {plan.channel.mention}: {refusal}")
            else:
                result_lines.append(f"↩️ {plan.channel.mention}")
                undo_plans.append(plan._replace(changes=compare_setups(plan.new_part, plan.old_part)))
        await apply_plans(self, undo_plans)
        await self.finish(
            interaction, (Card((heading_block(_("Copy undone"), *result_lines),), outlet_branding.DEFAULT_COLOUR),)
        )


def _require_unchanged(setup: Setup, plan: CopyPlan) -> None:
    """Raise UserFacingError unless a channel still has the settings that were copied to it."""
    if select_channel_part(setup, plan.channel.id) != plan.new_part:
        raise UserFacingError(_("Its settings were changed since, so they stay."))


async def apply_plans(panel: ManagersPanel, plans: Sequence[CopyPlan]) -> None:
    """Make the planned changes of channels in one transaction. Raises RequestRejected, with no change, if one fails."""
    client, server_id = panel.client, panel.guild.id
    await panel.store.setups.apply(
        server_id,
        [change for plan in plans for change in plan.changes],
        user_id=panel.user_id,
        limits=await load_setup_limits(client.services.limits, server_id),
        tag_names={
            tag.id: tag.name
            for plan in plans
            if isinstance(plan.channel, discord.ForumChannel)
            for tag in plan.channel.available_tags
        },
    )
    for plan in plans:
        await client.outbox_relay.recheck_channel(plan.channel.id)
    client.outbox_relay.wake()
    client.services.poller.wake()
