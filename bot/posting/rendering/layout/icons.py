"""Emoji of buttons: the application's own, all in one style, or the closest Unicode emoji."""

from collections.abc import Mapping
from enum import StrEnum

from bot import DATA


class Icon(StrEnum):
    """The subject of a button; the value is the emoji if the application has none for it, "" for none."""

    SAVE = "🔖"
    ADD = "➕"
    ASK = "💬"
    BACK = "◀️"
    EXPORT = "💾"
    FEED = "📡"
    LIST = "📋"
    MORE = ""
    NEXT = "▶️"
    NOTE = "📝"
    SEARCH = "🔎"
    SHARE = "📣"
    TREND = "📈"
    WATCH = "🔔"


_application_emoji: Mapping[Icon, str] = {}


def load_icon_images() -> dict[Icon, bytes]:
    """Return the pictures of the application's emoji, as PNG."""
    folder = DATA / "identity" / "buttons"
    return {icon: (folder / f"{icon.name.lower()}.png").read_bytes() for icon in Icon}


def set_application_emoji(emoji_by_icon: Mapping[Icon, str]) -> None:
    """Use these emoji of the application, in markup, from now on."""
    global _application_emoji  # noqa: PLW0603  # one bot per process
    _application_emoji = emoji_by_icon


def emoji_for(icon: Icon) -> str | None:
    """Return the emoji of an icon in markup; None if there is none."""
    return _application_emoji.get(icon, icon.value) or None
