"""Steps from an address to a followed feed: choose a feed of the site or a list on its page, preview, confirm."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import discord

from bot.core.i18n import _, format_count
from bot.core.models import Feed
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.feeds.discover import DiscoveryResult, convert_list_to_feed
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.link_groups import ListItem
from bot.polling.following.follow_service import FollowResult, PasswordRequired, get_private_owner_id, resolve_input
from bot.posting.rendering import messages
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import ActionRow, Card, Item, Layout
from bot.posting.wording import refusal_sentences
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.store import has_encryption_key
from bot.text import discord_text, urls
from bot.text.words import fold
from cogs.feeds import post_previews
from cogs.feeds.subscription_options import list_visible_subscriptions
from cogs.shared import channel_options
from cogs.shared.authorization import require_manager_command
from cogs.shared.channel_options import PostableChannel, permission_problems, require_can_post
from cogs.shared.modals import FormModal, TextField, modal_button
from cogs.shared.views import AckMode, ActionButton, ClickAction, Interaction, OwnedView, StringMenu, menu_option

_MAX_PREVIEW_ITEMS = 5
"""Maximum number of items of a web page's list that the preview shows."""
_MAX_ITEM_TITLE_LENGTH = 120
"""Maximum length in UTF-16 units of the title of a list's item."""


