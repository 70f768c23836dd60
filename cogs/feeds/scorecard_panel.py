"""Scorecard of a server’s feeds: how many of their posts people save or like, and what to do about the others."""

from collections.abc import Iterator, Sequence
from functools import partial

import discord

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.local_time import SECONDS_PER_DAY
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import scorecards
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from bot.stories import feed_scores
from bot.stories.feed_scores import Scorecard, ScoredFeed, Verdict
from bot.text import discord_text
from cogs.feeds import feed_remedies
from cogs.feeds.feed_remedies import MoveRemedy, Remedy
from cogs.feeds.subscription_options import list_visible_subscriptions
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.paging import PagedMixin
from cogs.shared.views import AckMode, ActionButton, ChannelMenu, Interaction, StringMenu, menu_option


async def load_scorecard(interaction: Interaction, days: int) -> Scorecard:
    """Return posts, saves and likes of the user's visible feeds in the `days` days up to the last midnight in UTC.

    The server's reactions until then are first counted in batches.
    """
    store, server_id = interaction.client.store, interaction.guild_id or 0
    until = await store.feed_reactions.add_batches_until_midnight(server_id)
    since = until - days * SECONDS_PER_DAY
    return feed_scores.score_feeds(
        await list_visible_subscriptions(interaction),
        await store.feed_reactions.count_by_feed(server_id, since=since, until=until),
        since=since,
        until=until,
    )


async def build_monthly_button(panel: ManagersPanel, *, is_short: bool = False) -> ActionButton:
    """Return the button that turns the monthly scorecard of the feeds of the panel's server on or off.

    Its label is short beside the name of the setting.
    """
    is_enabled = (await panel.store.preferences.get_by_server(panel.guild.id)).report_due_at is not None

    async def toggle(interaction: Interaction) -> None:
        alert_channel_id = await panel.store.servers.get_alert_channel_id(panel.guild.id)
        if not is_enabled and alert_channel_id is None:
            raise UserFacingError(linkify_commands(_("It goes where alerts go. Choose a channel first: /feed alerts")))
        await panel.store.monthly_reports.set_enabled(
            panel.guild.id, is_enabled=not is_enabled, user_id=interaction.user.id
        )
        interaction.client.outbox_relay.wake()

    label = _("Stop the monthly post") if is_enabled else _("Send it every month")
    if is_short:
        label = _("Turn off") if is_enabled else _("Turn on")
    return ActionButton(toggle, label=label, style=discord.ButtonStyle.secondary)


async def describe_monthly_report(panel: ManagersPanel) -> str:
    """Return where and when the monthly scorecard of feeds is posted next, or "" if it isn't posted."""
    preferences = await panel.store.preferences.get_by_server(panel.guild.id)
    if preferences.report_due_at is None:
        return ""
    if preferences.alert_channel_id is None:
        return linkify_commands(_("Monthly, but there’s no channel for alerts: /feed alerts"))
    return _("Monthly in {channel}, next {date}").format(
        channel=f"<#{preferences.alert_channel_id}>", date=f"<t:{preferences.report_due_at}:D>"
    )


_PERIOD_DAYS = (30, 90)
"""Periods that a report may cover, in days; people's reactions are stored for 90."""


