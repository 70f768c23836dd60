"""What people add to a bookmark: a note, tags, and that they have read it."""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from bot.client.discord_client import answering
from bot.core.locale import _
from bot.core.models import Article, Bookmark
from bot.core.refusals import Refusal
from bot.posting.rendering import reading_buttons
from bot.text import safe
from bot.text.words import fold
from cogs.shared import article_cards
from cogs.shared.membership import hidden_servers
from cogs.shared.views import PATIENCE, Interaction, Paced

MOST_TAGS = 5
_NOTE, _TAG = 500, 30  # characters
_LINE = (_TAG + 2) * MOST_TAGS


class NoteButton(
    Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=reading_buttons.NOTE_TEMPLATE
):
    """Opens the note and the tags of a bookmark. It outlives restarts."""

    def __init__(self, key: str) -> None:
        super().__init__(reading_buttons.note(key))
        self._key = key

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of an article's key."""
        return cls(match["key"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Open the form."""
        async with answering(interaction):
            await interaction.response.send_modal(NoteForm(await kept(interaction, self._key)))


class MarkButton(
    Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=reading_buttons.MARK_TEMPLATE
):
    """Marks a bookmark as read or unread. It outlives restarts."""

    def __init__(self, key: str, *, read: bool) -> None:
        super().__init__(reading_buttons.mark(key, read=read))
        self._key, self._read = key, read

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of an article's key."""
        return cls(match["key"], read=match["how"] == "read")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Mark it, and show the card as it is then."""
        async with answering(interaction):
            await interaction.response.defer()
            article = (await kept(interaction, self._key)).article
            await interaction.client.store.bookmarks.mark(interaction.user.id, article.id, read=self._read)
            await article_cards.show(interaction, article)


class NoteForm(discord.ui.Modal):
    """A window with the note and the tags of a bookmark."""

    def __init__(self, bookmark: Bookmark) -> None:
        super().__init__(title=_("Note and tags"), timeout=PATIENCE)
        self._article: Article = bookmark.article
        self._note: discord.ui.TextInput[Self] = discord.ui.TextInput(
            custom_id="note",
            style=discord.TextStyle.paragraph,
            default=bookmark.note,
            max_length=_NOTE,
            required=False,
        )
        self._tags: discord.ui.TextInput[Self] = discord.ui.TextInput(
            custom_id="tags", default=", ".join(bookmark.tags), max_length=_LINE, required=False
        )
        self.add_item(discord.ui.Label(text=_("Note"), component=self._note))
        self.add_item(discord.ui.Label(text=_("Tags, separated by commas"), component=self._tags))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Keep what was written, and show the card with it."""
        async with answering(interaction):
            await interaction.response.defer()
            written = await interaction.client.store.bookmarks.annotate(
                interaction.user.id,
                self._article.id,
                note=safe.plain(self._note.value, _NOTE),
                tags=tags_of(self._tags.value),
            )
            if not written:
                raise Refusal(no_longer())
            await article_cards.show(interaction, self._article)


async def kept(interaction: Interaction, key: str) -> Bookmark:
    """The asker's bookmark of an article's key, as long as they have it and may see it; else `Refusal`."""
    store = interaction.client.store
    article = await store.articles.by_key(key)
    if article is not None:
        hidden = await hidden_servers(interaction)
        bookmark = await store.bookmarks.get(interaction.user.id, article.id, hidden=hidden)
        if bookmark is not None:
            return bookmark
    raise Refusal(no_longer())


def tags_of(line: str) -> tuple[str, ...]:
    """The tags of a line with commas between them, each once."""
    tags = (safe.plain(tag.strip(" #"), _TAG) for tag in line.split(","))
    return tuple({fold(tag): tag for tag in reversed(list(filter(None, tags)))}.values())[::-1][:MOST_TAGS]


def no_longer() -> str:
    """What to say of a bookmark that is gone."""
    return _("This article isn’t in your bookmarks anymore.")
