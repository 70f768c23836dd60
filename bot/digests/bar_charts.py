"""Bar charts as PNG images, legible on a phone in Discord's dark theme.

matplotlib is imported only in a process that is started for an image and ends after it, so that the bot
neither waits for it nor keeps it in memory. Labels are untrusted: they are never markup, and characters
without a glyph become boxes.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot.core.worker_pool import WorkerError, WorkerPool

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

log = logging.getLogger(__name__)

RENDER_TIMEOUT_SECONDS = 30.0
"""Maximum time in seconds for rendering the charts of one call."""
MAX_ROWS = 5
"""Maximum number of rows in a chart."""

WIDTH_PIXELS = 1000
"""Width of a chart in pixels; five rows are 616 pixels high, as Discord scales higher images down."""

_ROW_HEIGHT, _HEADER_HEIGHT, _TICKS_HEIGHT = 96, 76, 60
"""Heights in pixels of a chart's row, of its header, and of the labels of its time axis."""
_MARGIN, _COLUMN_GAP, _BAR_GAP = 34, 10, 4
"""Widths in pixels of the space around a chart, between its columns, and between its bars."""
_EARLIER_X, _LATER_X, _CHANGE_X = 400, 614, 812
"""Left edges in pixels of a chart's columns for the earlier half, the later half and the change."""
_BARS_WIDTH = 190
"""Width in pixels of all bars of one half of a chart's period."""
_MAX_BAR_HEIGHT, _MIN_BAR_HEIGHT = 58, 5
"""Heights in pixels of the bar of the highest count, and of the bar of a count of zero."""
_LARGE_FONT_SIZE, _MEDIUM_FONT_SIZE, _SMALL_FONT_SIZE = 40, 30, 30
"""Font sizes in pixels of a chart's row labels, of its changes, and of its headings and dates."""
_DPI = 100
_POINTS_PER_PIXEL = 72 / _DPI
_BACKGROUND_COLOUR, _TEXT_COLOUR, _MUTED_COLOUR, _GRID_COLOUR, _EARLIER_COLOUR = (
    "#202127",
    "#f2f3f5",
    "#a9adb5",
    "#34363d",
    "#5c5f66",
)
_CHART_COLOURS = ("#4fb3c8", "#e69f00")
_MISSING_GLYPH_PLACEHOLDER = "\u25a1"


class ChartRow(NamedTuple):
    """Row of a bar chart: a label, its change as a word, and a count for each part of the period.

    `counts` begin with the earlier half of the period. `alt_text` describes the counts for screen readers.
    """

    label: str
    change: str
    counts: tuple[int, ...]
    alt_text: str = ""


class Chart(NamedTuple):
    """Content of a bar chart: rows, each with its own scale, in one of two colours.

    `title` is not drawn. `earlier` and `later` name the halves of the period; `ticks` label its start and
    end.
    """

    title: str
    earlier: str
    later: str
    ticks: tuple[str, str]
    rows: tuple[ChartRow, ...]
    colour: Literal[0, 1] = 0


