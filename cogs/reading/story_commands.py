"""Command /story, and the buttons that show the story of an article: its developments in order of time."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.answers.timeline.developments import Development
from bot.answers.timeline.story_search import find_story_seed
from bot.answers.timeline.story_timeline import StoryTimeline, build_timeline
from bot.client import interaction_context
from bot.client.command_tree import DEFERS_ITSELF_KEY
from bot.core import i18n
from bot.core.i18n import _, format_count, linkify_commands, pgettext
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Layout, Section, Separator, Text, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.messages import link_markup
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from bot.writing.summarizer import Summarizer
from cogs.asking.question_context import as_server_channel, load_feed_ids_readable_by_all
from cogs.reading.article_list_pages import load_empty_page
from cogs.reading.message_articles import require_readable_article, unreadable_article_text
from cogs.reading.more_menu import get_summarizer, writing_text
from cogs.reading.result_pages import load_time_zone
from cogs.shared import article_cards
from cogs.shared.authorization import user_installable
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import AckMode, Interaction, reply
from cogs.watching.watch_creation import create_personal_watch

_MAX_QUOTED_TEXT_LENGTH = 100
"""Maximum length in UTF-16 units of a quoted topic, and of a user's words in the notice that no story has them."""
_MAX_OUTLET_NAME_LENGTH = 40
"""Maximum length in UTF-16 units of an outlet's name beside a number."""
_MAX_NUMBER_LENGTH = 40
"""Maximum length in UTF-16 units of a number with the thing that it counts."""
_MAX_SENTENCE_LENGTH = 220
"""Maximum length in UTF-16 units of a sentence of the summary."""
_SENTENCE_MARK_PATTERN = re.compile("[:?!]")
_MAX_LINE_LENGTH = 200
"""Maximum length in UTF-16 units of a development's line, which may be a title."""


def story_layout(timeline: StoryTimeline, *, newest_first: bool, can_watch: bool, summary: str = "") -> Layout:
    """Return the layout of a story, in the current language.

    `timeline.seed` is the article whose story it is, `timeline.query_text` what the user typed, or "". `newest_first`:
    the last development is on top. `can_watch` adds a button that offers a watch, which only a server can have.
    `summary` is markup above the developments.
    """
    heading = _heading_text(timeline.topic)
    header = Section(
        (text_block(f"### {heading}\n-# {_size_text(timeline)}"),),
        buttons.story_watch_button(timeline.seed.key, timeline.query_text) if can_watch else None,
    )
    summary_blocks = (text_block(summary),) if summary else ()
    is_single = timeline.article_count == 1
    button_row = ActionRow(
        None
        if is_single
        else buttons.story_order_button(timeline.seed.key, timeline.query_text, newest_first=not newest_first),
        buttons.make_button(pgettext("story", "Ask"), buttons.QUESTION_BUTTON.custom_id(), emoji_for(Icon.ASK)),
        buttons.mute_story_button(timeline.seed.key),
    )
    return (
        Card(
            (
                header,
                *summary_blocks,
                Separator(),
                *_iter_development_blocks(timeline, newest_first=newest_first),
                Separator(),
                button_row,
            ),
            outlet_branding.DEFAULT_COLOUR,
        ),
    )


def _heading_text(topic: str) -> str:
    """Return the heading of a story, whose topic is key terms or a headline, which may have a colon of its own."""
    if _SENTENCE_MARK_PATTERN.search(topic):
        quoted_topic = article_cards.quoted_heading(topic, _MAX_QUOTED_TEXT_LENGTH)
        return _("The story so far of {topic}").format(topic=quoted_topic)
    return _("{topic}: the story so far").format(topic=discord_text.to_markdown_line(topic))


def empty_story_blocks(user_text: str) -> tuple[Block, ...]:
    """Return the blocks that say that there is no story on a user's words."""
    sentence = _("No story on {words} in the channels you can see.").format(
        words=article_cards.quoted_heading(user_text, _MAX_QUOTED_TEXT_LENGTH)
    )
    return (text_block(f"{sentence}\n" + linkify_commands(_("Try other words. /latest shows what’s new."))),)


