"""Pages of /feed list: problems, each with a button that fixes it, then a line for each other feed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import discord

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.models import Feed
from bot.feeds import fetch_errors
from bot.feeds.pages import list_feeds
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.posting.wording.reason_sentences import describe_reason
from bot.text import discord_text, urls
from cogs.feeds import opml_transfer, subscription_card, subscription_health
from cogs.feeds.follow_flow import FollowFlow, add_site_button
from cogs.feeds.scorecard_panel import ScorecardPanel
from cogs.feeds.subscription_health import ACTION_REQUIRED_STATES, HealthState, SubscriptionHealth
from cogs.feeds.subscription_options import FollowedFeed, require_current_subscription, resume_feed
from cogs.settings import posting_limits_panels
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.paging import PagedMixin
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

CheckFeed = Callable[[Feed], Awaitable[str]]
"""Function that polls a feed now and returns the result as a sentence.

It raises `UserFacingError` if the feed was polled just before.
"""

_WARNING_COLOUR = 0xF0B132
"""Accent colour, as RGB, of a page if any feed of the server needs attention: amber."""
_MAX_PAGE_LINES = 23
"""Maximum number of lines of the entries of a page, where an entry with a button counts as several lines."""
_LINES_PER_BUTTON_ENTRY = 3
"""Number of lines of a page that an entry with a button counts as.

