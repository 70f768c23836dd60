"""/trends: what is rising in the feeds that the asker sees."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Collection

from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.core.rate_limits import Limit
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests import bar_charts
from bot.digests.rising import Period
from bot.posting.rendering import reading_buttons
from bot.posting.rendering.trend_charts import outlets_chart, rising, rising_chart
from cogs.reading.trend_panel import Answer, Drawn, TrendPanel
from cogs.shared.lasting_items import LastingCog, lasting
from cogs.shared.rights import in_servers
from cogs.shared.views import Interaction

log = logging.getLogger(__name__)

_FRESH = 600.0  # seconds for which a picture is shown again to those who see the same feeds
_KEPT = 16  # pictures
_PICTURES, _PERIOD = 5, 60.0  # that are made for a person in so many seconds


@lasting(reading_buttons.TRENDS)
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
