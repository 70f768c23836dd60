"""Rendering of a digest: the top story, stories by topic, rising topics, a menu to bookmark stories."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from babel.dates import format_date, format_interval

from bot.core import i18n, local_time
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.digests import bar_charts
from bot.digests.digest_models import DigestContent, DigestSection, DigestStory
from bot.digests.digest_selection import DAY_SECONDS
from bot.digests.trend_detection import TrendPeriod
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Gallery, Image, Separator
from bot.posting.rendering.messages import Message, Picture, excerpt_markup, image_block, link_markup
from bot.posting.rendering.trend_charts import build_rising_chart, chart_alt_text, leader_sentence
from bot.store import Store
from bot.text import discord_text

_MAX_BODY_LENGTH = 3_600
"""Maximum length of all stories of a digest in UTF-16 units; the rest of its message is for headings."""
_MAX_TITLE_LENGTH = 140  # in UTF-16 units, as the following lengths
_MAX_LEAD_LENGTH, _MAX_TOP_STORY_LEAD_LENGTH = 110, 220
_MAX_SUMMARY_LENGTH = 450
_MAX_OUTLET_LENGTH = 40
_MAX_LISTED_OUTLETS = 3
_MAX_CHART_ROWS = 3
_MAX_HEADING_LENGTH = 100
_CHART_FILENAME = "week.png"


class DigestPage(NamedTuple):
    """Rendered digest without its chart: its blocks, the name of its thread, and the articles shown."""

    blocks: tuple[Block, ...]
    thread_name: str
    shown_articles: list[Article]


async def render_digest(
    store: Store,
    workers: WorkerPool,
    dedupe_key: str,
    digest_content: DigestContent,
    *,
    language: str,
    is_personal: bool = False,
) -> Message | None:
    """Return the message of a digest with its chart; None if none of its articles is still stored.

    `language` is an ISO 639-1 code; `dedupe_key` identifies the digest in the menu that saves its stories.
    `is_personal`: one user gets the digest as a direct message. Raises StoreError.
    """
    digest_page = await build_page(store, digest_content, language=language)
    if digest_page is None:
        return None
    picture = await draw_chart(workers, digest_content, language=language)
    with i18n.language_scope(language):
        articles_by_age = sorted(digest_page.shown_articles, key=lambda article: article.published)
        save_menu = buttons.save_menu(dedupe_key, articles_by_age, placeholder=_("Save a story…"))
        card_blocks = (
            *digest_page.blocks,
            *make_chart_blocks(picture),
            ActionRow(save_menu),
            ActionRow(
                buttons.QUESTION_BUTTON(),
                *(
                    [buttons.MUTE_CHOICE_BUTTON(), buttons.PERSONAL_DIGEST_BUTTON()]
                    if is_personal
                    else [buttons.TRENDS_BUTTON()]
                ),
            ),
        )
        return Message(
            name=digest_page.thread_name, layout=(Card(card_blocks, outlet_branding.DEFAULT_COLOUR),), picture=picture
        )


async def build_page(store: Store, digest_content: DigestContent, *, language: str) -> DigestPage | None:
    """Return a digest rendered without its chart; None if none of its articles is still stored.

    `language` is an ISO 639-1 code. Raises StoreError.
    """
    articles = await store.articles.list_by_ids(digest_content.article_ids)
    if not articles:
        return None
    with i18n.language_scope(language):
        title, date_range = _digest_title(digest_content), _date_range_text(digest_content)
        fitted_stories = fit_stories(digest_content.sections, {article.id: article for article in articles})
        omitted_count = digest_content.omitted_count + fitted_stories.omitted_count
        story_count = omitted_count + len(fitted_stories.shown_articles)
        heading_parts = [date_range, format_count("{count} story", "{count} stories", story_count)]
        if digest_content.outlet_count:
            heading_parts.append(format_count("{count} outlet", "{count} outlets", digest_content.outlet_count))
        heading = blocks.text_block(f"## {title}\n-# {' · '.join(heading_parts)}")
        footer_blocks = [blocks.text_block(f"-# {_omitted_count_markup(omitted_count)}")] if omitted_count else []
        if any(story.summary for section in digest_content.sections for story in section.stories):
            summary_disclaimer = _("Summaries written by a language model. It can be wrong: follow the links.")
            footer_blocks.append(blocks.text_block(f"-# {summary_disclaimer}"))
        rising_blocks: list[Block] = (
            [Separator(), blocks.text_block(_rising_markup(digest_content))] if digest_content.rising_rows else []
        )
        return DigestPage(
            (heading, *fitted_stories.blocks, *footer_blocks, *rising_blocks),
            digest_headline(digest_content),
            fitted_stories.shown_articles,
        )


async def draw_chart(workers: WorkerPool, digest_content: DigestContent, *, language: str) -> Picture | None:
    """Return a picture of a digest's chart of rising topics; None without rising topics or if drawing failed."""
    with i18n.language_scope(language):
        chart = build_rising_chart(digest_content.rising_rows[:_MAX_CHART_ROWS], TrendPeriod.WEEK, digest_content.until)
        png_images = await bar_charts.render_charts(workers, (chart,)) if chart is not None else ()
        return (
            Picture(png_images[0], _CHART_FILENAME, chart_alt_text(chart)) if chart is not None and png_images else None
        )


