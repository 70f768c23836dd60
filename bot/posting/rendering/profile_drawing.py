"""Pictures for the profile of the bot in a server, drawn anew from a picture that a user sent.

Pillow is imported only inside the function, which runs in a worker. The pictures come from strangers: their formats
and size are bounded here, time and memory by the worker.
"""

from __future__ import annotations

import io
import math
from typing import NamedTuple

AVATAR_SIZE, BANNER_SIZE = (1024, 1024), (1360, 480)
"""Width and height in pixels, at most, of an avatar and of a banner; Discord shows smaller ones."""
MAX_SOURCE_SIDE_PIXELS = 4096
"""Maximum width and height in pixels of a picture that is decoded."""
DRAW_TIMEOUT_SECONDS = 10.0
"""Maximum time in seconds for drawing a picture of a profile."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class ProfilePicture(NamedTuple):
    """Picture of a profile as PNG, and whether the picture from which it was drawn is animated."""

    png_bytes: bytes
    is_animated: bool


def draw_profile_picture(image_bytes: bytes, max_size: tuple[int, int]) -> ProfilePicture:
    """Draw a picture of a profile with the ratio of `max_size` and at most that size, cut from the middle.

    Of an animated picture, the first frame counts. Raises ValueError if the file is no usable picture.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_SOURCE_SIDE_PIXELS**2 // 2  # Pillow raises beyond twice this.
    try:
        with Image.open(io.BytesIO(image_bytes), formats=_FORMATS) as source_image:
            if max(source_image.size) > MAX_SOURCE_SIDE_PIXELS:
                raise ValueError("too many pixels")
            is_animated = getattr(source_image, "is_animated", False)
            picture = ImageOps.exif_transpose(source_image).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("no picture") from error
    scale_factor = min(1.0, *(side / max_side for side, max_side in zip(picture.size, max_size, strict=True)))
    width, height = (max(1, math.floor(max_side * scale_factor)) for max_side in max_size)
    png_buffer = io.BytesIO()
    ImageOps.fit(picture, (width, height)).save(png_buffer, "PNG", optimize=True)
    return ProfilePicture(png_buffer.getvalue(), is_animated)
