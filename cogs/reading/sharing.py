"""Sharing an article with everyone in a channel, with the name of the user who shares it."""

from collections.abc import Sequence
from functools import partial

import discord

from bot.client import interaction_context
from bot.core import i18n
from bot.core.i18n import _
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import is_saved_page
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views
from bot.posting.rendering.layout.blocks import text_block
from bot.posting.sending import permissions
from cogs.reading.message_articles import CanRead, can_read_article, choose_article, unreadable_article_text
from cogs.shared import article_cards
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import Interaction, reply


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
