"""Bar charts and their rendering in a worker."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from PIL import Image
from PIL.ImageDraw import ImageDraw

from bot.core.concurrency.worker_pool import WorkerPool
from bot.digests import bar_charts
from bot.digests.bar_charts import Chart, ChartRow, draw_charts, render_charts
from tests.support.cases import check_cases

UNUSUAL_LABELS = (
    "$x^2$ \\frac{a}{b} $",
    "日本語のニュース 🎉",
    "a" * 5_000,
    "tab\tand\nlines\x00",
    "مرحبا _^{}%#&",
    "\ud800",
)


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool()
    yield pool
    await pool.close()


def make_chart(*labels: str, counts: tuple[int, ...] = (0, 1, 2, 5)) -> Chart:
    rows = tuple(ChartRow(label, f"{label} ×3", counts) for label in labels)
    return Chart("Rising", "before", "last 7 days", ("1 Nov", "15 Nov"), rows)


def draw_image(chart: Chart) -> Image.Image:
    (picture,) = draw_charts([chart])
    return Image.open(io.BytesIO(picture)).convert("RGB")


@pytest.fixture
def drawn_texts(monkeypatch) -> list[str]:
    """The texts drawn by Pillow, in order."""
    texts: list[str] = []
    draw_text = ImageDraw.text

    def draw(image_draw: ImageDraw, place: tuple[int, int], text: str, *looks: Any) -> None:
        texts.append(text)
        draw_text(image_draw, place, text, *looks)

    monkeypatch.setattr(ImageDraw, "text", draw)
    return texts


async def test_charts_are_rendered_by_worker_in_discord_colours(workers):
    pictures = await render_charts(
        workers, [make_chart("Mistral AI", "Windows 11"), make_chart("Le Fil")._replace(colour_index=1)]
    )
    for picture, colour in zip(pictures, ((0x4F, 0xB3, 0xC8), (0xE6, 0x9F, 0x00)), strict=True):
        picture_image = Image.open(io.BytesIO(picture)).convert("RGB")
        assert picture_image.width == bar_charts.WIDTH_PIXELS
        assert picture_image.getpixel((1, 1)) == (0x20, 0x21, 0x27)
        places = ((x, y) for x in range(614, 804, 3) for y in range(76, picture_image.height, 3))
        assert colour in {picture_image.getpixel(place) for place in places}


@pytest.mark.parametrize("label", UNUSUAL_LABELS)
def test_label_is_drawn_on_one_line(label, drawn_texts):
    assert draw_image(make_chart(label)).width == bar_charts.WIDTH_PIXELS
    drawn_label = drawn_texts[4]
    assert not {"\n", "\t"} & set(drawn_label)
    assert " ".join(label.split()).startswith(drawn_label.removesuffix("…"))


def test_long_label_does_not_overlap_bars():
    picture_image = draw_image(make_chart("M" * 300, counts=(0, 0, 0, 0)))
    beside = [picture_image.getpixel((x, y)) for x in range(391, 399) for y in range(80, 160)]
    assert set(beside) == {(0x20, 0x21, 0x27)}


@pytest.mark.parametrize("change", ["new", "nouveau", "×100"])
def test_change_is_drawn_in_full(change, drawn_texts):
    draw_image(make_chart()._replace(rows=(ChartRow("Passkeys", change, (0, 1)),)))
    assert change in drawn_texts


def test_bar_height_is_proportional_to_count():
    picture_image = draw_image(make_chart("One", counts=(0, 4, 1, 2)))
    heights = []
    for x in (447, 542, 661, 756):
        column = [picture_image.getpixel((x, y)) for y in range(76, 172)]
        heights.append(sum(pixel != (0x20, 0x21, 0x27) for pixel in column))
    assert heights == [5, 58, 18, 32]


@check_cases("counts", [(0, 0), (1, 0), (10**9, 1)])
def test_counts_of_any_size_are_drawn(counts):
    assert draw_image(make_chart("One", counts=counts)).width == bar_charts.WIDTH_PIXELS


def test_chart_fits_height_shown_at_full_width():
    picture_image = draw_image(make_chart(*(f"Label {number}" for number in range(12))))
    assert picture_image.height <= bar_charts.WIDTH_PIXELS * 3 / 4


def test_chart_without_rows_is_drawn():
    assert draw_image(make_chart()).width == bar_charts.WIDTH_PIXELS


async def test_drawing_error_gives_no_picture(workers, monkeypatch):
    monkeypatch.setattr(bar_charts, "draw_charts", fail_to_draw)
    assert await render_charts(workers, [make_chart("One")]) == ()


def fail_to_draw(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    raise OSError("no fonts")
