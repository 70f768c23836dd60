"""/trends: what is rising in the feeds that the asker sees: a chart, a sentence, what can be read."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import discord
from babel.dates import format_interval
from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _, amount, counted, ngettext
from bot.core.rate_limits import Limit
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests import bar_charts
from bot.digests.bar_charts import Chart
from bot.digests.rising import FEWEST_ARTICLES, Line, Period, Trends
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Gallery, Image, Item, Layout, Row, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.rendering.messages import Picture
from bot.posting.rendering.trend_charts import (
    alternative,
    articles,
    figures,
    leader,
    outlets_chart,
    rising,
    rising_chart,
)
from bot.search.query.filter_names import Filter
from bot.search.query.query_syntax import as_written
from bot.search.query.query_tree import Condition, Query
from bot.text import safe
from cogs.reading.article_list_pages import nothing_to_read
from cogs.reading.result_pages import LatestPages, SearchPages
from cogs.shared.lasting_items import LastingCog, lasting
from cogs.shared.rights import in_servers
from cogs.shared.views import AskerLayout, Choose, Interaction, Press, Reply, option
from cogs.shared.windows import ChooseOne
from cogs.watching.new_watches import watch_for

log = logging.getLogger(__name__)

_FRESH = 600.0  # seconds for which a picture is shown again to those who see the same feeds
_KEPT = 16  # pictures
_PICTURES, _PERIOD = 5, 60.0  # that are made for a person in so many seconds


@lasting(buttons.trends.template)
async def trends_button(interaction: Interaction, _item: object) -> None:
    """The button under a digest: it shows what is rising to who clicked."""
    cog = interaction.client.get_cog(Rising.__name__)
    assert isinstance(cog, Rising)
    await cog.show(interaction)


class Rising(LastingCog):
    """Tells what is rising."""

    items = (trends_button,)

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self._limit = Limit(bot.newsroom.clock, allowed=_PICTURES, period=_PERIOD)
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[tuple[frozenset[int], Period, str], tuple[float, Answer]] = OrderedDict()

    @app_commands.command(name="trends", description=locale_str("See what’s on the rise in your feeds"))
    @in_servers
    @app_commands.describe(period=locale_str("Compared with the period before"))
    @app_commands.choices(
        period=[
            Choice(name=locale_str("The last 24 hours"), value=Period.DAY.value),
            Choice(name=locale_str("The last 7 days"), value=Period.WEEK.value),
            Choice(name=locale_str("The last 30 days"), value=Period.MONTH.value),
        ]
    )
    async def trends(self, interaction: Interaction, period: str = Period.WEEK.value) -> None:
        """Show it to the asker alone, for others may see other feeds."""
        await self.show(interaction, Period(period))

    async def show(self, interaction: Interaction, period: Period = Period.WEEK) -> None:
        await TrendPanel(interaction, self.answer, period).show(interaction)

    async def answer(self, interaction: Interaction, visible: Collection[int], period: Period) -> Answer:
        """What was answered a moment ago to who sees the same, or a new answer; one is made at a time."""
        key = frozenset(visible), period, locale.current()
        clock = self.bot.newsroom.clock
        async with self._one_at_a_time:
            made, answer = self._kept.get(key, (-_FRESH, None))
            if answer is not None and clock.monotonic() - made < _FRESH:
                return answer
            if seconds := math.ceil(self._limit.wait(interaction.user.id)):
                raise Refusal(
                    ngettext(
                        "Not so fast! Try again in {seconds} second.",
                        "Not so fast! Try again in {seconds} seconds.",
                        seconds,
                    ).format(seconds=amount(seconds))
                )
            self._limit.take(interaction.user.id)
            answer = await self._make(visible, period)
            self._kept[key] = clock.monotonic(), answer
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return answer

    async def _make(self, visible: Collection[int], period: Period) -> Answer:
        now = self.bot.newsroom.clock.now()
        newsroom = self.bot.newsroom
        try:
            trends = await rising(newsroom.store, newsroom.workers, visible, period, now)
        except WorkerError as error:
            log.warning("trends were not found: %s", error)
            raise Refusal(_("That took too long. Try a shorter period.")) from error
        charts = rising_chart(trends.rising, period, now), outlets_chart(trends.sources, period, now)
        pictures = iter(await bar_charts.drawn([chart for chart in charts if chart is not None]))
        drawn = (None if chart is None else Drawn(chart, next(pictures, None)) for chart in charts)
        return Answer(now, trends, *drawn)


_NAME = 60  # UTF-16 units of a name in the text
_FILE = "trends.png"


class Drawn(NamedTuple):
    """A chart and its picture, None where it could not be drawn."""

    chart: Chart
    picture: bytes | None


class Answer(NamedTuple):
    """What was found and drawn at a time, in seconds of UTC."""

    moment: int
    trends: Trends
    rising: Drawn | None
    outlets: Drawn | None


Find = Callable[[Interaction, Collection[int], Period], Awaitable[Answer]]


class TrendPanel(AskerLayout):
    """What is rising in a time, or the outlets that publish most."""

    def __init__(self, interaction: Interaction, find: Find, period: Period) -> None:
        super().__init__(interaction)
        self._find = find
        self._period = period
        self._of_outlets = False
        self._answer: Answer | None = None

    async def show(self, interaction: Interaction) -> None:
        visible = await self.client.visible_feed_ids(interaction)
        if not visible:
            head = (await nothing_to_read(interaction)).head
            await self.display_card(interaction, *head)
            return
        self._answer = answer = await self._find(interaction, visible, self._period)
        drawn = answer.outlets if self._of_outlets else answer.rising
        pictures = []
        if drawn is not None and drawn.picture is not None:
            pictures.append(Picture(drawn.picture, _FILE, alternative(drawn.chart)))
        await self.display(interaction, self._panel(answer, drawn), pictures=pictures)

    def _panel(self, answer: Answer, drawn: Drawn | None) -> Layout:
        lines = self._lines()
        shown: list[Block] = [text(f"### {self._title()}\n{self._sentence(answer.trends)}")]
        if drawn is not None and drawn.picture is not None:
            shown.append(Gallery((Image(f"attachment://{_FILE}", alternative(drawn.chart)),)))
        else:
            shown += [text(f"**{safe.line(line.name, _NAME)}** · {figures(line)}") for line in lines]
        shown.append(text(f"-# {self._counted(answer)}"))
        if lines:
            placeholder = _("Articles from…") if self._of_outlets else _("Articles about…")
            shown.append(Row(Choose(self._read, Reply.NEW, placeholder=placeholder, options=_options(lines))))
        shown.append(Row(*self._buttons(lines)))
        return (Card(tuple(shown), outlets.COLOUR),)

    def _lines(self) -> tuple[Line, ...]:
        assert self._answer is not None
        return self._answer.trends.sources if self._of_outlets else self._answer.trends.rising

    def _title(self) -> str:
        if self._of_outlets:
            return _("Most active outlets")
        return {
            Period.DAY: _("Rising in the last 24 hours"),
            Period.WEEK: _("Rising this week"),
            Period.MONTH: _("Rising in the last 30 days"),
        }[self._period]

    def _sentence(self, trends: Trends) -> str:
        if not trends.comparable:
            return _(
                "Not enough articles to compare: {articles} in this period, {before} in the one before. "
                "At least {fewest} are needed in each."
            ).format(
                articles=amount(trends.articles), before=amount(trends.before), fewest=amount(FEWEST_ARTICLES)
            )
        if self._of_outlets:
            return ""
        return leader(trends.rising[0]) if trends.rising else _("Nothing stands out right now.")

    def _counted(self, answer: Answer) -> str:
        """The dates, how many articles of how many outlets, how to read the chart."""
        begin, end = (
            datetime.fromtimestamp(moment, UTC).date()
            for moment in (answer.moment - self._period.seconds, answer.moment)
        )
        count = answer.trends.outlets
        parts = [
            str(format_interval(begin, end, "MMMd", locale=locale.current())),
            articles(answer.trends.articles),
            counted("{count} outlet", "{count} outlets", count),
        ]
        if self._lines():
            parts.append(_("rows aren’t to the same scale"))
        return " · ".join(parts)

    def _buttons(self, lines: tuple[Line, ...]) -> list[Item]:
        periods = {Period.DAY: _("24 hours"), Period.WEEK: _("7 days"), Period.MONTH: _("30 days")}
        style = discord.ButtonStyle
        buttons: list[Item] = [
            Press(
                partial(self._look_at, period),
                label=label,
                style=style.primary if period is self._period else style.secondary,
            )
            for period, label in periods.items()
        ]
        other = _("Trends") if self._of_outlets else _("Outlets")
        buttons.append(Press(self._switch, label=other))
        if lines and not self._of_outlets:
            buttons.append(Press(self._watch, Reply.NEW, label=_("Watch"), emoji=emoji(Icon.WATCH)))
        return buttons

    async def _look_at(self, period: Period, _interaction: Interaction) -> None:
        self._period = period

    async def _switch(self, _interaction: Interaction) -> None:
        self._of_outlets = not self._of_outlets

    async def _read(self, interaction: Interaction, values: list[str]) -> None:
        assert self._answer is not None
        name = self._lines()[int(values[0])].name
        if self._of_outlets:
            await LatestPages(interaction, name).show(interaction)
            return
        since = Condition(Filter.SINCE, self._answer.moment - self._period.seconds)
        wanted = as_written(name)
        query = Query(text=name, nodes=(since,) if wanted is None else (wanted, since))
        await SearchPages(interaction, self.client.newsroom.searcher, query, "relevance").show(interaction)

    async def _watch(self, interaction: Interaction) -> None:
        lines = self._lines()

        async def chosen(choice: Interaction, number: str) -> None:
            await watch_for(choice, f'"{lines[int(number)].name}"')

        await ChooseOne(interaction, chosen, _("Get alerts about…"), _options(lines)).show(interaction)


def _options(lines: tuple[Line, ...]) -> list[discord.SelectOption]:
    return [option(line.name, number, figures(line)) for number, line in enumerate(lines)]
