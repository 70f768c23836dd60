"""Render a digest: the top story, stories by topic, rising topics, a menu to bookmark stories."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from babel.dates import format_date, format_interval

from bot.core import i18n, local_time
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.digests import bar_charts
from bot.digests.digest_selection import DAY_SECONDS, DigestContent, DigestSection, DigestStory
from bot.digests.trend_detection import TrendPeriod
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Gallery, Image, Separator
from bot.posting.rendering.messages import Message, Picture, excerpt, image_block, linked
from bot.posting.rendering.trend_charts import chart_alt_text, leader_sentence, rising_chart
from bot.store import Store
from bot.text import discord_text

_MAX_BODY_LENGTH = 3_600
"""Maximum length of the stories in UTF-16 units; the rest of a message's text is for headings."""
_MAX_TITLE_LENGTH = 140
_LEAD_LENGTH, _TOP_LEAD_LENGTH = 110, 220
_MAX_SUMMARY_LENGTH = 450
_MAX_OUTLET_LENGTH = 40
_MAX_OUTLETS_NAMED = 3
_CHART_ROWS = 3
_MAX_NAME_LENGTH = 100
_CHART_FILENAME = "week.png"


class DigestPage(NamedTuple):
    """A digest without its chart: its blocks, the name of its thread, and the articles that it links to."""

    card: tuple[Block, ...]
    name: str
    articles: list[Article]


async def render(
    store: Store, dedupe_key: str, edition: DigestContent, *, language: str, is_personal: bool = False
) -> Message | None:
    """Return the message of a digest with its chart; None if none of its articles is stored any more.

    `language` is an ISO 639-1 code. Raises StoreError.
    """
    told = await build_page(store, edition, language=language)
    if told is None:
        return None
    picture = await draw_chart(edition, language=language)
    with i18n.language_scope(language):
        newest = sorted(told.articles, key=lambda article: article.published)
        menu = buttons.save_menu(dedupe_key, newest, placeholder=_("Save a story…"))
        shown = (
            *told.card,
            *chart_blocks(picture),
            ActionRow(menu),
            ActionRow(
                buttons.question(),
                buttons.personal() if is_personal else buttons.trends(),
            ),
        )
        return Message(name=told.name, layout=(Card(shown, outlet_branding.DEFAULT_COLOUR),), picture=picture)


async def build_page(store: Store, edition: DigestContent, *, language: str) -> DigestPage | None:
    """Return the text of a digest; None if none of its articles is stored any more. Raises StoreError."""
    found = await store.articles.by_ids(edition.article_ids)
    if not found:
        return None
    with i18n.language_scope(language):
        title, dates = _title(edition), _dates(edition)
        told = fit_stories(edition.sections, {article.id: article for article in found})
        more = edition.more + told.omitted_count
        count = more + len(told.linked_articles)
        numbers = [dates, format_count("{count} story", "{count} stories", count)]
        if edition.outlets:
            numbers.append(format_count("{count} outlet", "{count} outlets", edition.outlets))
        heading = blocks.text(f"## {title}\n-# {' · '.join(numbers)}")
        rest = [blocks.text(f"-# {_more_line(more)}")] if more else []
        if any(story.summary for section in edition.sections for story in section.stories):
            said = _("Summaries written by a language model. It can be wrong: follow the links.")
            rest.append(blocks.text(f"-# {said}"))
        rising: list[Block] = [Separator(), blocks.text(_rising_line(edition))] if edition.rising else []
        return DigestPage((heading, *told.blocks, *rest, *rising), headline(edition), told.linked_articles)


async def draw_chart(edition: DigestContent, *, language: str) -> Picture | None:
    """Return the chart of rising topics; None if there are none or drawing failed."""
    with i18n.language_scope(language):
        wanted = rising_chart(edition.rising[:_CHART_ROWS], TrendPeriod.WEEK, edition.until)
        drawn = await bar_charts.render_charts((wanted,)) if wanted is not None else ()
        return (
            Picture(drawn[0], _CHART_FILENAME, chart_alt_text(wanted))
            if wanted is not None and drawn
            else None
        )


def chart_blocks(picture: Picture | None) -> tuple[Block, ...]:
    """Return the block that shows the chart, empty without one."""
    if picture is None:
        return ()
    return (Gallery((Image(f"attachment://{picture.filename}", picture.description),)),)


def headline(edition: DigestContent) -> str:
    """Return the title of a digest with its dates, as its thread is named, in the current language."""
    return discord_text.to_plain_line(f"{_title(edition)}, {_dates(edition)}", _MAX_NAME_LENGTH)


def _title(edition: DigestContent) -> str:
    return _("Today’s news") if _is_of_a_day(edition) else _("The week’s news")


def _is_of_a_day(edition: DigestContent) -> bool:
    return edition.daily and edition.until - edition.since <= DAY_SECONDS + DAY_SECONDS // 2


def _dates(edition: DigestContent) -> str:
    """Return the date of a daily digest, or the date range of a weekly one, in the current language."""
    zone = local_time.load_zone(edition.zone)
    begin, end = (datetime.fromtimestamp(moment, zone) for moment in (edition.since, edition.until))
    language = i18n.current_language()
    if _is_of_a_day(edition):
        return str(format_date(end, "full", locale=language))
    return str(format_interval(begin.date(), end.date(), "yMMMd", locale=language))


def _more_line(count: int) -> str:
    return linkify_commands(ngettext("+{count} more in /search", "+{count} more in /search", count)).format(
        count=format_number(count)
    )


