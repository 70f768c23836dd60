"""The /setup command and the button of the welcome message: the first feeds in three clicks."""

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.feeds.discover import DiscoveryResult, list_as_feed
from bot.feeds.parsing.opml import Outline
from bot.polling.following.follow_service import PasswordRequired
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Separator, text
from bot.text import urls
from cogs.feeds import starter_packs
from cogs.feeds.follow_flow import add_site_button, discovery_options
from cogs.shared import channel_options
from cogs.shared.authorization import MANAGER_EXTRAS, guild_context_only, require_manager_command
from cogs.shared.channel_options import ChannelOption, PostableChannel, permission_problems, require_can_post
from cogs.shared.panels import heading_text
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import ActionButton, ChannelMenu, Interaction, OwnedView, StringMenu, menu_option

_COMMAND = "setup"
_MAX_ADDED_SITES = 10
_MAX_FEEDS_NAMED = 4
"""Maximum number of feeds named in the description of a pack."""


@persistent_item(buttons.begin.id_pattern)
async def setup_button(interaction: Interaction, _item: object) -> None:
    """Start the setup, from the welcome message."""
    await start_setup(interaction)


class SetupCog(PersistentItemCog):
    """The /setup command, for users who manage feeds."""

    items = (setup_button,)

    @guild_context_only
    @app_commands.command(
        name=_COMMAND,
        description=locale_str("Follow your first feeds in three clicks"),
        extras=MANAGER_EXTRAS,
    )
    async def setup(self, interaction: Interaction) -> None:
        await start_setup(interaction)


async def start_setup(interaction: Interaction) -> None:
    """Start the setup. Raise `NotAuthorized` unless the user may manage feeds."""
    await require_setup_rights(interaction)
    await SetupFlow(interaction).start(interaction)


async def require_setup_rights(interaction: Interaction) -> None:
    """Raise `NotAuthorized` unless the user may use /setup."""
    await require_manager_command(interaction, _COMMAND)


