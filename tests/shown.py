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


def parts(message: Message) -> list[dict[str, Any]]:
    """All components of a message, those within others too, in their order."""
    return flat([one if isinstance(one, dict) else one.to_dict() for one in message.components])


def flat(components: list[Any]) -> list[dict[str, Any]]:
    """These components and those within them, in their order."""
    given, found = list(components), []
    while given:
        one = dict(given.pop(0))
        found.append(one)
        beside = [one["accessory"]] if one.get("accessory") else []
        given = [*one.get("components", ()), *beside, *given]
    return found


def layout_text(components: list[Any]) -> str:
    """What a layout says, by lines."""
    return "\n".join(one["content"] for one in flat(components) if one["type"] == TEXT)


def text(message: Message) -> str:
    """All that a message shows, by lines; commands to click as a person reads them."""
    lines = [message.content]
    for embed in message.embeds:
        lines += [embed.author.name or "", embed.title or "", embed.description or ""]
        lines.append(embed.footer.text or "")
        lines += [f"{field.name}: {field.value}" for field in embed.fields]
    lines += [one["content"] for one in parts(message) if one["type"] == TEXT]
    return _COMMAND.sub(r"/\1", "\n".join(filter(None, lines)))


def headline(components: list[Any]) -> str | None:
    """The first heading of a layout as it is read; None where there is none."""
    found = _TITLE.search(layout_text(components))
    return _ESCAPE.sub(r"\1", found[1] or found[3]) if found else None


def title(message: Message) -> str | None:
    """The title of a post, a catch-up or a notice; None where there is none."""
    if message.embeds:
        return message.embeds[0].title
    return headline([one if isinstance(one, dict) else one.to_dict() for one in message.components])


def link(message: discord.Message) -> str | None:
    """Where the title leads to."""
    found = _TITLE.search(text(message))
    return found[2] if found else None


def pictures(message: Message) -> list[str]:
    """The addresses of the pictures of a layout."""
    found: list[Mapping[str, Any]] = []
    for one in parts(message):
        found += [item["media"] for item in one.get("items", ())]
        found += [one["media"]] if "media" in one else []
    return [media["url"] for media in found]
