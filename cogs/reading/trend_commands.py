"""Command /trends: a chart of rising topics or active outlets in the feeds that the user can see."""

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
from bot.core.concurrency.rate_limits import TokenBucket
from bot.core.concurrency.worker_pool import WorkerError
from bot.core.i18n import _, format_count, format_number, ngettext
from bot.core.user_errors import UserFacingError
from bot.digests import bar_charts
from bot.digests.bar_charts import Chart
from bot.digests.trend_detection import MIN_ARTICLES_TO_COMPARE, TrendPeriod, TrendRow, Trends
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Gallery,
    Image,
    Item,
    Layout,
    text_block,
)
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.messages import Picture
from bot.posting.rendering.trend_charts import (
    article_count_text,
    build_outlets_chart,
    build_rising_chart,
    chart_alt_text,
    counts_text,
    leader_sentence,
    load_trends,
)
from bot.search.query.query_filters import FilterName
from bot.search.query.query_parser import create_word_or_phrase
from bot.search.query.query_tree import FieldFilter, Query
from bot.text import discord_text
from cogs.reading.article_list_pages import load_empty_page
from cogs.reading.result_pages import LatestPages, SearchPages
from cogs.shared.authorization import guild_context_only
from cogs.shared.modals import SingleChoiceMenu
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, StringMenu, menu_option
from cogs.watching.watch_creation import create_personal_watch

log = logging.getLogger(__name__)

_CACHE_SECONDS = 600.0
"""Time in seconds for which a report is reused for users who can see the same feeds."""
_MAX_CACHED_REPORTS = 16
"""Maximum number of reports on trends that are cached."""
_MAX_REPORTS_PER_USER, _RATE_LIMIT_SECONDS = 5, 60.0
"""Rate limit: maximum number of reports created for a user within a period, and this period in seconds."""


@persistent_item(buttons.TRENDS_BUTTON.id_pattern)
async def trends_button(interaction: Interaction, _item: object) -> None:
    """Show the trends, from the button of a digest."""
    cog = interaction.client.get_cog(TrendCog.__name__)
    assert isinstance(cog, TrendCog)
    await cog.open_panel(interaction)


