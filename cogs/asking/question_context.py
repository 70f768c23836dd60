"""Context of a question: readable feeds, the article of its place, the previous question."""

import discord

from bot.answers.conversing.question_service import THREAD_CONVERSATION_SECONDS, best_matching_article
from bot.client.discord_client import TelexBot
from bot.core.i18n import _, linkify_commands
from bot.core.user_models import Question
from bot.posting.rendering.layout import layout_views
from bot.posting.rendering.layout.blocks import text
from cogs.reading.article_list_pages import no_feeds_blocks
from cogs.reading.message_articles import article_dispatch_of

GuildChannel = discord.abc.GuildChannel | discord.Thread


async def feed_ids_readable_by_all_in(bot: TelexBot, member: discord.Member, place: GuildChannel) -> set[int]:
    """Return the ids of feeds that a member and all other readers of a place can read."""
    shared = await bot.courier.audience.feeds_readable_by_all_in(place.guild, place.id)
    return shared & await bot.visible_feed_ids_of(member)


def place_of(channel: object) -> GuildChannel | None:
    """Return a channel as a channel or thread of a server, or None for any other."""
    return channel if isinstance(channel, discord.abc.GuildChannel | discord.Thread) else None


def replied_message_id(message: discord.Message) -> int | None:
    """Return the id of the message in the same channel that a message replies to, or None."""
    reference = message.reference
    if reference is None or message.type is not discord.MessageType.reply:
        return None
    return reference.message_id if reference.channel_id == message.channel.id else None


async def article_of_thread(bot: TelexBot, place: GuildChannel | None, text: str) -> int | None:
    """Return the id of the article whose post a thread or forum post was opened with, or None."""
    if not isinstance(place, discord.Thread):
        return None
    # A thread has the id of its first message.
    return await article_of_message(bot, place.id, place.guild.id, text)


async def article_of_message(bot: TelexBot, message_id: int, server_id: int | None, text: str) -> int | None:
    """Return the id of a message's article, of several the one that `text` asks about; None without any."""
    post = await article_dispatch_of(bot, message_id, server_id)
    if post is None or not post.article_ids:
        return None
    if len(post.article_ids) == 1:
        return post.article_ids[0]
    article = best_matching_article(text, await bot.store.articles.by_ids(post.article_ids))
    return None if article is None else article.id


async def last_question_in_thread(bot: TelexBot, thread_id: int) -> Question | None:
    """Return the last question in a thread, or None if the conversation has ended."""
    since = bot.newsroom.clock.now() - THREAD_CONVERSATION_SECONDS
    return await bot.store.questions.last_public_in_channel(thread_id, since)


async def no_feeds_view(bot: TelexBot, asker: discord.Member) -> discord.ui.LayoutView:
    """Return the view for a place without feeds to answer from."""
    if not await bot.visible_feed_ids_of(asker):
        return layout_views.static_view(no_feeds_blocks(manages=asker.guild_permissions.manage_guild))
    said = linkify_commands(
        _(
            "Your feeds are in channels that some people here can’t see. /ask answers only you, from "
            "all of them."
        )
    )
    return layout_views.static_view((text(said),))
