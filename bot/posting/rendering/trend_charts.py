"""Charts and sentences on rising topics, in the current language.

Trends are detected in a sample of titles, in which each title stands for `step` articles.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal

from bot.core import i18n
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.i18n import _, format_count, format_number
from bot.digests.bar_charts import MAX_ROWS, Chart, ChartRow
from bot.digests.trend_detection import MAX_TITLES, TrendPeriod, TrendRow, Trends, detect_trends
from bot.store import Store
from bot.text import discord_text

TREND_TIMEOUT_SECONDS = 20.0
"""Maximum time in seconds for detecting trends (rising topics) in a sample of titles."""

_MAX_NAME_LENGTH = 60
_MIN_WHOLE_NUMBER_FACTOR = 3
"""Minimum factor of a rise that is shown without decimals, such as ×3."""
_MAX_ALT_TEXT_LENGTH = 1024  # https://discord.com/developers/docs/resources/message#attachment-object


async def load_trends(
    store: Store, workers: WorkerPool, feed_ids: Collection[int], period: TrendPeriod, now: int
) -> Trends:
    """Return the rising topics and largest outlets of the given feeds in the period before `now` (Unix seconds).

    Raises StoreError, and WorkerError if the detection fails or takes longer than `TREND_TIMEOUT_SECONDS`.
    """
    title_sample = await store.title_samples.sample(
        feed_ids, since=now - 2 * period.seconds, before=now, max_titles=2 * MAX_TITLES
    )
    return await workers.run(
        detect_trends, now, period, title_sample.step, title_sample.titles, timeout=TREND_TIMEOUT_SECONDS
    )


def counts_text(row: TrendRow, *, with_outlets: bool = True) -> str:
    """Return the numbers of a topic or outlet in words: articles, outlets, and articles in the period before."""
    count_texts = [article_count_text(row.article_count)]
    if with_outlets:
        count_texts.append(format_count("{count} outlet", "{count} outlets", row.outlet_count))
    count_texts.append(_("{count} before").format(count=format_number(row.previous_count)))
    return " · ".join(count_texts)


def leader_sentence(row: TrendRow) -> str:
    """Return a sentence of markup on the topic that rises most, with its numbers."""
    sentence_template = (
        _("**{name}** leads with {articles} from {outlets}, up from {before}.")
        if row.previous_count
        else _("**{name}** leads with {articles} from {outlets}, none before.")
    )
    return sentence_template.format(
        name=discord_text.to_markdown_line(row.name, _MAX_NAME_LENGTH),
        articles=article_count_text(row.article_count),
        outlets=format_count("{count} outlet", "{count} outlets", row.outlet_count),
        before=format_number(row.previous_count),
    )


def article_count_text(count: int) -> str:
    """Return a number of articles in words ("3 articles"), in the current language."""
    return format_count("{count} article", "{count} articles", count)


def build_rising_chart(rows: Sequence[TrendRow], period: TrendPeriod, now: int) -> Chart | None:
    """Return the chart of rising topics, in the current language; None if no topics are given."""
    return _build_chart(_("Rising"), rows, period, now) if rows else None


def build_outlets_chart(rows: Sequence[TrendRow], period: TrendPeriod, now: int) -> Chart | None:
    """Return the chart of the outlets that publish most, in the current language; None if none are given."""
    chart = _build_chart(_("Outlets"), rows, period, now, with_outlets=False) if rows else None
    return chart and chart._replace(colour_index=1)


def _build_chart(
    title: str, trend_rows: Sequence[TrendRow], period: TrendPeriod, now: int, *, with_outlets: bool = True
) -> Chart:
    chart_rows = tuple(
        ChartRow(
            discord_text.to_plain_line(trend_row.name, _MAX_NAME_LENGTH),
            _change_text(trend_row),
            trend_row.counts,
            counts_text(trend_row, with_outlets=with_outlets),
        )
        for trend_row in trend_rows[:MAX_ROWS]
    )
    tick_labels = _format_tick_label(now - 2 * period.seconds, period), _format_tick_label(now, period)
    return Chart(title, _("before"), _format_period_label(period), tick_labels, chart_rows)


def _change_text(row: TrendRow) -> str:
    """Return the factor by which a topic rose ("×3"), or that it is new, in the current language."""
    if not row.previous_count:
        return _("new")
    factor = row.article_count / row.previous_count
    number_pattern = "#,##0" if factor >= _MIN_WHOLE_NUMBER_FACTOR else "0.#"
    return f"×{format_decimal(factor, number_pattern, locale=i18n.current_language())}"


def _format_period_label(period: TrendPeriod) -> str:
    return {
        TrendPeriod.DAY: _("last 24 hours"),
        TrendPeriod.WEEK: _("last 7 days"),
        TrendPeriod.MONTH: _("last 30 days"),
    }[period]


def _format_tick_label(timestamp: int, period: TrendPeriod) -> str:
    """Return the label of a time on a chart's axis: a date, or the time in UTC for a period of a day."""
    tick_time = datetime.fromtimestamp(timestamp, UTC)
    if period is TrendPeriod.DAY:
        return f"{format_time(tick_time, 'HH:mm', locale=i18n.current_language())} UTC"
    return str(format_skeleton("MMMd", tick_time, locale=i18n.current_language()))


def chart_alt_text(chart: Chart) -> str:
    """Return the description of a chart with its numbers, for screen readers."""
    row_descriptions = (
        _("{name}: {details}").format(name=row.label, details=f"{row.alt_text}, {row.change_label}.")
        for row in chart.rows
    )
    return discord_text.truncate_utf16(
        f"{chart.title}, {chart.later_label}. {' '.join(row_descriptions)}", _MAX_ALT_TEXT_LENGTH
    )
