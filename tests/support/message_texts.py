"""What a message shows, whether it is an embed with rows below it or a layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import discord
from simcord.results import ResponseMessage

from bot.drill.discord_stand_in.message_text import TEXT_DISPLAY_TYPE, TITLE_PATTERN, find_headline, flatten_components

_COMMAND = re.compile(r"</([^:>]+):\d+>")

Message = ResponseMessage | discord.Message


def list_components(message: Message) -> list[dict[str, Any]]:
    """All components of a message, those within others too, in their order."""
    return flatten_components(
        [component if isinstance(component, dict) else component.to_dict() for component in message.components]
    )


def read_message_text(message: Message) -> str:
    """All that a message shows, by lines; commands to click as a person reads them."""
    lines = [message.content]
    for embed in message.embeds:
        lines += [embed.author.name or "", embed.title or "", embed.description or ""]
        lines.append(embed.footer.text or "")
        lines += [f"{field.name}: {field.value}" for field in embed.fields]
    lines += [component["content"] for component in list_components(message) if component["type"] == TEXT_DISPLAY_TYPE]
    return _COMMAND.sub(r"/\1", "\n".join(filter(None, lines)))


def find_title(message: Message) -> str | None:
    """The title of a post, a catch-up or a notice; None where there is none."""
    if message.embeds:
        return message.embeds[0].title
    return find_headline(
        [component if isinstance(component, dict) else component.to_dict() for component in message.components]
    )


def find_title_link(message: discord.Message) -> str | None:
    """Where the title leads to."""
    match = TITLE_PATTERN.search(read_message_text(message))
    return match[2] if match else None


def list_picture_urls(message: Message) -> list[str]:
    """The addresses of the pictures of a layout."""
    media_objects: list[Mapping[str, Any]] = []
    for component in list_components(message):
        media_objects += [gallery_item["media"] for gallery_item in component.get("items", ())]
        media_objects += [component["media"]] if "media" in component else []
    return [media["url"] for media in media_objects]
