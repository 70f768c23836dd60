"""Charts as pictures: rows of bars with labels beside them, to be read on a phone in Discord's dark theme.

matplotlib is imported only in a process that is started for a picture and ends after it: the bot itself
neither waits for it nor holds it in memory. Labels are what strangers wrote: nothing in them is markup, and
characters without a shape in the font become boxes.
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
"""Seconds that a picture may take."""
MAX_ROWS = 5
"""Rows that are drawn."""

WIDTH_PIXELS = 1000
"""Pixels. Five rows are 616 high: Discord shows more than three quarters of the width smaller."""

_ROW, _HEAD, _TICKS = 96, 76, 60  # pixels a row is high, what is above the rows, what is below
_MARGIN, _GAP, _BAR_GAP = 34, 10, 4  # pixels around all, between columns, between bars
_EARLIER_X, _LATER_X, _CHANGE_X = 400, 614, 812  # pixels from the left where the columns begin
_BARS_WIDTH = 190  # pixels that those of half of the time are wide,
_MAX_BAR_HEIGHT, _MIN_BAR_HEIGHT = 58, 5  # and how high they are
_LARGE, _MEDIUM, _SMALL = 40, 30, 30  # pixels a letter is high
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
    """A label, how much it changed in a word, and a bar for each part of the time, the first half earlier.

    `told` are its figures, for who cannot see the picture.
    """

    label: str
    change: str
    counts: tuple[int, ...]
    told: str = ""


class Chart(NamedTuple):
    """Rows, each of its own scale, in one of two colours.

    `title` is what it shows; it is not drawn. `earlier` and `later` name the halves of the time, `ticks` its
    begin and end.
    """

    title: str
    earlier: str
    later: str
    ticks: tuple[str, str]
    rows: tuple[ChartRow, ...]
    colour: Literal[0, 1] = 0


async def render_charts(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """The charts as PNG pictures; none where they could not be drawn, which is logged."""
    workers = WorkerPool()
    try:
        return await workers.run(render_charts_in_worker, tuple(charts), timeout=RENDER_TIMEOUT_SECONDS)
    except (WorkerError, ImportError, OSError, ValueError) as error:
        log.warning("a chart was not drawn: %s", error)
        return ()
    finally:
        await workers.close()


def render_charts_in_worker(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """The charts as PNG pictures (runs in a worker: it imports matplotlib)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each would reserve memory that the worker lacks
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False
    return tuple(map(_render_chart, charts))


def _render_chart(chart: Chart) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    rows = chart.rows[:MAX_ROWS]
    height = _HEAD + _ROW * len(rows) + _TICKS
    figure = Figure(figsize=(WIDTH_PIXELS / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    _ChartPainter(figure, height).draw(chart._replace(rows=rows))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor=_BACKGROUND)
    return picture.getvalue()


class _ChartPainter:
    """Draws a chart; places are pixels from the left and from the top."""

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
        """Bars side by side; of nothing a thin one."""
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
    """Find by halving the greatest length up to `utf16_length` that fits; the last one asked for is that
    one.
    """
    if fits(length):
        return
    low = 0
    while length - low > 1:
        middle = (low + length) // 2
        low, length = (middle, length) if fits(middle) else (low, middle)
    fits(low)


def _font(name: str) -> tuple[FontProperties, Callable[[str], bool]]:
    """A font that comes with matplotlib, and whether it has a shape for a character."""
    from matplotlib import get_data_path  # noqa: PLC0415 - see above
    from matplotlib.font_manager import FontProperties, get_font  # noqa: PLC0415 - see above

    path = os.path.join(get_data_path(), "fonts", "ttf", name)  # noqa: PTH118 - matplotlib takes a str
    shapes = get_font(path).get_charmap()
    return FontProperties(fname=path), lambda character: ord(character) in shapes