async def render_charts(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Render charts as PNG images in a worker process; log a failure and return an empty tuple."""
    workers = WorkerPool()
    try:
        return await workers.run(render_charts_in_worker, tuple(charts), timeout=RENDER_TIMEOUT_SECONDS)
    except (WorkerError, ImportError, OSError, ValueError) as error:
        log.warning("chart rendering failed error=%s", error)
        return ()
    finally:
        await workers.close()


def render_charts_in_worker(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Render charts as PNG images; run this in a worker process, since it imports matplotlib."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Each thread would reserve memory.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib as mpl  # noqa: PLC0415 - only in workers

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False
    return tuple(map(_render_chart, charts))


def _render_chart(chart: Chart) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415 - only in workers

    rows = chart.rows[:MAX_ROWS]
    height_pixels = _HEADER_HEIGHT + _ROW_HEIGHT * len(rows) + _TICKS_HEIGHT
    figure = Figure(figsize=(WIDTH_PIXELS / _DPI, height_pixels / _DPI), dpi=_DPI, facecolor=_BACKGROUND_COLOUR)
    _ChartPainter(figure, height_pixels).draw(chart._replace(rows=rows))
    png_buffer = io.BytesIO()
    figure.savefig(png_buffer, format="png", facecolor=_BACKGROUND_COLOUR)
    return png_buffer.getvalue()


class _ChartPainter:
    """Painter of a bar chart. Coordinates are pixels from the left and the top edge of the image."""

    def __init__(self, figure: Figure, height: int) -> None:
        self._figure = figure
        self._height_pixels = height
        self._regular_font, self._has_glyph = _load_font("DejaVuSans.ttf")
        self._bold_font, _ = _load_font("DejaVuSans-Bold.ttf")
        self._axes = figure.add_axes((0, 0, 1, 1), facecolor=_BACKGROUND_COLOUR)
        self._axes.set_xlim(0, WIDTH_PIXELS)
        self._axes.set_ylim(height, 0)
        self._axes.set_axis_off()

    def draw(self, chart: Chart) -> None:
        later_colour = _CHART_COLOURS[chart.colour]
        right_edge = WIDTH_PIXELS - _MARGIN
        self._draw_text(chart.earlier, _EARLIER_X, _MARGIN - 8, _SMALL_FONT_SIZE, _BARS_WIDTH, colour=_MUTED_COLOUR)
        self._draw_text(
            chart.later, _LATER_X, _MARGIN - 8, _SMALL_FONT_SIZE, right_edge - _LATER_X, colour=later_colour
        )
        for index, row in enumerate(chart.rows):
            row_top = _HEADER_HEIGHT + _ROW_HEIGHT * index
            if index:
                self._axes.hlines(row_top, _MARGIN, right_edge, colors=_GRID_COLOUR, linewidth=1)
            self._draw_text(
                row.label,
                _MARGIN,
                row_top + 24,
                _LARGE_FONT_SIZE,
                _EARLIER_X - _MARGIN - _COLUMN_GAP,
                is_bold=True,
            )
            self._draw_text(
                row.change,
                right_edge,
                row_top + 30,
                _MEDIUM_FONT_SIZE,
                right_edge - _CHANGE_X,
                is_bold=True,
                alignment="right",
            )
            bars_per_half, max_count = len(row.counts) // 2, max(row.counts, default=0)
            self._draw_bars(row.counts[:bars_per_half], max_count, _EARLIER_X, row_top + 80, _EARLIER_COLOUR)
            self._draw_bars(row.counts[bars_per_half:], max_count, _LATER_X, row_top + 80, later_colour)
        ticks_top = _HEADER_HEIGHT + _ROW_HEIGHT * len(chart.rows) + 10
        start_label, end_label = chart.ticks
        self._draw_text(start_label, _EARLIER_X, ticks_top, _SMALL_FONT_SIZE, _BARS_WIDTH, colour=_MUTED_COLOUR)
        self._draw_text(
            end_label,
            _LATER_X + _BARS_WIDTH,
            ticks_top,
            _SMALL_FONT_SIZE,
            _BARS_WIDTH,
            colour=_MUTED_COLOUR,
            alignment="right",
        )

    def _draw_bars(self, counts: Sequence[int], max_count: int, left_edge: int, bottom: int, colour: str) -> None:
        """Draw the bars of the counts side by side; a count of zero becomes a thin bar."""
        bar_width = _BARS_WIDTH / max(len(counts), 1)
        heights = [_MIN_BAR_HEIGHT + (_MAX_BAR_HEIGHT - _MIN_BAR_HEIGHT) * count / (max_count or 1) for count in counts]
        centres = [left_edge + bar_width * (index + 0.5) for index in range(len(counts))]
        tops = [bottom - height for height in heights]
        self._axes.bar(centres, heights, width=bar_width - _BAR_GAP, bottom=tops, color=colour, linewidth=0)

    def _draw_text(
        self,
        text: str,
        x: int,
        y: int,
        font_size_pixels: int,
        max_width: int,
        *,
        colour: str = _TEXT_COLOUR,
        is_bold: bool = False,
        alignment: str = "left",
    ) -> None:
        text_artist = self._figure.text(
            x / WIDTH_PIXELS,
            1 - y / self._height_pixels,
            "",
            fontproperties=self._bold_font if is_bold else self._regular_font,
            fontsize=font_size_pixels * _POINTS_PER_PIXEL,
            color=colour,
            horizontalalignment=alignment,
            verticalalignment="top",
        )
        text_artist.set_parse_math(False)
        text = "".join(character if self._has_glyph(character) else _MISSING_GLYPH_PLACEHOLDER for character in text)

        def show_start_and_check_width(length: int) -> bool:
            text_artist.set_text(text if length == len(text) else text[:length].rstrip() + "…")
            return bool(text_artist.get_window_extent().width <= max_width)

        _fit_longest(len(text), show_start_and_check_width)


def _fit_longest(length: int, fits: Callable[[int], bool]) -> None:
    """Find by bisection the greatest length of a text, up to `length`, that fits.

    `fits` sets the text to a length and returns whether it fits; the last call is with the length found.
    """
    if fits(length):
        return
    fitting_length = 0
    while length - fitting_length > 1:
        middle_length = (fitting_length + length) // 2
        fitting_length, length = (middle_length, length) if fits(middle_length) else (fitting_length, middle_length)
    fits(fitting_length)


def _load_font(font_filename: str) -> tuple[FontProperties, Callable[[str], bool]]:
    """Return a font that comes with matplotlib, and a function that tells whether it can show a character."""
    from matplotlib import get_data_path  # noqa: PLC0415 - only in workers
    from matplotlib.font_manager import FontProperties, get_font  # noqa: PLC0415 - only in workers

    font_path = os.path.join(get_data_path(), "fonts", "ttf", font_filename)  # noqa: PTH118 - matplotlib takes a str
    glyph_by_character = get_font(font_path).get_charmap()
    return FontProperties(fname=font_path), lambda character: ord(character) in glyph_by_character
