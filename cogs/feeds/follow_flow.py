"""From an address to a followed feed: choose among a page's feeds, look at what would be posted, confirm."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.core.locale import _, counted
from bot.core.refusals import Refusal
from bot.feeds.discover import Discovery, as_feed
from bot.feeds.pages.link_groups import ListItem
from bot.polling.following.feed_search import NeedsPassword, owner_of
from bot.posting.rendering import messages
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Card, Item, Layout, Row
from bot.posting.wording import declined_reasons
from bot.store import has_key
from bot.text import safe, urls
from cogs.feeds import post_previews
from cogs.feeds.subscription_options import bold
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
        await self._look(interaction, address)

    async def _look(self, interaction: Interaction, address: str) -> None:
        try:
            self._found = await self.client.newsroom.following.look(address, self._place.guild.id)
        except NeedsPassword as refusal:
            await self._ask_for_password(interaction, refusal)
            return
        if self._found.parsed is not None:
            await self._preview(interaction)
        elif self._found.feeds:
            await self._offer(interaction)
        else:
            await self._show_list(interaction)

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
        await self._say(interaction, said, menu=menu)

    async def _say(
        self, interaction: Interaction, said: str, *items: Item, below: Layout = (), menu: Item | None = None
    ) -> None:
        """A step: a sentence, what is `below` it, a menu, and buttons, the last of which ends it all."""
        cancel = Press(self.cancel, label=_("Cancel"))
        await self.display(interaction, (blocks.text(said), *below, Row(menu), Row(*items, cancel)))

    async def _choose(self, interaction: Interaction, values: list[str]) -> None:
        await self._look(interaction, self._found.feeds[int(values[0])].url)

    async def _show_list(self, interaction: Interaction) -> None:
        """The first items of a list of the page, and a menu of its other lists."""
        lists = self._found.page.lists
        options = [
            option(each.items[0].title, number, counted("{count} item", "{count} items", len(each.items)))
            for number, each in enumerate(lists)
            if number != self._list
        ]
        follow = Press(self._follow_list, label=_("Follow this list"), style=discord.ButtonStyle.success)
        others = Choose(self._choose_list, placeholder=_("Other lists…"), options=options)
        said = _("This page has no feed, but I can post what’s new in this list to {channel}:").format(
            channel=self._place.mention
        )
        shown = Card((blocks.text("\n".join(map(_line, lists[self._list].items[:_ITEMS]))),))
        menu = others if len(lists) > 1 else None
        await self._say(interaction, said, follow, below=(shown,), menu=menu)

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
        if known is not None and await store.subscriptions.find(self._place.id, known.id) is not None:
            self.stop()
            raise Refusal(
                _("{feed} is already followed in {channel}.").format(
                    feed=bold(known), channel=self._place.mention
                )
            )
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
