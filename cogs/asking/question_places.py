"""Where a question is asked: what may be answered there, what a place is about, the question before it."""

import discord

from bot.answers.conversing.question_service import THREAD_MEMORY, closest
from bot.client.discord_client import Telex
from bot.core.locale import _, clickable
from bot.core.people_models import Question
from bot.posting.rendering.layout import layout_views
from bot.posting.rendering.layout.blocks import text
from cogs.reading.article_list_pages import nothing_followed
from cogs.reading.message_articles import post_of

Place = discord.abc.GuildChannel | discord.Thread


async def shared_feed_ids(bot: Telex, member: discord.Member, place: Place) -> set[int]:
    """Ids of the feeds that a member and everybody who reads a channel or thread may read."""
    shared = await bot.courier.audience.feeds_of_channel(place.guild, place.id)
    return shared & await bot.feed_ids_seen_by(member)


def place_of(channel: object) -> Place | None:
    """A channel or thread of a server; None for anything else."""
    return channel if isinstance(channel, discord.abc.GuildChannel | discord.Thread) else None


def replied_to(message: discord.Message) -> int | None:
    """The id of the message of the same channel that a message replies to."""
    reference = message.reference
    if reference is None or message.type is not discord.MessageType.reply:
        return None
    return reference.message_id if reference.channel_id == message.channel.id else None


async def article_of_thread(bot: Telex, place: Place | None, text: str) -> int | None:
    """The article of the post that a thread was opened on, or that opened a forum's thread."""
    if not isinstance(place, discord.Thread):
        return None
    return await article_in(bot, place.id, place.guild.id, text)  # a thread has the id of its first message


async def article_in(bot: Telex, message_id: int, server_id: int | None, text: str) -> int | None:
    """The article of a post or a notice; of several the one that is asked about. None for other messages."""
    post = await post_of(bot, message_id, server_id)
    if post is None or not post.article_ids:
        return None
    if len(post.article_ids) == 1:
        return post.article_ids[0]
    article = closest(text, await bot.store.articles.by_ids(post.article_ids))
    return None if article is None else article.id


async def last_in(bot: Telex, thread_id: int) -> Question | None:
    """The last question in a thread, if it is not so old that another conversation begins."""
    since = bot.newsroom.clock.now() - THREAD_MEMORY
    return await bot.store.questions.last_in(thread_id, since)


async def nothing_readable(bot: Telex, asker: discord.Member) -> discord.ui.LayoutView:
    """What to say where there is no feed to answer from."""
    if not await bot.feed_ids_seen_by(asker):
        return layout_views.static(nothing_followed(manages=asker.guild_permissions.manage_guild))
    said = clickable(
        _(
            "Your feeds are in channels that some people here can’t see. /ask answers only you, from "
            "all of them."
        )
    )
    return layout_views.static((text(said),))
