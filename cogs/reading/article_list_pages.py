"""Paginated lists of articles, with a menu that opens or bookmarks one of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import discord

from bot.client import interaction_context
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import is_saved_page, saved_pages_feed_id
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Item,
    Layout,
    Separator,
    Text,
    text_block,
)
from bot.posting.sending import permissions
from cogs.reading.bookmarking import already_saved_text, bookmark_article, saved_text
from cogs.reading.message_articles import (
    CanRead,
    can_read_article,
    choose_article,
    require_readable_article,
    unreadable_article_text,
)
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem
from cogs.shared.authorization import can_use_manager_command
from cogs.shared.paging import Paginator
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, reply


@persistent_item(buttons.SHARE_BUTTON.id_pattern)
async def share_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Share the article of a card, which has the article key `key`, in the current channel."""
    article = await interaction.client.store.articles.get_by_key(key)
    if article is None:
        raise UserFacingError(unreadable_article_text())
    await share_article(interaction, article, can_read_article)


async def share_chosen_article(interaction: Interaction, articles: Sequence[Article], can_read: CanRead) -> None:
    """Share an article in the current channel; if there are several, let the user choose one.

    The interaction must be acknowledged. Raises `UserFacingError` if the only article cannot be shared there.
    """
    if len(articles) == 1:
        await share_article(interaction, articles[0], can_read)
        return
    await choose_article(
        interaction,
        articles,
        partial(share_article, can_read=can_read),
        _("Share an article in this channel…"),
    )


async def share_article(interaction: Interaction, article: Article, can_read: CanRead) -> None:
    """Send an article to the current channel, with the name of the user.

    In a server with the bot, raises `UserFacingError` unless the user can write there and all readers of the channel
    can read the article; elsewhere, if the user cannot read it, others would not see it, or it belongs to one server.
    A page that a user saved is never shared.
    """
    client, channel, member = interaction.client, interaction.channel, interaction_context.get_home_member(interaction)
    if is_saved_page(article):
        raise UserFacingError(_("A page that you saved is for you alone. Share its link instead."))
    if member is None:
        await _share_as_user_app(interaction, article, can_read)
        return
    guild = member.guild
    if not isinstance(channel, discord.TextChannel | discord.Thread | discord.VoiceChannel):
        raise UserFacingError(_("I can’t post here. Try a text channel or a thread."))
    if not await can_read(interaction, article):
        raise UserFacingError(unreadable_article_text())
    member_permissions = channel.permissions_for(member)
    if not (
        member_permissions.send_messages_in_threads
        if isinstance(channel, discord.Thread)
        else member_permissions.send_messages
    ):
        raise UserFacingError(_("You can’t write in this channel, so you can’t share anything here."))
    if permissions.find_missing_permissions(channel):
        raise UserFacingError(_("I can’t post here. Try a text channel or a thread."))
    if article.feed_id not in await client.outbox_relay.audience.find_feed_ids_readable_by_all_in(guild, channel.id):
        raise UserFacingError(_("Some people here can’t see this article’s feed. Share its link instead."))
    with i18n.language_scope(await client.languages.for_discord_channel(channel)):
        credit_text = _("Shared by {person}").format(person=member.mention)
        layout = (text_block(f"-# {credit_text}"), article_cards.article_card(article, is_shared=True))
    message = await channel.send(
        view=layout_views.build_static_view(layout), allowed_mentions=discord.AllowedMentions.none()
    )
    await reply(interaction, _("Shared: {link}").format(link=message.jump_url))


async def _share_as_user_app(interaction: Interaction, article: Article, can_read: CanRead) -> None:
    """Send an article in a place where Telex is only installed by the user, as a followup message.

    Raises `UserFacingError` if the user cannot read the article, nobody else would see it, or its feed belongs to one
    server, which its articles must not leave.
    """
    if interaction_context.is_dm(interaction):
        raise UserFacingError(_("Nobody else is here. Share it in a server or a group instead."))
    if not await can_read(interaction, article):
        raise UserFacingError(unreadable_article_text())
    feed = await interaction.client.store.feeds.get(article.feed_id)
    if feed is None or feed.server_id is not None:
        raise UserFacingError(_("This article belongs to one server. Share its link instead."))
    if interaction.guild_id is not None and not interaction.permissions.use_external_apps:
        raise UserFacingError(_("Only you can see my messages in this server. Share the link instead."))
    credit_text = _("Shared by {person}").format(person=interaction.user.mention)
    layout = (text_block(f"-# {credit_text}"), article_cards.article_card(article, is_shared=True))
    # The first followup would otherwise edit the deferred, ephemeral reply.
    await reply(interaction, _("Shared."))
    await interaction.followup.send(
        view=layout_views.build_static_view(layout), allowed_mentions=discord.AllowedMentions.none()
    )


