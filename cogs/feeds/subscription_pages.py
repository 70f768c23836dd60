"""The pages of /feed list: problems with a button that fixes them, then a line for each other feed."""

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
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.wording.problem_sentences import describe_problem
from bot.text import discord_text, urls
from cogs.feeds import opml_transfer, subscription_card, subscription_health
from cogs.feeds.follow_flow import FollowFlow, add_site_button
from cogs.feeds.subscription_health import ACTION_REQUIRED_STATES, HealthState, SubscriptionHealth
from cogs.feeds.subscription_options import FollowedFeed, bold_feed_name, feed_name, require_current
from cogs.settings import posting_limits_panels
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.paging import Paginated
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

CheckFeed = Callable[[Feed], Awaitable[str]]
"""Poll a feed now and return the result as a sentence. Raises `UserFacingError` if it was just polled."""

_WARNING_COLOUR = 0xF0B132
_PAGE_LINES = 24
_LINES_PER_BUTTON_ENTRY = 3
"""Lines of a page that an entry with a button counts as: a message has at most 40 components."""
_MOVED_ERRORS = {
    fetch_errors.NOT_A_FEED,
    fetch_errors.LIST_NOT_FOUND,
    fetch_errors.GONE,
    "http-404",
    "http-410",
}
"""Errors after which the site may have the feed at another address."""


class SubscriptionPages(ManagersPanel, Paginated):
    """The server's subscriptions that the user can see, in pages."""

    def __init__(self, interaction: Interaction, check: CheckFeed) -> None:
        super().__init__(interaction)
        self._poll = check
        self._shown: list[SubscriptionHealth] = []

    async def render(self, interaction: Interaction, status_line: str = "") -> None:
        """Show the current page; `status_line` reports the last action."""
        healths = await subscription_health.server_health(interaction)
        pages = list(_pages(healths))
        self.page_index = min(self.page_index, max(0, len(pages) - 1))
        self._shown = pages[self.page_index] if pages else []
        needing = sum(one.state in ACTION_REQUIRED_STATES for one in healths)
        blocks: list[Block] = [text(_heading(healths, needing))]
        if status_line:
            blocks.append(text(status_line))
        troubled = [
            one
            for one in self._shown
            if one.state in ACTION_REQUIRED_STATES or one.state is HealthState.PAUSED
        ]
        if troubled:
            blocks += [Separator(), *(self._problem_section(one) for one in troubled)]
        well = [one for one in self._shown if one not in troubled]
        if well:
            blocks += [Separator(), *[text(lines) async for lines in _channel_texts(interaction, well)]]
        if notes := [note async for note in _notes(interaction, self._shown)]:
            blocks.append(text("\n".join(notes)))
        blocks += self._controls(len(pages), all_paused=_all_paused(healths))
        colour = _WARNING_COLOUR if needing else outlet_branding.DEFAULT_COLOUR
        await self.display_card(interaction, *blocks, colour=colour)

    def _controls(self, pages: int, *, all_paused: bool) -> Iterator[Block]:
        async def follow(click: Interaction, address: str) -> None:
            await _follow(click, address, click.channel_id)

        add = add_site_button(self, follow, _("Add"), reply=AckMode.EPHEMERAL_MESSAGE, emoji=emoji(Icon.ADD))
        if not pages:
            yield ActionRow(buttons.begin(), add)
            return
        options = [menu_option(feed_name(one.pair[1]), one.pair[0].id) for one in self._shown]
        yield ActionRow(StringMenu(self._open, placeholder=_("Change a feed…"), options=options))
        if pages > 1:
            yield ActionRow(*self.page_buttons(more=self.page_index < pages - 1, pages=pages))
        turn_all = ActionButton(
            self._toggle_pause_all, label=_("Resume all") if all_paused else _("Pause all")
        )
        yield ActionRow(
            add,
            ActionButton(opml_transfer.export_opml, AckMode.EPHEMERAL_MESSAGE, label=_("Export OPML")),
            turn_all,
        )

    def _problem_section(self, health: SubscriptionHealth) -> Section:
        subscription, feed = health.pair
        small = [f"<#{subscription.channel_id}>"]
        if health.state is HealthState.PAUSED:
            small.append(_("paused {when}").format(when=f"<t:{subscription.paused_at}:R>"))
            remedy = ActionButton(partial(subscription_card.resume, pair=health.pair), label=_("Resume"))
        elif health.state is HealthState.BLOCKED:
            remedy = ActionButton(partial(self._retry, health.pair), label=_("Try again"))
        elif health.state is HealthState.GONE or feed.error in _MOVED_ERRORS:
            remedy = ActionButton(
                partial(self._find_new_address, health.pair),
                AckMode.EPHEMERAL_MESSAGE,
                label=_("Find new address"),
            )
        else:
            remedy = ActionButton(partial(self._check, health.pair), label=_("Check now"))
        if health.state is not HealthState.PAUSED:
            remedy.style = discord.ButtonStyle.primary
        if health.state is HealthState.FAILING:
            small.append(_("first failed {when}").format(when=f"<t:{feed.failing_since}:R>"))
        if health.state is not HealthState.PAUSED and feed.last_article is not None:
            small.append(_("last article {when}").format(when=f"<t:{feed.last_article}:R>"))
        lines = (f"{health.state} {bold_feed_name(feed)}", health.reason, f"-# {' · '.join(small)}")
        return Section((text("\n".join(filter(None, lines))),), remedy)

    async def _check(self, pair: FollowedFeed, interaction: Interaction) -> None:
        _subscription, feed = await require_current(interaction, pair)
        await self.render(interaction, await self._poll(feed))

    async def _toggle_pause_all(self, interaction: Interaction) -> None:
        """Pause all visible feeds, or resume them if all are paused."""
        healths, store = await subscription_health.server_health(interaction), self.store.subscriptions
        change = store.resume if _all_paused(healths) else store.pause
        for one in healths:
            await change(one.pair[0].id, person_id=self.person_id)
        self.client.newsroom.poller.wake()

    async def _retry(self, pair: FollowedFeed, _interaction: Interaction) -> None:
        await self.client.courier.recheck_channel(pair[0].channel_id)
        self.client.courier.wake()

    async def _find_new_address(self, pair: FollowedFeed, interaction: Interaction) -> None:
        """Search the site for a replacement of a feed that is gone."""
        subscription, feed = await require_current(interaction, pair)
        page = list_feeds.page_url(feed.url) if list_feeds.is_list_url(feed.url) else feed.site_url
        await _follow(interaction, page or urls.host(feed.url), subscription.channel_id)

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        health = next(one for one in self._shown if str(one.pair[0].id) == values[0])
        self.stop()
        await subscription_card.SubscriptionCard(interaction, health.pair, self._poll).render(interaction)


