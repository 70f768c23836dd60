"""Sharing an article with the channel: everybody in it reads it, under the name of who shared it."""

from collections.abc import Sequence
from functools import partial

import discord

from bot.client import interaction_places
from bot.core import locale
from bot.core.locale import _
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views
from bot.posting.rendering.layout.blocks import text
from bot.posting.sending import permissions
from cogs.reading.message_articles import MayRead, choose_article, may_read, unreadable
from cogs.shared import article_cards
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction, answer


@lasting(buttons.share.template)
async def share_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """The button of an article's card."""
    article = await interaction.client.store.articles.by_key(key)
    if article is None:
        raise Refusal(unreadable())
    await share(interaction, article, may_read)


async def share_one_of(interaction: Interaction, articles: Sequence[Article], allowed: MayRead) -> None:
    """Share the article, or ask first which one. The interaction has been acknowledged."""
    if len(articles) == 1:
        await share(interaction, articles[0], allowed)
        return
    await choose_article(
        interaction, articles, partial(share, allowed=allowed), _("Share an article in this channel…")
    )


async def share(interaction: Interaction, article: Article, allowed: MayRead) -> None:
    """Send an article to the channel where the asker is, if they may write there and all readers may see it.

    Raises `Refusal` where not.
    """
    client, channel, member = interaction.client, interaction.channel, interaction_places.member(interaction)
    if member is None:
        await _share_as_guest(interaction, article, allowed)
        return
    guild = member.guild
    if not isinstance(channel, discord.TextChannel | discord.Thread | discord.VoiceChannel):
        raise Refusal(_("I can’t post here. Try a text channel or a thread."))
    if not await allowed(interaction, article):
        raise Refusal(unreadable())
    rights = channel.permissions_for(member)
    if not (rights.send_messages_in_threads if isinstance(channel, discord.Thread) else rights.send_messages):
        raise Refusal(_("You can’t write in this channel, so you can’t share anything here."))
    if permissions.lacking(channel):
        raise Refusal(_("I can’t post here. Try a text channel or a thread."))
    if article.feed_id not in await client.courier.audience.feeds_of_channel(guild, channel.id):
        raise Refusal(_("Some people here can’t see this article’s feed. Share its link instead."))
    with locale.use(await client.languages.spoken_in(channel)):
        said = _("Shared by {person}").format(person=member.mention)
        layout = (text(f"-# {said}"), article_cards.card(article, shared=True))
    sent = await channel.send(
        view=layout_views.static(layout), allowed_mentions=discord.AllowedMentions.none()
    )
    await answer(interaction, _("Shared: {link}").format(link=sent.jump_url))


async def _share_as_guest(interaction: Interaction, article: Article, allowed: MayRead) -> None:
    """Send an article where the asker took Telex, in reply to them: it cannot write there by itself.

    Of a feed with a password nothing leaves its server.
    """
    if interaction_places.is_direct(interaction):
        raise Refusal(_("Nobody else is here. Share it in a server or a group instead."))
    if not await allowed(interaction, article):
        raise Refusal(unreadable())
    feed = await interaction.client.store.feeds.get(article.feed_id)
    if feed is None or feed.server_id is not None:
        raise Refusal(_("This article belongs to one server. Share its link instead."))
    if interaction.guild_id is not None and not interaction.permissions.use_external_apps:
        raise Refusal(_("Only you can see my messages in this server. Share the link instead."))
    said = _("Shared by {person}").format(person=interaction.user.mention)
    layout = (text(f"-# {said}"), article_cards.card(article, shared=True))
    # Else what follows is the reply to that.
    await answer(interaction, _("Shared."))
    await interaction.followup.send(
        view=layout_views.static(layout), allowed_mentions=discord.AllowedMentions.none()
    )
