"""/feed list: what needs somebody with a button that mends it, the rest in a line each, by channel."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import discord

from bot.core.locale import _, clickable, counted
from bot.core.models import Feed
from bot.feeds import fetch_errors
from bot.feeds.pages import list_feeds
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Row, Rule, Section, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.wording.problem_sentences import describe
from bot.text import safe, urls
from cogs.feeds import feed_card, feed_health, feed_lists
from cogs.feeds.feed_health import NEEDS_YOU, Health, State
from cogs.feeds.follow_flow import AddFlow, site_button
from cogs.feeds.subscription_options import Pair, bold, name, require_still
from cogs.settings import schedule_panel
from cogs.shared import place_options
from cogs.shared.paging import Turned
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Choose, Interaction, Press, Reply, option

Check = Callable[[Feed], Awaitable[str]]
"""Polls a feed now and says what came of it. Raises `Refusal`."""

_AMBER = 0xF0B132
_PAGE = 24
_WITH_BUTTON = 3  # lines' worth of the page: Discord takes 40 components
_MOVED = {fetch_errors.NOT_A_FEED, fetch_errors.LIST_LOST, fetch_errors.GONE, "http-404", "http-410"}
"""Causes for which the site may have a feed elsewhere."""


class FeedPages(ManagersLayout, Turned):
    """The server's subscriptions that the asker sees."""

    def __init__(self, interaction: Interaction, check: Check) -> None:
        super().__init__(interaction)
        self._poll = check
        self._shown: list[Health] = []

    async def show(self, interaction: Interaction, said: str = "") -> None:
        """Show the current page as it is now, with a sentence on what was done."""
        healths = await feed_health.of_server(interaction)
        pages = list(_pages(healths))
        self.number = min(self.number, max(0, len(pages) - 1))
        self._shown = pages[self.number] if pages else []
        needing = sum(one.state in NEEDS_YOU for one in healths)
        blocks: list[Block] = [text(_head(healths, needing))]
        if said:
            blocks.append(text(said))
        troubled = [one for one in self._shown if one.state in NEEDS_YOU or one.state is State.PAUSED]
        if troubled:
            blocks += [Rule(), *(self._troubled(one) for one in troubled)]
        well = [one for one in self._shown if one not in troubled]
        if well:
            blocks += [Rule(), *[text(lines) async for lines in _channels(interaction, well)]]
        if notes := [note async for note in _notes(interaction, self._shown)]:
            blocks.append(text("\n".join(notes)))
        blocks += self._controls(len(pages), all_paused=_all_paused(healths))
        colour = _AMBER if needing else outlets.COLOUR
        await self.display_card(interaction, *blocks, colour=colour)

    def _controls(self, pages: int, *, all_paused: bool) -> Iterator[Block]:
        async def follow(click: Interaction, address: str) -> None:
            await _follow(click, address, click.channel_id)

        add = site_button(self, follow, _("Add"), reply=Reply.NEW, emoji=emoji(Icon.ADD))
        if not pages:
            yield Row(buttons.begin(), add)
            return
        options = [option(name(one.pair[1]), one.pair[0].id) for one in self._shown]
        yield Row(Choose(self._open, placeholder=_("Change a feed…"), options=options))
        if pages > 1:
            yield Row(*self.turns(more=self.number < pages - 1, pages=pages))
        turn_all = Press(self._turn_all, label=_("Resume all") if all_paused else _("Pause all"))
        yield Row(add, Press(feed_lists.send, Reply.NEW, label=_("Export OPML")), turn_all)

    def _troubled(self, health: Health) -> Section:
        subscription, feed = health.pair
        small = [f"<#{subscription.channel_id}>"]
        if health.state is State.PAUSED:
            small.append(_("paused {when}").format(when=f"<t:{subscription.paused}:R>"))
            remedy = Press(partial(feed_card.resume, pair=health.pair), label=_("Resume"))
        elif health.state is State.BLOCKED:
            remedy = Press(partial(self._retry, health.pair), label=_("Try again"))
        elif health.state is State.GONE or feed.error in _MOVED:
            remedy = Press(partial(self._look, health.pair), Reply.NEW, label=_("Find new address"))
        else:
            remedy = Press(partial(self._check, health.pair), label=_("Check now"))
        if health.state is not State.PAUSED:
            remedy.style = discord.ButtonStyle.primary
        if health.state is State.FAILING:
            small.append(_("first failed {when}").format(when=f"<t:{feed.failing_since}:R>"))
        if health.state is not State.PAUSED and feed.last_article is not None:
            small.append(_("last article {when}").format(when=f"<t:{feed.last_article}:R>"))
        lines = (f"{health.state} {bold(feed)}", health.reason, f"-# {' · '.join(small)}")
        return Section((text("\n".join(filter(None, lines))),), remedy)

    async def _check(self, pair: Pair, interaction: Interaction) -> None:
        _subscription, feed = await require_still(interaction, pair)
        await self.show(interaction, await self._poll(feed))

    async def _turn_all(self, interaction: Interaction) -> None:
        """Pause every feed that the asker sees; where all are paused, resume them."""
        healths, store = await feed_health.of_server(interaction), self.store.subscriptions
        change = store.resume if _all_paused(healths) else store.pause
        for one in healths:
            await change(one.pair[0].id, person_id=self.person_id)
        self.client.newsroom.poller.wake()

    async def _retry(self, pair: Pair, _interaction: Interaction) -> None:
        await self.client.courier.look_again(pair[0].channel_id)
        self.client.courier.wake()

    async def _look(self, pair: Pair, interaction: Interaction) -> None:
        """Look on the site for a feed in place of one that is not there any more."""
        subscription, feed = await require_still(interaction, pair)
        page = list_feeds.page_of(feed.url) if list_feeds.is_list(feed.url) else feed.site_url
        await _follow(interaction, page or urls.host(feed.url), subscription.channel_id)

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        health = next(one for one in self._shown if str(one.pair[0].id) == values[0])
        self.stop()
        await feed_card.FeedCard(interaction, health.pair, self._poll).show(interaction)


