"""What a message shows, whether it is an embed with rows below it or a layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import discord
from simcord.results import ResponseMessage

TEXT = 10  # https://discord.com/developers/docs/components/reference#component-object-component-types
_COMMAND = re.compile(r"</([^:>]+):\d+>")
_TITLE = re.compile(r"^(?:### |\*\*)(?:\[((?:[^\[\]\\]|\\.)+)\]\((\S+)\)|(.+?))(?:\*\*)?$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)")

Message = ResponseMessage | discord.Message


def list_components(message: Message) -> list[dict[str, Any]]:
    """All components of a message, those within others too, in their order."""
    return flatten_components(
        [component if isinstance(component, dict) else component.to_dict() for component in message.components]
    )


def flatten_components(components: list[Any]) -> list[dict[str, Any]]:
    """These components and those within them, in their order."""
    pending, flattened = list(components), []
    while pending:
        component = dict(pending.pop(0))
        flattened.append(component)
        accessories = [component["accessory"]] if component.get("accessory") else []
        pending = [*component.get("components", ()), *accessories, *pending]
    return flattened


def layout_text(components: list[Any]) -> str:
    """What a layout says, by lines."""
    return "\n".join(component["content"] for component in flatten_components(components) if component["type"] == TEXT)


def text(message: Message) -> str:
    """All that a message shows, by lines; commands to click as a person reads them."""
    lines = [message.content]
    for embed in message.embeds:
        lines += [embed.author.name or "", embed.title or "", embed.description or ""]
        lines.append(embed.footer.text or "")
        lines += [f"{field.name}: {field.value}" for field in embed.fields]
    lines += [component["content"] for component in list_components(message) if component["type"] == TEXT]
    return _COMMAND.sub(r"/\1", "\n".join(filter(None, lines)))


def headline(components: list[Any]) -> str | None:
    """The first heading of a layout as it is read; None where there is none."""
    match = _TITLE.search(layout_text(components))
    return _ESCAPE.sub(r"\1", match[1] or match[3]) if match else None


def title(message: Message) -> str | None:
    """The title of a post, a catch-up or a notice; None where there is none."""
    if message.embeds:
        return message.embeds[0].title
    return headline(
        [component if isinstance(component, dict) else component.to_dict() for component in message.components]
    )


def link(message: discord.Message) -> str | None:
    """Where the title leads to."""
    match = _TITLE.search(text(message))
    return match[2] if match else None


def picture_urls(message: Message) -> list[str]:
    """The addresses of the pictures of a layout."""
    media_objects: list[Mapping[str, Any]] = []
    for component in list_components(message):
        media_objects += [gallery_item["media"] for gallery_item in component.get("items", ())]
        media_objects += [component["media"]] if "media" in component else []
    return [media["url"] for media in media_objects]
