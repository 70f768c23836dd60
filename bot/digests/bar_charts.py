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
"""Seconds that the rendering of charts may take."""
MAX_ROWS = 5
"""Maximum number of rows in a chart."""

WIDTH_PIXELS = 1000
"""Width of a chart in pixels; five rows are 616 pixels high, as Discord scales higher images down."""

_ROW, _HEAD, _TICKS = 96, 76, 60
"""Heights in pixels of a row, of the header and of the ticks."""
_MARGIN, _GAP, _BAR_GAP = 34, 10, 4
"""Pixels around the chart, between columns and between bars."""
_EARLIER_X, _LATER_X, _CHANGE_X = 400, 614, 812
"""Left edges in pixels of the columns for the earlier half, the later half and the change."""
_BARS_WIDTH = 190
"""Width in pixels of the bars of half of the period."""
_MAX_BAR_HEIGHT, _MIN_BAR_HEIGHT = 58, 5
"""Heights in pixels of the highest bar and of a zero."""
_LARGE, _MEDIUM, _SMALL = 40, 30, 30
"""Font sizes in pixels."""
_DPI = 100
_POINTS = 72 / _DPI
_BACKGROUND, _TEXT, _MUTED_COLOUR, _GRID_COLOUR, _EARLIER_COLOUR = (
    "#202127",
    "#f2f3f5",
    "#a9adb5",
    "#34363d",
    "#5c5f66",
)
_COLOURS = ("#4fb3c8", "#e69f00")
_MISSING_GLYPH = "\u25a1"


class ChartRow(NamedTuple):
    """A label, its change as a word, and a count for each part of the period, the earlier half first.

    `alt_text` are its figures as alternative text.
    """

    label: str
    change: str
    counts: tuple[int, ...]
    told: str = ""


class Chart(NamedTuple):
    """Rows, each to its own scale, in one of two colours.

    `title` is not drawn. `earlier` and `later` name the halves of the period, `ticks` its start and end.
    """

    title: str
    earlier: str
    later: str
    ticks: tuple[str, str]
    rows: tuple[ChartRow, ...]
    colour: Literal[0, 1] = 0


async def render_charts(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Render charts as PNG images; failures are logged and give an empty tuple."""
    workers = WorkerPool()
    try:
        return await workers.run(render_charts_in_worker, tuple(charts), timeout=RENDER_TIMEOUT_SECONDS)
    except (WorkerError, ImportError, OSError, ValueError) as error:
        log.warning("chart rendering failed error=%s", error)
        return ()
    finally:
        await workers.close()


def render_charts_in_worker(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """Render charts as PNG images (runs in a worker: it imports matplotlib)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Each thread would reserve memory.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib as mpl  # noqa: PLC0415 - only in workers

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False
    return tuple(map(_render_chart, charts))


def _render_chart(chart: Chart) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415 - only in workers

    rows = chart.rows[:MAX_ROWS]
    height = _HEAD + _ROW * len(rows) + _TICKS
    figure = Figure(figsize=(WIDTH_PIXELS / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    _ChartPainter(figure, height).draw(chart._replace(rows=rows))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor=_BACKGROUND)
    return picture.getvalue()


class _ChartPainter:
    """Painter of a chart; coordinates are pixels from the left and the top."""

    def __init__(self, figure: Figure, height: int) -> None:
        self._figure = figure
        self._height = height
        self._regular, self._shapes = _font("DejaVuSans.ttf")
        self._bold, _ = _font("DejaVuSans-Bold.ttf")
        self._axes = figure.add_axes((0, 0, 1, 1), facecolor=_BACKGROUND)
        self._axes.set_xlim(0, WIDTH_PIXELS)
        self._axes.set_ylim(height, 0)
        self._axes.set_axis_off()

    def draw(self, chart: Chart) -> None:
        colour = _COLOURS[chart.colour]
        right = WIDTH_PIXELS - _MARGIN
        self._write(chart.earlier, _EARLIER_X, _MARGIN - 8, _SMALL, _BARS_WIDTH, colour=_MUTED_COLOUR)
        self._write(chart.later, _LATER_X, _MARGIN - 8, _SMALL, right - _LATER_X, colour=colour)
        for number, row in enumerate(chart.rows):
            top = _HEAD + _ROW * number
            if number:
                self._axes.hlines(top, _MARGIN, right, colors=_GRID_COLOUR, linewidth=1)
            self._write(row.label, _MARGIN, top + 24, _LARGE, _EARLIER_X - _MARGIN - _GAP, bold=True)
            self._write(row.change, right, top + 30, _MEDIUM, right - _CHANGE_X, bold=True, side="right")
            half, most = len(row.counts) // 2, max(row.counts, default=0)
            self._bars(row.counts[:half], most, _EARLIER_X, top + 80, _EARLIER_COLOUR)
            self._bars(row.counts[half:], most, _LATER_X, top + 80, colour)
        bottom = _HEAD + _ROW * len(chart.rows) + 10
        begin, end = chart.ticks
        self._write(begin, _EARLIER_X, bottom, _SMALL, _BARS_WIDTH, colour=_MUTED_COLOUR)
        self._write(
            end, _LATER_X + _BARS_WIDTH, bottom, _SMALL, _BARS_WIDTH, colour=_MUTED_COLOUR, side="right"
        )

    def _bars(self, counts: Sequence[int], most: int, left: int, bottom: int, colour: str) -> None:
        """Draw bars side by side; a zero is a thin bar."""
        wide = _BARS_WIDTH / max(len(counts), 1)
        heights = [
            _MIN_BAR_HEIGHT + (_MAX_BAR_HEIGHT - _MIN_BAR_HEIGHT) * count / (most or 1) for count in counts
        ]
        places = [left + wide * (number + 0.5) for number in range(len(counts))]
        tops = [bottom - height for height in heights]
        self._axes.bar(places, heights, width=wide - _BAR_GAP, bottom=tops, color=colour, linewidth=0)

    def _write(
        self,
        text: str,
        x: int,
        y: int,
        size: int,
        room: int,
        *,
        colour: str = _TEXT,
        bold: bool = False,
        side: str = "left",
    ) -> None:
        written = self._figure.text(
            x / WIDTH_PIXELS,
            1 - y / self._height,
            "",
            fontproperties=self._bold if bold else self._regular,
            fontsize=size * _POINTS,
            color=colour,
            horizontalalignment=side,
            verticalalignment="top",
        )
        written.set_parse_math(False)
        text = "".join(c if self._shapes(c) else _MISSING_GLYPH for c in text)

        def fits(length: int) -> bool:
            written.set_text(text if length == len(text) else text[:length].rstrip() + "…")
            return bool(written.get_window_extent().width <= room)

        _fit_longest(len(text), fits)


def _fit_longest(length: int, fits: Callable[[int], bool]) -> None:
    """Find by bisection the greatest length up to `length` that fits, and call `fits` with it last."""
    if fits(length):
        return
    low = 0
    while length - low > 1:
        middle = (low + length) // 2
        low, length = (middle, length) if fits(middle) else (low, middle)
    fits(low)


def _font(name: str) -> tuple[FontProperties, Callable[[str], bool]]:
    """Return a font of matplotlib, and a predicate for whether it has a glyph for a character."""
    from matplotlib import get_data_path  # noqa: PLC0415 - only in workers
    from matplotlib.font_manager import FontProperties, get_font  # noqa: PLC0415 - only in workers

    path = os.path.join(get_data_path(), "fonts", "ttf", name)  # noqa: PTH118 - matplotlib takes a str
    shapes = get_font(path).get_charmap()
    return FontProperties(fname=path), lambda character: ord(character) in shapes
