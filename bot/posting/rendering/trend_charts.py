"""The pictures of what is rising, with their labels in the language of the task."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from babel.dates import format_date, format_time

from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.core.workers import Workers
from bot.digests.bar_charts import MOST_ROWS, Chart, Row
from bot.digests.rising import MOST_TITLES, Line, Period, Trends, find
from bot.store import Store
from bot.text import safe

TIME = 20.0
"""Seconds that reading the titles may take."""

_NAME = 60  # UTF-16 units of a name in a picture
_ALT = 1024  # https://discord.com/developers/docs/resources/message#attachment-object


async def rising(
    store: Store, workers: Workers, feed_ids: Collection[int], period: Period, now: int
) -> Trends:
    """What is rising in these feeds. Raises `WorkerError` where it takes too long."""
    read = await store.titles.sample(
        feed_ids, since=now - 2 * period.seconds, before=now, most=2 * MOST_TITLES
    )
    return await workers.run(find, now, period, read.step, read.titles, timeout=TIME)


def figures(line: Line, *, sources: bool = False) -> str:
    """How many articles, of how many sources, and how many before."""
    told = [
        ngettext("{count} article", "{count} articles", line.articles).format(count=amount(line.articles))
    ]
    if sources:
        told.append(
            ngettext("{count} source", "{count} sources", line.outlets).format(count=amount(line.outlets))
        )
    told.append(_("{count} before").format(count=amount(line.before)))
    return " · ".join(told)


def charts_of(trends: Trends, period: Period, now: int) -> Iterator[Chart]:
    """The pictures of what was found, with their labels in the language of this task."""
    begin, middle, end = (_tick(now - count * period.seconds, period) for count in (2, 1, 0))
    names = [f"{number}  {safe.plain(line.name, _NAME)}" for number, line in enumerate(trends.rising, 1)]
    rising = [
        Row(name, figures(line), line.counts)
        for name, line in zip(names[:MOST_ROWS], trends.rising, strict=False)
    ]
    sources = [Row(safe.plain(line.name, _NAME), figures(line), line.counts) for line in trends.sources]
    if rising:
        yield Chart(_("Rising"), _("Before"), _later(period), (begin, middle, end), tuple(rising))
    if sources:
        yield Chart(_("Sources"), _("Before"), _later(period), (begin, middle, end), tuple(sources), colour=1)


def _later(period: Period) -> str:
    return {Period.DAY: _("Last 24 hours"), Period.WEEK: _("Last 7 days"), Period.MONTH: _("Last 30 days")}[
        period
    ]


def _tick(moment: int, period: Period) -> str:
    """A date as it is written in the language of this task; for a day the hour in UTC."""
    when = datetime.fromtimestamp(moment, UTC)
    if period is Period.DAY:
        return f"{format_time(when, 'HH:mm', locale=locale.current())} UTC"
    return format_date(when, "d MMM", locale=locale.current())


def alternative(chart: Chart) -> str:
    """A picture in words, for those who cannot see it."""
    rows = (_("{name}: {told}").format(name=row.label, told=f"{row.figures}.") for row in chart.rows)
    return safe.cut(f"{chart.title}, {chart.later}. {' '.join(rows)}", _ALT)
