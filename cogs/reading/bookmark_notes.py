"""What people add to a bookmark: a note, tags, and that they have read it."""

from __future__ import annotations

import discord

from bot.core.locale import _
from bot.core.people_models import Bookmark
from bot.core.refusals import Refusal
from bot.posting.rendering import reading_buttons
from bot.text import safe
from bot.text.words import fold
from cogs.shared import article_cards
from cogs.shared.lasting_items import lasting
from cogs.shared.membership import hidden_servers
from cogs.shared.views import Interaction, Reply
from cogs.shared.windows import Line, Window

MOST_TAGS = 5
_NOTE, _TAG = 500, 30  # characters
_LINE = (_TAG + 2) * MOST_TAGS


@lasting(reading_buttons.NOTE_TEMPLATE, Reply.OWN)
async def note_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Opens the note and the tags of a bookmark."""
    bookmark = await kept(interaction, key)

    async def written(click: Interaction, note: str, tags: str) -> None:
        if not await click.client.store.bookmarks.annotate(
            click.user.id, bookmark.article.id, note=safe.plain(note, _NOTE), tags=tags_of(tags)
        ):
            raise Refusal(no_longer())
        await article_cards.show(click, bookmark.article)

    long = discord.TextStyle.paragraph
    window = Window(
        _("Note and tags"),
        written,
        Line("note", _("Note"), style=long, default=bookmark.note, max_length=_NOTE, required=False),
        Line(
            "tags",
            _("Tags, separated by commas"),
            default=", ".join(bookmark.tags),
            max_length=_LINE,
            required=False,
        ),
    )
    await interaction.response.send_modal(window)


@lasting(reading_buttons.MARK_TEMPLATE, Reply.HERE)
async def mark_button(interaction: Interaction, _item: object, *, key: str, how: str) -> None:
    """Marks a bookmark as read or unread, and shows the card as it is then."""
    article = (await kept(interaction, key)).article
    await interaction.client.store.bookmarks.mark(interaction.user.id, article.id, read=how == "read")
    await article_cards.show(interaction, article)


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