class FollowFlow(OwnedView):
    """Steps by which a channel comes to follow a feed. Nothing is saved before the button of the last step."""

    def __init__(self, interaction: Interaction, target_channel: PostableChannel) -> None:
        super().__init__(interaction)
        self._target_channel = target_channel
        self._discovery = DiscoveryResult()
        self._list_index = 0

    async def authorize(self, interaction: Interaction) -> None:
        """Raise `NotAuthorized` if the user may not use /feed, from whatever command or message the steps began."""
        await require_manager_command(interaction, "feed")

    async def start(self, interaction: Interaction, address: str) -> None:
        """Find the feeds of the address, and show the next step.

        Raises `UserFacingError` if Telex cannot post in the channel or it follows the feed already, FeedError if the
        address cannot be read, and RequestRejected if it has no feed, or one that may not be followed.
        """
        require_can_post(self._target_channel)
        await self._discover(interaction, await self._resolve_followed_url(interaction, address))

    async def _resolve_followed_url(self, interaction: Interaction, address: str) -> str:
        """Return the URL of the followed feed with this address or name, or else the address unchanged.

        Raises `UserFacingError` if this channel already follows the feed. Makes no request to the site.
        """
        folded_address, feed_urls = fold(address.strip()), set[str]()
        with contextlib.suppress(RequestRejected, FeedError):  # `_discover` reports it.
            feed_urls = {feed.url for feed in resolve_input(address)}
        matching_followed_feeds = [
            followed_feed
            for followed_feed in await list_visible_subscriptions(interaction)
            if feed_urls == {followed_feed.feed.url}
            or (
                not feed_urls
                and folded_address in {fold(feed_name(followed_feed.feed)), fold(followed_feed.feed.outlet)}
            )
        ]
        for subscription, feed in matching_followed_feeds:
            if subscription.channel_id == self._target_channel.id:
                self._raise_already_followed(feed)
        return matching_followed_feeds[0].feed.url if matching_followed_feeds else address

    def _raise_already_followed(self, feed: Feed) -> NoReturn:
        self.stop()
        raise UserFacingError(
            _("Already followed in {channel} as {feed}.").format(
                feed=bold_feed_name(feed), channel=self._target_channel.mention
            )
        )

    async def _discover(self, interaction: Interaction, address: str) -> None:
        try:
            self._discovery = await self.client.services.follow_service.resolve(
                address, self._target_channel.guild.id, with_lists=True
            )
        except PasswordRequired as password_refusal:
            await self._ask_for_password(interaction, password_refusal)
            return
        if self._discovery.parsed_feed is not None:
            await self._show_preview(interaction)
        elif self._discovery.page_lists.lists:
            await self._show_list(interaction)
        else:
            feed_options = discovery_options(self._discovery)
            sentence = _("Which feed do you want in {channel}?").format(channel=self._target_channel.mention)
            feed_menu = StringMenu(self._choose_feed, placeholder=_("Choose a feed…"), options=feed_options)
            await self._show_step(interaction, sentence, menus=(feed_menu,))

    async def _ask_for_password(self, interaction: Interaction, password_refusal: PasswordRequired) -> None:
        """Ask for credentials in a modal, because others can see the options of a command."""

        async def retry_with_password(click: Interaction, username: str, password: str) -> None:
            await self._discover(click, urls.add_credentials(password_refusal.url, username, password))

        async def open_password_modal(click: Interaction) -> None:
            password_fields = (
                TextField("user", _("Username"), max_length=100),
                TextField("password", _("Password"), max_length=200),
            )
            await click.response.send_modal(
                FormModal(_("Username and password"), retry_with_password, *password_fields, view=self)
            )

        enter_button = ActionButton(
            open_password_modal,
            AckMode.MANUAL,
            label=_("Enter username and password"),
            style=discord.ButtonStyle.primary,
        )
        await self._show_step(interaction, refusal_sentences.refusal_sentence(password_refusal.reason), enter_button)

    async def _show_step(
        self,
        interaction: Interaction,
        sentence: str,
        *step_buttons: Item | None,
        preview_layout: Layout = (),
        menus: Sequence[Item | None] = (),
    ) -> None:
        """Show a step: a sentence, `preview_layout`, menus, and buttons, of which the last one cancels."""
        cancel_button = ActionButton(self.cancel, label=_("Cancel"))
        action_rows = (*map(ActionRow, menus), ActionRow(*step_buttons, cancel_button))
        await self.display(interaction, (blocks.text_block(sentence), *preview_layout, *action_rows))

    async def _choose_feed(self, interaction: Interaction, selected_values: list[str]) -> None:
        await self._discover(interaction, self._discovery.feeds[int(selected_values[0])].url)

    async def _show_list(self, interaction: Interaction) -> None:
        """Show the first items of a list found on a web page, with the page's other lists and its feeds."""
        page_lists = self._discovery.page_lists.lists
        list_options = [
            menu_option(
                page_list.items[0].title,
                list_index,
                format_count("{count} item", "{count} items", len(page_list.items)),
            )
            for list_index, page_list in enumerate(page_lists)
            if list_index != self._list_index
        ]
        follow_button = self._build_follow_button(self._follow_list, _("Follow this list"))
        other_lists_menu = StringMenu(self._choose_list, placeholder=_("Other lists…"), options=list_options)
        feeds, site_feed_button, site_feeds_menu = self._discovery.feeds, None, None
        sentence = _("This page has no feed, but I can post what’s new in this list to {channel}:")
        if feeds:
            sentence = _(
                "This page has no feed, but its site does. I can post what’s new in this list to {channel}, "
                "or everything in the site’s feed:"
            )
        if len(feeds) == 1:
            site_feed_button = ActionButton(self._choose_site_feed, label=_("Follow the site’s feed"))
        elif feeds:
            site_feeds_menu = StringMenu(
                self._choose_feed,
                placeholder=_("Feeds of the site…"),
                options=discovery_options(self._discovery),
            )
        preview_card = Card(
            (
                blocks.text_block(
                    "\n".join(map(_list_item_line, page_lists[self._list_index].items[:_MAX_PREVIEW_ITEMS]))
                ),
            )
        )
        menus = (other_lists_menu if len(page_lists) > 1 else None, site_feeds_menu)
        sentence = sentence.format(channel=self._target_channel.mention)
        await self._show_step(
            interaction,
            sentence,
            follow_button,
            site_feed_button,
            preview_layout=(preview_card,),
            menus=menus,
        )

    def _build_follow_button(self, action: ClickAction, label: str) -> ActionButton:
        """Return the button of the last step; its action follows the feed (in `_confirm`)."""
        return ActionButton(action, label=label, style=discord.ButtonStyle.success)

    async def _choose_site_feed(self, interaction: Interaction) -> None:
        await self._discover(interaction, self._discovery.feeds[0].url)

    async def _choose_list(self, interaction: Interaction, selected_values: list[str]) -> None:
        self._list_index = int(selected_values[0])
        await self._show_list(interaction)

    async def _follow_list(self, interaction: Interaction) -> None:
        self._discovery = convert_list_to_feed(self._discovery, self._discovery.page_lists.lists[self._list_index])
        await self._confirm(interaction)

    async def _show_preview(self, interaction: Interaction) -> None:
        url = self._discovery.feeds[0].url
        server_id = self._target_channel.guild.id
        store = self.store
        existing_feed = await store.feeds.find(url, get_private_owner_id(url, server_id))
        other_channel_mentions: list[str] = []
        if existing_feed is not None:
            if await store.subscriptions.find(self._target_channel.id, existing_feed.id) is not None:
                self._raise_already_followed(existing_feed)
            followed_feeds = await list_visible_subscriptions(interaction)
            other_channel_mentions = [
                f"<#{subscription.channel_id}>" for subscription, feed in followed_feeds if feed.id == existing_feed.id
            ]
        sample_feed_and_article = await self.client.services.follow_service.preview(self._discovery)
        feed_title = self._discovery.feeds[0].title
        if sample_feed_and_article is not None:
            bold_name = bold_feed_name(sample_feed_and_article[0])
            question = _("Follow {feed} in {channel}? Posts will look like this:")
        else:
            bold_name = f"**{discord_text.to_markdown_line(feed_title, 80)}**"
            question = _("Follow {feed} in {channel}? It has no articles yet.")
        _refusal, permission_advice = permission_problems(self._target_channel)
        text_lines = [permission_advice]
        if other_channel_mentions:
            text_lines.append(_("Already followed in {channels}.").format(channels=", ".join(other_channel_mentions)))
        if urls.has_credentials(url):
            text_lines.append(
                _(
                    "This address contains a password or key. I keep it for this server only and never "
                    "show it, but everyone who can see {channel} can read the articles."
                ).format(channel=self._target_channel.mention)
            )
            text_lines.append(
                _("-# It’s stored encrypted.")
                if has_encryption_key()
                else _("-# It’s stored unencrypted. Whoever runs Telex can change that (TELEX_SECRET_KEY).")
            )
        text_lines.append(question.format(feed=bold_name, channel=self._target_channel.mention))
        sample_layout: Layout = ()
        if sample_feed_and_article is not None:
            sample_feed, sample_article = sample_feed_and_article
            post_look = await store.preferences.get_look(server_id)
            message = await post_previews.render_post_preview(
                interaction, sample_article, sample_feed, self._target_channel.id, post_look
            )
            sample_layout = blocks.without_items(message.layout)
            if not sample_layout:  # A classic embed can't be part of a layout.
                await post_previews.send_private_preview(interaction, message)
        follow_button = self._build_follow_button(self._confirm, _("Follow"))
        await self._show_step(
            interaction, "\n".join(filter(None, text_lines)), follow_button, preview_layout=sample_layout
        )

    async def _confirm(self, interaction: Interaction) -> None:
        target_channel = await channel_options.require_existing_channel(interaction, self._target_channel.id)
        follow_result = await follow_in_channel(interaction, self._discovery, target_channel)
        if not follow_result.is_new:
            self._raise_already_followed(follow_result.feed)
        await self.finish(interaction, await follow_confirmation(interaction, follow_result, target_channel))


