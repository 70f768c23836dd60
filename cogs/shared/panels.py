"""How a panel of settings looks: a heading, then each setting with its value and what changes it."""

from __future__ import annotations

from bot.posting.rendering.layout.blocks import Item, Section, Text, text


def headed(title: str, *lines: str) -> Text:
    """The heading of a card, and lines below it, of which some may be empty."""
    return text("\n".join(filter(None, (f"### {title}", *lines))))


def setting(name: str, value: str = "", change: Item | None = None) -> Section:
    """A setting and its value, a line or several of markup, with the button that changes it.

    Without a value where a menu below shows it.
    """
    lines = (f"**{name}**", *(f"-# {line}" for line in value.splitlines()))
    return Section((text("\n".join(lines)),), change)
