"""Web links of a message, for the entries of its menu that act on a link."""

import re
from collections.abc import Iterator, Sequence

import discord

from bot.posting.rendering import discord_limits
from bot.text import shared_links, urls
from cogs.shared.views import menu_option

_LINK_PATTERN = re.compile(r"https?://[^\s<>()\[\]]{1,2000}")
"""Pattern of web links in the text of a message, including links in Markdown."""


def list_web_links(message: discord.Message) -> list[str]:
    """Return the distinct web links of a message, without links into Discord, at most as many as a menu has options.

    The links come from its text, embeds and components, and from the messages that were forwarded with it.
    """
    texts = [message.content, *_iter_texts_with_links(message.embeds, message.components)]
    for snapshot in message.message_snapshots:
        texts += [snapshot.content, *_iter_texts_with_links(snapshot.embeds, snapshot.components)]
    links = dict.fromkeys(link.rstrip(".,;:!?'\"*_~|") for text in texts for link in _LINK_PATTERN.findall(text or ""))
    return [link for link in links if not shared_links.is_discord_link(link)][: discord_limits.MAX_OPTIONS]


def build_link_options(links: Sequence[str]) -> list[discord.SelectOption]:
    """Return the menu options of links; the value of each is its index."""
    return [
        menu_option(urls.parse_host(link) or link, link_index, urls.redact(link))
        for link_index, link in enumerate(links)
    ]


def _iter_texts_with_links(embeds: Sequence[discord.Embed], components: Sequence[object]) -> Iterator[str]:
    """Yield the texts that may contain links: of embeds URL, description and fields, of components URL and content."""
    for embed in embeds:
        yield from filter(None, (embed.url, embed.description, *(embed_field.value for embed_field in embed.fields)))
    for component in components:
        yield from filter(None, (getattr(component, "url", None), getattr(component, "content", None)))
        accessory = getattr(component, "accessory", None)
        children = [*getattr(component, "children", ()), *([] if accessory is None else [accessory])]
        yield from _iter_texts_with_links((), children)
