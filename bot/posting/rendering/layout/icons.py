"""Emoji on buttons: emoji of the bot's application, all in one style, or the closest Unicode emoji."""

from collections.abc import Mapping
from enum import StrEnum

from bot import DATA


class Icon(StrEnum):
    """Subject of a button's icon. The value is the emoji to show if the application has none, or ""."""

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


_application_emoji_by_icon: Mapping[Icon, str] = {}


def load_icon_images() -> dict[Icon, bytes]:
    """Return the PNG images of all icons, from which the application's emoji are made."""
    folder = DATA / "identity" / "buttons"
    return {icon: (folder / f"{icon.name.lower()}.png").read_bytes() for icon in Icon}


def set_application_emoji(emoji_by_icon: Mapping[Icon, str]) -> None:
    """Set the application's emoji, in markup, that buttons show from now on."""
    global _application_emoji_by_icon  # noqa: PLW0603  # one bot per process
    _application_emoji_by_icon = emoji_by_icon


def emoji_for(icon: Icon) -> str | None:
    """Return the emoji to show for an icon, in markup; None if there is none."""
    return _application_emoji_by_icon.get(icon, icon.value) or None