def summary_markup(sentences: Sequence[str], model_name: str) -> str:
    """Return the summary that a model wrote of a story as markup, with the name of the model."""
    disclaimer = _("Written by {model} from these sources. It can be wrong.").format(
        model=discord_text.to_markdown_line(model_name) or _("a language model")
    )
    text = " ".join(discord_text.to_markdown_line(sentence, _MAX_SENTENCE_LENGTH) for sentence in sentences)
    return f"{text}\n-# ✍️ {disclaimer}"


def _size_text(timeline: StoryTimeline) -> str:
    """Return how many developments a story has in how many days, and how many articles of how many outlets."""
    if timeline.article_count == 1:
        return _("Only one article on this so far")
    developments_text = format_count("{count} development", "{count} developments", timeline.development_count)
    days_text = format_count("in {count} day", "in {count} days", timeline.shown_day_count)
    articles_text = format_count("{count} article", "{count} articles", timeline.article_count)
    outlets_text = format_count("from {count} outlet", "from {count} outlets", timeline.outlet_count)
    return f"{developments_text} {days_text} · {articles_text} {outlets_text}"


def _iter_development_blocks(timeline: StoryTimeline, *, newest_first: bool) -> Iterator[Text]:
    """Yield the blocks of the developments, each day named once, and a note where developments are left out."""
    developments = list(timeline.shown_developments)
    gap_index = 1
    if newest_first:
        developments.reverse()
        gap_index = len(developments) - 1
    last_day = None
    for index, development in enumerate(developments):
        if timeline.omitted_count and index == gap_index:
            omitted_text = format_count("{count} more in /search", "{count} more in /search", timeline.omitted_count)
            yield text_block(f"-# {linkify_commands(omitted_text)}")
        day = timeline.get_day(development.published)
        labels = [f"**<t:{development.published}:D>**"] if day != last_day else []
        if development is timeline.shown_developments[-1] and len(developments) > 1:
            labels.append("**" + _("Newest") + "**")
        last_day = day
        label = f"-# {' · '.join(labels)}\n" if labels else ""
        line = messages.escape_to_fit(development.line, _MAX_LINE_LENGTH)
        yield text_block(f"{label}> {line}")
        yield _build_source_block(development)


def _build_source_block(development: Development) -> Text:
    """Return the block with the outlet and article of a development, and with the numbers in which outlets differ.

    The shorter variants lack the link of the title, those of the numbers, and at last both title and numbers.
    """
    article = development.article
    outlet_markup = outlet_branding.emoji_and_name(article.feed_id, article.outlet)
    other_count = len(development.outlets) - 1
    other_outlets_text = format_count("+{count} outlet", "+{count} outlets", other_count) if other_count > 0 else ""
    linked_title, plain_title = article_cards.title_variants(article)
    if development.is_line_title:
        linked_title, plain_title = link_markup(_("Read"), article.url), ""

    def join_lines(title: str, differences_text: str) -> str:
        byline = "-# " + " ·\xa0".join(filter(None, (outlet_markup, title, other_outlets_text)))
        return "\n".join(filter(None, (byline, differences_text)))

    linked_differences, plain_differences = (
        _differences_text(development, with_links=is_linked) for is_linked in (True, False)
    )
    variants = (
        join_lines(linked_title, linked_differences),
        join_lines(plain_title, linked_differences),
        join_lines(plain_title, plain_differences),
        join_lines("", ""),
    )
    return text_block(*dict.fromkeys(variants))


def _differences_text(development: Development, *, with_links: bool) -> str:
    """Return the line that says in which numbers outlets differ, or ""."""
    if not development.differing_numbers:
        return ""
    numbers = [
        (
            link_markup(text, number.url) if with_links else text,
            discord_text.to_markdown_line(number.outlet, _MAX_OUTLET_NAME_LENGTH),
        )
        for number in development.differing_numbers
        for text in (discord_text.to_markdown_line(number.text, _MAX_NUMBER_LENGTH),)
    ]
    label = _("Outlets differ:")
    return f"⚖️ **{label}** " + ", ".join(f"{text} ({outlet})" for text, outlet in numbers)


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
