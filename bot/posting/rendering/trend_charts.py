"""Charts and sentences on rising topics, in the current language."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal

from bot.core import i18n
from bot.core.i18n import _, format_count, format_number
from bot.core.worker_pool import WorkerPool
from bot.digests.bar_charts import MAX_ROWS, Chart, ChartRow
from bot.digests.trend_detection import MAX_TITLES, TrendPeriod, TrendRow, Trends, detect_trends
from bot.store import Store
from bot.text import discord_text

TREND_TIMEOUT_SECONDS = 20.0
"""Maximum time in seconds for detecting trends in the titles."""

_MAX_NAME_LENGTH = 60
_MIN_WHOLE_FACTOR = 3
"""Factor from which a change is shown without decimals."""
_MAX_ALT_TEXT_LENGTH = 1024  # https://discord.com/developers/docs/resources/message#attachment-object


async def load_trends(
    store: Store, workers: WorkerPool, feed_ids: Collection[int], period: TrendPeriod, now: int
) -> Trends:
    """Return the rising topics of these feeds in the period before `now`, a timestamp.

    Raises StoreError, and WorkerError if it takes longer than `TREND_TIMEOUT_SECONDS`.
    """
    read = await store.title_samples.sample(
        feed_ids, since=now - 2 * period.seconds, before=now, most=2 * MAX_TITLES
    )
    return await workers.run(
        detect_trends, now, period, read.step, read.titles, timeout=TREND_TIMEOUT_SECONDS
    )


def row_figures(line: TrendRow, *, outlets: bool = True) -> str:
    """Return the numbers of articles and outlets of a topic, and of articles in the period before."""
    told = [article_count(line.articles)]
    if outlets:
        told.append(format_count("{count} outlet", "{count} outlets", line.outlets))
    told.append(_("{count} before").format(count=format_number(line.before)))
    return " · ".join(told)


def leader_sentence(line: TrendRow) -> str:
    """Return a sentence of markup on the topic that rises most."""
    sentence = (
        _("**{name}** leads with {articles} from {outlets}, up from {before}.")
        if line.before
        else _("**{name}** leads with {articles} from {outlets}, none before.")
    )
    return sentence.format(
        name=discord_text.to_markdown_line(line.name, _MAX_NAME_LENGTH),
        articles=article_count(line.articles),
        outlets=format_count("{count} outlet", "{count} outlets", line.outlets),
        before=format_number(line.before),
    )


def article_count(count: int) -> str:
    """Return a number of articles in words."""
    return format_count("{count} article", "{count} articles", count)


def rising_chart(lines: Sequence[TrendRow], period: TrendPeriod, now: int) -> Chart | None:
    """Return the chart of rising topics, in the current language; None if there are none."""
    return _chart(_("Rising"), lines, period, now) if lines else None


def outlets_chart(lines: Sequence[TrendRow], period: TrendPeriod, now: int) -> Chart | None:
    """Return the chart of the outlets that publish most, in the current language; None if there are none."""
    chart = _chart(_("Outlets"), lines, period, now, outlets=False) if lines else None
    return chart and chart._replace(colour=1)


def _chart(
    title: str, lines: Sequence[TrendRow], period: TrendPeriod, now: int, *, outlets: bool = True
) -> Chart:
    rows = tuple(
        ChartRow(
            discord_text.to_plain_line(line.name, _MAX_NAME_LENGTH),
            _change(line),
            line.counts,
            row_figures(line, outlets=outlets),
        )
        for line in lines[:MAX_ROWS]
    )
    ticks = _tick_label(now - 2 * period.seconds, period), _tick_label(now, period)
    return Chart(title, _("before"), _period_label(period), ticks, rows)


def _change(line: TrendRow) -> str:
    """Return the factor by which a topic rose, or that it is new."""
    if not line.before:
        return _("new")
    factor = line.articles / line.before
    digits = "#,##0" if factor >= _MIN_WHOLE_FACTOR else "0.#"
    return f"×{format_decimal(factor, digits, locale=i18n.current_language())}"


def _period_label(period: TrendPeriod) -> str:
    return {
        TrendPeriod.DAY: _("last 24 hours"),
        TrendPeriod.WEEK: _("last 7 days"),
        TrendPeriod.MONTH: _("last 30 days"),
    }[period]


def _tick_label(moment: int, period: TrendPeriod) -> str:
    """Return a date in the current language; for a period of a day the time in UTC."""
    when = datetime.fromtimestamp(moment, UTC)
    if period is TrendPeriod.DAY:
        return f"{format_time(when, 'HH:mm', locale=i18n.current_language())} UTC"
    return str(format_skeleton("MMMd", when, locale=i18n.current_language()))


def chart_alt_text(chart: Chart) -> str:
    """Return the alt text of a chart, for screen readers."""
    rows = (
        _("{name}: {told}").format(name=row.label, told=f"{row.told}, {row.change}.") for row in chart.rows
    )
    return discord_text.truncate_utf16(
        f"{chart.title}, {chart.later}. {' '.join(rows)}", _MAX_ALT_TEXT_LENGTH
    )