async def _follow(interaction: Interaction, address: str, channel_id: int | None) -> None:
    place = await channel_options.resolve_channel_id(interaction, channel_id)
    await FollowFlow(interaction, place).start(interaction, address)


def _all_paused(healths: Sequence[SubscriptionHealth]) -> bool:
    return all(one.pair[0].paused_at is not None for one in healths)


def _heading(healths: list[SubscriptionHealth], needing: int) -> str:
    if not healths:
        return linkify_commands(
            _("No feeds yet. Start with a starter pack (/feed packs) or any site (/feed add).")
        )
    number = len(healths)
    if all(health.state is HealthState.HEALTHY for health in healths):
        return "### " + format_count("{count} feed, healthy", "{count} feeds, all healthy", number)
    title = format_count("{count} feed", "{count} feeds", number)
    if needing:
        need = format_count("{count} needs attention", "{count} need attention", needing)
        title = f"{title} · {need}"
    return f"### {title}\n-# {subscription_health.state_counts_text(healths)}"


def _pages(healths: list[SubscriptionHealth]) -> Iterator[list[SubscriptionHealth]]:
    page: list[SubscriptionHealth] = []
    room = _PAGE_LINES
    for one in healths:
        takes = (
            _LINES_PER_BUTTON_ENTRY
            if one.state in ACTION_REQUIRED_STATES or one.state is HealthState.PAUSED
            else 1
        )
        if takes > room:
            yield page
            page, room = [], _PAGE_LINES
        page.append(one)
        room -= takes
    if page:
        yield page


async def _channel_texts(interaction: Interaction, healths: list[SubscriptionHealth]) -> AsyncIterator[str]:
    """Yield the text of each channel: its posting limits, then a line for each feed."""
    for channel_id, group in groupby(healths, lambda one: one.pair[0].channel_id):
        lines = [f"<#{channel_id}>"]
        held = await interaction.client.store.dispatches.wait_reason(channel_id)
        if held is not None:
            lines.append(f"-# 🌙 {describe_problem(held)}")
        if rules := posting_limits_panels.story_rules_text(
            await interaction.client.store.preferences.of_channel(channel_id)
        ):
            lines.append(f"-# ⏳ {rules}")
        for one in group:
            feed = one.pair[1]
            when = _("no article yet") if one.state is HealthState.HEALTHY else _("not read yet")
            if feed.last_article is not None:
                when = f"<t:{feed.last_article}:R>"
            tile = outlet_branding.tile(feed.id, feed.outlet or feed_name(feed))
            line = f"{tile} {discord_text.escape_markdown(feed_name(feed))} · {when}"
            if interaction.client.newsroom.websub.is_pushed(feed.id):
                line += " · ⚡ " + _("real time")
            lines.append(line)
        yield "\n".join(lines)


async def _notes(interaction: Interaction, healths: list[SubscriptionHealth]) -> AsyncIterator[str]:
    """Yield notes on skipped entries and host limits, once for each feed."""
    for pair in {one.pair[1].id: one.pair for one in healths}.values():
        for note in await subscription_health.limit_notes(interaction, pair):
            told = _("{name}: {told}").format(name=bold_feed_name(pair[1]), told=note)
            yield f"-# 🟠 {told}"
