"""Bookmarking: adding and removing bookmarks, the Save button, notes and tags."""

from collections.abc import Iterable, Sequence
from typing import Any

import discord

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_count, format_number
from bot.core.limits import Limit
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import Bookmark
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import ActionRow, text_block
from bot.text import discord_text
from bot.text.words import fold
from cogs.reading.message_articles import can_read_article, can_see_post, find_clicked_post, unreadable_article_text
from cogs.shared import article_cards
from cogs.shared.authorization import load_left_server_ids
from cogs.shared.modals import FormModal, TextField
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView


async def add_bookmarks(
    bot: TelexBot,
    user_id: int,
    article_ids: Iterable[int],
    *,
    server_id: int | None,
    channel_id: int | None,
    message_id: int | None,
    restores_removed: bool = True,
) -> int:
    """Bookmark articles for a user, and return the number of new bookmarks.

    If `restores_removed` is False, as for reactions that were found later, removed bookmarks stay removed.
    Raises `RequestRejected` if the user has as many bookmarks as the operator allows; those added before it stay.
    """
    added_count = 0
    max_bookmarks = await bot.services.limits.load(Limit.BOOKMARKS_PER_USER)
    for article_id in article_ids:
        added_count += await bot.store.bookmarks.add(
            user_id,
            article_id,
            server_id=server_id,
            channel_id=channel_id,
            message_id=message_id,
            restores_removed=restores_removed,
            max_bookmarks=max_bookmarks,
        )
    return added_count


async def require_bookmark_quota(bot: TelexBot, user_id: int) -> None:
    """Raise `RequestRejected` if a user has as many bookmarks as the operator allows."""
    await bot.services.limits.require_below(await bot.store.bookmarks.count(user_id), Limit.BOOKMARKS_PER_USER)


async def bookmark_article(interaction: Interaction, article: Article, message_id: int | None) -> int:
    """Bookmark an article for the user of an interaction, and return the number of new bookmarks, 1 or 0.

    Raises `RequestRejected` if the user has as many bookmarks as the operator allows.
    """
    channel_id = interaction_context.get_home_channel_id(interaction)
    return await add_bookmarks(
        interaction.client,
        interaction.user.id,
        [article.id],
        server_id=await find_source_server_id(interaction, article),
        channel_id=channel_id,
        message_id=message_id if channel_id is not None else None,
    )


@persistent_item(buttons.SAVE_ID_PATTERN)
async def save_button(interaction: Interaction, _item: object, *, key: str, **_other_groups: str) -> None:
    """Bookmark the article of the button; a second click removes the bookmark and offers an undo."""
    store, message = interaction.client.store, interaction.message
    article = await store.articles.get_by_key(key)
    if article is not None and (removed_bookmark := await store.bookmarks.remove(interaction.user.id, article.id)):
        await RemovedBookmarkReply(interaction, removed_bookmark).render(interaction)
        return
    if article is None or not await can_read_article(interaction, article):
        raise UserFacingError(unreadable_article_text())
    is_public_message = message is not None and not message.flags.ephemeral
    await bookmark_article(interaction, article, message.id if message is not None and is_public_message else None)
    await interaction.edit_original_response(
        content=saved_text(1), view=buttons.view_of_items(buttons.NOTE_BUTTON(key))
    )


class RemovedBookmarkReply(OwnedView):
    """Reply to the removal of a bookmark, with a button that restores the bookmark, its note and tags."""

    def __init__(self, interaction: Interaction, removed_bookmark: Bookmark) -> None:
        super().__init__(interaction)
        self._removed_bookmark = removed_bookmark

    async def render(self, interaction: Interaction) -> None:
        has_no_note_or_tags = not self._removed_bookmark.note and not self._removed_bookmark.tags
        sentence = (
            _("Removed from your bookmarks.")
            if has_no_note_or_tags
            else _("Removed from your bookmarks, with its note and tags.")
        )
        await self.display(
            interaction, (text_block(sentence), ActionRow(ActionButton(self._undo_removal, label=_("Undo"))))
        )

    async def _undo_removal(self, interaction: Interaction) -> None:
        bookmarks_repository = self.store.bookmarks
        is_restored = await bookmarks_repository.restore(
            self.user_id,
            self._removed_bookmark,
            max_bookmarks=await self.client.services.limits.load(Limit.BOOKMARKS_PER_USER),
        )
        if not is_restored and not await bookmarks_repository.filter_bookmarked(
            self.user_id, [self._removed_bookmark.article.id]
        ):
            raise UserFacingError(not_bookmarked_text())
        await self.finish(interaction, _("Back in your bookmarks.") if is_restored else already_saved_text())


