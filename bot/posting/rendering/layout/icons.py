"""The emoji of buttons: those of the application, all of one style, else the nearest that Discord has."""

from collections.abc import Mapping
from enum import StrEnum

from bot import DATA


class Icon(StrEnum):
    """What a button is about; the value is the emoji where the application has none of its own."""

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


def icon_images() -> dict[Icon, bytes]:
    """The application's own, as PNG."""
    folder = DATA / "identity" / "buttons"
    return {icon: (folder / f"{icon.name.lower()}.png").read_bytes() for icon in Icon}


def set_application_emoji(own: Mapping[Icon, str]) -> None:
    """From now on these are the application's emoji, as they are written in a message."""
    global _application_emoji  # noqa: PLW0603 - one bot a process has them
    _application_emoji = own


def emoji(icon: Icon) -> str | None:
    """The emoji of a button, as it is written in a text too; None where there is none."""
    return _application_emoji.get(icon, icon.value) or None
