"""Command /story, and the buttons that show the story of an article: its developments in order of time."""

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.answers.timeline.story_search import find_story_seed
from bot.answers.timeline.story_timeline import StoryTimeline, build_timeline
from bot.client import interaction_context
from bot.client.command_tree import DEFERS_ITSELF_KEY
from bot.core import i18n
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import Card, Layout
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.writing.summarizer import Summarizer
from cogs.asking.question_context import as_server_channel, load_feed_ids_readable_by_all
from cogs.reading.article_list_pages import load_empty_page
from cogs.reading.message_articles import require_readable_article, unreadable_article_text
from cogs.reading.result_pages import load_time_zone
from cogs.reading.story_cards import empty_story_blocks, story_layout, summary_markup
from cogs.reading.summary_menu import get_summarizer, writing_text
from cogs.shared.authorization import user_installable
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import AckMode, Interaction, reply
from cogs.watching.watch_creation import create_personal_watch

_MAX_SUMMARIZED_ARTICLES = 4
"""Maximum number of articles from which a story is summarized: of its first development and its last ones."""


@persistent_item(buttons.STORY_BUTTON.id_pattern)
async def story_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Show the story of an article (developments of its event), visible only to the user."""
    await show_story(interaction, await require_readable_article(interaction, key))


@persistent_item(buttons.STORY_MENU_ID)
async def story_menu(interaction: Interaction, menu: discord.ui.Item[Any]) -> None:
    """Show the story of the article that the user chose in a menu, visible only to the user."""
    article_keys = menu.values if isinstance(menu, discord.ui.Select) else ()  # A forged click may be of a button.
    await show_story(interaction, await require_readable_article(interaction, next(iter(article_keys), "")))


@persistent_item(buttons.STORY_ORDER_ID_PATTERN, AckMode.UPDATE_MESSAGE)
async def story_order_button(interaction: Interaction, _item: object, *, order: str, key: str, words: str) -> None:
    """Show a story in another order, in the same message."""
    is_public = interaction.message is not None and not interaction.message.flags.ephemeral
    article = await require_readable_article(interaction, key)
    await show_story(interaction, article, words, is_public=is_public, newest_first=order == "newest")


@persistent_item(buttons.STORY_WATCH_ID_PATTERN)
async def story_watch_button(interaction: Interaction, _item: object, *, key: str, words: str) -> None:
    """Create a watch (saved search) for the topic of a story."""
    article = await require_readable_article(interaction, key)
    feed_ids = await interaction.client.load_visible_feed_ids(interaction)
    timeline = await _load_timeline(interaction, article, feed_ids, words)
    await create_personal_watch(interaction, timeline.topic)


class StoryCog(PersistentItemCog):
    """Cog of the /story command and of the buttons of stories."""

    persistent_items = (story_button, story_menu, story_order_button, story_watch_button)

    @app_commands.command(
        name="story",
        description=locale_str("See a story so far: what happened, in order of time"),
        extras={DEFERS_ITSELF_KEY: True},
    )
    @user_installable
    @app_commands.describe(
        words=locale_str("Words that the story is about"),
        public=locale_str("Show the story to everyone in this channel"),
    )
    async def story(
        self, interaction: Interaction, words: Range[str, 1, MAX_QUERY_LENGTH], *, public: bool = False
    ) -> None:
        is_public = public and interaction_context.get_home_server(interaction) is not None
        if not interaction.response.is_done():  # The button of /help has acknowledged it already.
            await interaction.response.defer(ephemeral=not is_public, thinking=True)
        feed_ids = await _load_feed_ids(interaction, is_public=is_public)
        if not feed_ids:
            await reply(
                interaction, (Card((await load_empty_page(interaction)).header, outlet_branding.DEFAULT_COLOUR),)
            )
            return
        article = await find_story_seed(self.bot.services.searcher, words, feed_ids)
        if article is None:
            await reply(interaction, (Card(empty_story_blocks(words), outlet_branding.DEFAULT_COLOUR),))
            return
        await show_story(interaction, article, words, is_public=is_public)


async def show_story(
    interaction: Interaction, article: Article, words: str = "", *, is_public: bool = False, newest_first: bool = False
) -> None:
    """Show the story of an article (developments of its event) in the reply to an acknowledged interaction.

    `words` are the words by which the user named the story, or "". A public story has only articles that everyone in
    the channel can read. Raises `UserFacingError` if `article` is none of these.
    """
    feed_ids = await _load_feed_ids(interaction, is_public=is_public)
    if is_public and article.feed_id not in feed_ids:
        raise UserFacingError(unreadable_article_text())
    timeline = await _load_timeline(interaction, article, feed_ids, words)
    can_watch = interaction_context.get_home_server(interaction) is not None

    def build_layout(summary: str) -> Layout:
        return story_layout(timeline, newest_first=newest_first, can_watch=can_watch, summary=summary)

    summarizer = get_summarizer(interaction.client)
    if summarizer is None or timeline.article_count == 1:
        await reply(interaction, build_layout(""))
        return
    articles = _select_summarized_articles(timeline)
    if await summarizer.load_cached(articles, i18n.current_language()) is None:
        await reply(interaction, build_layout(writing_text()))
    await reply(interaction, build_layout(await _load_summary(interaction, summarizer, articles)))


async def _load_feed_ids(interaction: Interaction, *, is_public: bool) -> set[int]:
    """Return the ids of the feeds from which a story may be shown to the user or, if public, to the whole channel."""
    member, channel = interaction_context.get_home_member(interaction), as_server_channel(interaction.channel)
    if is_public and member is not None and channel is not None:
        return await load_feed_ids_readable_by_all(interaction.client, member, channel)
    return await interaction.client.load_visible_feed_ids(interaction)


async def _load_timeline(interaction: Interaction, article: Article, feed_ids: set[int], words: str) -> StoryTimeline:
    services, zone = interaction.client.services, await load_time_zone(interaction)
    return await build_timeline(
        services.searcher, article, feed_ids, i18n.current_language(), query_text=words, zone=zone
    )


def _select_summarized_articles(timeline: StoryTimeline) -> list[Article]:
    """Return the articles from which a story is summarized, the one with the longest text first."""
    articles = [development.article for development in timeline.shown_developments]
    selected_articles = [articles[0], *articles[1:][1 - _MAX_SUMMARIZED_ARTICLES :]]
    return sorted(selected_articles, key=lambda article: -len(article.body or article.summary))


async def _load_summary(interaction: Interaction, summarizer: Summarizer, articles: list[Article]) -> str:
    """Return the summary of a story as markup, or "" if there is none."""
    summary = await summarizer.summarize(
        articles,
        i18n.current_language(),
        server_id=interaction_context.get_home_server_id(interaction),
        user_id=interaction.user.id,
    )
    return (
        summary_markup(summary, interaction.client.services.settings.model_name) if isinstance(summary, tuple) else ""
    )
