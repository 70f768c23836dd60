"""Pictures of tiles and buttons. Pillow is imported only where it draws: in a worker.

What a stranger's icon decodes to is bounded: its formats, its size, and by the worker time and memory.
"""

from __future__ import annotations

import colorsys
import io
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

SIZE = 128
"""Pixels of an emoji at each side: https://discord.com/developers/docs/resources/emoji#emoji-formats"""
MOST_PIXELS = 4096 * 4096
TIME = 5.0
"""Seconds that one picture may take."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "ICO", "BMP")
_CORNER = 28
_ACCENT = (99, 196, 207)
_SCALE = 4  # buttons are drawn so much larger, and shrunk
_DULL = 0.25  # less saturated is no colour
_SMALLEST = 16  # pixels of an icon that says anything


class Tile(NamedTuple):
    """A PNG picture, and the colour that stands out in it (0xRRGGBB), None where none does."""

    png: bytes
    colour: int | None


def of_icon(body: bytes) -> Tile:
    """The tile of an icon as it was fetched. Raises ValueError for what is no picture that can be shown."""
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # beyond twice as many Pillow raises
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
            if not min(opened.size) >= _SMALLEST or math.prod(opened.size) > MOST_PIXELS:
                raise ValueError("no size for an icon")
            icon = opened.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("no picture") from error
    alpha = icon.getchannel("A").resize((16, 16))
    solid = sum(value > 127 for value in alpha.tobytes()) / 256  # noqa: PLR2004 # half
    if solid < 0.05:  # noqa: PLR2004 # hardly anything to see
        raise ValueError("an empty picture")
    is_whole = solid > 0.98  # noqa: PLR2004 # its own background
    inside = SIZE if is_whole else SIZE * 4 // 5
    icon.thumbnail((inside, inside), Image.Resampling.LANCZOS)
    grown = max(icon.size)
    if grown < inside:
        factor = inside / grown
        size = (round(icon.width * factor), round(icon.height * factor))
        icon = icon.resize(size, Image.Resampling.LANCZOS)
    tile = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 255))
    tile.alpha_composite(icon, ((SIZE - icon.width) // 2, (SIZE - icon.height) // 2))
    return Tile(_rounded(tile), _striking(icon))


def of_initial(letter: str, colour: int) -> Tile:
    """A white letter on a colour."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    tile = Image.new("RGBA", (SIZE, SIZE), (colour >> 16, colour >> 8 & 255, colour & 255, 255))
    font = ImageFont.load_default(size=84)
    middle = (SIZE / 2, SIZE / 2)
    ImageDraw.Draw(tile).text(
        middle, letter, fill="white", font=font, anchor="mm", stroke_width=3, stroke_fill="white"
    )
    return Tile(_rounded(tile), colour)


