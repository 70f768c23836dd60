"""How a digest looks: the top story, then a story or more a topic, what is rising, a menu to save some."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from babel.dates import format_date, format_interval

from bot.core import hours, locale
from bot.core.locale import _, amount, clickable, counted, ngettext
from bot.core.models import Article
from bot.digests import bar_charts
from bot.digests.digest_selection import DAY, Edition, Section, Story
from bot.digests.rising import Period
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Gallery, Image, Row, Rule
from bot.posting.rendering.messages import Message, Picture, excerpt, linked, picture_of
from bot.posting.rendering.trend_charts import alternative, leader, rising_chart
from bot.store import Store
from bot.text import safe

_ROOM = 3_600  # of the text of a message: the rest is for headings
_TITLE = 140
_LEAD, _TOP_LEAD = 110, 220  # UTF-16 units
_SUMMARY = 450
_OUTLET = 40
_OUTLETS = 3  # that the first story names
_ROWS = 3  # of the chart
_NAME = 100
_PICTURE = "week.png"


class Page(NamedTuple):
    """A digest without its chart: what it shows, the name of its thread, the articles that it links."""

    card: tuple[Block, ...]
    name: str
    articles: list[Article]


async def render(
    store: Store, what: str, edition: Edition, *, language: str, is_personal: bool = False
) -> Message | None:
    """The message of a digest; None when nothing of it is kept any more. Draws the chart."""
    told = await page(store, edition, language=language)
    if told is None:
        return None
    picture = await draw(edition, language=language)
    with locale.use(language):
        newest = sorted(told.articles, key=lambda article: article.published)
        menu = buttons.pick(what, newest, placeholder=_("Save a story…"))
        shown = (
            *told.card,
            *chart(picture),
            Row(menu),
            Row(
                buttons.question(),
                buttons.personal() if is_personal else buttons.trends(),
            ),
        )
        return Message(name=told.name, layout=(Card(shown, outlets.COLOUR),), picture=picture)


async def page(store: Store, edition: Edition, *, language: str) -> Page | None:
    """A digest in words, None when nothing of it is kept any more."""
    found = await store.articles.by_ids(edition.article_ids)
    if not found:
        return None
    with locale.use(language):
        title, dates = _title(edition), _dates(edition)
        told = stories(edition.sections, {article.id: article for article in found})
        more = edition.more + told.left_out
        count = more + len(told.linked)
        numbers = [dates, counted("{count} story", "{count} stories", count)]
        if edition.outlets:
            numbers.append(counted("{count} outlet", "{count} outlets", edition.outlets))
        heading = blocks.text(f"## {title}\n-# {' · '.join(numbers)}")
        rest = [blocks.text(f"-# {_more(more)}")] if more else []
        if any(story.summary for section in edition.sections for story in section.stories):
            said = _("Summaries written by a language model. It can be wrong: follow the links.")
            rest.append(blocks.text(f"-# {said}"))
        rising: list[Block] = [Rule(), blocks.text(_rising(edition))] if edition.rising else []
        return Page((heading, *told.blocks, *rest, *rising), headline(edition), told.linked)


async def draw(edition: Edition, *, language: str) -> Picture | None:
    """The chart of the week; None where there is none, or it could not be drawn."""
    with locale.use(language):
        wanted = rising_chart(edition.rising[:_ROWS], Period.WEEK, edition.until)
        drawn = await bar_charts.drawn((wanted,)) if wanted is not None else ()
        return Picture(drawn[0], _PICTURE, alternative(wanted)) if wanted is not None and drawn else None


def chart(picture: Picture | None) -> tuple[Block, ...]:
    """The block of the chart, where there is one."""
    if picture is None:
        return ()
    return (Gallery((Image(f"attachment://{picture.filename}", picture.description),)),)


def headline(edition: Edition) -> str:
    """What a digest is called where it stands among others, in the language of this task."""
    return safe.plain(f"{_title(edition)}, {_dates(edition)}", _NAME)


def _title(edition: Edition) -> str:
    return _("Today’s news") if _is_of_a_day(edition) else _("The week’s news")


def _is_of_a_day(edition: Edition) -> bool:
    return edition.daily and edition.until - edition.since <= DAY + DAY // 2


def _dates(edition: Edition) -> str:
    """The day, or the days of a week, as the language of this task writes them."""
    zone = hours.zone(edition.zone)
    begin, end = (datetime.fromtimestamp(moment, zone) for moment in (edition.since, edition.until))
    language = locale.current()
    if _is_of_a_day(edition):
        return str(format_date(end, "full", locale=language))
    return str(format_interval(begin.date(), end.date(), "yMMMd", locale=language))


def _more(count: int) -> str:
    return clickable(ngettext("+{count} more in /search", "+{count} more in /search", count)).format(
        count=amount(count)
    )


def _rising(edition: Edition) -> str:
    told = _("**Rising**: {sentence}")
    return told.format(sentence=leader(edition.rising[0]))


class FittedStories(NamedTuple):
    """The stories of a digest as blocks, the articles that these link, and how many found no room."""

    blocks: list[Block]
    linked: list[Article]
    left_out: int


def stories(sections: Sequence[Section], articles: Mapping[int, Article]) -> FittedStories:
    """What fits of the sections, the first story large, in the language of this task."""
    shown: list[Block] = []
    linked_articles: list[Article] = []
    left_out, room, topic = 0, _ROOM, None
    for heading, story, article in _each(sections, articles):
        is_first = not linked_articles
        told = _first(article, story, articles) if is_first else _other(article, story, articles)
        small = f"-# **{heading}**" if heading is not None and (heading != topic or is_first) else ""
        form = next((one for one in told if safe.length(one) + safe.length(small) <= room), None)
        if form is None:
            left_out += 1
            continue
        if small and not is_first:
            shown.append(Rule(visible=False))
        topic = heading
        text = blocks.text("\n".join(filter(None, (small, form))))
        room -= safe.length(text.forms[0]) + 1
        if is_first:
            shown += [*_picture(article), text, Rule()]
        else:
            shown.append(text)
        linked_articles.append(article)
    while shown and isinstance(shown[-1], Rule):
        shown.pop()
    return FittedStories(shown, linked_articles, left_out)


def _each(
    sections: Sequence[Section], articles: Mapping[int, Article]
) -> Iterator[tuple[str | None, Story, Article]]:
    """The stories with the headings that they stand under, and the article that each links.

    What shares its topic with no other, and has no tag in the language of the digest, stands at the end.
    """
    for number, section in enumerate(sections):
        heading = section.topic or (_("Also") if number else None)
        named = None if heading is None else safe.markdown(safe.plain(heading, _NAME).upper())
        for story in section.stories:
            found = (articles[id_] for id_, _feed in story.articles if id_ in articles)
            if (article := next(found, None)) is not None:
                yield named, story, article


def _first(article: Article, story: Story, articles: Mapping[int, Article]) -> tuple[str, ...]:
    """The story that stands at the top, longest form first."""
    title = _headline(article)
    names = [safe.markdown(name) for name in _names(article, story, articles)]
    parts = [outlets.named(article.feed_id, article.outlet), *names[1:_OUTLETS]]
    if len(names) > _OUTLETS:
        parts.append(f"+{amount(len(names) - _OUTLETS)}")
    small = "-# " + " · ".join(filter(None, (*parts, _kept(story))))
    lead = _lead(article, story, _TOP_LEAD)
    return f"### {linked(title, article.url)}\n{lead}\n{small}".replace("\n\n", "\n"), f"### {title}\n{small}"


def _other(article: Article, story: Story, articles: Mapping[int, Article]) -> tuple[str, ...]:
    """A story further down, longest form first."""
    title, lead = _headline(article), _lead(article, story, _LEAD)
    more = len(_names(article, story, articles)) - 1
    name = safe.line(article.outlet, _OUTLET)
    outlet = f"{outlets.tile(article.feed_id, article.outlet)} {name}" if name else ""
    small = "-# " + " · ".join(filter(None, (f"{outlet} +{amount(more)}" if more else outlet, _kept(story))))
    bold = f"**{linked(title, article.url)}**"
    return tuple(
        "\n".join(filter(None, parts)) for parts in ((bold, lead, small), (bold, small), (title, small))
    )


def _headline(article: Article) -> str:
    return safe.markdown(safe.plain(article.title, _TITLE) or safe.plain(article.url, _TITLE))


def _lead(article: Article, story: Story, limit: int) -> str:
    if story.summary:
        return safe.line(story.summary, _SUMMARY)
    return excerpt(article, limit)


def _names(article: Article, story: Story, articles: Mapping[int, Article]) -> list[str]:
    """The outlets of a story, each once, that of the linked article first."""
    told = (articles[id_] for id_, _feed in story.articles if id_ in articles)
    names = (safe.plain(one.outlet, _OUTLET) for one in (article, *told))
    return list(dict.fromkeys(filter(None, names)))


def _kept(story: Story) -> str:
    return f"{buttons.EMOJI}\u00a0{amount(story.kept)}" if story.kept else ""


def _picture(article: Article) -> tuple[Block, ...]:
    picture = picture_of(article)
    return () if picture is None else (Gallery((picture,)),)