A message has at most 40 components.
"""
_POSSIBLY_MOVED_ERROR_CODES = {
    fetch_errors.NOT_A_FEED,
    fetch_errors.LIST_NOT_FOUND,
    fetch_errors.FEED_GONE,
    "http-404",
    "http-410",
}
"""Errors of a feed that suggest that its site now has the feed at another address."""


class SubscriptionPages(PagedMixin, ManagersPanel):
    """Pages of the server's subscriptions (feeds in channels) that the user can see."""

    def __init__(self, interaction: Interaction, check_feed: CheckFeed) -> None:
        super().__init__(interaction)
        self._check_feed = check_feed
        self._page_healths: list[SubscriptionHealth] = []

    async def render(self, interaction: Interaction, status_line: str = "") -> None:
        """Show the current page; `status_line` reports the last action."""
        healths = await subscription_health.load_server_health(interaction)
        health_pages = list(_split_pages(healths))
        self.page_index = min(self.page_index, max(0, len(health_pages) - 1))
        self._page_healths = health_pages[self.page_index] if health_pages else []
        attention_count = sum(health.state in ACTION_REQUIRED_STATES for health in healths)
        blocks: list[Block] = [text_block(_format_heading(healths, attention_count))]
        if status_line:
            blocks.append(text_block(status_line))
        problem_healths = [
            health
            for health in self._page_healths
            if health.state in ACTION_REQUIRED_STATES or health.state is HealthState.PAUSED
        ]
        if problem_healths:
            blocks += [
                Separator(),
                *(self._build_problem_section(problem_health) for problem_health in problem_healths),
            ]
        other_healths = [health for health in self._page_healths if health not in problem_healths]
        if other_healths:
            blocks += [
                Separator(),
                *[text_block(channel_text) async for channel_text in _iter_channel_texts(interaction, other_healths)],
            ]
        if note_lines := [note async for note in _iter_notes(interaction, self._page_healths)]:
            blocks.append(text_block("\n".join(note_lines)))
        blocks += self._build_controls(len(health_pages), are_all_paused=_are_all_paused(healths))
        colour = _WARNING_COLOUR if attention_count else outlet_branding.DEFAULT_COLOUR
        await self.display_card(interaction, *blocks, colour=colour)

    def _build_controls(self, page_count: int, *, are_all_paused: bool) -> Iterator[Block]:
        async def follow_address(click: Interaction, address: str) -> None:
            await _start_follow_flow(click, address, click.channel_id)

        add_button = add_site_button(
            self, follow_address, _("Add"), ack_mode=AckMode.EPHEMERAL_MESSAGE, emoji=emoji_for(Icon.ADD)
        )
        if not page_count:
            yield ActionRow(buttons.BEGIN_BUTTON(), add_button)
            return
        feed_options = [
            menu_option(feed_name(health.followed_feed.feed), health.followed_feed.subscription.id)
            for health in self._page_healths
        ]
        yield ActionRow(StringMenu(self._open_subscription, placeholder=_("Change a feed…"), options=feed_options))
        if page_count > 1:
            yield ActionRow(*self.page_buttons(has_more=self.page_index < page_count - 1, page_count_label=page_count))
        pause_all_button = ActionButton(
            self._toggle_pause_all, label=_("Resume all") if are_all_paused else _("Pause all")
        )
        yield ActionRow(
            add_button,
            ActionButton(self._open_scorecard, AckMode.EPHEMERAL_MESSAGE, label=_("Scorecard")),
            ActionButton(opml_transfer.export_opml, AckMode.EPHEMERAL_MESSAGE, label=_("Export OPML")),
            pause_all_button,
        )

    async def _confirm_unfollow(self, followed_feed: FollowedFeed, interaction: Interaction) -> None:
        await subscription_card.UnfollowFlow(interaction, followed_feed).start(interaction)

    async def _open_scorecard(self, interaction: Interaction) -> None:
        await ScorecardPanel(interaction).render(interaction)

    def _build_problem_section(self, health: SubscriptionHealth) -> Section:
        subscription, feed = health.followed_feed
        detail_texts = [f"<#{subscription.channel_id}>"]
        if health.state is HealthState.PAUSED:
            detail_texts.append(_("paused {when}").format(when=f"<t:{subscription.paused_at}:R>"))
            remedy_button = ActionButton(partial(self._resume, health.followed_feed), label=_("Resume"))
        elif health.state is HealthState.SOURCE_BLOCKED:
            remedy_button = ActionButton(
                partial(self._confirm_unfollow, health.followed_feed),
                AckMode.EPHEMERAL_MESSAGE,
                label=_("Stop following"),
            )
        elif health.state is HealthState.BLOCKED:
            remedy_button = ActionButton(partial(self._retry_feed, health.followed_feed), label=_("Try again"))
        elif health.state is HealthState.GONE or feed.error in _POSSIBLY_MOVED_ERROR_CODES:
            remedy_button = ActionButton(
                partial(self._find_new_address, health.followed_feed),
                AckMode.EPHEMERAL_MESSAGE,
                label=_("Find new address"),
            )
        else:
            remedy_button = ActionButton(partial(self._check_now, health.followed_feed), label=_("Check now"))
        if health.state is not HealthState.PAUSED:
            remedy_button.style = discord.ButtonStyle.primary
        if health.state is HealthState.FAILING:
            detail_texts.append(_("first failed {when}").format(when=f"<t:{feed.failing_since}:R>"))
        if health.state is not HealthState.PAUSED and feed.last_article_at is not None:
            detail_texts.append(_("last article {when}").format(when=f"<t:{feed.last_article_at}:R>"))
        text_lines = (
            f"{health.state} {bold_feed_name(feed)}",
            health.reason,
            f"-# {' · '.join(detail_texts)}",
        )
        return Section((text_block("\n".join(filter(None, text_lines))),), remedy_button)

    async def _resume(self, followed_feed: FollowedFeed, interaction: Interaction) -> None:
        await self.render(interaction, await resume_feed(interaction, followed_feed))

    async def _check_now(self, followed_feed: FollowedFeed, interaction: Interaction) -> None:
        _subscription, feed = await require_current_subscription(interaction, followed_feed)
        await self.render(interaction, await self._check_feed(feed))

    async def _toggle_pause_all(self, interaction: Interaction) -> None:
        """Pause all feeds that the user can see or, if all are paused, resume them."""
        healths = await subscription_health.load_server_health(interaction)
        subscriptions_repository = self.store.subscriptions
        pause_or_resume = (
            subscriptions_repository.resume if _are_all_paused(healths) else subscriptions_repository.pause
        )
        for health in healths:
            await pause_or_resume(health.followed_feed.subscription.id, user_id=self.user_id)
        self.client.services.poller.wake()

    async def _retry_feed(self, followed_feed: FollowedFeed, _interaction: Interaction) -> None:
        await self.client.outbox_relay.recheck_channel(followed_feed.subscription.channel_id)
        self.client.outbox_relay.wake()

    async def _find_new_address(self, followed_feed: FollowedFeed, interaction: Interaction) -> None:
        """Search the site of a feed that is gone, or may have moved, for a feed that replaces it."""
        subscription, feed = await require_current_subscription(interaction, followed_feed)
        page_url = list_feeds.strip_list_fragment(feed.url) if list_feeds.is_list_url(feed.url) else feed.site_url
        await _start_follow_flow(interaction, page_url or urls.parse_host(feed.url), subscription.channel_id)

    async def _open_subscription(self, interaction: Interaction, selected_values: list[str]) -> None:
        health = next(
            page_health
            for page_health in self._page_healths
            if str(page_health.followed_feed.subscription.id) == selected_values[0]
        )
        self.stop()
        await subscription_card.SubscriptionCard(interaction, health.followed_feed, self._check_feed).render(
            interaction
        )