class TrendCog(PersistentItemCog):
    """Cog of the /trends command."""

    persistent_items = (trends_button,)

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._render_limiter = TokenBucket(
            bot.services.clock, max_tokens=_MAX_REPORTS_PER_USER, period_seconds=_RATE_LIMIT_SECONDS
        )
        self._render_lock = asyncio.Lock()
        self._report_cache: OrderedDict[tuple[frozenset[int], TrendPeriod, str], tuple[float, TrendReport]] = (
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
        """Show the trends only to the user, because others may see different feeds."""
        await self.open_panel(interaction, TrendPeriod(period))

    async def open_panel(self, interaction: Interaction, period: TrendPeriod = TrendPeriod.WEEK) -> None:
        await TrendPanel(interaction, self.get_or_create_report, period).render(interaction)

    async def get_or_create_report(
        self, interaction: Interaction, visible_feed_ids: Collection[int], period: TrendPeriod
    ) -> TrendReport:
        """Return the report on trends in these feeds from the cache, or create it; only one is created at a time.

        Raises `UserFacingError` if the user exceeds the rate limit or the report takes too long.
        """
        cache_key = frozenset(visible_feed_ids), period, i18n.current_language()
        clock = self.bot.services.clock
        async with self._render_lock:
            cached_at, report = self._report_cache.get(cache_key, (-_CACHE_SECONDS, None))
            if report is not None and clock.monotonic() - cached_at < _CACHE_SECONDS:
                return report
            if retry_after_seconds := math.ceil(self._render_limiter.retry_after(interaction.user.id)):
                raise UserFacingError(
                    ngettext(
                        "Not so fast! Try again in {seconds} second.",
                        "Not so fast! Try again in {seconds} seconds.",
                        retry_after_seconds,
                    ).format(seconds=format_number(retry_after_seconds))
                )
            self._render_limiter.consume(interaction.user.id)
            report = await self._render_report(visible_feed_ids, period)
            self._report_cache[cache_key] = clock.monotonic(), report
            if len(self._report_cache) > _MAX_CACHED_REPORTS:
                self._report_cache.popitem(last=False)
            return report

    async def _render_report(self, visible_feed_ids: Collection[int], period: TrendPeriod) -> TrendReport:
        now = self.bot.services.clock.now()
        services = self.bot.services
        try:
            trends = await load_trends(services.store, services.occasional_workers, visible_feed_ids, period, now)
        except WorkerError as error:
            log.warning("trends failed error=%s", error)
            raise UserFacingError(_("That took too long. Try a shorter period.")) from error
        trend_charts = (
            build_rising_chart(trends.rising_rows, period, now),
            build_outlets_chart(trends.outlet_rows, period, now),
        )
        charts = [chart for chart in trend_charts if chart is not None]
        chart_pictures = iter(await bar_charts.render_charts(services.occasional_workers, charts))
        rendered_charts = (
            None if chart is None else RenderedChart(chart, next(chart_pictures, None)) for chart in trend_charts
        )
        return TrendReport(now, trends, *rendered_charts)


_MAX_NAME_LENGTH = 60
"""Maximum length, in UTF-16 code units, of the name of a topic or outlet in the text below a chart."""
_CHART_FILENAME = "trends.png"


class RenderedChart(NamedTuple):
    """Chart with its picture as PNG, or with None if the picture could not be drawn."""

    chart: Chart
    png_bytes: bytes | None


class TrendReport(NamedTuple):
    """Trends of a set of feeds with their charts, and when they were computed (Unix time in seconds)."""

    created_at: int
    trends: Trends
    rising_chart: RenderedChart | None
    outlets_chart: RenderedChart | None


LoadTrendReport = Callable[[Interaction, Collection[int], TrendPeriod], Awaitable[TrendReport]]
"""Function that returns the report on feeds, given by their ids, in a period, for the user of an interaction."""


class TrendPanel(OwnedView):
    """Panel with the rising topics of a period, or with its most active outlets."""

    def __init__(self, interaction: Interaction, load_report: LoadTrendReport, period: TrendPeriod) -> None:
        super().__init__(interaction)
        self._load_report = load_report
        self._period = period
        self._shows_outlets = False
        self._report: TrendReport | None = None

    async def render(self, interaction: Interaction) -> None:
        visible_feed_ids = await self.client.load_visible_feed_ids(interaction)
        if not visible_feed_ids:
            header = (await load_empty_page(interaction)).header
            await self.display_card(interaction, *header)
            return
        self._report = report = await self._load_report(interaction, visible_feed_ids, self._period)
        rendered_chart = report.outlets_chart if self._shows_outlets else report.rising_chart
        pictures = []
        if rendered_chart is not None and rendered_chart.png_bytes is not None:
            pictures.append(Picture(rendered_chart.png_bytes, _CHART_FILENAME, chart_alt_text(rendered_chart.chart)))
        await self.display(interaction, self._build_panel_layout(report, rendered_chart), pictures=pictures)

    def _build_panel_layout(self, report: TrendReport, rendered_chart: RenderedChart | None) -> Layout:
        trend_rows = self._list_rows()
        card_blocks: list[Block] = [text_block(f"### {self._format_title()}\n{self._describe_leader(report.trends)}")]
        if rendered_chart is not None and rendered_chart.png_bytes is not None:
            card_blocks.append(
                Gallery((Image(f"attachment://{_CHART_FILENAME}", chart_alt_text(rendered_chart.chart)),))
            )
        else:
            card_blocks += [
                text_block(
                    f"**{discord_text.to_markdown_line(trend_row.name, _MAX_NAME_LENGTH)}** · {counts_text(trend_row)}"
                )
                for trend_row in trend_rows
            ]
        card_blocks.append(text_block(f"-# {self._footer_text(report)}"))
        if trend_rows:
            placeholder = _("Articles from…") if self._shows_outlets else _("Articles about…")
            card_blocks.append(
                ActionRow(
                    StringMenu(
                        self._open_articles,
                        AckMode.EPHEMERAL_MESSAGE,
                        placeholder=placeholder,
                        options=_build_row_options(trend_rows),
                    )
                )
            )
        card_blocks.append(ActionRow(*self._build_buttons(trend_rows)))
        return (Card(tuple(card_blocks), outlet_branding.DEFAULT_COLOUR),)

    def _list_rows(self) -> tuple[TrendRow, ...]:
        assert self._report is not None
        return self._report.trends.outlet_rows if self._shows_outlets else self._report.trends.rising_rows

    def _format_title(self) -> str:
        if self._shows_outlets:
            return _("Most active outlets")
        return {
            TrendPeriod.DAY: _("Rising in the last 24 hours"),
            TrendPeriod.WEEK: _("Rising this week"),
            TrendPeriod.MONTH: _("Rising in the last 30 days"),
        }[self._period]

    def _describe_leader(self, trends: Trends) -> str:
        if not trends.is_comparable:
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
        return leader_sentence(trends.rising_rows[0]) if trends.rising_rows else _("Nothing stands out right now.")

    def _footer_text(self, report: TrendReport) -> str:
        """Return the dates, the number of articles and outlets, and how to read the chart, as text."""
        period_start, period_end = (
            datetime.fromtimestamp(timestamp, UTC).date()
            for timestamp in (report.created_at - self._period.seconds, report.created_at)
        )
        outlet_count = report.trends.outlet_count
        footer_texts = [
            str(format_interval(period_start, period_end, "MMMd", locale=i18n.current_language())),
            article_count_text(report.trends.article_count),
            format_count("{count} outlet", "{count} outlets", outlet_count),
        ]
        if self._list_rows():
            footer_texts.append(_("rows aren’t to the same scale"))
        return " · ".join(footer_texts)

    def _build_buttons(self, trend_rows: tuple[TrendRow, ...]) -> list[Item]:
        label_by_period = {
            TrendPeriod.DAY: _("24 hours"),
            TrendPeriod.WEEK: _("7 days"),
            TrendPeriod.MONTH: _("30 days"),
        }
        button_style = discord.ButtonStyle
        panel_buttons: list[Item] = [
            ActionButton(
                partial(self._select_period, period),
                label=label,
                style=button_style.primary if period is self._period else button_style.secondary,
            )
            for period, label in label_by_period.items()
        ]
        toggle_label = _("Trends") if self._shows_outlets else _("Outlets")
        panel_buttons.append(ActionButton(self._toggle_outlets, label=toggle_label))
        if trend_rows and not self._shows_outlets:
            panel_buttons.append(
                ActionButton(
                    self._open_watch_choice,
                    AckMode.EPHEMERAL_MESSAGE,
                    label=_("Watch"),
                    emoji=emoji_for(Icon.WATCH),
                )
            )
        return panel_buttons

    async def _select_period(self, period: TrendPeriod, _interaction: Interaction) -> None:
        self._period = period

    async def _toggle_outlets(self, _interaction: Interaction) -> None:
        self._shows_outlets = not self._shows_outlets

    async def _open_articles(self, interaction: Interaction, selected_values: list[str]) -> None:
        assert self._report is not None
        trend_name = self._list_rows()[int(selected_values[0])].name
        if self._shows_outlets:
            await LatestPages(interaction, trend_name).render(interaction)
            return
        since_filter = FieldFilter(FilterName.SINCE, self._report.created_at - self._period.seconds)
        name_node = create_word_or_phrase(trend_name)
        query = Query(text=trend_name, nodes=(since_filter,) if name_node is None else (name_node, since_filter))
        await SearchPages(interaction, self.client.services.searcher, query, "relevance").render(interaction)

    async def _open_watch_choice(self, interaction: Interaction) -> None:
        trend_rows = self._list_rows()

        async def on_choice(click: Interaction, row_index: str) -> None:
            await create_personal_watch(click, f'"{trend_rows[int(row_index)].name}"')

        await SingleChoiceMenu(interaction, on_choice, _("Get alerts about…"), _build_row_options(trend_rows)).render(
            interaction
        )


def _build_row_options(trend_rows: tuple[TrendRow, ...]) -> list[discord.SelectOption]:
    return [menu_option(row.name, row_index, counts_text(row)) for row_index, row in enumerate(trend_rows)]
