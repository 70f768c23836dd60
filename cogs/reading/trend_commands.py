"""The /trends command: a chart of rising topics or active outlets in the visible feeds."""

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

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _, format_count, format_number, ngettext
from bot.core.rate_limits import TokenBucket
from bot.core.user_errors import UserFacingError
from bot.core.worker_pool import WorkerError
from bot.digests import bar_charts
from bot.digests.bar_charts import Chart
from bot.digests.trend_detection import MIN_ARTICLES_TO_COMPARE, TrendPeriod, TrendRow, Trends
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Gallery, Image, Item, Layout, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.rendering.messages import Picture
from bot.posting.rendering.trend_charts import (
    article_count,
    chart_alt_text,
    leader_sentence,
    load_trends,
    outlets_chart,
    rising_chart,
    row_figures,
)
from bot.search.query.query_filters import FilterName
from bot.search.query.query_parser import word_or_phrase
from bot.search.query.query_tree import FieldFilter, Query
from bot.text import discord_text
from cogs.reading.article_list_pages import empty_page
from cogs.reading.result_pages import LatestPages, SearchPages
from cogs.shared.authorization import guild_context_only
from cogs.shared.modals import SingleChoiceMenu
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, StringMenu, menu_option
from cogs.watching.watch_creation import create_personal_watch

log = logging.getLogger(__name__)

_CACHE_SECONDS = 600.0
"""Seconds for which a report is reused for users who see the same feeds."""
_CACHE_SIZE = 16
"""Maximum number of cached reports."""
_MAX_RENDERS_PER_PERIOD, _RATE_LIMIT_PERIOD_SECONDS = 5, 60.0


@persistent_item(buttons.trends.id_pattern)
async def trends_button(interaction: Interaction, _item: object) -> None:
    """Show the trends, from a digest."""
    cog = interaction.client.get_cog(TrendCog.__name__)
    assert isinstance(cog, TrendCog)
    await cog.show(interaction)


class TrendCog(PersistentItemCog):
    """The /trends command."""

    items = (trends_button,)

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._limit = TokenBucket(
            bot.newsroom.clock, allowed=_MAX_RENDERS_PER_PERIOD, period=_RATE_LIMIT_PERIOD_SECONDS
        )
        self._render_lock = asyncio.Lock()
        self._cache: OrderedDict[tuple[frozenset[int], TrendPeriod, str], tuple[float, TrendReport]] = (
            OrderedDict()
        )

    @app_commands.command(name="trends", description=locale_str("See what’s on the rise in your feeds"))
    @guild_context_only
    @app_commands.describe(period=locale_str("Compared with the period before"))
    @app_commands.choices(
        period=[
            Choice(name=locale_str("The last 24 hours"), value=TrendPeriod.DAY.value),
            Choice(name=locale_str("The last 7 days"), value=TrendPeriod.WEEK.value),
            Choice(name=locale_str("The last 30 days"), value=TrendPeriod.MONTH.value),
        ]
    )
    async def trends(self, interaction: Interaction, period: str = TrendPeriod.WEEK.value) -> None:
        """Show the trends to the user alone, since others may see other feeds."""
        await self.show(interaction, TrendPeriod(period))

    async def show(self, interaction: Interaction, period: TrendPeriod = TrendPeriod.WEEK) -> None:
        await TrendPanel(interaction, self.get_or_render, period).render(interaction)

    async def get_or_render(
        self, interaction: Interaction, visible: Collection[int], period: TrendPeriod
    ) -> TrendReport:
        """Return the cached report for these feeds, or render one; one is rendered at a time.

        Raises `UserFacingError` if the user is over the rate limit or the report takes too long.
        """
        key = frozenset(visible), period, i18n.current_language()
        clock = self.bot.newsroom.clock
        async with self._render_lock:
            made, answer = self._cache.get(key, (-_CACHE_SECONDS, None))
            if answer is not None and clock.monotonic() - made < _CACHE_SECONDS:
                return answer
            if seconds := math.ceil(self._limit.retry_after(interaction.user.id)):
                raise UserFacingError(
                    ngettext(
                        "Not so fast! Try again in {seconds} second.",
                        "Not so fast! Try again in {seconds} seconds.",
                        seconds,
                    ).format(seconds=format_number(seconds))
                )
            self._limit.consume(interaction.user.id)
            answer = await self._make(visible, period)
            self._cache[key] = clock.monotonic(), answer
            if len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
            return answer

    async def _make(self, visible: Collection[int], period: TrendPeriod) -> TrendReport:
        now = self.bot.newsroom.clock.now()
        newsroom = self.bot.newsroom
        try:
            trends = await load_trends(newsroom.store, newsroom.workers, visible, period, now)
        except WorkerError as error:
            log.warning("trends failed error=%s", error)
            raise UserFacingError(_("That took too long. Try a shorter period.")) from error
        charts = rising_chart(trends.rising_rows, period, now), outlets_chart(trends.sources, period, now)
        pictures = iter(await bar_charts.render_charts([chart for chart in charts if chart is not None]))
        drawn = (None if chart is None else RenderedChart(chart, next(pictures, None)) for chart in charts)
        return TrendReport(now, trends, *drawn)