@persistent_item(buttons.SAVE_MENU_ID_PATTERN)
async def save_menu(interaction: Interaction, menu: discord.ui.Select[Any], **_groups: str) -> None:
    """Bookmark the articles selected in the menu of a post or catch-up (message for several articles)."""
    client, dispatch = interaction.client, await find_clicked_post(interaction)
    if dispatch is None or not await can_see_post(interaction, dispatch):
        raise UserFacingError(unreadable_article_text())
    articles = [await client.store.articles.get_by_key(article_key) for article_key in menu.values]
    post_article_ids = {*dispatch.article_ids, *dispatch.joined_article_ids}
    article_ids = [article.id for article in articles if article is not None and article.id in post_article_ids]
    added_count = await add_bookmarks(
        client,
        interaction.user.id,
        article_ids,
        server_id=dispatch.server_id,
        channel_id=dispatch.channel_id,
        message_id=dispatch.message_id,
    )
    await interaction.edit_original_response(content=saved_text(added_count) if added_count else already_saved_text())


async def find_source_server_id(interaction: Interaction, article: Article) -> int | None:
    """Return the id of the server through which the user sees an article, or None if there is none.

    It is the current server. Elsewhere it is the server of the clicked message, or a server that the user
    shares with Telex.
    """
    if (server_id := interaction_context.get_home_server_id(interaction)) is not None:
        return server_id
    if (dispatch := await find_clicked_post(interaction)) is not None:  # A watch notification.
        return dispatch.server_id
    return (await interaction.client.load_server_id_by_readable_feed_id(interaction)).get(article.feed_id)


def saved_text(count: int) -> str:
    """Return the sentence that confirms new bookmarks."""
    if count == 1:
        return _("Saved to your bookmarks.")
    return format_count("Saved {count} article to your bookmarks.", "Saved {count} articles to your bookmarks.", count)


def already_saved_text() -> str:
    """Return the sentence that says that all articles were bookmarked already."""
    return _("Already in your bookmarks.")


MAX_TAGS_PER_BOOKMARK = 5
"""Maximum number of tags of a bookmark; further tags are dropped."""
_MAX_NOTE_LENGTH, _MAX_TAG_LENGTH = 500, 30
"""Maximum lengths in UTF-16 units of the note and of a tag of a bookmark."""
_MAX_TAGS_INPUT_LENGTH = (_MAX_TAG_LENGTH + 2) * MAX_TAGS_PER_BOOKMARK
"""Maximum length in characters of the text field for tags, with their commas and spaces."""


