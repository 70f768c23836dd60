"""What a message that was sent is made of, whether an embed with rows below it or a layout."""

from __future__ import annotations

from collections.abc import Iterator

import discord


def inside(message: discord.Message) -> Iterator[discord.Component]:
    """All components of a message in the order in which they are read, also those within others."""

    def walk(component: discord.Component) -> Iterator[discord.Component]:
        yield component
        for child in getattr(component, "children", ()):
            yield from walk(child)
        if isinstance(component, discord.SectionComponent):
            yield from walk(component.accessory)

    for component in message.components:
        yield from walk(component)


def text(message: discord.Message) -> str:
    """What a layout says, in lines."""
    return "\n".join(each.content for each in inside(message) if isinstance(each, discord.TextDisplay))