_MAX_NAME_LENGTH = 60
"""Maximum length of a name in the text, in UTF-16 units."""
_CHART_FILENAME = "trends.png"


class RenderedChart(NamedTuple):
    """A chart and its PNG picture, None if it could not be drawn."""

    chart: Chart
    picture: bytes | None


class TrendReport(NamedTuple):
    """The trends and their charts at a Unix time in seconds."""

    created_at: int
    trends: Trends
    rising: RenderedChart | None
    outlets: RenderedChart | None


LoadTrends = Callable[[Interaction, Collection[int], TrendPeriod], Awaitable[TrendReport]]


class TrendPanel(OwnedView):
    """The rising topics of a period, or its most active outlets."""

    def __init__(self, interaction: Interaction, find: LoadTrends, period: TrendPeriod) -> None:
        super().__init__(interaction)
        self._find = find
        self._period = period
        self._shows_outlets = False
        self._answer: TrendReport | None = None

    async def render(self, interaction: Interaction) -> None:
        visible = await self.client.visible_feed_ids(interaction)
        if not visible:
            head = (await empty_page(interaction)).header
            await self.display_card(interaction, *head)
            return
        self._answer = answer = await self._find(interaction, visible, self._period)
        drawn = answer.outlets if self._shows_outlets else answer.rising
        pictures = []
        if drawn is not None and drawn.picture is not None:
            pictures.append(Picture(drawn.picture, _CHART_FILENAME, chart_alt_text(drawn.chart)))
        await self.display(interaction, self._panel(answer, drawn), pictures=pictures)

    def _panel(self, answer: TrendReport, drawn: RenderedChart | None) -> Layout:
        lines = self._lines()
        shown: list[Block] = [text(f"### {self._title()}\n{self._sentence(answer.trends)}")]
        if drawn is not None and drawn.picture is not None:
            shown.append(Gallery((Image(f"attachment://{_CHART_FILENAME}", chart_alt_text(drawn.chart)),)))
        else:
            shown += [
                text(
                    f"**{discord_text.to_markdown_line(line.name, _MAX_NAME_LENGTH)}** · {row_figures(line)}"
                )
                for line in lines
            ]
        shown.append(text(f"-# {self._counted(answer)}"))
        if lines:
            placeholder = _("Articles from…") if self._shows_outlets else _("Articles about…")
            shown.append(
                ActionRow(
                    StringMenu(
                        self._open_articles,
                        AckMode.EPHEMERAL_MESSAGE,
                        placeholder=placeholder,
                        options=_options(lines),
                    )
                )
            )
        shown.append(ActionRow(*self._buttons(lines)))
        return (Card(tuple(shown), outlet_branding.DEFAULT_COLOUR),)

    def _lines(self) -> tuple[TrendRow, ...]:
        assert self._answer is not None
        return self._answer.trends.sources if self._shows_outlets else self._answer.trends.rising_rows

    def _title(self) -> str:
        if self._shows_outlets:
            return _("Most active outlets")
        return {
            TrendPeriod.DAY: _("Rising in the last 24 hours"),
            TrendPeriod.WEEK: _("Rising this week"),
            TrendPeriod.MONTH: _("Rising in the last 30 days"),
        }[self._period]

    def _sentence(self, trends: Trends) -> str:
        if not trends.comparable:
            return _(
                "Not enough articles to compare: {articles} in this period, {before} in the one before. "
                "At least {fewest} are needed in each."
            ).format(
                articles=format_number(trends.article_count),
                before=format_number(trends.previous_count),
                fewest=format_number(MIN_ARTICLES_TO_COMPARE),
            )
        if self._shows_outlets:
            return ""
        return (
            leader_sentence(trends.rising_rows[0])
            if trends.rising_rows
            else _("Nothing stands out right now.")
        )

    def _counted(self, answer: TrendReport) -> str:
        """Return the dates, the number of articles and outlets, and how to read the chart."""
        begin, end = (
            datetime.fromtimestamp(moment, UTC).date()
            for moment in (answer.created_at - self._period.seconds, answer.created_at)
        )
        count = answer.trends.outlets
        parts = [
            str(format_interval(begin, end, "MMMd", locale=i18n.current_language())),
            article_count(answer.trends.article_count),
            format_count("{count} outlet", "{count} outlets", count),
        ]
        if self._lines():
            parts.append(_("rows aren’t to the same scale"))
        return " · ".join(parts)

    def _buttons(self, lines: tuple[TrendRow, ...]) -> list[Item]:
        periods = {
            TrendPeriod.DAY: _("24 hours"),
            TrendPeriod.WEEK: _("7 days"),
            TrendPeriod.MONTH: _("30 days"),
        }
        style = discord.ButtonStyle
        buttons: list[Item] = [
            ActionButton(
                partial(self._select_period, period),
                label=label,
                style=style.primary if period is self._period else style.secondary,
            )
            for period, label in periods.items()
        ]
        other = _("Trends") if self._shows_outlets else _("Outlets")
        buttons.append(ActionButton(self._toggle_outlets, label=other))
        if lines and not self._shows_outlets:
            buttons.append(
                ActionButton(
                    self._watch, AckMode.EPHEMERAL_MESSAGE, label=_("Watch"), emoji=emoji(Icon.WATCH)
                )
            )
        return buttons

    async def _select_period(self, period: TrendPeriod, _interaction: Interaction) -> None:
        self._period = period

    async def _toggle_outlets(self, _interaction: Interaction) -> None:
        self._shows_outlets = not self._shows_outlets

    async def _open_articles(self, interaction: Interaction, values: list[str]) -> None:
        assert self._answer is not None
        name = self._lines()[int(values[0])].name
        if self._shows_outlets:
            await LatestPages(interaction, name).render(interaction)
            return
        since = FieldFilter(FilterName.SINCE, self._answer.created_at - self._period.seconds)
        wanted = word_or_phrase(name)
        query = Query(text=name, nodes=(since,) if wanted is None else (wanted, since))
        await SearchPages(interaction, self.client.newsroom.searcher, query, "relevance").render(interaction)

    async def _watch(self, interaction: Interaction) -> None:
        lines = self._lines()

        async def chosen(choice: Interaction, number: str) -> None:
            await create_personal_watch(choice, f'"{lines[int(number)].name}"')

        await SingleChoiceMenu(interaction, chosen, _("Get alerts about…"), _options(lines)).render(
            interaction
        )


def _options(lines: tuple[TrendRow, ...]) -> list[discord.SelectOption]:
    return [menu_option(line.name, number, row_figures(line)) for number, line in enumerate(lines)]
