"""How a digest looks: the stories by topic, a menu to keep some, and the chart of the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import discord
from babel.dates import format_date, format_interval

from bot.core import hours, locale
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.models import Article
from bot.digests import bar_charts
from bot.digests.digest_selection import DAY, Edition, Section, Story
from bot.digests.rising import Period, Trends
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.messages import COLOUR, Message, Picture, linked
from bot.posting.rendering.trend_charts import alternative, charts_of
from bot.store import Store
from bot.text import safe

_RESERVED = 100  # of it, for the line about the rest
_TITLE = 140
_OUTLET = 40
_OUTLETS = 3  # that a line names
_NAME = 100
_PICTURE = "week.png"


class Page(NamedTuple):
    """A digest's message without its picture, and the articles in it."""

    embed: discord.Embed
    name: str
    articles: list[Article]


async def render(store: Store, what: str, edition: Edition, *, language: str) -> Message | None:
    """The message of a digest; None when nothing of it is kept any more. Draws the chart."""
    told = await page(store, edition, language=language)
    if told is None:
        return None
    picture = await draw(edition, language=language)
    if picture is not None:
        told.embed.set_image(url=f"attachment://{picture.filename}")
    with locale.use(language):
        newest = sorted(told.articles, key=lambda article: article.published)
        return Message(
            embed=told.embed,
            name=told.name,
            view=buttons.row(buttons.pick(what, newest)),
            picture=picture,
        )


async def page(store: Store, edition: Edition, *, language: str) -> Page | None:
    """A digest in words, None when nothing of it is kept any more."""
    found = await store.articles.by_ids(edition.article_ids)
    if not found:
        return None
    articles = {article.id: article for article in found}
    with locale.use(language):
        title = _heading(edition)
        lines, linked, left_out = _lines(edition.sections, articles)
        more = edition.more + left_out
        if more:
            told = clickable(
                ngettext(
                    "and {count} more story, which /search finds",
                    "and {count} more stories, which /search finds",
                    more,
                )
            )
            lines.append(f"\n-# {told.format(count=amount(more))}")
        embed = discord.Embed(colour=COLOUR, title=title, description="\n".join(lines).strip())
        return Page(embed, safe.plain(title, _NAME), linked)


async def draw(edition: Edition, *, language: str) -> Picture | None:
    """The chart of the week; None where there is none, or it could not be drawn."""
    if not edition.rising:
        return None
    with locale.use(language):
        trends = Trends(articles=0, before=0, rising=edition.rising)
        wanted = tuple(charts_of(trends, Period.WEEK, edition.until))
        drawn = await bar_charts.drawn(wanted)
        return Picture(drawn[0], _PICTURE, alternative(wanted[0])) if drawn else None


def _heading(edition: Edition) -> str:
    """What the digest is of: a day, or the days of a week, as the language of this task writes them."""
    zone = hours.zone(edition.zone)
    begin, end = (datetime.fromtimestamp(moment, zone) for moment in (edition.since, edition.until))
    language = locale.current()
    if edition.daily and edition.until - edition.since <= DAY + DAY // 2:
        date = format_date(end, "full", locale=language)
        return _("News digest, {date}").format(date=date)
    dates = format_interval(begin.date(), end.date(), "yMMMd", locale=language)
    return _("News digest, {dates}").format(dates=dates)


def _lines(
    sections: Sequence[Section], articles: Mapping[int, Article]
) -> tuple[list[str], list[Article], int]:
    """What fits of the sections, which articles that links, and how many stories are left out."""
    lines: list[str] = []
    linked: list[Article] = []
    left_out = 0
    free = discord_limits.DESCRIPTION - _RESERVED
    named = [section for section in sections if any(_first(story, articles) for story in section.stories)]
    for number, section in enumerate(named):
        heading = section.topic
        if heading is None and number:
            heading = _("Also")
        heads = [f"\n**{safe.markdown(safe.plain(heading, _NAME))}**"] if heading is not None else []
        for story in section.stories:
            article = _first(story, articles)
            if article is None:
                continue
            new = [*heads, _line(article, story, articles)]
            length = sum(safe.length(line) + 1 for line in new)
            if length > free:
                left_out += 1
                continue
            free -= length
            heads = []
            lines += new
            linked.append(article)
    return lines, linked, left_out


def _first(story: Story, articles: Mapping[int, Article]) -> Article | None:
    return next(
        (articles[article_id] for article_id, _feed in story.articles if article_id in articles), None
    )


def _line(article: Article, story: Story, articles: Mapping[int, Article]) -> str:
    title = safe.markdown(safe.plain(article.title, _TITLE) or safe.plain(article.url, _TITLE))
    outlets = dict.fromkeys(
        safe.plain(articles[article_id].outlet, _OUTLET)
        for article_id, _feed in story.articles
        if article_id in articles
    )
    names = [safe.markdown(name) for name in outlets if name]
    told = ", ".join(names[:_OUTLETS])
    if len(names) > _OUTLETS:
        told += f"\u00a0+{len(names) - _OUTLETS}"
    kept = f"{buttons.EMOJI}\u00a0{story.kept}" if story.kept else ""
    return " · ".join(filter(None, (f"• {linked(title, article.url)}", told, kept)))