def of_button(name: str) -> Tile:
    """The icon of a button, by the name of `Icon`, in lines of one width. Raises KeyError for one of none."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    size = SIZE * _SCALE
    picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    _BUTTONS[name](_Pen(ImageDraw.Draw(picture)))
    return Tile(_png(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)), None)


class _Pen:
    """Draws in hundredths of the picture, with round ends."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw, self._unit = draw, SIZE * _SCALE / 100

    def line(self, *points: tuple[float, float], width: float = 9) -> _Pen:
        """Through these points."""
        for begin, end in itertools.pairwise(points):
            self._draw.line(
                [value * self._unit for value in (*begin, *end)],
                fill=_ACCENT,
                width=round(width * self._unit),
            )
        for point in points:
            self.dot(point, width / 2)
        return self

    def dot(self, middle: tuple[float, float], radius: float) -> _Pen:
        """A disc."""
        x, y = middle
        box = [value * self._unit for value in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(box, fill=_ACCENT)
        return self

    def arc(self, middle: tuple[float, float], radius: float, begin: float, end: float) -> _Pen:
        """A part of a circle, in degrees clockwise from the right."""
        x, y = middle
        turns = [math.radians(begin + (end - begin) * step / 24) for step in range(25)]
        return self.line(*((x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns))


_BUTTONS: dict[str, Callable[[_Pen], object]] = {
    "SAVE": lambda pen: pen.line((28, 16), (72, 16), (72, 84), (50, 64), (28, 84), (28, 16)),
    "MORE": lambda pen: [pen.dot((x, 50), 9) for x in (20, 50, 80)],
    "ADD": lambda pen: (pen.line((50, 18), (50, 82)), pen.line((18, 50), (82, 50))),
    "BACK": lambda pen: pen.line((60, 22), (34, 50), (60, 78), (60, 78)),
    "NEXT": lambda pen: pen.line((40, 22), (66, 50), (40, 78), (40, 78)),
    "SEARCH": lambda pen: (pen.arc((42, 42), 24, 0, 360), pen.line((60, 60), (84, 84))),
    "ASK": lambda pen: pen.line(
        (14, 20), (86, 20), (86, 66), (46, 66), (30, 84), (30, 66), (14, 66), (14, 20)
    ),
    "FEED": lambda pen: (
        pen.dot((22, 78), 9),
        pen.arc((18, 82), 32, 270, 360),
        pen.arc((18, 82), 60, 270, 360),
    ),
    "TREND": lambda pen: (
        pen.line((12, 76), (38, 48), (54, 62), (86, 26)),
        pen.line((62, 24), (88, 24), (88, 50)),
    ),
    "WATCH": lambda pen: (
        pen.arc((50, 44), 24, 180, 360),
        pen.line((26, 44), (26, 62), (16, 74), (84, 74), (74, 62), (74, 44)),
        pen.line((42, 88), (58, 88)),
        pen.line((50, 12), (50, 18)),
    ),
    "NOTE": lambda pen: pen.line((18, 82), (22, 62), (66, 18), (82, 34), (38, 78), (18, 82)),
    "LIST": lambda pen: [(pen.dot((18, y), 7), pen.line((38, y), (86, y))) for y in (24, 50, 76)],
    "SHARE": lambda pen: (
        pen.line((34, 46), (20, 46), (20, 86), (80, 86), (80, 46), (66, 46)),
        pen.line((50, 62), (50, 14)),
        pen.line((34, 30), (50, 14), (66, 30)),
    ),
    "EXPORT": lambda pen: (
        pen.line((18, 62), (18, 84), (82, 84), (82, 62)),
        pen.line((50, 14), (50, 60)),
        pen.line((32, 44), (50, 62), (68, 44)),
    ),
}
BUTTONS = tuple(_BUTTONS)
"""Names of the icons that there are."""


def _rounded(tile: Image.Image) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415

    mask = Image.new("L", (SIZE * _SCALE, SIZE * _SCALE), 0)
    corner = _CORNER * _SCALE
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), corner, fill=255)
    tile.putalpha(mask.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    return _png(tile)


def _png(picture: Image.Image) -> bytes:
    made = io.BytesIO()
    picture.save(made, "PNG", optimize=True)
    return made.getvalue()


def _striking(icon: Image.Image) -> int | None:
    """The colour of most of what is coloured in a picture; None where hardly anything is."""
    small = icon.resize((24, 24)).convert("RGBA")
    found: dict[int, float] = {}
    raw = small.tobytes()
    for at in range(0, len(raw), 4):
        red, green, blue, alpha = raw[at : at + 4]
        _hue, light, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        weight = saturation * (1 - abs(2 * light - 1)) * alpha / 255
        if weight > _DULL:
            key = (red >> 5) << 10 | (green >> 5) << 5 | blue >> 5
            found[key] = found.get(key, 0) + weight
    if not found:
        return None
    key = max(found, key=lambda one: found[one])
    return ((key >> 10) * 32 + 16) << 16 | ((key >> 5 & 31) * 32 + 16) << 8 | ((key & 31) * 32 + 16)
