"""Charts: drawn elsewhere, whatever their labels say."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bot.digests import bar_charts
from bot.digests.bar_charts import Chart, ChartRow, render_charts, render_charts_in_worker

WILD = (
    "$x^2$ \\frac{a}{b} $",
    "日本語のニュース 🎉",
    "a" * 5_000,
    "tab\tand\nlines\x00",
    "مرحبا _^{}%#&",
    "\ud800",
)


def chart(*labels: str, counts: tuple[int, ...] = (0, 1, 2, 5)) -> Chart:
    rows = tuple(ChartRow(label, f"{label} ×3", counts) for label in labels)
    return Chart("Rising", "before", "last 7 days", ("1 Nov", "15 Nov"), rows)


def image(chart: Chart) -> Image.Image:
    (picture,) = render_charts_in_worker([chart])
    return Image.open(io.BytesIO(picture)).convert("RGB")


async def test_pictures_come_from_another_process_in_discords_colours():
    pictures = await render_charts([chart("Mistral AI", "Windows 11"), chart("Le Fil")._replace(colour=1)])
    for picture, colour in zip(pictures, ((0x4F, 0xB3, 0xC8), (0xE6, 0x9F, 0x00)), strict=True):
        picture_image = Image.open(io.BytesIO(picture)).convert("RGB")
        assert picture_image.width == bar_charts.WIDTH_PIXELS
        assert picture_image.getpixel((1, 1)) == (0x20, 0x21, 0x27)
        places = ((x, y) for x in range(614, 804, 3) for y in range(76, picture_image.height, 3))
        assert colour in {picture_image.getpixel(place) for place in places}


def test_labels_are_neither_formulas_nor_missing_glyphs(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image(chart(*WILD)).width == bar_charts.WIDTH_PIXELS
    assert "findfont" not in capfd.readouterr().err


def test_a_long_label_does_not_run_into_the_bars():
    picture_image = image(chart("M" * 300, counts=(0, 0, 0, 0)))
    beside = [picture_image.getpixel((x, y)) for x in range(391, 399) for y in range(80, 160)]
    assert set(beside) == {(0x20, 0x21, 0x27)}


@pytest.mark.parametrize("change", ["new", "nouveau", "×100"])
def test_what_changed_is_written_whole_in_every_language(change, monkeypatch):
    drawn_texts = []
    text = Figure.text

    def noted(figure: Figure, *places: Any, **looks: Any) -> Text:
        drawn_texts.append(text(figure, *places, **looks))
        return drawn_texts[-1]

    monkeypatch.setattr(Figure, "text", noted)
    image(chart()._replace(rows=(ChartRow("Passkeys", change, (0, 1)),)))
    assert change in [drawn_text.get_text() for drawn_text in drawn_texts]


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (10**9, 1)])
def test_counts_of_any_size_are_drawn(counts):
    assert image(chart("One", counts=counts)).width == bar_charts.WIDTH_PIXELS


def test_a_picture_is_not_higher_than_discord_shows_at_full_width():
    picture_image = image(chart(*(f"Label {number}" for number in range(12))))
    assert picture_image.height <= bar_charts.WIDTH_PIXELS * 3 / 4


def test_nothing_to_draw_is_a_picture_too():
    assert image(chart()).width == bar_charts.WIDTH_PIXELS


async def test_what_cannot_be_drawn_is_no_picture(monkeypatch):
    monkeypatch.setattr(bar_charts, "render_charts_in_worker", _fails)
    assert await render_charts([chart("One")]) == ()


def _fails(charts: Sequence[Chart]) -> tuple[bytes, ...]:
    raise OSError("no fonts")
