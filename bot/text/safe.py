"""Text of feeds and people made harmless for a Discord message.

What Discord's clients read as markup: https://support.discord.com/hc/articles/210298617 and
https://discord.com/developers/docs/reference#message-formatting.
"""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
_GONE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e"
    "\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_MARKUP = re.compile(r"([\\*_~`|>#\-\[\]()<@:+.])")
_ESCAPED = re.compile(r"[\\*_~`|\[\]<>@#:]")


def plain(text: str, limit: int | None = None) -> str:
    """One line of `text`: no control, zero-width, direction or tag characters, spaces folded.

    Cut with … where it would exceed `limit`, counted in UTF-16 units as Discord's clients count.
    """
    text = _MARKS.sub(r"\1", _GONE.sub("", text))
    text = " ".join(text.split())
    return text if limit is None else cut(text, limit)


def length(text: str) -> int:
    """How long Discord counts `text`: in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of `text`, never within a character, an emoji sequence or an escape."""
    if length(text) <= limit:
        return text
    if limit < 1:
        return ""
    units = end = 0
    for end, character in enumerate(text):  # noqa: B007 - where the loop stopped
        units += 2 if character > "\uffff" else 1
        if units > limit - 1:
            break
    while end and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _joined(text: str, position: int) -> bool:
    """Whether what follows `position` belongs to what is before it."""
    before, after = text[position - 1], text[position]
    return (
        before in "\u200d\\"
        or after in "\u200d\ufe0e\ufe0f\u20e3"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or unicodedata.combining(after) != 0
    )


def markdown(text: str) -> str:
    """`text` with everything that Discord reads as markup escaped; a reader sees the same characters."""
    return _ESCAPED.sub(r"\\\g<0>", text)
