"""/setup and the button of the welcome: from nothing to the first post in three clicks."""

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot.core.locale import _, amount, clickable, counted
from bot.core.refusals import Refusal
from bot.feeds.discover import Discovery, as_feed
from bot.feeds.parsing.opml import Outline
from bot.polling.following.feed_search import NeedsPassword
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Card, Row, Rule, text
from bot.text import urls
from cogs.feeds import starter_packs
from cogs.feeds.follow_flow import offered, site_button
from cogs.shared import place_options
from cogs.shared.lasting_items import LastingCog, lasting
from cogs.shared.panels import headed
from cogs.shared.place_options import Place, PlaceOption, lacking, require_posting
from cogs.shared.rights import FOR_MANAGERS, in_servers, require_manage_with
from cogs.shared.views import AskerLayout, Choose, ChooseChannel, Interaction, Press, option

_COMMAND = "setup"
_MOST_ADDRESSES = 10
_NAMED = 4  # feeds of a list that its option names


@lasting(buttons.begin.template)
async def begin_button(interaction: Interaction, _item: object) -> None:
    """The button under a welcome: it begins, for who may."""
    await begin(interaction)


class Setup(LastingCog):
    """The way to the first feed. For those who manage the server's feeds."""

    items = (begin_button,)

    @in_servers
    @app_commands.command(
        name=_COMMAND,
        description=locale_str("Follow your first feeds in three clicks"),
        extras=FOR_MANAGERS,
    )
    async def setup(self, interaction: Interaction) -> None:
        await begin(interaction)


async def begin(interaction: Interaction) -> None:
    """Open the way to a first feed for whoever may manage feeds."""
    await require(interaction)
    await SetupFlow(interaction).start(interaction)


async def require(interaction: Interaction) -> None:
    """Raise `NotForYou` unless the asker may set the server up."""
    await require_manage_with(interaction, _COMMAND)


class SetupFlow(AskerLayout):
    """Lists and addresses, a channel, and a button that follows. Nothing changes before that."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._packs: list[str] = []
        self._added: list[Outline] = []
        self._offered = Discovery()
        self._place: Place | None = None

    async def check(self, interaction: Interaction) -> None:
        await require(interaction)

    async def start(self, interaction: Interaction) -> None:
        """Ask what and where; where they are, if that will do."""
        assert interaction.guild is not None
        here = await place_options.find(interaction.guild, interaction.channel_id or 0)
        if here is not None and not lacking(here)[0]:
            self._place = here
        await self.show(interaction)

    async def show(self, interaction: Interaction) -> None:
        refusal, advice = lacking(self._place) if self._place is not None else ("", "")
        waits = await place_options.posting_delay(interaction, self._place) if self._place is not None else ""
        last = _("**3.** Press **{follow}**.")
        if not waits:
            last = _("**3.** Press **{follow}**. Each feed’s latest article appears right away.")
        steps = [
            _("**1.** Choose starter packs, or add a site."),
            *(f"　• {starter_packs.bold(outline)}" for outline in self._added),
            _("**2.** Choose a channel for the articles."),
            f"　⚠️ {refusal}" if refusal else "",
            f"　{advice}" if advice else "",
            last.format(follow=_("Follow")),
            waits,
        ]
        options = [
            option(_(title.message), name, _few(starter_packs.outlines(name)), chosen=name in self._packs)
            for name, title in starter_packs.PACKS.items()
        ]
        packs = Choose(
            self._choose_packs,
            placeholder=_("Starter packs…"),
            options=options,
            min_values=0,
            max_values=len(options),
        )
        feeds = None
        if self._offered.feeds:
            feeds = Choose(self._choose_feed, placeholder=_("Choose a feed…"), options=offered(self._offered))
        channel = ChooseChannel(
            self._choose_place,
            placeholder=_("Channel…"),
            channel_types=PlaceOption().channel_types,
            default_values=[self._place] if self._place is not None else [],
        )
        ready = bool(self._packs or self._added) and self._place is not None and not refusal
        full = len(self._added) >= _MOST_ADDRESSES
        green = discord.ButtonStyle.success
        blocks = (
            headed(_("Your first feeds"), *steps),
            Row(packs),
            Row(feeds),
            Row(channel),
            Row(
                Press(self._follow, label=_("Follow"), style=green, disabled=not ready),
                site_button(self, self._look, _("Add a site…"), disabled=full),
                Press(self.cancel, label=_("Cancel")),
            ),
        )
        await self.display_card(interaction, *blocks)

    async def _choose_packs(self, _interaction: Interaction, values: list[str]) -> None:
        self._packs = values

    async def _choose_place(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self._place = None
        self._place = await place_options.current(interaction, channel_ids[0])

    async def _look(self, interaction: Interaction, address: str) -> None:
        assert interaction.guild is not None
        try:
            self._offered = await self.client.newsroom.following.look(address, interaction.guild.id)
        except NeedsPassword as error:
            raise Refusal(
                clickable(_("This feed needs a username and password. Add it with /feed add."))
            ) from error
        if self._offered.page.lists:
            self._offered = as_feed(self._offered, self._offered.page.lists[0])
        if self._offered.parsed is not None:
            self._add(0)

    async def _choose_feed(self, _interaction: Interaction, values: list[str]) -> None:
        self._add(int(values[0]))

    def _add(self, number: int) -> None:
        feed = self._offered.feeds[number]
        self._offered = Discovery()
        if feed.url not in {outline.url for outline in self._added}:
            self._added.append(Outline(feed.title or urls.masked(feed.url), feed.url, None, None))

    async def _follow(self, interaction: Interaction) -> None:
        client = self.client
        target = await place_options.current(interaction, 0 if self._place is None else self._place.id)
        require_posting(target)
        chosen = [outline for name in self._packs for outline in starter_packs.outlines(name)]
        feeds = list({outline.url: outline for outline in (*self._added, *chosen)}.values())

        async def tell(done: int) -> None:
            said = _("{done} of {total} feeds done…").format(done=amount(done), total=amount(len(feeds)))
            await self.display(interaction, (text(f"⏳ {said}"),))
            client.courier.wake()  # what was found so far need not wait for the rest

        await tell(0)
        await client.courier.look_again(target.id)
        lines = await starter_packs.follow(
            client,
            feeds,
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=self.person_id,
            tell=tell,
        )
        client.courier.wake()
        waits = await place_options.posting_delay(interaction, target)
        said = _("All set! The first articles are arriving in {channel}.")
        if not any(line.startswith(starter_packs.ADDED) for line in lines):
            said, waits = _("Nothing new to follow in {channel}."), ""
        elif waits:
            said = _("Now following in {channel}.")
        said = said.format(channel=target.mention)
        title = _("What’s next")
        advice = text("\n".join((f"**{title}**", *(f"• {line}" for line in _next()))))
        card = Card((headed(said, waits, *lines), Rule(), advice), outlets.COLOUR)
        await self.end(interaction, (card,))


def _few(outlines: tuple[Outline, ...]) -> str:
    """The first names of a list, and how many more there are."""
    names = ", ".join(outline.title for outline in outlines[:_NAMED])
    more = len(outlines) - _NAMED
    if more <= 0:
        return names
    return counted("{names} and {count} other", "{names} and {count} others", more, names=names)


def _next() -> tuple[str, ...]:
    return (
        clickable(_("React with 🔖 to save a post. /bookmarks lists what you saved.")),
        clickable(_("/search finds any article, and /ask answers your questions.")),
        clickable(_("/feed add follows more feeds. /feed list shows their status.")),
        clickable(_("/settings server sets the language, the time zone and who manages feeds.")),
    )
