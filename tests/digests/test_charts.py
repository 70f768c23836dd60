"""Charts: drawn elsewhere, whatever their labels say."""

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

WILD = (
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


def chart(*labels: str, counts: tuple[int, ...] = (0, 1, 2, 5)) -> Chart:
    rows = tuple(ChartRow(label, f"{label} ×3", counts) for label in labels)
    return Chart("Rising", "before", "last 7 days", ("1 Nov", "15 Nov"), rows)


def image(chart: Chart) -> Image.Image:
    (picture,) = draw_charts([chart])
    return Image.open(io.BytesIO(picture)).convert("RGB")


@pytest.fixture
def drawn_texts(monkeypatch) -> list[str]:
    """The texts that are drawn, as they are drawn."""
    texts: list[str] = []
    draw_text = ImageDraw.text

    def draw(image_draw: ImageDraw, place: tuple[int, int], text: str, *looks: Any) -> None:
        texts.append(text)
        draw_text(image_draw, place, text, *looks)

    monkeypatch.setattr(ImageDraw, "text", draw)
    return texts


async def test_pictures_come_from_another_process_in_discords_colours(workers):
    pictures = await render_charts(
        workers, [chart("Mistral AI", "Windows 11"), chart("Le Fil")._replace(colour_index=1)]
    )
    for picture, colour in zip(pictures, ((0x4F, 0xB3, 0xC8), (0xE6, 0x9F, 0x00)), strict=True):
        picture_image = Image.open(io.BytesIO(picture)).convert("RGB")
        assert picture_image.width == bar_charts.WIDTH_PIXELS
        assert picture_image.getpixel((1, 1)) == (0x20, 0x21, 0x27)
        places = ((x, y) for x in range(614, 804, 3) for y in range(76, picture_image.height, 3))
        assert colour in {picture_image.getpixel(place) for place in places}


@pytest.mark.parametrize("label", WILD)
def test_whatever_a_label_says_is_drawn_on_one_line(label, drawn_texts):
    assert image(chart(label)).width == bar_charts.WIDTH_PIXELS
    drawn_label = drawn_texts[4]
    assert not {"\n", "\t"} & set(drawn_label)
    assert " ".join(label.split()).startswith(drawn_label.removesuffix("…"))


def test_a_long_label_does_not_run_into_the_bars():
    picture_image = image(chart("M" * 300, counts=(0, 0, 0, 0)))
    beside = [picture_image.getpixel((x, y)) for x in range(391, 399) for y in range(80, 160)]
    assert set(beside) == {(0x20, 0x21, 0x27)}


@pytest.mark.parametrize("change", ["new", "nouveau", "×100"])
def test_what_changed_is_written_whole_in_every_language(change, drawn_texts):
    image(chart()._replace(rows=(ChartRow("Passkeys", change, (0, 1)),)))
    assert change in drawn_texts


def test_a_bar_is_as_high_as_its_share_of_the_highest_count():
    picture_image = image(chart("One", counts=(0, 4, 1, 2)))
    heights = []
    for x in (447, 542, 661, 756):
        column = [picture_image.getpixel((x, y)) for y in range(76, 172)]
        heights.append(sum(pixel != (0x20, 0x21, 0x27) for pixel in column))
    assert heights == [5, 58, 18, 32]


@check_cases("counts", [(0, 0), (1, 0), (10**9, 1)])
def test_counts_of_any_size_are_drawn(counts):
    assert image(chart("One", counts=counts)).width == bar_charts.WIDTH_PIXELS


def test_a_picture_is_not_higher_than_discord_shows_at_full_width():
    picture_image = image(chart(*(f"Label {number}" for number in range(12))))
    assert picture_image.height <= bar_charts.WIDTH_PIXELS * 3 / 4


def test_nothing_to_draw_is_a_picture_too():
    assert image(chart()).width == bar_charts.WIDTH_PIXELS


async def test_what_cannot_be_drawn_is_no_picture(workers, monkeypatch):
    monkeypatch.setattr(bar_charts, "draw_charts", _fails)
    assert await render_charts(workers, [chart("One")]) == ()


def _fails(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    raise OSError("no fonts")