async def follow_in_channel(
    interaction: Interaction,
    discovery: DiscoveryResult,
    target_channel: PostableChannel,
    *,
    proposal_id: int | None = None,
) -> FollowResult:
    """Follow a discovered feed in a channel, and approve the member's proposal `proposal_id` of it, if given.

    Raises `UserFacingError` if Telex cannot post in the channel, and RequestRejected if the server follows too
    many feeds, the source is blocked, or the proposal was decided before.
    """
    require_can_post(target_channel)
    client = interaction.client
    follow_result = await client.services.follow_service.follow(
        discovery,
        server_id=target_channel.guild.id,
        channel_id=target_channel.id,
        user_id=interaction.user.id,
        proposal_id=proposal_id,
    )
    if follow_result.is_new:
        await client.outbox_relay.recheck_channel(target_channel.id)
    client.outbox_relay.wake()
    return follow_result


async def follow_confirmation(
    interaction: Interaction, follow_result: FollowResult, target_channel: PostableChannel
) -> str:
    """Return the sentences that confirm a subscription and say when its articles arrive."""
    delay_text = await channel_options.posting_delay_text(interaction, target_channel)
    if delay_text:
        confirmation = _("Now following {feed} in {channel}.")
    elif follow_result.first_article:
        confirmation = _("Now following {feed} in {channel}. Its latest article is on its way.")
    else:
        confirmation = _("Now following {feed} in {channel}. New articles will appear there.")
    confirmation = confirmation.format(feed=bold_feed_name(follow_result.feed), channel=target_channel.mention)
    return "\n".join(filter(None, (confirmation, delay_text)))


def _list_item_line(item: ListItem) -> str:
    """Return the linked title and the date of a list item."""
    linked_title = messages.link_markup(discord_text.to_markdown_line(item.title, _MAX_ITEM_TITLE_LENGTH), item.url)
    date_text = f" · <t:{item.published}:D>" if item.published is not None else ""
    return f"• {linked_title}{date_text}"


def add_site_button(
    view: OwnedView,
    on_submit: Callable[[Interaction, str], Awaitable[None]],
    label: str,
    **button_kwargs: Any,  # noqa: ANN401
) -> ActionButton:
    """Return a button that asks for the address of a site, in a form with its label, and passes it to `on_submit`."""
    text_field = TextField("line", _("Address or name of an outlet"), placeholder="theverge.com", max_length=2000)
    return modal_button(view, on_submit, label, text_field, title=label.rstrip("…"), **button_kwargs)


def discovery_options(discovery: DiscoveryResult) -> list[discord.SelectOption]:
    """Return the feeds of a web page as menu options; the values are the indexes of the feeds."""
    return [
        menu_option(
            discord_text.to_plain_line(feed.title) or urls.redact(feed.url),
            feed_index,
            urls.redact(feed.url),
        )
        for feed_index, feed in enumerate(discovery.feeds)
    ]
