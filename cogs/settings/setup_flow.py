"""Command /setup and the button of the welcome message: the first feeds in three clicks."""

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.feeds.discover import DiscoveryResult, convert_list_to_feed
from bot.feeds.parsing.opml import Outline
from bot.polling.following.follow_service import PasswordRequired
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Separator, text_block
from bot.text import urls
from cogs.feeds import starter_packs
from cogs.feeds.follow_flow import add_site_button, discovery_options
from cogs.shared import channel_options
from cogs.shared.authorization import MANAGER_EXTRAS, guild_context_only, require_manager_command
from cogs.shared.channel_options import ChannelOption, PostableChannel, permission_problems, require_can_post
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import ActionButton, ChannelMenu, Interaction, OwnedView, StringMenu, menu_option

_COMMAND_NAME = "setup"
_MAX_ADDED_SITES = 10
"""Maximum number of sites that the user can add by address during the setup."""
_MAX_NAMED_FEEDS = 4
"""Maximum number of feeds that the description of a starter pack names."""


@persistent_item(buttons.BEGIN_BUTTON.id_pattern)
async def setup_button(interaction: Interaction, _item: object) -> None:
    """Start the setup, from the button of the welcome message."""
    await start_setup(interaction)


class SetupCog(PersistentItemCog):
    """Cog of the /setup command and of the welcome message's button, for users who manage feeds."""

    persistent_items = (setup_button,)

    @guild_context_only
    @app_commands.command(
        name=_COMMAND_NAME,
        description=locale_str("Follow your first feeds in three clicks"),
        extras=MANAGER_EXTRAS,
    )
    async def setup(self, interaction: Interaction) -> None:
        await start_setup(interaction)


async def start_setup(interaction: Interaction) -> None:
    """Start the setup. Raises `NotAuthorized` unless the user may manage feeds."""
    await require_setup_rights(interaction)
    await SetupFlow(interaction).start(interaction)


async def require_setup_rights(interaction: Interaction) -> None:
    """Raise `NotAuthorized` unless the user may use /setup."""
    await require_manager_command(interaction, _COMMAND_NAME)