class SetupFlow(OwnedView):
    """A choice of packs, sites and a channel. Nothing is saved before the last button."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._packs: list[str] = []
        self._added_feeds: list[Outline] = []
        self._discovery = DiscoveryResult()
        self._place: PostableChannel | None = None

    async def authorize(self, interaction: Interaction) -> None:
        await require_setup_rights(interaction)

    async def start(self, interaction: Interaction) -> None:
        """Preselect the current channel if Telex can post there, then render."""
        assert interaction.guild is not None
        here = await channel_options.find_postable_channel(interaction.guild, interaction.channel_id or 0)
        if here is not None and not permission_problems(here)[0]:
            self._place = here
        await self.render(interaction)

    async def render(self, interaction: Interaction) -> None:
        refusal, advice = permission_problems(self._place) if self._place is not None else ("", "")
        waits = (
            await channel_options.posting_delay_text(interaction, self._place)
            if self._place is not None
            else ""
        )
        last = _("**3.** Press **{follow}**.")
        if not waits:
            last = _("**3.** Press **{follow}**. Each feed’s latest article appears right away.")
        steps = [
            _("**1.** Choose starter packs, or add a site."),
            *(f"　• {starter_packs.bold(outline)}" for outline in self._added_feeds),
            _("**2.** Choose a channel for the articles."),
            f"　⚠️ {refusal}" if refusal else "",
            f"　{advice}" if advice else "",
            last.format(follow=_("Follow")),
            waits,
        ]
        options = [
            menu_option(
                _(title.message),
                name,
                _feed_names(starter_packs.outlines(name)),
                is_default=name in self._packs,
            )
            for name, title in starter_packs.PACKS.items()
        ]
        packs = StringMenu(
            self._choose_packs,
            placeholder=_("Starter packs…"),
            options=options,
            min_values=0,
            max_values=len(options),
        )
        feeds = None
        if self._discovery.feeds:
            feeds = StringMenu(
                self._choose_feed, placeholder=_("Choose a feed…"), options=discovery_options(self._discovery)
            )
        channel = ChannelMenu(
            self._choose_place,
            placeholder=_("Channel…"),
            channel_types=ChannelOption().channel_types,
            default_values=[self._place] if self._place is not None else [],
        )
        ready = bool(self._packs or self._added_feeds) and self._place is not None and not refusal
        full = len(self._added_feeds) >= _MAX_ADDED_SITES
        green = discord.ButtonStyle.success
        blocks = (
            heading_text(_("Your first feeds"), *steps),
            ActionRow(packs),
            ActionRow(feeds),
            ActionRow(channel),
            ActionRow(
                ActionButton(self._follow, label=_("Follow"), style=green, disabled=not ready),
                add_site_button(self, self._discover, _("Add a site…"), disabled=full),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
        )
        await self.display_card(interaction, *blocks)

    async def _choose_packs(self, _interaction: Interaction, values: list[str]) -> None:
        self._packs = values

    async def _choose_place(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self._place = None
        self._place = await channel_options.require_existing_channel(interaction, channel_ids[0])

    async def _discover(self, interaction: Interaction, address: str) -> None:
        assert interaction.guild is not None
        try:
            self._discovery = await self.client.newsroom.follow_service.resolve(address, interaction.guild.id)
        except PasswordRequired as error:
            raise UserFacingError(
                linkify_commands(_("This feed needs a username and password. Add it with /feed add."))
            ) from error
        if self._discovery.page.lists:
            self._discovery = list_as_feed(self._discovery, self._discovery.page.lists[0])
        if self._discovery.parsed is not None:
            self._add(0)

    async def _choose_feed(self, _interaction: Interaction, values: list[str]) -> None:
        self._add(int(values[0]))

    def _add(self, number: int) -> None:
        feed = self._discovery.feeds[number]
        self._discovery = DiscoveryResult()
        if feed.url not in {outline.url for outline in self._added_feeds}:
            self._added_feeds.append(Outline(feed.title or urls.redact(feed.url), feed.url, None, None))

    async def _follow(self, interaction: Interaction) -> None:
        client = self.client
        target = await channel_options.require_existing_channel(
            interaction, 0 if self._place is None else self._place.id
        )
        require_can_post(target)
        chosen = [outline for name in self._packs for outline in starter_packs.outlines(name)]
        feeds = list({outline.url: outline for outline in (*self._added_feeds, *chosen)}.values())

        async def tell(done: int) -> None:
            said = _("{done} of {total} feeds done…").format(
                done=format_number(done), total=format_number(len(feeds))
            )
            await self.display(interaction, (text(f"⏳ {said}"),))
            client.courier.wake()  # Post the articles found so far.

        await tell(0)
        await client.courier.recheck_channel(target.id)
        lines = await starter_packs.follow_all(
            client,
            feeds,
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=self.person_id,
            on_progress=tell,
        )
        client.courier.wake()
        waits = await channel_options.posting_delay_text(interaction, target)
        said = _("All set! The first articles are arriving in {channel}.")
        if not any(line.startswith(starter_packs.ADDED_MARK) for line in lines):
            said, waits = _("Nothing new to follow in {channel}."), ""
        elif waits:
            said = _("Now following in {channel}.")
        said = said.format(channel=target.mention)
        title = _("What’s next")
        advice = text("\n".join((f"**{title}**", *(f"• {line}" for line in _next_steps()))))
        card = Card((heading_text(said, waits, *lines), Separator(), advice), outlet_branding.DEFAULT_COLOUR)
        await self.finish(interaction, (card,))


def _feed_names(outlines: tuple[Outline, ...]) -> str:
    """Return the names of the first feeds of a pack, and the number of the others."""
    names = ", ".join(outline.title for outline in outlines[:_MAX_FEEDS_NAMED])
    more = len(outlines) - _MAX_FEEDS_NAMED
    if more <= 0:
        return names
    return format_count("{names} and {count} other", "{names} and {count} others", more, names=names)


def _next_steps() -> tuple[str, ...]:
    return (
        linkify_commands(_("React with 🔖 to save a post. /bookmarks lists what you saved.")),
        linkify_commands(_("/search finds any article, and /ask answers your questions.")),
        linkify_commands(_("/feed add follows more feeds. /feed list shows their status.")),
        linkify_commands(_("/settings server sets the language, the time zone and who manages feeds.")),
    )
