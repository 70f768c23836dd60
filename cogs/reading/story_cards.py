"""Card of a story so far: its developments in order of time."""

import re
from collections.abc import Iterator, Sequence

from bot.answers.timeline.developments import Development
from bot.answers.timeline.story_timeline import StoryTimeline
from bot.core.i18n import _, format_count, linkify_commands, pgettext
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Layout, Section, Separator, Text, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.messages import link_markup
from bot.text import discord_text
from cogs.shared import article_cards

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
