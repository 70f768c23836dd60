"""What is rising: a chart, a sentence, and what can be read or watched for."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, cast

import discord
from babel.dates import format_interval

from bot.core import locale
from bot.core.locale import _, amount, counted
from bot.digests.bar_charts import Chart
from bot.digests.rising import FEWEST_ARTICLES, Line, Period, Trends
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Gallery, Image, Item, Layout, Row, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.rendering.trend_charts import alternative, articles, figures, leader
from bot.search.query.filter_names import Filter
from bot.search.query.query_syntax import as_written
from bot.search.query.query_tree import Condition, Query
from bot.text import safe
from cogs.reading.article_list_pages import nothing_to_read
from cogs.reading.result_pages import LatestPages, SearchPages
from cogs.shared.views import AskerLayout, Choose, ChooseOne, Interaction, Press, Reply, option

if TYPE_CHECKING:
    from cogs.watching.watch_commands import Watching

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
        visible = await interaction.client.visible_feed_ids(interaction)
        if not visible:
            head = (await nothing_to_read(interaction)).head
            await self.display_card(interaction, *head)
            return
        self._answer = answer = await self._find(interaction, visible, self._period)
        drawn = answer.outlets if self._of_outlets else answer.rising
        files = []
        if drawn is not None and drawn.picture is not None:
            files.append(discord.File(io.BytesIO(drawn.picture), filename=_FILE))
        await self.display(interaction, self._panel(answer, drawn), files=files)

    def _panel(self, answer: Answer, drawn: Drawn | None) -> Layout:
        lines = self._lines()
        shown: list[Block] = [text(f"### {self._title()}\n{self._sentence(answer.trends)}")]
        if drawn is not None and drawn.picture is not None:
            shown.append(Gallery((Image(f"attachment://{_FILE}", alternative(drawn.chart)),)))
        else:
            shown += [text(f"**{_plain(line)}** · {figures(line)}") for line in lines]
        shown.append(text(f"-# {self._counted(answer)}"))
        if lines:
            placeholder = _("Read an outlet…") if self._of_outlets else _("Read about one of them…")
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
                "Too few articles to compare: {articles} in this period, {before} in the one before. "
                "It takes {fewest} in each."
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
            parts.append(_("each row at its own scale"))
        return " · ".join(parts)

    def _buttons(self, lines: tuple[Line, ...]) -> list[Item]:
        periods = {Period.DAY: _("24 hours"), Period.WEEK: _("7 days"), Period.MONTH: _("30 days")}
        style = discord.ButtonStyle
        buttons: list[Item] = [
            Press(
                self._for(period),
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

    def _for(self, period: Period) -> Callable[[Interaction], Awaitable[None]]:
        async def change(interaction: Interaction) -> None:
            self._period = period
            await self.show(interaction)

        return change

    async def _switch(self, interaction: Interaction) -> None:
        self._of_outlets = not self._of_outlets
        await self.show(interaction)

    async def _read(self, interaction: Interaction, values: list[str]) -> None:
        assert self._answer is not None
        name = self._lines()[int(values[0])].name
        if self._of_outlets:
            await LatestPages(interaction, name).show(interaction)
            return
        since = Condition(Filter.SINCE, self._answer.moment - self._period.seconds)
        wanted = as_written(name)
        query = Query(text=name, nodes=(since,) if wanted is None else (wanted, since))
        await SearchPages(interaction, interaction.client.newsroom.searcher, query, "relevance").show(
            interaction
        )

    async def _watch(self, interaction: Interaction) -> None:
        lines = self._lines()

        async def chosen(choice: Interaction, number: str) -> None:
            watching = cast("Watching", choice.client.get_cog("Watching"))
            await watching.watch_for(choice, f'"{lines[int(number)].name}"')

        await ChooseOne(interaction, chosen, _("Get alerts about…"), _options(lines)).show(interaction)


def _options(lines: tuple[Line, ...]) -> list[discord.SelectOption]:
    return [option(line.name, number, figures(line)) for number, line in enumerate(lines)]


def _plain(line: Line) -> str:
    return safe.markdown(safe.plain(line.name, _NAME))