async def _follow(interaction: Interaction, address: str, channel_id: int | None) -> None:
    place = await place_options.place_of(interaction, channel_id)
    await AddFlow(interaction, place).start(interaction, address)


def _all_paused(healths: Sequence[Health]) -> bool:
    return all(one.pair[0].paused is not None for one in healths)


def _head(healths: list[Health], needing: int) -> str:
    if not healths:
        return clickable(_("No feeds yet. Start with a starter pack (/feed packs) or any site (/feed add)."))
    number = len(healths)
    if all(health.state is State.HEALTHY for health in healths):
        return "### " + counted("{count} feed, healthy", "{count} feeds, all healthy", number)
    title = counted("{count} feed", "{count} feeds", number)
    if needing:
        need = counted("{count} needs attention", "{count} need attention", needing)
        title = f"{title} · {need}"
    return f"### {title}\n-# {feed_health.by_state(healths)}"


def _pages(healths: list[Health]) -> Iterator[list[Health]]:
    page: list[Health] = []
    room = _PAGE
    for one in healths:
        takes = _WITH_BUTTON if one.state in NEEDS_YOU or one.state is State.PAUSED else 1
        if takes > room:
            yield page
            page, room = [], _PAGE
        page.append(one)
        room -= takes
    if page:
        yield page


async def _channels(interaction: Interaction, healths: list[Health]) -> AsyncIterator[str]:
    """The feeds of each channel, a line each, what posts there wait for, and which stories it takes."""
    for channel_id, group in groupby(healths, lambda one: one.pair[0].channel_id):
        lines = [f"<#{channel_id}>"]
        held = await interaction.client.store.dispatches.held(channel_id)
        if held is not None:
            lines.append(f"-# 🌙 {describe(held)}")
        if rules := schedule_panel.rules(await interaction.client.store.preferences.of_channel(channel_id)):
            lines.append(f"-# ⏳ {rules}")
        for one in group:
            feed = one.pair[1]
            when = _("no article yet") if one.state is State.HEALTHY else _("not read yet")
            if feed.last_article is not None:
                when = f"<t:{feed.last_article}:R>"
            tile = outlets.tile(feed.id, feed.outlet or name(feed))
            line = f"{tile} {safe.markdown(name(feed))} · {when}"
            if interaction.client.newsroom.pushes.is_pushed(feed.id):
                line += " · ⚡ " + _("real time")
            lines.append(line)
        yield "\n".join(lines)


async def _notes(interaction: Interaction, healths: list[Health]) -> AsyncIterator[str]:
    """What of these feeds is counted and not kept, and whose site has too many, once a feed."""
    for pair in {one.pair[1].id: one.pair for one in healths}.values():
        for note in await feed_health.bounds(interaction, pair):
            told = _("{name}: {told}").format(name=bold(pair[1]), told=note)
            yield f"-# 🟠 {told}"