def _rising_line(edition: DigestContent) -> str:
    told = _("**Rising**: {sentence}")
    return told.format(sentence=leader_sentence(edition.rising[0]))


class FittedStories(NamedTuple):
    """The stories that fit into a digest, as blocks, with the linked articles and the number omitted."""

    blocks: list[Block]
    linked_articles: list[Article]
    omitted_count: int


def fit_stories(sections: Sequence[DigestSection], articles: Mapping[int, Article]) -> FittedStories:
    """Return the stories that fit, the first one large, in the current language."""
    shown: list[Block] = []
    linked_articles: list[Article] = []
    left_out, room, topic = 0, _MAX_BODY_LENGTH, None
    for heading, story, article in _iter_stories(sections, articles):
        is_first = not linked_articles
        told = (
            _top_story_variants(article, story, articles)
            if is_first
            else _story_variants(article, story, articles)
        )
        small = f"-# **{heading}**" if heading is not None and (heading != topic or is_first) else ""
        form = next(
            (
                one
                for one in told
                if discord_text.utf16_length(one) + discord_text.utf16_length(small) <= room
            ),
            None,
        )
        if form is None:
            left_out += 1
            continue
        if small and not is_first:
            shown.append(Separator(visible=False))
        topic = heading
        text = blocks.text("\n".join(filter(None, (small, form))))
        room -= discord_text.utf16_length(text.variants[0]) + 1
        if is_first:
            shown += [*_picture(article), text, Separator()]
        else:
            shown.append(text)
        linked_articles.append(article)
    while shown and isinstance(shown[-1], Separator):
        shown.pop()
    return FittedStories(shown, linked_articles, left_out)


def _iter_stories(
    sections: Sequence[DigestSection], articles: Mapping[int, Article]
) -> Iterator[tuple[str | None, DigestStory, Article]]:
    """Yield each story with its heading and the article that it links to.

    Sections without a topic come under "Also"; a first section without one has no heading.
    """
    for number, section in enumerate(sections):
        heading = section.topic or (_("Also") if number else None)
        named = (
            None
            if heading is None
            else discord_text.escape_markdown(discord_text.to_plain_line(heading, _MAX_NAME_LENGTH).upper())
        )
        for story in section.stories:
            found = (articles[id_] for id_, _feed in story.articles if id_ in articles)
            if (article := next(found, None)) is not None:
                yield named, story, article


def _top_story_variants(
    article: Article, story: DigestStory, articles: Mapping[int, Article]
) -> tuple[str, ...]:
    """Return the variants of the top story, longest first."""
    title = _headline(article)
    names = [discord_text.escape_markdown(name) for name in _names(article, story, articles)]
    parts = [outlet_branding.tile_and_name(article.feed_id, article.outlet), *names[1:_MAX_OUTLETS_NAMED]]
    if len(names) > _MAX_OUTLETS_NAMED:
        parts.append(f"+{format_number(len(names) - _MAX_OUTLETS_NAMED)}")
    small = "-# " + " · ".join(filter(None, (*parts, _bookmark_count(story))))
    lead = _lead(article, story, _TOP_LEAD_LENGTH)
    return f"### {linked(title, article.url)}\n{lead}\n{small}".replace("\n\n", "\n"), f"### {title}\n{small}"


def _story_variants(article: Article, story: DigestStory, articles: Mapping[int, Article]) -> tuple[str, ...]:
    """Return the variants of a further story, longest first."""
    title, lead = _headline(article), _lead(article, story, _LEAD_LENGTH)
    more = len(_names(article, story, articles)) - 1
    name = discord_text.to_markdown_line(article.outlet, _MAX_OUTLET_LENGTH)
    outlet = f"{outlet_branding.tile(article.feed_id, article.outlet)} {name}" if name else ""
    small = "-# " + " · ".join(
        filter(None, (f"{outlet} +{format_number(more)}" if more else outlet, _bookmark_count(story)))
    )
    bold = f"**{linked(title, article.url)}**"
    return tuple(
        "\n".join(filter(None, parts)) for parts in ((bold, lead, small), (bold, small), (title, small))
    )


def _headline(article: Article) -> str:
    return discord_text.escape_markdown(
        discord_text.to_plain_line(article.title, _MAX_TITLE_LENGTH)
        or discord_text.to_plain_line(article.url, _MAX_TITLE_LENGTH)
    )


def _lead(article: Article, story: DigestStory, limit: int) -> str:
    if story.summary:
        return discord_text.to_markdown_line(story.summary, _MAX_SUMMARY_LENGTH)
    return excerpt(article, limit)


def _names(article: Article, story: DigestStory, articles: Mapping[int, Article]) -> list[str]:
    """Return the names of the outlets of a story, each once, that of the linked article first."""
    told = (articles[id_] for id_, _feed in story.articles if id_ in articles)
    names = (discord_text.to_plain_line(one.outlet, _MAX_OUTLET_LENGTH) for one in (article, *told))
    return list(dict.fromkeys(filter(None, names)))


def _bookmark_count(story: DigestStory) -> str:
    return (
        f"{buttons.BOOKMARK_EMOJI}\u00a0{format_number(story.bookmark_count)}" if story.bookmark_count else ""
    )


def _picture(article: Article) -> tuple[Block, ...]:
    picture = image_block(article)
    return () if picture is None else (Gallery((picture,)),)