def make_chart_blocks(picture: Picture | None) -> tuple[Block, ...]:
    """Return the block that shows the picture of a chart, in a tuple that is empty if there is no picture."""
    if picture is None:
        return ()
    return (Gallery((Image(f"attachment://{picture.filename}", picture.description),)),)


def digest_headline(digest_content: DigestContent) -> str:
    """Return the title of a digest with its dates, in the current language; its thread is named so, too."""
    return discord_text.to_plain_line(
        f"{_digest_title(digest_content)}, {_date_range_text(digest_content)}", _MAX_HEADING_LENGTH
    )


def _digest_title(digest_content: DigestContent) -> str:
    return _("Today’s news") if _is_daily_digest(digest_content) else _("The week’s news")


def _is_daily_digest(digest_content: DigestContent) -> bool:
    return digest_content.is_daily and digest_content.until - digest_content.since <= DAY_SECONDS + DAY_SECONDS // 2


def _date_range_text(digest_content: DigestContent) -> str:
    """Return the date of a digest of one day, or the date range of a longer one, in the current language."""
    zone = local_time.load_zone(digest_content.time_zone)
    start, end = (datetime.fromtimestamp(timestamp, zone) for timestamp in (digest_content.since, digest_content.until))
    language = i18n.current_language()
    if _is_daily_digest(digest_content):
        return str(format_date(end, "full", locale=language))
    return str(format_interval(start.date(), end.date(), "yMMMd", locale=language))


def _omitted_count_markup(count: int) -> str:
    return linkify_commands(ngettext("+{count} more in /search", "+{count} more in /search", count)).format(
        count=format_number(count)
    )


def _rising_markup(digest_content: DigestContent) -> str:
    rising_template = _("**Rising**: {sentence}")
    return rising_template.format(sentence=leader_sentence(digest_content.rising_rows[0]))


class FittedStories(NamedTuple):
    """Stories that fit into a digest: their blocks, the article shown of each, and how many stories did not fit."""

    blocks: list[Block]
    shown_articles: list[Article]
    omitted_count: int


def fit_stories(sections: Sequence[DigestSection], article_by_id: Mapping[int, Article]) -> FittedStories:
    """Return the stories that fit into a digest, the first one large, in the current language."""
    story_blocks: list[Block] = []
    shown_articles: list[Article] = []
    omitted_count, remaining_length, previous_heading = 0, _MAX_BODY_LENGTH, None
    for heading, story, article in _iter_stories(sections, article_by_id):
        is_first = not shown_articles
        variants = (
            _top_story_variants(article, story, article_by_id)
            if is_first
            else _story_variants(article, story, article_by_id)
        )
        heading_markup = (
            f"-# **{heading}**" if heading is not None and (heading != previous_heading or is_first) else ""
        )
        fitting_variant = next(
            (
                variant
                for variant in variants
                if discord_text.count_utf16_units(variant) + discord_text.count_utf16_units(heading_markup)
                <= remaining_length
            ),
            None,
        )
        if fitting_variant is None:
            omitted_count += 1
            continue
        if heading_markup and not is_first:
            story_blocks.append(Separator(visible=False))
        previous_heading = heading
        story_block = blocks.text_block("\n".join(filter(None, (heading_markup, fitting_variant))))
        remaining_length -= discord_text.count_utf16_units(story_block.variants[0]) + 1
        if is_first:
            story_blocks += [*_picture_blocks(article), story_block, Separator()]
        else:
            story_blocks.append(story_block)
        shown_articles.append(article)
    while story_blocks and isinstance(story_blocks[-1], Separator):
        story_blocks.pop()
    return FittedStories(story_blocks, shown_articles, omitted_count)


