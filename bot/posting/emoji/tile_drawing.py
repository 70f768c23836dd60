"""Pictures of tiles. Pillow is imported only where it draws: in a worker.

What a stranger's icon decodes to is bounded: its formats, its size, and by the worker time and memory.
"""

from __future__ import annotations

import colorsys
import io
import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

TILE_SIZE_PIXELS = 128
"""Pixels of an emoji at each side: https://discord.com/developers/docs/resources/emoji#emoji-formats"""
MAX_SOURCE_PIXELS = 4096 * 4096
DRAW_TIMEOUT_SECONDS = 5.0
"""Seconds that one picture may take."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "ICO", "BMP")
_CORNER_RADIUS_PIXELS = 28
_SUPERSAMPLING = 4  # corners are drawn so much larger, and shrunk
_MIN_COLOUR_WEIGHT = 0.25  # less saturated is no colour
_MIN_ICON_PIXELS = 16  # pixels of an icon that says anything


class TileImage(NamedTuple):
    """A PNG picture, and the colour that stands out in it (0xRRGGBB), None where none does."""

    png: bytes
    colour: int | None


def tile_from_icon(body: bytes) -> TileImage:
    """The tile of an icon as it was fetched. Raises ValueError for what is no picture that can be shown."""
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_SOURCE_PIXELS // 2  # beyond twice as many Pillow raises
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
            if not min(opened.size) >= _MIN_ICON_PIXELS or math.prod(opened.size) > MAX_SOURCE_PIXELS:
                raise ValueError("no size for an icon")
            icon = opened.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("no picture") from error
    alpha = icon.getchannel("A").resize((16, 16))
    solid = sum(value > 127 for value in alpha.tobytes()) / 256  # noqa: PLR2004 # half
    if solid < 0.05:  # noqa: PLR2004 # hardly anything to see
        raise ValueError("an empty picture")
    is_whole = solid > 0.98  # noqa: PLR2004 # its own background
    inside = TILE_SIZE_PIXELS if is_whole else TILE_SIZE_PIXELS * 4 // 5
    icon.thumbnail((inside, inside), Image.Resampling.LANCZOS)
    grown = max(icon.size)
    if grown < inside:
        factor = inside / grown
        size = (round(icon.width * factor), round(icon.height * factor))
        icon = icon.resize(size, Image.Resampling.LANCZOS)
    tile = Image.new("RGBA", (TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), (255, 255, 255, 255))
    tile.alpha_composite(icon, ((TILE_SIZE_PIXELS - icon.width) // 2, (TILE_SIZE_PIXELS - icon.height) // 2))
    return TileImage(_round_corners(tile), _dominant_colour(icon))


def tile_from_initial(letter: str, colour: int) -> TileImage:
    """A white letter on a colour."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    tile = Image.new(
        "RGBA", (TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), (colour >> 16, colour >> 8 & 255, colour & 255, 255)
    )
    font = ImageFont.load_default(size=84)
    middle = (TILE_SIZE_PIXELS / 2, TILE_SIZE_PIXELS / 2)
    ImageDraw.Draw(tile).text(
        middle, letter, fill="white", font=font, anchor="mm", stroke_width=3, stroke_fill="white"
    )
    return TileImage(_round_corners(tile), colour)


def _round_corners(tile: Image.Image) -> bytes:
    tile.putalpha(_corners())
    made = io.BytesIO()
    tile.save(made, "PNG", optimize=True)
    return made.getvalue()


@cache
def _corners() -> Image.Image:
    """What of a tile is seen: all but its corners."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    mask = Image.new("L", (TILE_SIZE_PIXELS * _SUPERSAMPLING, TILE_SIZE_PIXELS * _SUPERSAMPLING), 0)
    corner = _CORNER_RADIUS_PIXELS * _SUPERSAMPLING
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), corner, fill=255)
    return mask.resize((TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), Image.Resampling.LANCZOS)


def _dominant_colour(icon: Image.Image) -> int | None:
    """The colour of most of what is coloured in a picture; None where hardly anything is."""
    small = icon.resize((24, 24)).convert("RGBA")
    found: dict[int, float] = {}
    raw = small.tobytes()
    for at in range(0, len(raw), 4):
        red, green, blue, alpha = raw[at : at + 4]
        _hue, light, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        weight = saturation * (1 - abs(2 * light - 1)) * alpha / 255
        if weight > _MIN_COLOUR_WEIGHT:
            key = (red >> 5) << 10 | (green >> 5) << 5 | blue >> 5
            found[key] = found.get(key, 0) + weight
    if not found:
        return None
    key = max(found, key=lambda one: found[one])
    return ((key >> 10) * 32 + 16) << 16 | ((key >> 5 & 31) * 32 + 16) << 8 | ((key & 31) * 32 + 16)