PAGE_SIZE = 5
"""Number of articles on a page of a list."""
MAX_COUNTED_ARTICLES = 50
"""Maximum number of articles in a list whose exact total is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """Page of a list of articles.

    `total_count` is the number of articles on all pages, or None if there are more than `MAX_COUNTED_ARTICLES` and
    another page follows.
    """

    header: tuple[Block, ...]
    list_items: Sequence[ArticleListItem] = ()
    total_count: int | None = 0

    @property
    def is_empty(self) -> bool:
        """Return whether the page has no articles."""
        return not self.list_items


class ArticlePages(Paginator[ArticlePage]):
    """Paginated list of articles."""

    always_opens_article = False
    """Whether the menu opens the chosen article even if the list has pictures; otherwise such a menu bookmarks it."""

    def extra_buttons(self, _page: ArticlePage) -> tuple[Item, ...]:
        """Return additional buttons, to be shown after the buttons that turn pages."""
        return ()

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        visible_feed_ids = await self.client.load_visible_feed_ids(interaction)
        return article.feed_id in {*visible_feed_ids, saved_pages_feed_id(self.user_id)}

    def page_layout(self, page: ArticlePage) -> Layout:
        if page.is_empty:
            return (Card((*page.header, ActionRow(*self.extra_buttons(page))), outlet_branding.DEFAULT_COLOUR),)
        page_count = math.ceil((page.total_count or 0) / PAGE_SIZE)
        has_next_page = page.total_count is None or self.page_index + 1 < page_count
        page_count_label = (
            f"{max(MAX_COUNTED_ARTICLES // PAGE_SIZE, self.page_index + 2)}+"
            if page.total_count is None
            else page_count
        )
        is_dm = interaction_context.is_dm(self.interaction)
        share_button = (
            None if is_dm else ActionButton(self._share_page_article, AckMode.EPHEMERAL_MESSAGE, label=_("Share…"))
        )
        card_blocks = (
            *page.header,
            Separator(),
            *(list_item.to_section() for list_item in page.list_items),
            Separator(),
            ActionRow(self._build_article_menu(page.list_items)),
            ActionRow(
                buttons.story_menu([list_item.article for list_item in page.list_items if list_item.other_outlets])
            ),
            ActionRow(
                *self.page_buttons(has_more=has_next_page, page_count_label=page_count_label),
                *self.extra_buttons(page),
                share_button,
            ),
        )
        return (Card(card_blocks, outlet_branding.DEFAULT_COLOUR),)

    def _build_article_menu(self, list_items: Sequence[ArticleListItem]) -> StringMenu:
        opens_selected_article = self.always_opens_article or not any(
            messages.image_block(list_item.article) for list_item in list_items
        )
        return StringMenu(
            self._open_selected_article if opens_selected_article else self._save_selected_article,
            AckMode.EPHEMERAL_MESSAGE,
            placeholder=_("Open an article…") if opens_selected_article else _("Save an article…"),
            options=[article_cards.article_option(list_item.article) for list_item in list_items],
        )

    async def _open_selected_article(self, interaction: Interaction, selected_values: list[str]) -> None:
        await article_cards.show_article(
            interaction, await require_readable_article(interaction, selected_values[0], self.can_read)
        )

    async def _save_selected_article(self, interaction: Interaction, selected_values: list[str]) -> None:
        article = await require_readable_article(interaction, selected_values[0], self.can_read)
        added_count = await bookmark_article(interaction, article, None)
        await article_cards.show_article(
            interaction, article, notice=saved_text(1) if added_count else already_saved_text()
        )

    async def _share_page_article(self, interaction: Interaction) -> None:
        page = await self.load_page(interaction, self.page_index)
        articles = [list_item.article for list_item in page.list_items]
        if not articles:
            raise UserFacingError(unreadable_article_text())
        await share_chosen_article(interaction, articles, self.can_read)


async def load_empty_page(interaction: Interaction) -> ArticlePage:
    """Return the page for a user who can see no feeds, or whose feeds have no articles yet."""
    if await interaction.client.load_visible_feed_ids(interaction):
        return ArticlePage(header=no_articles_blocks())
    if interaction_context.get_home_server(interaction) is None:
        return ArticlePage(header=no_shared_server_blocks())
    return ArticlePage(header=no_feeds_blocks(can_manage=await can_use_manager_command(interaction, "feed")))


def no_feeds_blocks(*, can_manage: bool) -> tuple[Block, ...]:
    """Return the blocks for a user who can see no feeds; with `can_manage`, they offer to add one."""
    if can_manage:
        sentence = linkify_commands(_("Follow your first feed with /feed add, or a starter pack with /feed packs."))
    else:
        sentence = _("No feeds in the channels you can see. Ask whoever manages this server to add one.")
    begin_button_rows = (ActionRow(buttons.BEGIN_BUTTON()),) if can_manage else ()
    return (_build_empty_block(_("Nothing to read yet"), sentence), *begin_button_rows)


def no_shared_server_blocks() -> tuple[Block, ...]:
    """Return the blocks for a user in direct messages who shares no known server with Telex."""
    sentence = linkify_commands(
        _(
            "We don’t share a server where you can see a channel that follows a feed. If we do, use /ask "
            "there once, so that I know."
        )
    )
    return (_build_empty_block(_("Nothing to read yet"), sentence),)


def no_articles_blocks() -> tuple[Block, ...]:
    """Return the blocks that say that the feeds have no articles yet."""
    sentence = _("The feeds here haven’t brought any articles yet. Check back in a few minutes.")
    return (_build_empty_block(_("Nothing to read yet"), sentence),)


def _build_empty_block(title: str, sentence: str) -> Text:
    return text_block(f"### {title}\n{sentence}")
