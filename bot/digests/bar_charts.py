"""Bar charts as PNG images, legible on a phone in Discord's dark theme.

Pillow is imported only inside the functions that run in a worker. Labels are untrusted: they are never
markup, and characters without a glyph become boxes.
"""

from __future__ import annotations

import io
import logging
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot.core.concurrency.worker_process import WorkerError

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from bot.core.concurrency.worker_pool import WorkerPool

log = logging.getLogger(__name__)

RENDER_TIMEOUT_SECONDS = 10.0
"""Maximum time in seconds for rendering the charts of one call."""
MAX_ROWS = 5
"""Maximum number of rows in a chart."""

WIDTH_PIXELS = 1000
"""Width of a chart in pixels; five rows are 616 pixels high, as Discord scales higher images down."""

_ROW_HEIGHT = 96
"""Height in pixels of a chart's row."""
_HEADER_HEIGHT = 76
"""Height in pixels of a chart's header."""
_TIME_AXIS_HEIGHT = 60
"""Height in pixels of a chart's time axis, which has only labels."""
_HEADING_BASELINE = 49
"""Distance in pixels of the headings' baseline from the top of the header."""
_LABEL_BASELINE = 55
"""Distance in pixels of a label's baseline from the top of its row."""
_BARS_BOTTOM = 80
"""Distance in pixels of the bottom of the bars from the top of their row."""
_TIME_AXIS_BASELINE = 33
"""Distance in pixels of the date labels' baseline from the top of the time axis."""
_MARGIN = 34
"""Width in pixels of the space around a chart."""
_COLUMN_GAP = 10
"""Width in pixels of the space between a chart's columns."""
_BAR_GAP = 4
"""Width in pixels of the space between a chart's bars."""
_EARLIER_X = 400
"""Left edge in pixels of a chart's column for the earlier half of the period."""
_LATER_X = 614
"""Left edge in pixels of a chart's column for the later half of the period."""
_CHANGE_X = 812
"""Left edge in pixels of a chart's column for the words on the change, such as "×3"."""
_BARS_WIDTH = 190
"""Width in pixels of all bars of one half of a chart's period."""
_MAX_BAR_HEIGHT = 58
"""Height in pixels of the bar of a row's highest count."""
_MIN_BAR_HEIGHT = 5
"""Height in pixels of the bar of a count of zero."""
_LARGE_FONT_SIZE = 40
"""Font size in pixels of a chart's row labels."""
_SMALL_FONT_SIZE = 30
"""Font size in pixels of all of a chart's texts but its row labels."""
_BACKGROUND_COLOUR, _TEXT_COLOUR, _MUTED_COLOUR, _GRID_COLOUR, _EARLIER_COLOUR = (
    "#202127",
    "#f2f3f5",
    "#a9adb5",
    "#34363d",
    "#5c5f66",
)
_CHART_COLOURS = ("#4fb3c8", "#e69f00")
"""Colours of the bars for the later half of a chart's period, by the chart's `colour_index`."""
_FONTS_FOLDER = Path(__file__).resolve().parents[2] / "data" / "fonts"


class ChartRow(NamedTuple):
    """Row of a bar chart: a label, words on its change (such as "×3"), and a count for each part of the period.

    `counts` begin with the earlier half of the period. `alt_text` describes the counts for screen readers.
    """

    label: str
    change_label: str
    counts: tuple[int, ...]
    alt_text: str = ""


class Chart(NamedTuple):
    """Content of a bar chart: rows, each with its own scale; bars of the period's earlier half are grey.

    `title` is not drawn, only read out. `earlier_label` and `later_label` name the halves of the period;
    `tick_labels` name its start and end on the time axis. `colour_index` selects the colour of the later half's
    bars and label.
    """

    title: str
    earlier_label: str
    later_label: str
    tick_labels: tuple[str, str]
    rows: tuple[ChartRow, ...]
    colour_index: Literal[0, 1] = 0


