"""Context of a question: the feeds that may answer it, the article that it is about, and the question before it."""

from collections.abc import Sequence

import discord

from bot.answers.conversing import follow_up_questions
from bot.answers.conversing.question_service import THREAD_CONVERSATION_SECONDS
from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _, linkify_commands
from bot.core.models import Article
from bot.core.user_models import Question
from bot.posting.rendering.layout import layout_views
from bot.posting.rendering.layout.blocks import text_block
from bot.search.index import text_analysis
from cogs.reading.article_list_pages import no_feeds_blocks
from cogs.reading.message_articles import find_article_dispatch
from cogs.shared.views import Interaction

GuildChannel = discord.abc.GuildChannel | discord.Thread
"""Type of a channel or thread of a server."""

MAX_DATABASE_ID = 2**63 - 1
"""Largest id that the database can hold."""
_TITLE_WEIGHT = 3
"""Weight of a word of the question in an article's title, relative to a word in the article's summary."""


async def load_feed_ids_readable_by_all(
    bot: TelexBot, member: discord.Member, server_channel: GuildChannel
) -> set[int]:
    """Return the ids of the feeds that a member and all other readers of a channel or thread can read."""
    feed_ids_readable_by_all = await bot.outbox_relay.audience.find_feed_ids_readable_by_all_in(
        server_channel.guild, server_channel.id
    )
    return feed_ids_readable_by_all & await bot.load_visible_feed_ids_of_member(member)


def as_server_channel(channel: object) -> GuildChannel | None:
    """Return a channel if it is a channel or thread of a server, or None if it is not."""
    return channel if isinstance(channel, discord.abc.GuildChannel | discord.Thread) else None


def get_replied_message_id(message: discord.Message) -> int | None:
    """Return the id of the message in the same channel that a message replies to, or None."""
    reference = message.reference
    if reference is None or message.type is not discord.MessageType.reply:
        return None
    return reference.message_id if reference.channel_id == message.channel.id else None


async def find_thread_article_id(bot: TelexBot, server_channel: GuildChannel | None, question_text: str) -> int | None:
    """Return the id of the article whose post a thread or forum post began with, or None if there is none.

    If the post has several articles, `question_text` decides between them.
    """
    if not isinstance(server_channel, discord.Thread):
        return None
    # A thread has the id of its first message.
    return await find_message_article_id(bot, server_channel.id, server_channel.guild.id, question_text)


async def find_message_article_id(
    bot: TelexBot, message_id: int, server_id: int | None, question_text: str
) -> int | None:
    """Return the id of a message's article, or None if it has none.

    If the message has several articles, it is the article that `question_text` asks about, or None if
    that is unclear.
    """
    dispatch = await find_article_dispatch(bot, message_id, server_id)
    if dispatch is None or not dispatch.article_ids:
        return None
    if len(dispatch.article_ids) == 1:
        return dispatch.article_ids[0]
    article = find_best_matching_article(question_text, await bot.store.articles.list_by_ids(dispatch.article_ids))
    return None if article is None else article.id


def find_best_matching_article(question_text: str, articles: Sequence[Article]) -> Article | None:
    """Return the article whose title and summary match most words of a question; a match in the title counts thrice.

    Returns None if the two best articles match equally, or none matches.
    """
    stem_groups = [
        text_analysis.find_query_stems(word) for word in follow_up_questions.extract_content_words(question_text)
    ]
    scored_articles: list[tuple[int, Article]] = []
    for article in articles:
        title_stems = set(text_analysis.stem_tokens(article.title, article.language))
        summary_stems = set(text_analysis.stem_tokens(article.summary, article.language))
        scored_articles.append(
            (
                sum(_TITLE_WEIGHT * bool(stems & title_stems) + bool(stems & summary_stems) for stems in stem_groups),
                article,
            )
        )
    scored_articles.sort(key=lambda scored_article: -scored_article[0])
    if (
        not scored_articles
        or not scored_articles[0][0]
        or (len(scored_articles) > 1 and scored_articles[0][0] == scored_articles[1][0])
    ):
        return None
    return scored_articles[0][1]


async def find_last_thread_question(bot: TelexBot, thread_id: int) -> Question | None:
    """Return the last public question in a thread, or None if there is none that is recent enough to be continued."""
    asked_since = bot.services.clock.now() - THREAD_CONVERSATION_SECONDS
    return await bot.store.questions.find_last_public(thread_id, asked_since)


async def find_accessible_question(interaction: Interaction, question_id: int) -> Question | None:
    """Return the stored question with an id, or None if the user may not see it here.

    In a server, that is a question asked there, by the user or publicly by someone else; elsewhere, any question
    of the user.
    """
    if question_id > MAX_DATABASE_ID:
        return None
    question = await interaction.client.store.questions.get(question_id)
    if question is None or (not question.is_public and question.user_id != interaction.user.id):
        return None
    server_id = interaction_context.get_home_server_id(interaction)
    if server_id is None:
        return question if question.user_id == interaction.user.id else None
    return question if question.server_id == server_id else None


async def make_no_feeds_view(bot: TelexBot, member: discord.Member) -> discord.ui.LayoutView:
    """Return the view that says that no feed can be used for an answer that all readers of a channel see.

    Either the member can see no feeds, or other readers of the channel cannot see the member's feeds.
    """
    if not await bot.load_visible_feed_ids_of_member(member):
        return layout_views.build_static_view(no_feeds_blocks(can_manage=member.guild_permissions.manage_guild))
    sentence = linkify_commands(
        _("Your feeds are in channels that some people here can’t see. /ask answers only you, from all of them.")
    )
    return layout_views.build_static_view((text_block(sentence),))