@persistent_item(buttons.NOTE_BUTTON.id_pattern, AckMode.MANUAL)
async def note_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Open a modal to edit the note and tags of a bookmark."""
    bookmark = await require_bookmark(interaction, key)

    async def save_note_and_tags(click: Interaction, note: str, tags_text: str) -> None:
        if not await click.client.store.bookmarks.annotate(
            click.user.id,
            bookmark.article.id,
            note=discord_text.to_plain_line(note, _MAX_NOTE_LENGTH),
            tags=parse_tags(tags_text),
        ):
            raise UserFacingError(not_bookmarked_text())
        await article_cards.show_article(click, bookmark.article, notice=_describe_changed_tags(tags_text))

    paragraph_style = discord.TextStyle.paragraph
    modal = FormModal(
        _("Note and tags"),
        save_note_and_tags,
        TextField(
            "note",
            _("Note"),
            style=paragraph_style,
            default=bookmark.note,
            max_length=_MAX_NOTE_LENGTH,
            required=False,
        ),
        TextField(
            "tags",
            _("Tags, separated by commas"),
            default=", ".join(bookmark.tags),
            max_length=_MAX_TAGS_INPUT_LENGTH,
            required=False,
        ),
    )
    await interaction.response.send_modal(modal)


@persistent_item(buttons.MARK_READ_ID_PATTERN, AckMode.UPDATE_MESSAGE)
async def mark_read_button(interaction: Interaction, _item: object, *, key: str, mark: str) -> None:
    """Mark a bookmark as read or unread, as the button says, and show the updated card."""
    article = (await require_bookmark(interaction, key)).article
    await interaction.client.store.bookmarks.mark_read(interaction.user.id, article.id, is_read=mark == "read")
    await article_cards.show_article(interaction, article)


async def has_bookmark(interaction: Interaction, article: Article) -> bool:
    """Return whether the user has a bookmark of an article, other than one from a server that they have left."""
    hidden_server_ids, bookmarks_repository = (
        await load_left_server_ids(interaction),
        interaction.client.store.bookmarks,
    )
    return bool(
        await bookmarks_repository.filter_bookmarked(
            interaction.user.id, [article.id], hidden_server_ids=hidden_server_ids
        )
    )


async def require_bookmark(interaction: Interaction, article_key: str) -> Bookmark:
    """Return the user's bookmark of an article.

    Raises `UserFacingError` if there is none, or it is hidden because the user left the server.
    """
    store = interaction.client.store
    article = await store.articles.get_by_key(article_key)
    if article is not None:
        hidden_server_ids = await load_left_server_ids(interaction)
        bookmark = await store.bookmarks.get(interaction.user.id, article.id, hidden_server_ids=hidden_server_ids)
        if bookmark is not None:
            return bookmark
    raise UserFacingError(not_bookmarked_text())


def parse_tags(tags_text: str) -> tuple[str, ...]:
    """Return the first `MAX_TAGS_PER_BOOKMARK` tags in a comma-separated line, shortened and without duplicates."""
    tags = [_shorten_tag(tag) for tag in _split_tags(tags_text)]
    return tuple({fold(tag): tag for tag in reversed(tags)}.values())[::-1][:MAX_TAGS_PER_BOOKMARK]


def _split_tags(tags_text: str) -> list[str]:
    tags = (discord_text.to_plain_line(tag.strip(" #")) for tag in tags_text.split(","))
    return list(filter(None, tags))


def _shorten_tag(tag: str) -> str:
    """Return the beginning of a tag, without the … of other shortened texts: people search for the tag."""
    if discord_text.count_utf16_units(tag) <= _MAX_TAG_LENGTH:
        return tag
    return discord_text.truncate_utf16(tag, _MAX_TAG_LENGTH + 1).removesuffix(discord_text.ELLIPSIS).rstrip()


def _describe_changed_tags(tags_text: str) -> str:
    """Return sentences on the tags in a comma-separated line that were shortened or left out, or ""."""
    tags, stored_tags = _split_tags(tags_text), {fold(tag) for tag in parse_tags(tags_text)}
    shortened_tags = [tag for tag in map(_shorten_tag, tags) if fold(tag) in stored_tags and tag not in tags]
    omitted_tags = [tag for tag in map(_shorten_tag, tags) if fold(tag) not in stored_tags]
    sentences = []
    if shortened_tags:
        sentence = _("A tag can have {count} characters, so I shortened {tags}.")
        sentences.append(sentence.format(count=format_number(_MAX_TAG_LENGTH), tags=_format_tags(shortened_tags)))
    if omitted_tags:
        sentence = _("A bookmark can have {count} tags, so I left out {tags}.")
        sentences.append(sentence.format(count=format_number(MAX_TAGS_PER_BOOKMARK), tags=_format_tags(omitted_tags)))
    return " ".join(sentences)


def _format_tags(tags: Sequence[str]) -> str:
    return ", ".join(discord_text.escape_markdown(f"#{tag}") for tag in dict.fromkeys(tags))


def not_bookmarked_text() -> str:
    """Return the sentence that says that a bookmark no longer exists."""
    return _("This article isn’t in your bookmarks anymore.")