class ScorecardPanel(PagedMixin, ManagersPanel):
    """Pages of the feeds that the user can see, with people's reactions, for users who manage feeds."""

    _period_days = _PERIOD_DAYS[0]
    _remedies: Sequence[Remedy] = ()

    async def render(self, interaction: Interaction) -> None:
        scorecard = await load_scorecard(interaction, self._period_days)
        if not scorecard.scored_feeds:
            text = linkify_commands(_("No feeds yet. Start with a starter pack (/feed packs) or any site (/feed add)."))
            await self.display_card(interaction, text_block(text))
            return
        page_count = -(-len(scorecard.scored_feeds) // scorecards.PAGE_SIZE)
        self.page_index = min(self.page_index, page_count - 1)
        page_start = self.page_index * scorecards.PAGE_SIZE
        page_feeds = scorecard.scored_feeds[page_start : page_start + scorecards.PAGE_SIZE]
        feeds_to_decide_on = [scored_feed for scored_feed in page_feeds if scored_feed.verdict is Verdict.DECIDE]
        self._remedies = (
            await feed_remedies.list_remedies(interaction, scorecard, feeds_to_decide_on) if feeds_to_decide_on else ()
        )
        blocks = list(_iter_blocks(scorecard, page_feeds))
        if self._remedies:
            options = [menu_option(remedy.label, index, remedy.effect) for index, remedy in enumerate(self._remedies)]
            menu = StringMenu(
                self._open_remedy,
                AckMode.EPHEMERAL_MESSAGE,
                placeholder=_("Do something about a feed…"),
                options=options,
            )
            blocks.append(ActionRow(menu))
        if page_count > 1:
            blocks.append(
                ActionRow(*self.page_buttons(has_more=self.page_index < page_count - 1, page_count_label=page_count))
            )
        blocks.append(
            ActionRow(*(self._period_button(days) for days in _PERIOD_DAYS), await build_monthly_button(self))
        )
        if monthly_text := await describe_monthly_report(self):
            blocks.append(text_block(f"-# {monthly_text}"))
        await self.display_card(interaction, *blocks, colour=scorecards.get_colour(scorecard))

    def _period_button(self, days: int) -> ActionButton:
        style = discord.ButtonStyle.primary if days == self._period_days else discord.ButtonStyle.secondary
        return ActionButton(
            partial(self._set_period, days), label=format_count("{count} day", "{count} days", days), style=style
        )

    async def _set_period(self, days: int, _interaction: Interaction) -> None:
        self._period_days = days

    async def _open_remedy(self, interaction: Interaction, selected_values: list[str]) -> None:
        await RemedyFlow(interaction, self._remedies[int(selected_values[0])]).render(interaction)


def _iter_blocks(scorecard: Scorecard, page_feeds: Sequence[ScoredFeed]) -> Iterator[Block]:
    yield text_block(scorecards.format_heading(scorecard))
    for group in scorecards.iter_groups(scorecard, page_feeds):
        yield Separator()
        yield from map(text_block, (group.heading, *group.rows))


class RemedyFlow(ManagersPanel):
    """Question whether to make a change that may help a feed or channel (remedy), then a button that undoes it."""

    def __init__(self, interaction: Interaction, remedy: Remedy) -> None:
        super().__init__(interaction)
        self._remedy = remedy

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await self._remedy.authorize(interaction)

    async def render(self, interaction: Interaction) -> None:
        remedy = self._remedy
        effect = linkify_commands(discord_text.escape_markdown(remedy.effect))
        question = f"**{discord_text.escape_markdown(remedy.label)}**\n-# {effect}"
        blocks: list[Block] = [text_block(question)]
        is_complete = True
        if isinstance(remedy, MoveRemedy):
            is_complete = remedy.target_channel_id is not None
            chosen_channels = (
                [discord.SelectDefaultValue(id=remedy.target_channel_id, type=discord.SelectDefaultValueType.channel)]
                if remedy.target_channel_id is not None
                else []
            )
            channel_menu = ChannelMenu(
                self._choose_channel,
                placeholder=_("Choose a channel…"),
                channel_types=channel_options.ChannelOption().channel_types,
                default_values=chosen_channels,
            )
            blocks.append(ActionRow(channel_menu))
        apply_button = ActionButton(
            self._apply, label=_("Do it"), style=discord.ButtonStyle.primary, disabled=not is_complete
        )
        blocks.append(ActionRow(apply_button, ActionButton(self.cancel, label=_("Cancel"))))
        await self.display(interaction, tuple(blocks))

    async def _choose_channel(self, interaction: Interaction, selected_ids: list[int]) -> None:
        assert isinstance(self._remedy, MoveRemedy)
        channel = await channel_options.resolve_channel_id(interaction, selected_ids[0])
        await self._remedy.choose_channel(interaction, channel)

    async def _apply(self, interaction: Interaction) -> None:
        confirmation = await self._remedy.apply(interaction)
        undo_button = ActionButton(self._undo, label=_("Undo"))
        await self.display(interaction, (text_block(confirmation), ActionRow(undo_button)))

    async def _undo(self, interaction: Interaction) -> None:
        await self.finish(interaction, await self._remedy.undo(interaction))
