"""From an address to a followed feed: choose among a page's feeds, look at what would be posted, confirm."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import discord

from bot.core.locale import _, counted
from bot.core.models import Feed
from bot.core.refusals import Declined, Refusal
from bot.feeds.discover import Discovery, as_feed
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.link_groups import ListItem
from bot.polling.following.feed_search import NeedsPassword, meant, owner_of
from bot.posting.rendering import messages
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Card, Item, Layout, Row
from bot.posting.wording import declined_reasons
from bot.store import has_key
from bot.text import safe, urls
from bot.text.words import fold
from cogs.feeds import post_previews
from cogs.feeds.subscription_options import bold, name, visible
from cogs.shared import place_options
from cogs.shared.place_options import Place, lacking, require_posting
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import AskerLayout, Choose, Interaction, Press, Reply, option
from cogs.shared.windows import Line, Window, asking

_ITEMS = 5
_TITLE = 120


class AddFlow(ManagersLayout):
    """The way to one new subscription. Nothing changes before the last button."""

    def __init__(self, interaction: Interaction, place: Place) -> None:
        super().__init__(interaction)
        self._place = place
        self._found = Discovery()
        self._list = 0

    async def start(self, interaction: Interaction, address: str) -> None:
        """Look at the address. Raises `Refusal` where the channel or the address does not allow it."""
        require_posting(self._place)
        await self._look(interaction, await self._followed(interaction, address))

    async def _followed(self, interaction: Interaction, address: str) -> str:
        """Return the address of a feed that is followed elsewhere under a name, any other as it was typed.

        Raises `Refusal` where the channel follows it, without asking its site.
        """
        typed, feeds = fold(address.strip()), set[str]()
        with contextlib.suppress(Declined, FeedError):  # of which `look` tells
            feeds = {feed.url for feed in meant(address)}
        pairs = [
            (subscription, feed)
            for subscription, feed in await visible(interaction)
            if feeds == {feed.url} or (not feeds and typed in {fold(name(feed)), fold(feed.outlet)})
        ]
        for subscription, feed in pairs:
            if subscription.channel_id == self._place.id:
                self._refuse(feed)
        return pairs[0][1].url if pairs else address

    def _refuse(self, feed: Feed) -> NoReturn:
        self.stop()
        raise Refusal(
            _("Already followed in {channel} as {feed}.").format(feed=bold(feed), channel=self._place.mention)
        )

    async def _look(self, interaction: Interaction, address: str) -> None:
        try:
            self._found = await self.client.newsroom.following.look(
                address, self._place.guild.id, with_lists=True
            )
        except NeedsPassword as refusal:
            await self._ask_for_password(interaction, refusal)
            return
        if self._found.parsed is not None:
            await self._preview(interaction)
        elif self._found.page.lists:
            await self._show_list(interaction)
        else:
            await self._offer(interaction)

    async def _ask_for_password(self, interaction: Interaction, refusal: NeedsPassword) -> None:
        """They stand in no command that somebody may see."""

        async def filled(click: Interaction, user: str, password: str) -> None:
            await self._look(click, urls.with_credentials(refusal.url, user, password))

        async def ask(click: Interaction) -> None:
            lines = (
                Line("user", _("Username"), max_length=100),
                Line("password", _("Password"), max_length=200),
            )
            await click.response.send_modal(Window(_("Username and password"), filled, *lines, view=self))

        give = Press(
            ask, Reply.OWN, label=_("Enter username and password"), style=discord.ButtonStyle.primary
        )
        await self._say(interaction, declined_reasons.declined(refusal), give)

    async def _offer(self, interaction: Interaction) -> None:
        options = offered(self._found)
        said = _("Which feed do you want in {channel}?").format(channel=self._place.mention)
        menu = Choose(self._choose, placeholder=_("Choose a feed…"), options=options)
        await self._say(interaction, said, menus=(menu,))

    async def _say(
        self,
        interaction: Interaction,
        said: str,
        *items: Item | None,
        below: Layout = (),
        menus: Sequence[Item | None] = (),
    ) -> None:
        """Show a step: a sentence, what is `below` it, menus, and buttons, the last of which ends it all."""
        cancel = Press(self.cancel, label=_("Cancel"))
        rows = (*map(Row, menus), Row(*items, cancel))
        await self.display(interaction, (blocks.text(said), *below, *rows))

    async def _choose(self, interaction: Interaction, values: list[str]) -> None:
        await self._look(interaction, self._found.feeds[int(values[0])].url)

    async def _show_list(self, interaction: Interaction) -> None:
        """Show the first items of a list of the page, its other lists, and the feeds of its site."""
        lists = self._found.page.lists
        options = [
            option(each.items[0].title, number, counted("{count} item", "{count} items", len(each.items)))
            for number, each in enumerate(lists)
            if number != self._list
        ]
        follow = Press(self._follow_list, label=_("Follow this list"), style=discord.ButtonStyle.success)
        others = Choose(self._choose_list, placeholder=_("Other lists…"), options=options)
        feeds, of_site, site_feeds = self._found.feeds, None, None
        said = _("This page has no feed, but I can post what’s new in this list to {channel}:")
        if feeds:
            said = _(
                "This page has no feed, but its site does. I can post what’s new in this list to {channel}, "
                "or everything in the site’s feed:"
            )
        if len(feeds) == 1:
            of_site = Press(self._follow_site, label=_("Follow the site’s feed"))
        elif feeds:
            site_feeds = Choose(
                self._choose, placeholder=_("Feeds of the site…"), options=offered(self._found)
            )
        shown = Card((blocks.text("\n".join(map(_line, lists[self._list].items[:_ITEMS]))),))
        menus = (others if len(lists) > 1 else None, site_feeds)
        said = said.format(channel=self._place.mention)
        await self._say(interaction, said, follow, of_site, below=(shown,), menus=menus)

    async def _follow_site(self, interaction: Interaction) -> None:
        await self._look(interaction, self._found.feeds[0].url)

    async def _choose_list(self, interaction: Interaction, values: list[str]) -> None:
        self._list = int(values[0])
        await self._show_list(interaction)

    async def _follow_list(self, interaction: Interaction) -> None:
        self._found = as_feed(self._found, self._found.page.lists[self._list])
        await self._confirm(interaction)

    async def _preview(self, interaction: Interaction) -> None:
        url = self._found.feeds[0].url
        server_id = self._place.guild.id
        store = self.store
        known = await store.feeds.find(url, owner_of(url, server_id))
        elsewhere: list[str] = []
        if known is not None:
            if await store.subscriptions.find(self._place.id, known.id) is not None:
                self._refuse(known)
            pairs = await visible(interaction)
            elsewhere = [f"<#{one.channel_id}>" for one, feed in pairs if feed.id == known.id]
        sample = await self.client.newsroom.following.preview(self._found)
        title = self._found.feeds[0].title
        name = bold(sample[0]) if sample else f"**{safe.line(title, 80)}**"
        shown = (
            _("Follow {feed} in {channel}? Posts will look like this:")
            if sample
            else _("Follow {feed} in {channel}? It has no articles yet.")
        )
        _refusal, advice = lacking(self._place)
        lines = [advice]
        if elsewhere:
            lines.append(_("Already followed in {channels}.").format(channels=", ".join(elsewhere)))
        if urls.has_credentials(url):
            lines.append(
                _(
                    "This address contains a password or key. I keep it for this server only and never "
                    "show it, but everyone who can see {channel} can read the articles."
                ).format(channel=self._place.mention)
            )
            lines.append(
                _("-# It’s stored encrypted.")
                if has_key()
                else _("-# It’s stored unencrypted. Whoever runs Telex can change that (TELEX_SECRET_KEY).")
            )
        lines.append(shown.format(feed=name, channel=self._place.mention))
        below: Layout = ()
        if sample:
            look = await store.preferences.look(server_id)
            shown_as = await post_previews.as_posted(interaction, sample[1], sample[0], self._place.id, look)
            below = blocks.without_items(shown_as.layout)
            if not below:  # a classic post cannot stand within another message
                await post_previews.follow_up(interaction, shown_as)
        follow = Press(self._confirm, label=_("Follow"), style=discord.ButtonStyle.success)
        await self._say(interaction, "\n".join(filter(None, lines)), follow, below=below)

    async def _confirm(self, interaction: Interaction) -> None:
        client = self.client
        place = await place_options.current(interaction, self._place.id)
        require_posting(place)
        followed = await client.newsroom.following.follow(
            self._found, server_id=place.guild.id, channel_id=place.id, person_id=self.person_id
        )
        if not followed.created:
            self._refuse(followed.feed)
        await client.courier.look_again(place.id)
        client.courier.wake()
        waits = await place_options.posting_delay(interaction, place)
        if waits:
            said = _("Now following {feed} in {channel}.")
        elif followed.first:
            said = _("Now following {feed} in {channel}. Its latest article is on its way.")
        else:
            said = _("Now following {feed} in {channel}. New articles will appear there.")
        said = said.format(feed=bold(followed.feed), channel=place.mention)
        await self.end(interaction, "\n".join(filter(None, (said, waits))))


def _line(item: ListItem) -> str:
    """An item of a list: its title, which leads to it, and its date."""
    title = messages.linked(safe.line(item.title, _TITLE), item.url)
    when = f" · <t:{item.published}:D>" if item.published is not None else ""
    return f"• {title}{when}"


def site_button(
    view: AskerLayout,
    look: Callable[[Interaction, str], Awaitable[None]],
    label: str,
    **how: Any,  # noqa: ANN401  # it looks, and is answered
) -> Press:
    """A button that asks for a site, and gives what was typed to `look`."""
    line = Line("line", _("Address or name of an outlet"), placeholder="theverge.com", max_length=2000)
    return asking(view, look, label, line, title=_("Add a site"), **how)


def offered(found: Discovery) -> list[discord.SelectOption]:
    """The feeds of a page as options of a menu; the values are their places."""
    return [
        option(safe.plain(feed.title) or urls.masked(feed.url), number, urls.masked(feed.url))
        for number, feed in enumerate(found.feeds)
    ]