class SetupFlow(OwnedView):
    """Choice of starter packs, sites and a channel. Nothing is saved before “Follow” is pressed.

    An outline is the title and the URL of a feed: of an added site, or of a starter pack.
    """

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._selected_pack_names: list[str] = []
        self._added_site_outlines: list[Outline] = []
        self._discovery = DiscoveryResult()
        self._target_channel: PostableChannel | None = None

    async def authorize(self, interaction: Interaction) -> None:
        await require_setup_rights(interaction)

    async def start(self, interaction: Interaction) -> None:
        """Preselect the current channel if Telex can post there, and show the choices."""
        assert interaction.guild is not None
        current_channel = await channel_options.find_postable_channel(interaction.guild, interaction.channel_id or 0)
        if current_channel is not None and not permission_problems(current_channel)[0]:
            self._target_channel = current_channel
        await self.render(interaction)

    async def render(self, interaction: Interaction) -> None:
        refusal, permission_advice = (
            permission_problems(self._target_channel) if self._target_channel is not None else ("", "")
        )
        delay_text = (
            await channel_options.posting_delay_text(interaction, self._target_channel)
            if self._target_channel is not None
            else ""
        )
        follow_step = _("**3.** Press **{follow}**.")
        if not delay_text:
            follow_step = _("**3.** Press **{follow}**. Each feed’s latest article appears right away.")
        steps = [
            _("**1.** Choose starter packs, or add a site."),
            *(f"　• {starter_packs.bold_outline_title(outline)}" for outline in self._added_site_outlines),
            _("**2.** Choose a channel for the articles."),
            f"　⚠️ {refusal}" if refusal else "",
            f"　{permission_advice}" if permission_advice else "",
            follow_step.format(follow=_("Follow")),
            delay_text,
        ]
        pack_options = [
            menu_option(
                _(pack_title.message),
                pack_name,
                _format_feed_names(starter_packs.list_outlines(pack_name)),
                is_default=pack_name in self._selected_pack_names,
            )
            for pack_name, pack_title in starter_packs.PACK_TITLES.items()
        ]
        packs_menu = StringMenu(
            self._choose_packs,
            placeholder=_("Starter packs…"),
            options=pack_options,
            min_values=0,
            max_values=len(pack_options),
        )
        feeds_menu = None
        if self._discovery.feeds:
            feeds_menu = StringMenu(
                self._choose_feed, placeholder=_("Choose a feed…"), options=discovery_options(self._discovery)
            )
        channel_menu = ChannelMenu(
            self._choose_channel,
            placeholder=_("Channel…"),
            channel_types=ChannelOption().channel_types,
            default_values=[self._target_channel] if self._target_channel is not None else [],
        )
        is_ready = (
            bool(self._selected_pack_names or self._added_site_outlines)
            and self._target_channel is not None
            and not refusal
        )
        has_max_sites = len(self._added_site_outlines) >= _MAX_ADDED_SITES
        success_style = discord.ButtonStyle.success
        blocks = (
            heading_block(_("Your first feeds"), *steps),
            ActionRow(packs_menu),
            ActionRow(feeds_menu),
            ActionRow(channel_menu),
            ActionRow(
                ActionButton(self._follow_feeds, label=_("Follow"), style=success_style, disabled=not is_ready),
                add_site_button(self, self._discover, _("Add a site…"), disabled=has_max_sites),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
        )
        await self.display_card(interaction, *blocks)

    async def _choose_packs(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._selected_pack_names = selected_values

    async def _choose_channel(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self._target_channel = None
        self._target_channel = await channel_options.require_existing_channel(interaction, channel_ids[0])

    async def _discover(self, interaction: Interaction, address: str) -> None:
        assert interaction.guild is not None
        try:
            self._discovery = await self.client.services.follow_service.resolve(address, interaction.guild.id)
        except PasswordRequired as error:
            raise UserFacingError(
                linkify_commands(_("This feed needs a username and password. Add it with /feed add."))
            ) from error
        if self._discovery.page_lists.lists:
            self._discovery = convert_list_to_feed(self._discovery, self._discovery.page_lists.lists[0])
        if self._discovery.parsed_feed is not None:
            self._add_feed(0)

    async def _choose_feed(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._add_feed(int(selected_values[0]))

    def _add_feed(self, feed_index: int) -> None:
        feed = self._discovery.feeds[feed_index]
        self._discovery = DiscoveryResult()
        if feed.url not in {outline.url for outline in self._added_site_outlines}:
            self._added_site_outlines.append(Outline(feed.title or urls.redact(feed.url), feed.url, None, None))

    async def _follow_feeds(self, interaction: Interaction) -> None:
        client = self.client
        target_channel = await channel_options.require_existing_channel(
            interaction, 0 if self._target_channel is None else self._target_channel.id
        )
        require_can_post(target_channel)
        pack_outlines = [
            outline for pack_name in self._selected_pack_names for outline in starter_packs.list_outlines(pack_name)
        ]
        outlines = list({outline.url: outline for outline in (*self._added_site_outlines, *pack_outlines)}.values())

        async def report_progress(done_count: int) -> None:
            progress_text = format_count(
                "{done} of {count} feed done…",
                "{done} of {count} feeds done…",
                len(outlines),
                done=format_number(done_count),
            )
            await self.display(interaction, (text_block(f"⏳ {progress_text}"),))
            client.outbox_relay.wake()  # Post the articles found so far.

        await report_progress(0)
        await client.outbox_relay.recheck_channel(target_channel.id)
        result_lines = await starter_packs.follow_outlines(
            client,
            outlines,
            server_id=target_channel.guild.id,
            channel_id=target_channel.id,
            user_id=self.user_id,
            on_progress=report_progress,
        )
        client.outbox_relay.wake()
        delay_text = await channel_options.posting_delay_text(interaction, target_channel)
        confirmation = _("All set! The first articles are arriving in {channel}.")
        if not any(result_line.startswith(starter_packs.ADDED_MARK) for result_line in result_lines):
            confirmation, delay_text = _("Nothing new to follow in {channel}."), ""
        elif delay_text:
            confirmation = _("Now following in {channel}.")
        confirmation = confirmation.format(channel=target_channel.mention)
        title = _("What’s next")
        next_steps_block = text_block(
            "\n".join((f"**{title}**", *(f"• {step_line}" for step_line in _list_next_steps())))
        )
        card = Card(
            (heading_block(confirmation, delay_text, *result_lines), Separator(), next_steps_block),
            outlet_branding.DEFAULT_COLOUR,
        )
        await self.finish(interaction, (card,))


def _format_feed_names(outlines: tuple[Outline, ...]) -> str:
    """Return the names of the first feeds of a starter pack, and the number of the remaining feeds."""
    feed_names_text = ", ".join(outline.title for outline in outlines[:_MAX_NAMED_FEEDS])
    unnamed_count = len(outlines) - _MAX_NAMED_FEEDS
    if unnamed_count <= 0:
        return feed_names_text
    return format_count("{names} and {count} other", "{names} and {count} others", unnamed_count, names=feed_names_text)


def _list_next_steps() -> tuple[str, ...]:
    return (
        linkify_commands(_("React with 🔖 to save a post. /bookmarks lists what you saved.")),
        linkify_commands(_("/search finds any article, and /ask answers your questions.")),
        linkify_commands(_("/feed add follows more feeds. /feed list shows their status.")),
        linkify_commands(_("/settings server sets the language, the time zone and who manages feeds.")),
    )