async def render_charts(workers: WorkerPool, charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Render charts as PNG images in a worker process; log a failure and return an empty tuple."""
    try:
        return await workers.run(draw_charts, tuple(charts), timeout=RENDER_TIMEOUT_SECONDS)
    except (WorkerError, ImportError, OSError, ValueError) as error:
        log.warning("chart rendering failed error=%s", error)
        return ()


def draw_charts(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Draw charts as PNG images; run this in a worker process, since it imports Pillow."""
    return tuple(map(_draw_chart, charts))


def _draw_chart(chart: Chart) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415 - only in workers

    rows = chart.rows[:MAX_ROWS]
    time_axis_top = _HEADER_HEIGHT + _ROW_HEIGHT * len(rows)
    image = Image.new("RGB", (WIDTH_PIXELS, time_axis_top + _TIME_AXIS_HEIGHT), _BACKGROUND_COLOUR)
    draw = ImageDraw.Draw(image)
    _draw_headings(draw, chart, time_axis_top + _TIME_AXIS_BASELINE)
    for index, row in enumerate(rows):
        row_top = _HEADER_HEIGHT + _ROW_HEIGHT * index
        if index:
            draw.line((_MARGIN, row_top, WIDTH_PIXELS - _MARGIN, row_top), _GRID_COLOUR)
        _draw_row(draw, row, row_top, _CHART_COLOURS[chart.colour_index])
    png_buffer = io.BytesIO()
    image.save(png_buffer, "PNG")
    return png_buffer.getvalue()


def _draw_headings(draw: ImageDraw, chart: Chart, time_axis_baseline: int) -> None:
    """Draw the names of the halves of a chart's period above its rows, and the time axis's labels below them."""
    font, later_label_width = _load_font(_SMALL_FONT_SIZE), WIDTH_PIXELS - _MARGIN - _LATER_X
    _draw_text(draw, chart.earlier_label, (_EARLIER_X, _HEADING_BASELINE), font, _BARS_WIDTH, colour=_MUTED_COLOUR)
    later_colour = _CHART_COLOURS[chart.colour_index]
    _draw_text(draw, chart.later_label, (_LATER_X, _HEADING_BASELINE), font, later_label_width, colour=later_colour)
    start_label, end_label = chart.tick_labels
    _draw_text(draw, start_label, (_EARLIER_X, time_axis_baseline), font, _BARS_WIDTH, colour=_MUTED_COLOUR)
    end_position = _LATER_X + _BARS_WIDTH, time_axis_baseline
    _draw_text(draw, end_label, end_position, font, _BARS_WIDTH, colour=_MUTED_COLOUR, anchor="rs")


def _draw_row(draw: ImageDraw, row: ChartRow, top: int, later_colour: str) -> None:
    label_font, change_font = _load_font(_LARGE_FONT_SIZE, is_bold=True), _load_font(_SMALL_FONT_SIZE, is_bold=True)
    right_edge, baseline = WIDTH_PIXELS - _MARGIN, top + _LABEL_BASELINE
    _draw_text(draw, row.label, (_MARGIN, baseline), label_font, _EARLIER_X - _MARGIN - _COLUMN_GAP)
    _draw_text(draw, row.change_label, (right_edge, baseline), change_font, right_edge - _CHANGE_X, anchor="rs")
    bars_per_half, max_count = len(row.counts) // 2, max(row.counts, default=0) or 1
    for counts, left_edge, colour in (
        (row.counts[:bars_per_half], _EARLIER_X, _EARLIER_COLOUR),
        (row.counts[bars_per_half:], _LATER_X, later_colour),
    ):
        _draw_bars(draw, [count / max_count for count in counts], (left_edge, top + _BARS_BOTTOM), colour)


def _draw_bars(draw: ImageDraw, shares: Sequence[float], bottom_left: tuple[int, int], colour: str) -> None:
    """Draw bars side by side, whose heights are shares (0 to 1) of the maximum; a share of 0 becomes a low bar."""
    left_edge, bottom = bottom_left
    bar_pitch = _BARS_WIDTH / max(len(shares), 1)
    for index, share in enumerate(shares):
        bar_left = round(left_edge + bar_pitch * index + _BAR_GAP / 2)
        height = round(_MIN_BAR_HEIGHT + (_MAX_BAR_HEIGHT - _MIN_BAR_HEIGHT) * share)
        # Pillow draws the right and the bottom edge, too.
        draw.rectangle((bar_left, bottom - height, bar_left + int(bar_pitch) - _BAR_GAP - 1, bottom - 1), colour)


def _draw_text(
    draw: ImageDraw,
    text: str,
    baseline_position: tuple[int, int],
    font: FreeTypeFont,
    max_width: int,
    *,
    colour: str = _TEXT_COLOUR,
    anchor: Literal["ls", "rs"] = "ls",
) -> None:
    """Draw a line of text, or the beginning that fits, from the left or right end of its baseline."""
    line = " ".join(text.split())
    if font.getlength(line) > max_width:
        lengths = range(len(line))
        excessive_length = bisect_right(lengths, max_width, key=lambda end: ceil(font.getlength(_shorten(line, end))))
        line = _shorten(line, excessive_length - 1)
    draw.text(baseline_position, line, colour, font, anchor)


def _shorten(text: str, length: int) -> str:
    return text[:length].rstrip() + "…"


@cache
def _load_font(size_pixels: int, *, is_bold: bool = False) -> FreeTypeFont:
    import brotli  # noqa: PLC0415 - only in workers
    from PIL import ImageFont  # noqa: PLC0415 - only in workers

    font_name = "DejaVuSans-Bold" if is_bold else "DejaVuSans"
    # Compressed fonts make an installation 0.8 MB smaller.
    font_bytes = brotli.decompress((_FONTS_FOLDER / f"{font_name}.ttf.br").read_bytes())
    return ImageFont.truetype(io.BytesIO(font_bytes), size_pixels)
