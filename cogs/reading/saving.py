"""Keeping articles: the rule that every way of bookmarking follows, the Save button, notes and tags."""

from collections.abc import Iterable
from typing import Any

import discord

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core.locale import _, amount, clickable, counted
from bot.core.models import Article
from bot.core.people_models import Bookmark
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import Row, text
from bot.text import safe
from bot.text.words import fold
from cogs.reading.message_articles import clicked_post, may_read, sees, unreadable
from cogs.shared import article_cards
from cogs.shared.lasting_items import lasting
from cogs.shared.rights import hidden_servers
from cogs.shared.views import AskerLayout, Interaction, Press, Reply
from cogs.shared.windows import Line, Window

MOST_BOOKMARKS = 5000
"""How many bookmarks a person can have."""


async def keep(
    bot: Telex,
    person_id: int,
    article_ids: Iterable[int],
    *,
    server_id: int | None,
    channel_id: int | None,
    message_id: int | None,
    live: bool = True,
) -> int:
    """Bookmark articles for a person; returns how many are new to them.

    `live` False is for reactions found later: what the person removed since stays removed. Raises `Refusal`
    when they have as many bookmarks as anybody can have.
    """
    kept = 0
    for article_id in article_ids:
        if await bot.store.bookmarks.count(person_id) >= MOST_BOOKMARKS:
            raise Refusal(full())
        kept += await bot.store.bookmarks.add(
            person_id,
            article_id,
            server_id=server_id,
            channel_id=channel_id,
            message_id=message_id,
            live=live,
        )
    return kept


async def keep_article(interaction: Interaction, article: Article, message_id: int | None) -> int:
    """Bookmark an article for the asker, with the message and the place where they did; as `keep`."""
    channel_id = interaction_places.channel_id(interaction)
    return await keep(
        interaction.client,
        interaction.user.id,
        [article.id],
        server_id=await server_of(interaction, article),
        channel_id=channel_id,
        message_id=message_id if channel_id is not None else None,
    )


@lasting(buttons.SAVE_TEMPLATE)
async def save_button(interaction: Interaction, _item: object, *, key: str, **_joined: str) -> None:
    """The Save button: it keeps the article, and pressed again removes it, which can be undone."""
    store, message = interaction.client.store, interaction.message
    article = await store.articles.by_key(key)
    if article is not None and (removed := await store.bookmarks.remove(interaction.user.id, article.id)):
        await RemovedBookmark(interaction, removed).show(interaction)
        return
    if article is None or not await may_read(interaction, article):
        raise Refusal(unreadable())
    is_kept = message is not None and not message.flags.ephemeral
    await keep_article(interaction, article, message.id if message is not None and is_kept else None)
    await interaction.edit_original_response(content=saved(1), view=buttons.row(buttons.note(key)))


class RemovedBookmark(AskerLayout):
    """What is said after a bookmark was removed, with the button that restores it, note and tags too."""

    def __init__(self, interaction: Interaction, removed: Bookmark) -> None:
        super().__init__(interaction)
        self._removed = removed

    async def show(self, interaction: Interaction) -> None:
        is_bare = not self._removed.note and not self._removed.tags
        sentence = (
            _("Removed from your bookmarks.")
            if is_bare
            else _("Removed from your bookmarks, with its note and tags.")
        )
        await self.display(interaction, (text(sentence), Row(Press(self._undo, label=_("Undo")))))

    async def _undo(self, interaction: Interaction) -> None:
        bookmarks = self.store.bookmarks
        if await bookmarks.count(self.person_id) >= MOST_BOOKMARKS:
            raise Refusal(full())
        restored = await bookmarks.restore(self.person_id, self._removed)
        if not restored and not await bookmarks.has(self.person_id, [self._removed.article.id]):
            raise Refusal(no_longer())
        await self.end(interaction, _("Back in your bookmarks.") if restored else already())


@lasting(buttons.PICK_TEMPLATE)
async def save_menu(interaction: Interaction, menu: discord.ui.Select[Any], **_what: str) -> None:
    """The menu under a catch-up, or a post that others joined: it keeps what is chosen."""
    client, post = interaction.client, await clicked_post(interaction)
    if post is None or not await sees(interaction, post):
        raise Refusal(unreadable())
    articles = [await client.store.articles.by_key(key) for key in menu.values]
    told = {*post.article_ids, *post.joined_ids}
    chosen = [one.id for one in articles if one is not None and one.id in told]
    count = await keep(
        client,
        interaction.user.id,
        chosen,
        server_id=post.server_id,
        channel_id=post.channel_id,
        message_id=post.message_id,
    )
    await interaction.edit_original_response(content=saved(count) if count else already())


async def server_of(interaction: Interaction, article: Article) -> int | None:
    """The server that the asker has an article from: the one they are in, else one that we share."""
    if (server_id := interaction_places.server_id(interaction)) is not None:
        return server_id
    if (notice := await clicked_post(interaction)) is not None:  # of a watch
        return notice.server_id
    return (await interaction.client.read_elsewhere(interaction)).get(article.feed_id)


def saved(count: int) -> str:
    """What to say when articles were kept."""
    if count == 1:
        return _("Saved to your bookmarks.")
    return counted(
        "Saved {count} article to your bookmarks.", "Saved {count} articles to your bookmarks.", count
    )


def already() -> str:
    """What to say when nothing new was kept."""
    return _("Already in your bookmarks.")


def full() -> str:
    """What to say to a person whose bookmarks are at the limit."""
    return clickable(
        _("You’ve reached the limit of {count} bookmarks. Remove some in /bookmarks first.")
    ).format(count=amount(MOST_BOOKMARKS))


MOST_TAGS = 5
_NOTE, _TAG = 500, 30  # characters
_LINE = (_TAG + 2) * MOST_TAGS


@lasting(buttons.note.template, Reply.OWN)
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


@lasting(buttons.MARK_TEMPLATE, Reply.HERE)
async def mark_button(interaction: Interaction, _item: object, *, key: str, how: str) -> None:
    """Marks a bookmark as read or unread, and shows the card as it is then."""
    article = (await kept(interaction, key)).article
    await interaction.client.store.bookmarks.mark(interaction.user.id, article.id, read=how == "read")
    await article_cards.show(interaction, article)


async def has_kept(interaction: Interaction, article: Article) -> bool:
    """Whether the asker has a bookmark of an article that they may see."""
    hidden, bookmarks = await hidden_servers(interaction), interaction.client.store.bookmarks
    return bool(await bookmarks.has(interaction.user.id, [article.id], hidden=hidden))


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
