"""The picture that stands for a piece of HTML."""

from __future__ import annotations

import re

from bot.text.html import LONE_SURROGATE, is_absurd

_TRACKERS = re.compile(
    r"feedburner\.com/~|/~ff/|/~r/|doubleclick\.|[/.]pixel[./?]|stats\.wordpress|pixel\.wp\.com|feedsportal\.com"
    r"|[/_-]1x1[._]|/(?:spacer|blank|clear|transparent)\.(?:gif|png)|gravatar\.com/avatar|/smil(?:ies|eys)/"
    r"|s\.w\.org/images/core/emoji|/emoji/",
    re.IGNORECASE,
)
_TINY = 3  # pixels


def first_image(markup: str) -> str | None:
    """The source of the first picture that a reader would see, as written (it may be relative).

    Trackers of a few pixels, emoji, avatars and `data:` are no pictures. None as well for absurd markup.
    """
    if "<img" not in markup.lower() or is_absurd(markup):
        return None
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read markup

    for image in LexborHTMLParser(LONE_SURROGATE.sub("", markup)).css("img"):
        attributes = image.attributes
        for name in ("src", "data-src", "data-lazy-src", "data-original"):
            source = (attributes.get(name) or "").strip()
            if source and not source.lower().startswith("data:"):
                break
        else:
            continue
        if not _tracker(attributes, source):
            return source
    return None


def _tracker(attributes: dict[str, str | None], source: str) -> bool:
    for name in ("width", "height"):
        value = (attributes.get(name) or "").strip().removesuffix("px")
        if value.isdecimal() and int(value[:9]) <= _TINY:
            return True
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or bool(_TRACKERS.search(source))
