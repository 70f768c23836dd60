"""Charts: drawn elsewhere, whatever their labels say."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

import pytest
from PIL import Image

from bot.news import charts
from bot.news.charts import Chart, Row, Section, draw, drawn

WILD = (
    "$x^2$ \\frac{a}{b} $",
    "日本語のニュース 🎉",
    "a" * 5_000,
    "tab\tand\nlines\x00",
    "مرحبا _^{}%#&",
    "\ud800",
)


def chart(*labels: str, counts: tuple[int, ...] = (0, 1, 2, 5)) -> Chart:
    rows = tuple(Row(label, f"{label} 3", counts) for label in labels)
    return Chart("Before", "Last 7 days", ("1 Nov", "8 Nov", "15 Nov"), (Section("Rising", rows),))


def test_the_bot_does_not_load_what_draws() -> None:
    code = "import cogs, bot.app, bot.news.charts, sys; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_picture_comes_from_another_process_in_discords_colours() -> None:
    picture = await drawn(chart("Mistral AI", "Windows 11"))
    assert picture is not None
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    assert image.width == charts.WIDTH
    assert image.getpixel((1, 1)) == (0x31, 0x33, 0x38)
    assert (0x56, 0xB4, 0xE9) in {
        image.getpixel((x, y)) for x in range(400, 790, 3) for y in range(90, 270, 3)
    }


@pytest.mark.parametrize("label", WILD)
def test_labels_are_neither_formulas_nor_missing_glyphs(
    label: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(chart(label))
    assert Image.open(io.BytesIO(picture)).width == charts.WIDTH
    assert "findfont" not in capfd.readouterr().err


def test_a_long_label_does_not_run_into_the_bars() -> None:
    image = Image.open(io.BytesIO(draw(chart("M" * 300, counts=(0, 0, 0, 0))))).convert("RGB")
    left = [image.getpixel((x, y)) for x in range(380, 388) for y in range(100, 180)]
    assert set(left) == {(0x31, 0x33, 0x38)}


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (10**9, 1)])
def test_counts_of_any_size_are_drawn(counts: tuple[int, ...]) -> None:
    assert draw(chart("One", counts=counts)).startswith(b"\x89PNG")


def test_sections_without_rows_are_left_out() -> None:
    both = chart("One")
    both = both._replace(sections=(*both.sections, Section("Sources", ())))
    assert Image.open(io.BytesIO(draw(both))).height == Image.open(io.BytesIO(draw(chart("One")))).height


async def test_what_cannot_be_drawn_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "draw", _fails)
    assert await drawn(chart("One")) is None


def _fails(chart: Chart) -> bytes:
    raise OSError("no fonts")
