"""The pictures of what is rising, with their labels in the language of the task."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal

from bot.core import locale
from bot.core.locale import _, amount, counted
from bot.core.workers import Workers
from bot.digests.bar_charts import MOST_ROWS, Chart, Row
from bot.digests.rising import MOST_TITLES, Line, Period, Trends, find
from bot.store import Store
from bot.text import safe

TIME = 20.0
"""Seconds that reading the titles may take."""

_NAME = 60  # UTF-16 units of a name in a picture
_WHOLE = 3  # from which factor on one says it without a fraction
_ALT = 1024  # https://discord.com/developers/docs/resources/message#attachment-object


async def rising(
    store: Store, workers: Workers, feed_ids: Collection[int], period: Period, now: int
) -> Trends:
    """What is rising in these feeds. Raises `WorkerError` where it takes too long."""
    read = await store.titles.sample(
        feed_ids, since=now - 2 * period.seconds, before=now, most=2 * MOST_TITLES
    )
    return await workers.run(find, now, period, read.step, read.titles, timeout=TIME)


def figures(line: Line, *, outlets: bool = True) -> str:
    """How many articles, of how many outlets, and how many before."""
    told = [articles(line.articles)]
    if outlets:
        told.append(counted("{count} outlet", "{count} outlets", line.outlets))
    told.append(_("{count} before").format(count=amount(line.before)))
    return " · ".join(told)


def leader(line: Line) -> str:
    """What is rising most, in a sentence of markup."""
    sentence = (
        _("**{name}** leads with {articles} from {outlets}, up from {before}.")
        if line.before
        else _("**{name}** leads with {articles} from {outlets}, none before.")
    )
    return sentence.format(
        name=safe.line(line.name, _NAME),
        articles=articles(line.articles),
        outlets=counted("{count} outlet", "{count} outlets", line.outlets),
        before=amount(line.before),
    )


def articles(count: int) -> str:
    """How many articles, in words."""
    return counted("{count} article", "{count} articles", count)


def rising_chart(lines: Sequence[Line], period: Period, now: int) -> Chart | None:
    """The picture of what is rising, labelled in the language of this task; None where nothing is."""
    return _chart(_("Rising"), lines, period, now) if lines else None


def outlets_chart(lines: Sequence[Line], period: Period, now: int) -> Chart | None:
    """The picture of the outlets that publish most; None where there are none."""
    chart = _chart(_("Outlets"), lines, period, now, outlets=False) if lines else None
    return chart and chart._replace(colour=1)


def _chart(title: str, lines: Sequence[Line], period: Period, now: int, *, outlets: bool = True) -> Chart:
    rows = tuple(
        Row(safe.plain(line.name, _NAME), _change(line), line.counts, figures(line, outlets=outlets))
        for line in lines[:MOST_ROWS]
    )
    ticks = _tick(now - 2 * period.seconds, period), _tick(now, period)
    return Chart(title, _("before"), _later(period), ticks, rows)


def _change(line: Line) -> str:
    """By what factor it rose, or that it is new."""
    if not line.before:
        return _("new")
    factor = line.articles / line.before
    digits = "#,##0" if factor >= _WHOLE else "0.#"
    return f"×{format_decimal(factor, digits, locale=locale.current())}"


def _later(period: Period) -> str:
    return {Period.DAY: _("last 24 hours"), Period.WEEK: _("last 7 days"), Period.MONTH: _("last 30 days")}[
        period
    ]


def _tick(moment: int, period: Period) -> str:
    """A date as it is written in the language of this task; for a day the hour in UTC."""
    when = datetime.fromtimestamp(moment, UTC)
    if period is Period.DAY:
        return f"{format_time(when, 'HH:mm', locale=locale.current())} UTC"
    return str(format_skeleton("MMMd", when, locale=locale.current()))


def alternative(chart: Chart) -> str:
    """A picture in words, for those who cannot see it."""
    rows = (
        _("{name}: {told}").format(name=row.label, told=f"{row.told}, {row.change}.") for row in chart.rows
    )
    return safe.cut(f"{chart.title}, {chart.later}. {' '.join(rows)}", _ALT)
