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

from bot.core.workers import WorkerError, Workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

log = logging.getLogger(__name__)

TIME = 30.0
"""Seconds that a picture may take."""
MOST_ROWS = 5
"""Rows that are drawn."""

WIDTH = 800
"""Pixels. Discord shows a picture in an embed at half of that, at most three quarters as high as wide."""

_ROW, _HEAD, _MARGIN, _TICKS = 92, 56, 20, 36  # pixels
_LEFT = 390  # pixels of a row for its label; the bars follow
_LARGE, _MEDIUM, _SMALL = 30, 26, 21  # pixels a letter is high
_DPI = 100
_POINTS = 72 / _DPI
_BACKGROUND, _TEXT, _QUIET, _EARLIER = "#313338", "#f2f3f5", "#b5bac1", "#777c85"
# Of the palette that the colour-blind tell apart: Okabe and Ito, "Color Universal Design", 2008.
_COLOURS = ("#56b4e9", "#e69f00")
_BOX = "\u25a1"


class Row(NamedTuple):
    """A label, a smaller line under it, and a bar for each part of the time, the first half of it earlier."""

    label: str
    figures: str
    counts: tuple[int, ...]


class Chart(NamedTuple):
    """Rows of one scale under a title, in one of two colours.

    `earlier` and `later` name the halves of the time, `ticks` its begin, middle and end.
    """

    title: str
    earlier: str
    later: str
    ticks: tuple[str, str, str]
    rows: tuple[Row, ...]
    colour: Literal[0, 1] = 0


async def drawn(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """The charts as PNG pictures; none where they could not be drawn, which is logged."""
    workers = Workers()
    try:
        return await workers.run(draw, tuple(charts), timeout=TIME)
    except (WorkerError, ImportError, OSError, ValueError) as error:
        log.warning("a chart was not drawn: %s", error)
        return ()
    finally:
        await workers.close()


def draw(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    """The charts as PNG pictures (runs in a worker: it imports matplotlib)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each would reserve memory that the worker lacks
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.use("agg")
    mpl.rcParams["text.parse_math"] = False
    return tuple(map(_picture, charts))


def _picture(chart: Chart) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    rows = chart.rows[:MOST_ROWS]
    height = _MARGIN * 2 + _HEAD + _ROW * len(rows) + _TICKS
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    _Pen(figure, height).draw(chart._replace(rows=rows))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor=_BACKGROUND)
    return picture.getvalue()


class _Pen:
    """Draws a chart from the top to the bottom."""

    def __init__(self, figure: Figure, height: int) -> None:
        self._figure = figure
        self._height = height
        self._y = _MARGIN  # pixels from the top
        self._regular, self._shapes = _font("DejaVuSans.ttf")
        self._bold, _ = _font("DejaVuSans-Bold.ttf")

    def draw(self, chart: Chart) -> None:
        """The title, the names of the halves over the bars, the rows, the dates under them."""
        colour = _COLOURS[chart.colour]
        middle = (_LEFT + WIDTH - _MARGIN) // 2
        self._write(chart.title, _MARGIN, _LARGE, _LEFT - _MARGIN, bold=True)
        self._write(chart.earlier, _LEFT, _SMALL, middle - _LEFT - 6, colour=_QUIET)
        self._write(chart.later, middle, _SMALL, WIDTH - _MARGIN - middle, colour=colour)
        self._y += _HEAD
        top = max((max(row.counts) for row in chart.rows), default=0) or 1
        for row in chart.rows:
            self._bars(row.counts, top, colour)
            room = _LEFT - _MARGIN - 12
            self._y += 12
            self._write(row.label, _MARGIN, _MEDIUM, room, bold=True)
            self._y += 38
            self._write(row.figures, _MARGIN, _SMALL, room, colour=_QUIET)
            self._y += _ROW - 50
        for tick, x, side in zip(
            chart.ticks, (_LEFT, middle, WIDTH - _MARGIN), ("left", "center", "right"), strict=True
        ):
            self._write(tick, x, _SMALL, middle - _LEFT, colour=_QUIET, side=side)

    def _bars(self, counts: Sequence[int], top: int, colour: str) -> None:
        axes: Axes = self._figure.add_axes(
            (
                _LEFT / WIDTH,
                1 - (self._y + _ROW - 10) / self._height,
                (WIDTH - _MARGIN - _LEFT) / WIDTH,
                (_ROW - 20) / self._height,
            ),
            facecolor=_BACKGROUND,
        )
        half = len(counts) // 2
        axes.bar(range(len(counts)), counts, width=0.8, color=[_EARLIER] * half + [colour] * half)
        axes.set_xlim(-0.5, len(counts) - 0.5)
        axes.set_ylim(0, top)
        axes.set_xticks([])
        axes.set_yticks([])
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(_QUIET)

    def _write(
        self,
        text: str,
        x: int,
        size: int,
        room: int,
        *,
        colour: str = _TEXT,
        bold: bool = False,
        side: str = "left",
    ) -> None:
        """A line of text whose top is at the pen, cut where it is wider than `room` pixels."""
        written = self._figure.text(
            x / WIDTH,
            1 - self._y / self._height,
            "",
            fontproperties=self._bold if bold else self._regular,
            fontsize=size * _POINTS,
            color=colour,
            horizontalalignment=side,
            verticalalignment="top",
        )
        written.set_parse_math(False)
        text = "".join(c if self._shapes(c) else _BOX for c in text)

        def fits(length: int) -> bool:
            written.set_text(text if length == len(text) else text[:length].rstrip() + "…")
            return bool(written.get_window_extent().width <= room)

        _longest(len(text), fits)


def _longest(length: int, fits: Callable[[int], bool]) -> None:
    """Find by halving the greatest length up to `length` that fits; the last one asked for is that one."""
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