async def _start_follow_flow(interaction: Interaction, address: str, channel_id: int | None) -> None:
    target_channel = await channel_options.resolve_channel_id(interaction, channel_id)
    await FollowFlow(interaction, target_channel).start(interaction, address)


def _are_all_paused(healths: Sequence[SubscriptionHealth]) -> bool:
    return all(health.followed_feed.subscription.paused_at is not None for health in healths)


def _format_heading(healths: list[SubscriptionHealth], attention_count: int) -> str:
    if not healths:
        return linkify_commands(_("No feeds yet. Start with a starter pack (/feed packs) or any site (/feed add)."))
    feed_count = len(healths)
    if all(health.state is HealthState.HEALTHY for health in healths):
        return "### " + format_count("{count} feed, healthy", "{count} feeds, all healthy", feed_count)
    title = format_count("{count} feed", "{count} feeds", feed_count)
    if attention_count:
        attention_text = format_count("{count} needs attention", "{count} need attention", attention_count)
        title = f"{title} · {attention_text}"
    return f"### {title}\n-# {subscription_health.state_counts_text(healths)}"


def _split_pages(healths: list[SubscriptionHealth]) -> Iterator[list[SubscriptionHealth]]:
    page_healths: list[SubscriptionHealth] = []
    free_line_count = _MAX_PAGE_LINES
    for health in healths:
        line_count = (
            _LINES_PER_BUTTON_ENTRY
            if health.state in ACTION_REQUIRED_STATES or health.state is HealthState.PAUSED
            else 1
        )
        if line_count > free_line_count:
            yield page_healths
            page_healths, free_line_count = [], _MAX_PAGE_LINES
        page_healths.append(health)
        free_line_count -= line_count
    if page_healths:
        yield page_healths


async def _iter_channel_texts(interaction: Interaction, healths: list[SubscriptionHealth]) -> AsyncIterator[str]:
    """Yield a text for each channel: its posting limits, then a line for each of its feeds."""
    for channel_id, channel_healths in groupby(healths, lambda health: health.followed_feed.subscription.channel_id):
        channel_lines = [f"<#{channel_id}>"]
        wait_reason = await interaction.client.store.dispatches.get_wait_reason(channel_id)
        if wait_reason is not None:
            channel_lines.append(f"-# 🌙 {describe_reason(wait_reason)}")
        if story_limits_text := posting_limits_panels.story_limits_text(
            await interaction.client.store.preferences.get_by_channel(channel_id)
        ):
            channel_lines.append(f"-# ⏳ {story_limits_text}")
        for health in channel_healths:
            feed = health.followed_feed.feed
            time_text = _("no article yet") if health.state is HealthState.HEALTHY else _("not read yet")
            if feed.last_article_at is not None:
                time_text = f"<t:{feed.last_article_at}:R>"
            outlet_emoji = outlet_branding.outlet_emoji(feed.id, feed.outlet or feed_name(feed))
            feed_line = f"{outlet_emoji} {discord_text.escape_markdown(feed_name(feed))} · {time_text}"
            if interaction.client.services.websub_subscriber.is_pushed(feed.id):
                feed_line += " · ⚡ " + _("real time")
            channel_lines.append(feed_line)
        yield "\n".join(channel_lines)


async def _iter_notes(interaction: Interaction, healths: list[SubscriptionHealth]) -> AsyncIterator[str]:
    """Yield notes on feeds, each feed once: on entries left out over its quota, and on request limits of its host."""
    for followed_feed in {health.followed_feed.feed.id: health.followed_feed for health in healths}.values():
        for note in await subscription_health.load_limit_notes(interaction, followed_feed):
            labelled_note = _("{name}: {details}").format(name=bold_feed_name(followed_feed.feed), details=note)
            yield f"-# 🟠 {labelled_note}"
