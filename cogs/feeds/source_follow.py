"""Steps from a link in a message, or a typed address, to a followed feed."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from urllib.parse import urljoin

import discord

from bot.core.concurrency.worker_process import WorkerError
from bot.core.i18n import _
from bot.core.user_errors import RequestRejected
from bot.feeds.fetch_errors import FeedError
from bot.polling.following.follow_service import FollowFailure, resolve_input
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Image, Item, Layout, Section, Separator, text_block
from bot.posting.rendering.messages import Picture
from bot.posting.rendering.source_preview import SourcePreview
from bot.posting.wording import refusal_sentences
from bot.posting.wording.feed_names import bold_feed_name
from bot.text import discord_text, urls
from cogs.feeds.follow_flow import FollowFlow, discovery_options
from cogs.feeds.subscription_card import SubscriptionCard
from cogs.feeds.subscription_health import ManualFeedChecks
from cogs.feeds.subscription_options import FollowedFeed, list_readable_subscriptions
from cogs.shared import channel_options
from cogs.shared.channel_options import PostableChannel
from cogs.shared.message_links import build_link_options
from cogs.shared.modals import TextField, modal_button
from cogs.shared.views import AckMode, ActionButton, ChannelMenu, Interaction, StringMenu
from cogs.watching.watch_creation import create_personal_watch

_MAX_TITLE_LENGTH = 100
"""Maximum length in UTF-16 units of the title of a source that is shown."""


async def find_usual_channel(interaction: Interaction, guild: discord.Guild) -> PostableChannel:
    """Return the channel that is proposed for the posts of a new source.

    It is the current channel if that follows feeds, else the channel that follows most; if no channel follows
    any, the current channel. Raises `UserFacingError` if the current channel cannot have posts.
    """
    feed_count_by_channel_id = Counter(
        subscription.channel_id for subscription, _feed in await list_readable_subscriptions(interaction)
    )
    channel_ids = [channel_id for channel_id, _count in feed_count_by_channel_id.most_common()]
    if interaction.channel_id in channel_ids:
        channel_ids.insert(0, interaction.channel_id)
    for channel_id in channel_ids:
        channel = await channel_options.find_postable_channel(guild, channel_id)
        if channel is not None:
            return channel
    return await channel_options.resolve_channel_id(interaction, interaction.channel_id)


class SourceFlow(FollowFlow):
    """Steps from the links of a message, or a typed address, to a subscription. The button “Follow” saves it."""

    def __init__(
        self, interaction: Interaction, target_channel: PostableChannel, manual_checks: ManualFeedChecks
    ) -> None:
        super().__init__(interaction, target_channel)
        self._manual_checks = manual_checks
        self._link = ""
        self._feed_options: tuple[discord.SelectOption, ...] = ()
        self._feed_urls: tuple[str, ...] = ()
        self._render_step: Callable[[Interaction], Awaitable[None]] = self.cancel

    async def open(self, interaction: Interaction, links: Sequence[str]) -> None:
        """Find the source (site or feed) of the only link, or let the user choose one of several links.

        Raises RequestRejected if the source has a feed that may not be followed.
        """
        if len(links) == 1:
            await self._open_link(interaction, links[0])
            return

        async def open_chosen_link(click: Interaction, selected_values: list[str]) -> None:
            await self._open_link(click, links[int(selected_values[0])])

        link_menu = StringMenu(open_chosen_link, placeholder=_("Choose a link…"), options=build_link_options(links))
        rows = (ActionRow(link_menu), ActionRow(ActionButton(self.cancel, label=_("Cancel"))))
        await self.display(interaction, (text_block(_("Which source do you want to follow?")), *rows))

    async def open_address(self, interaction: Interaction, address: str) -> None:
        """Find the source of a typed address or name.

        Raises FeedError if it is no address, and RequestRejected if no outlet has that name or the source has a feed
        that may not be followed.
        """
        feeds = resolve_input(address)
        await self._open_link(interaction, feeds[0].url if len(feeds) == 1 else address)

    async def _open_link(self, interaction: Interaction, link: str) -> None:
        """Find the feed of a link's page or site, or the list of articles on the site's home page, and show it."""
        self._link = link
        try:
            await self._discover_site(interaction)
        except FeedError as error:
            await self._offer_watch(interaction, refusal_sentences.find_error_sentence(error) or "")
        except RequestRejected as refusal:
            if refusal.reason.code not in {FollowFailure.NO_FEED, FollowFailure.NEEDS_SCRIPT}:
                raise
            sentence = _("I found no feed at {site}, and no list of articles that I can follow.")
            await self._offer_watch(interaction, sentence.format(site=urls.parse_host(link)))

    async def _discover_site(self, interaction: Interaction) -> None:
        service, server_id = self.client.services.follow_service, self._target_channel.guild.id
        discovery, home_url = None, urljoin(self._link, "/")
        try:
            discovery = await service.resolve(self._link, server_id)
        except RequestRejected as refusal:
            if refusal.reason.code is not FollowFailure.NO_FEED or home_url == self._link:
                raise
        if discovery is None or (discovery.parsed_feed is None and not discovery.feeds and home_url != self._link):
            # The links on an article's page are not what its site publishes; those on the home page are.
            discovery = await service.resolve(home_url, server_id)
        self._discovery = discovery
        if discovery.parsed_feed is None and discovery.feeds:
            self._feed_options = tuple(discovery_options(discovery))
            self._feed_options[0].default = True
            self._feed_urls = tuple(feed.url for feed in discovery.feeds)
            self._discovery = await service.resolve(self._feed_urls[0], server_id)
        if self._discovery.parsed_feed is not None:
            await self._show_preview(interaction)
        else:
            await self._show_list(interaction)

    async def _offer_watch(self, interaction: Interaction, sentence: str) -> None:
        """Say why the source cannot be followed, and offer to watch for words (a saved search) in the other feeds."""

        async def watch_words(click: Interaction, words: str) -> None:
            self.stop()
            await create_personal_watch(click, words)

        words_field = TextField("line", _("Words to watch for"), max_length=200)
        watch_button = modal_button(self, watch_words, _("Watch for words instead"), words_field, title=_("New watch"))
        cancel_button = ActionButton(self.cancel, label=_("Cancel"))
        await self.display(interaction, (text_block(sentence), ActionRow(watch_button, cancel_button)))

    async def _show_step(
        self,
        interaction: Interaction,
        sentence: str,
        *step_buttons: Item | None,
        preview_layout: Layout = (),
        menus: Sequence[Item | None] = (),
    ) -> None:
        """Show a step with a menu of channels above its buttons."""
        channel_menu = self._build_channel_menu()
        await super()._show_step(
            interaction, sentence, *step_buttons, preview_layout=preview_layout, menus=(*menus, channel_menu)
        )

    async def _show_list(self, interaction: Interaction) -> None:
        self._render_step = self._show_list
        await super()._show_list(interaction)

    def _build_channel_menu(self) -> ChannelMenu:
        return ChannelMenu(
            self._choose_channel,
            placeholder=_("Choose a channel…"),
            channel_types=channel_options.ChannelOption().channel_types,
            default_values=[self._target_channel],
        )

    async def _choose_channel(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self._target_channel = await channel_options.resolve_channel_id(interaction, channel_ids[0])
        await self._render_step(interaction)

    async def _choose_feed(self, interaction: Interaction, selected_values: list[str]) -> None:
        feed_url = self._feed_urls[int(selected_values[0])]
        for option in self._feed_options:
            option.default = option.value in selected_values
        self._discovery = await self.client.services.follow_service.resolve(feed_url, self._target_channel.guild.id)
        await self._show_preview(interaction)

    async def _show_preview(self, interaction: Interaction) -> None:
        """Show the source with its newest articles, or say where the server follows it already."""
        self._render_step = self._show_preview
        feed_url = self._discovery.feeds[0].url
        for followed_feed in await list_readable_subscriptions(interaction):
            if followed_feed.feed.url == feed_url:
                await self._show_followed(interaction, followed_feed)
                return
        assert self._discovery.parsed_feed is not None
        preview = SourcePreview.from_feed(
            self._discovery.parsed_feed, self._discovery.feeds[0].title, feed_url, self.client.services.clock.now()
        )
        picture = await self._draw_icon()
        feed_menu = StringMenu(self._choose_feed, placeholder=_("Choose a feed…"), options=list(self._feed_options))
        heading = f"### {discord_text.to_markdown_line(preview.title, _MAX_TITLE_LENGTH)}"
        permission_advice = self._find_permission_advice()
        card_blocks: tuple[Block, ...] = (
            Section(
                (text_block(heading), text_block(f"-# {preview.rate_text}")),
                None if picture is None else Image(f"attachment://{picture.filename}", picture.description),
            ),
            Separator(),
            *preview.iter_article_blocks(),
            Separator(),
            *([ActionRow(feed_menu)] if len(self._feed_options) > 1 else []),
            text_block("-# " + _("WHERE ITS POSTS GO")),
            ActionRow(self._build_channel_menu()),
            *([text_block(permission_advice)] if permission_advice else []),
            ActionRow(
                self._build_follow_button(self._confirm, _("Follow")), ActionButton(self.cancel, label=_("Cancel"))
            ),
        )
        await self.display_card(interaction, *card_blocks, pictures=[] if picture is None else [picture])

    def _find_permission_advice(self) -> str:
        """Return a sentence on useful permissions that Telex lacks in the channel, or "" if it lacks none."""
        _refusal, permission_advice = channel_options.permission_problems(self._target_channel)
        return permission_advice

    async def _show_followed(self, interaction: Interaction, followed_feed: FollowedFeed) -> None:
        subscription, feed = followed_feed
        sentence = _("{feed} is in {channel} already.").format(
            feed=bold_feed_name(feed), channel=f"<#{subscription.channel_id}>"
        )
        open_settings = partial(self._open_subscription, followed_feed=followed_feed)
        settings_button = ActionButton(open_settings, AckMode.EPHEMERAL_MESSAGE, label=_("Settings"))
        await self.display(interaction, (text_block(sentence), ActionRow(settings_button)))

    async def _open_subscription(self, interaction: Interaction, followed_feed: FollowedFeed) -> None:
        await SubscriptionCard(interaction, followed_feed, self._manual_checks.check).render(interaction)

    async def _draw_icon(self) -> Picture | None:
        """Return a picture with the initial of the source, or None if its name has none or drawing fails."""
        sample_articles = await self.client.services.follow_service.preview(self._discovery)
        outlet = sample_articles[0].outlet if sample_articles else self._discovery.feeds[0].title
        initial = outlet_branding.get_initial(outlet)
        if not initial:
            return None
        colour = outlet_branding.outlet_colour(0, outlet)
        try:
            tile = await self.client.services.occasional_workers.run(
                tile_drawing.draw_initial_tile, initial, colour, timeout=tile_drawing.DRAW_TIMEOUT_SECONDS
            )
        except WorkerError:
            return None
        return Picture(tile.png, "source.png", discord_text.to_plain_line(outlet, 100))
