"""Drawing of tiles: emoji that show an outlet's icon or initial.

Pillow is imported only inside the functions, which run in a worker. Icons come from strangers: their formats
and size are bounded here, time and memory by the worker.
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
"""Width and height of a tile in pixels: https://discord.com/developers/docs/resources/emoji#emoji-formats"""
MAX_SOURCE_PIXELS = 4096 * 4096
"""Maximum number of pixels (width times height) of an outlet's icon that is decoded."""
DRAW_TIMEOUT_SECONDS = 5.0
"""Maximum time in seconds for drawing the tile (square picture) of an outlet."""

_ICON_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "ICO", "BMP")
_CORNER_RADIUS_PIXELS = 28
_SUPERSAMPLING = 4
"""Factor by which the mask of a tile's round corners is drawn larger, for smooth edges."""
_MIN_COLOUR_WEIGHT = 0.25
"""Weight (from saturation, lightness and opacity, 0 to 1) above which a pixel counts as coloured."""
_MIN_ICON_SIDE_PIXELS = 16
"""Minimum width and height in pixels of an outlet's icon."""


class TileImage(NamedTuple):
    """Tile as a PNG image, with its dominant colour (0xRRGGBB), or None if it has no colour."""

    png: bytes
    colour: int | None


def draw_icon_tile(image_bytes: bytes) -> TileImage:
    """Draw the tile of an outlet's icon, given as an image file. Raises ValueError if it is no usable picture."""
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_SOURCE_PIXELS // 2  # Pillow raises beyond twice this.
    try:
        with Image.open(io.BytesIO(image_bytes), formats=_ICON_FORMATS) as source_image:
            if not min(source_image.size) >= _MIN_ICON_SIDE_PIXELS or math.prod(source_image.size) > MAX_SOURCE_PIXELS:
                raise ValueError("no size for an icon")
            icon = source_image.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("no picture") from error
    alpha_thumbnail = icon.getchannel("A").resize((16, 16))
    opaque_share = sum(alpha_value > 127 for alpha_value in alpha_thumbnail.tobytes()) / 256  # noqa: PLR2004  # half opaque
    if opaque_share < 0.05:  # noqa: PLR2004
        raise ValueError("an empty picture")
    is_opaque = opaque_share > 0.98  # noqa: PLR2004
    inner_size_pixels = TILE_SIZE_PIXELS if is_opaque else TILE_SIZE_PIXELS * 4 // 5
    icon.thumbnail((inner_size_pixels, inner_size_pixels), Image.Resampling.LANCZOS)
    longest_side_pixels = max(icon.size)
    if longest_side_pixels < inner_size_pixels:
        scale_factor = inner_size_pixels / longest_side_pixels
        scaled_size = (round(icon.width * scale_factor), round(icon.height * scale_factor))
        icon = icon.resize(scaled_size, Image.Resampling.LANCZOS)
    tile = Image.new("RGBA", (TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), (255, 255, 255, 255))
    tile.alpha_composite(icon, ((TILE_SIZE_PIXELS - icon.width) // 2, (TILE_SIZE_PIXELS - icon.height) // 2))
    return TileImage(_round_corners(tile), _find_dominant_colour(icon))


def draw_initial_tile(letter: str, colour: int) -> TileImage:
    """Draw a tile that shows a white letter on a colour (0xRRGGBB)."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    tile = Image.new("RGBA", (TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), (colour >> 16, colour >> 8 & 255, colour & 255, 255))
    font = ImageFont.load_default(size=84)
    tile_centre = (TILE_SIZE_PIXELS / 2, TILE_SIZE_PIXELS / 2)
    ImageDraw.Draw(tile).text(
        tile_centre, letter, fill="white", font=font, anchor="mm", stroke_width=3, stroke_fill="white"
    )
    return TileImage(_round_corners(tile), colour)


def _round_corners(tile: Image.Image) -> bytes:
    tile.putalpha(_draw_corner_mask())
    png_buffer = io.BytesIO()
    tile.save(png_buffer, "PNG", optimize=True)
    return png_buffer.getvalue()


@cache
def _draw_corner_mask() -> Image.Image:
    """Return a mask that gives a tile rounded corners."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    mask = Image.new("L", (TILE_SIZE_PIXELS * _SUPERSAMPLING, TILE_SIZE_PIXELS * _SUPERSAMPLING), 0)
    corner_radius_pixels = _CORNER_RADIUS_PIXELS * _SUPERSAMPLING
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), corner_radius_pixels, fill=255)
    return mask.resize((TILE_SIZE_PIXELS, TILE_SIZE_PIXELS), Image.Resampling.LANCZOS)


def _find_dominant_colour(icon: Image.Image) -> int | None:
    """Return the most frequent colour (0xRRGGBB) of the coloured pixels; None if no pixel is coloured enough.

    Red, green and blue are each divided into eight levels, and each pixel counts by its weight.
    """
    thumbnail = icon.resize((24, 24)).convert("RGBA")
    weight_by_colour_bin: dict[int, float] = {}
    rgba_bytes = thumbnail.tobytes()
    for offset in range(0, len(rgba_bytes), 4):
        red, green, blue, alpha = rgba_bytes[offset : offset + 4]
        _hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        weight = saturation * (1 - abs(2 * lightness - 1)) * alpha / 255
        if weight > _MIN_COLOUR_WEIGHT:
            colour_bin = (red >> 5) << 10 | (green >> 5) << 5 | blue >> 5
            weight_by_colour_bin[colour_bin] = weight_by_colour_bin.get(colour_bin, 0) + weight
    if not weight_by_colour_bin:
        return None
    colour_bin = max(weight_by_colour_bin, key=lambda colour_bin: weight_by_colour_bin[colour_bin])
    return (
        ((colour_bin >> 10) * 32 + 16) << 16 | ((colour_bin >> 5 & 31) * 32 + 16) << 8 | ((colour_bin & 31) * 32 + 16)
    )