def _iter_stories(
    sections: Sequence[DigestSection], article_by_id: Mapping[int, Article]
) -> Iterator[tuple[str | None, DigestStory, Article]]:
    """Yield each story with the heading of its section and its first article that is still stored.

    Sections without a topic are headed "Also", except the first section, which then has no heading. Stories
    without a stored article are left out.
    """
    for section_index, section in enumerate(sections):
        heading = section.topic or (_("Also") if section_index else None)
        heading_markup = (
            None
            if heading is None
            else discord_text.escape_markdown(discord_text.to_plain_line(heading, _MAX_HEADING_LENGTH).upper())
        )
        for story in section.stories:
            available_articles = (
                article_by_id[article_id]
                for article_id, _feed_id in story.article_and_feed_ids
                if article_id in article_by_id
            )
            if (article := next(available_articles, None)) is not None:
                yield heading_markup, story, article


def _top_story_variants(article: Article, story: DigestStory, article_by_id: Mapping[int, Article]) -> tuple[str, ...]:
    """Return the texts of the top story in markup, longest first, of which the first that fits is shown."""
    title = _title_markup(article)
    outlet_names = [discord_text.escape_markdown(name) for name in _outlet_names(article, story, article_by_id)]
    footer_parts = [
        outlet_branding.emoji_and_name(article.feed_id, article.outlet),
        *outlet_names[1:_MAX_LISTED_OUTLETS],
    ]
    if len(outlet_names) > _MAX_LISTED_OUTLETS:
        footer_parts.append(f"+{format_number(len(outlet_names) - _MAX_LISTED_OUTLETS)}")
    footer = "-# " + " · ".join(filter(None, (*footer_parts, _bookmark_count_markup(story))))
    lead = _lead_markup(article, story, _MAX_TOP_STORY_LEAD_LENGTH)
    return f"### {link_markup(title, article.url)}\n{lead}\n{footer}".replace("\n\n", "\n"), f"### {title}\n{footer}"


def _story_variants(article: Article, story: DigestStory, article_by_id: Mapping[int, Article]) -> tuple[str, ...]:
    """Return the texts of a story below the top story, longest first; the first that fits is shown."""
    title, lead = _title_markup(article), _lead_markup(article, story, _MAX_LEAD_LENGTH)
    other_outlet_count = len(_outlet_names(article, story, article_by_id)) - 1
    outlet_name = discord_text.to_markdown_line(article.outlet, _MAX_OUTLET_LENGTH)
    outlet_markup = (
        f"{outlet_branding.outlet_emoji(article.feed_id, article.outlet)} {outlet_name}" if outlet_name else ""
    )
    footer = "-# " + " · ".join(
        filter(
            None,
            (
                f"{outlet_markup} +{format_number(other_outlet_count)}" if other_outlet_count else outlet_markup,
                _bookmark_count_markup(story),
            ),
        )
    )
    linked_title = f"**{link_markup(title, article.url)}**"
    return tuple(
        "\n".join(filter(None, variant_parts))
        for variant_parts in ((linked_title, lead, footer), (linked_title, footer), (title, footer))
    )


def _title_markup(article: Article) -> str:
    return discord_text.escape_markdown(
        discord_text.to_plain_line(article.title, _MAX_TITLE_LENGTH)
        or discord_text.to_plain_line(article.url, _MAX_TITLE_LENGTH)
    )


def _lead_markup(article: Article, story: DigestStory, max_length: int) -> str:
    if story.summary:
        return discord_text.to_markdown_line(story.summary, _MAX_SUMMARY_LENGTH)
    return excerpt_markup(article, max_length)


def _outlet_names(article: Article, story: DigestStory, article_by_id: Mapping[int, Article]) -> list[str]:
    """Return the names of the outlets of a story, each once, the outlet of the shown article first."""
    available_articles = (
        article_by_id[article_id] for article_id, _feed_id in story.article_and_feed_ids if article_id in article_by_id
    )
    outlet_names = (
        discord_text.to_plain_line(story_article.outlet, _MAX_OUTLET_LENGTH)
        for story_article in (article, *available_articles)
    )
    return list(dict.fromkeys(filter(None, outlet_names)))


def _bookmark_count_markup(story: DigestStory) -> str:
    return f"{buttons.BOOKMARK_EMOJI}\u00a0{format_number(story.bookmark_count)}" if story.bookmark_count else ""


def _picture_blocks(article: Article) -> tuple[Block, ...]:
    picture = image_block(article)
    return () if picture is None else (Gallery((picture,)),)
