"""Draw tiles. Pillow is imported only inside the functions, which run in a worker.

Icons come from strangers: their formats and size are bounded here, time and memory by the worker.
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
"""Width and height of an emoji: https://discord.com/developers/docs/resources/emoji#emoji-formats"""
MAX_SOURCE_PIXELS = 4096 * 4096
"""Maximum number of pixels (width times height) of an icon."""
DRAW_TIMEOUT_SECONDS = 5.0
"""Maximum time in seconds for one tile."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "ICO", "BMP")
_CORNER_RADIUS_PIXELS = 28
_SUPERSAMPLING = 4
"""Factor by which the corner mask is drawn larger, for smooth edges."""
_MIN_COLOUR_WEIGHT = 0.25
"""Minimum weight (saturation, lightness and opacity, 0 to 1) of a pixel that counts as coloured."""
_MIN_ICON_PIXELS = 16
"""Minimum width and height of an icon."""


class TileImage(NamedTuple):
    """A PNG picture and its dominant colour (0xRRGGBB), None if it has none."""

    png: bytes
    colour: int | None


def tile_from_icon(body: bytes) -> TileImage:
    """Return the tile of a fetched icon. Raises ValueError if it is no usable picture."""
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_SOURCE_PIXELS // 2  # Pillow raises beyond twice this.
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
            if not min(opened.size) >= _MIN_ICON_PIXELS or math.prod(opened.size) > MAX_SOURCE_PIXELS:
                raise ValueError("no size for an icon")
            icon = opened.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("no picture") from error
    alpha = icon.getchannel("A").resize((16, 16))
    solid = sum(value > 127 for value in alpha.tobytes()) / 256  # noqa: PLR2004  # half opaque
    if solid < 0.05:  # noqa: PLR2004
        raise ValueError("an empty picture")
    is_whole = solid > 0.98  # noqa: PLR2004
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
    """Return a tile with a white letter on a colour (0xRRGGBB)."""
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
    """Return the mask of a tile with rounded corners."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    mask = Image.new("L", (TILE_SIZE_PIXELS * _SUPERSAMPLING, TILE_SIZE_PIXELS * _SUPERSAMPLING), 0)
    corner = _CORNER_RADIUS_PIXELS * _SUPERSAMPLING
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), corner, fill=255)
    return mask.resize((TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), Image.Resampling.LANCZOS)


def _dominant_colour(icon: Image.Image) -> int | None:
    """Return the most frequent colour among the coloured pixels (0xRRGGBB), None if there are hardly any."""
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
