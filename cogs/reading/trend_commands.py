"""/trends: what is rising in the feeds that the asker sees, as a picture and as text."""

from __future__ import annotations

import asyncio
import io
import logging
import math
from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import NamedTuple

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.core.rate_limits import Limit
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests import bar_charts
from bot.digests.bar_charts import Chart
from bot.digests.rising import FEWEST_ARTICLES, Line, Period, Trends
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import outlets, views
from bot.posting.rendering.layout.blocks import Card
from bot.posting.rendering.trend_charts import alternative, charts_of, figures, rising
from bot.search.query.filter_names import Filter
from bot.search.query.query_syntax import as_written
from bot.search.query.query_tree import Condition, Query
from bot.text import safe
from cogs.reading.article_pages import nothing_to_read
from cogs.reading.result_pages import SearchPages
from cogs.shared import article_cards
from cogs.shared.rights import in_servers
from cogs.shared.views import AskerView, Choose, Interaction

log = logging.getLogger(__name__)

_FRESH = 600.0  # seconds for which a picture is shown again to those who see the same feeds
_KEPT = 16  # pictures
_PICTURES, _PERIOD = 5, 60.0  # that are made for a person in so many seconds
_NAME = 60  # UTF-16 units of a name in the text
_COLOURS = (0x56B4E9, 0xE69F00)  # of the pictures


class Answer(NamedTuple):
    """What was found and drawn at a time, in seconds of UTC."""

    moment: int
    trends: Trends
    charts: tuple[Chart, ...]
    pictures: tuple[bytes, ...]


class Rising(commands.Cog):
    """Tells what is rising."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._limit = Limit(bot.newsroom.clock, allowed=_PICTURES, period=_PERIOD)
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[tuple[frozenset[int], Period, str], tuple[float, Answer]] = OrderedDict()

    @app_commands.command(
        name="trends", description=locale_str("What is rising in the feeds that you can see here")
    )
    @in_servers
    @app_commands.describe(period=locale_str("In which time, compared with as long before"))
    @app_commands.choices(
        period=[
            Choice(name=locale_str("The last 24 hours"), value=Period.DAY.value),
            Choice(name=locale_str("The last 7 days"), value=Period.WEEK.value),
            Choice(name=locale_str("The last 30 days"), value=Period.MONTH.value),
        ]
    )
    async def trends(self, interaction: Interaction, period: str = Period.WEEK.value) -> None:
        """Show it to the asker alone, for others may see other feeds."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        visible = await self.bot.visible_feed_ids(interaction)
        if not visible:
            head = (await nothing_to_read(interaction)).head
            await interaction.edit_original_response(view=views.static((Card(head, outlets.COLOUR),)))
            return
        asked = Period(period)
        answer = await self._answer(interaction, visible, asked)
        embeds = [*_told(answer.trends, asked)]
        files = []
        shown = zip(embeds[-len(answer.pictures) :], answer.charts, answer.pictures, strict=False)
        for number, (embed, chart, picture) in enumerate(shown):
            name = f"trends{number}.png"
            embed.set_image(url=f"attachment://{name}")
            files.append(discord.File(io.BytesIO(picture), filename=name, description=alternative(chart)))
        view = SearchOne(interaction, answer, asked) if answer.trends.rising else None
        await interaction.edit_original_response(embeds=embeds, attachments=files, view=view)

    async def _answer(self, interaction: Interaction, visible: Collection[int], period: Period) -> Answer:
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
            trends = await rising(newsroom.store, newsroom.spare, visible, period, now)
        except WorkerError as error:
            log.warning("trends were not found: %s", error)
            raise Refusal(_("That took too long. Try a shorter time.")) from error
        wanted = tuple(charts_of(trends, period, now))
        return Answer(now, trends, wanted, await bar_charts.drawn(wanted) if wanted else ())


class SearchOne(AskerView):
    """A menu that searches for one of the rising words."""

    def __init__(self, interaction: Interaction, answer: Answer, period: Period) -> None:
        super().__init__(interaction)
        self._rising = answer.trends.rising
        self._since = Condition(Filter.SINCE, answer.moment - period.seconds)
        options = [
            discord.SelectOption(
                label=safe.plain(line.name, discord_limits.OPTION),
                value=str(number),
                description=figures(line),
            )
            for number, line in enumerate(self._rising)
        ]
        self.add_item(Choose(self._search, placeholder=_("Search one of them…"), options=options))

    async def _search(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        newsroom = interaction.client.newsroom
        name = self._rising[int(values[0])].name
        wanted = as_written(name)
        query = Query(text=name, nodes=(self._since,) if wanted is None else (wanted, self._since))
        await SearchPages(interaction, newsroom.searcher, query, "relevance").show(interaction)


def title(period: Period) -> str:
    """What the answer is about."""
    return {
        Period.DAY: _("Rising in the last 24 hours"),
        Period.WEEK: _("Rising in the last 7 days"),
        Period.MONTH: _("Rising in the last 30 days"),
    }[period]


def _told(trends: Trends, period: Period) -> Iterator[discord.Embed]:
    """All that the pictures show in words: what is rising, then the sources."""
    if not trends.comparable:
        lines = [
            _(
                "There are too few articles to tell what is rising: {articles} in this time and {before} in "
                "the time before. It takes {fewest} of each."
            ).format(
                articles=amount(trends.articles), before=amount(trends.before), fewest=amount(FEWEST_ARTICLES)
            )
        ]
    elif not trends.rising:
        lines = [_("Nothing stands out: no word is in many more titles than before.")]
    else:
        lines = [
            _line(f"{number}. ", line, figures(line, sources=True))
            for number, line in enumerate(trends.rising, 1)
        ]
    yield discord.Embed(
        title=title(period), colour=_COLOURS[0], description=article_cards.fit([(one,) for one in lines])
    )
    if trends.sources:
        lines = [_line("", line, figures(line)) for line in trends.sources]
        embed = discord.Embed(
            title=_("Sources"), colour=_COLOURS[1], description=article_cards.fit([(one,) for one in lines])
        )
        embed.set_footer(
            text=_(
                "“Before” is the time just before, equally long. Rows of figures count articles part by part."
            )
        )
        yield embed


def _line(number: str, line: Line, figures: str) -> str:
    half = len(line.counts) // 2
    before, after = (" ".join(map(str, part)) for part in (line.counts[:half], line.counts[half:]))
    name = safe.markdown(safe.plain(line.name, _NAME))
    return f"{number}**{name}** · {figures}\n`{before} → {after}`"
