"""Lookup of the articles of a message, with checks whether the user can read them.

A post is here any message with articles: also a catch-up (a message for several), digest or watch notification.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence

import discord

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.models import Article, Dispatch, DispatchKind
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, discord_limits
from bot.posting.wording.post_explanations import find_articles_at
from cogs.shared import article_cards, channel_options
from cogs.shared.message_links import list_web_links
from cogs.shared.modals import SingleChoiceMenu
from cogs.shared.views import Interaction

_SAVE_ID_PATTERN = re.compile(buttons.SAVE_ID_PATTERN)
_MAX_LOOKUPS = 10
"""Maximum number of links of a message, and of its Save buttons, whose articles are looked up."""
_ARTICLE_KINDS = (
    DispatchKind.POST,
    DispatchKind.CATCH_UP,
    DispatchKind.WATCH_NOTIFICATION,
    DispatchKind.DIGEST,
)

CanRead = Callable[[Interaction, Article], Awaitable[bool]]
"""Function that returns whether the user of an interaction can read an article."""


async def find_article_dispatch(bot: TelexBot, message_id: int, server_id: int | None) -> Dispatch | None:
    """Return the record (dispatch) of a message with articles: a post, catch-up, digest or watch notification.

    Returns None if the message is none of these, or was not sent in the server `server_id`, None for direct messages.
    """
    dispatch = await bot.store.dispatches.get_by_message_id(message_id)
    if dispatch is None or dispatch.kind not in _ARTICLE_KINDS:
        return None
    return dispatch if server_id == (None if dispatch.user_id else dispatch.server_id) else None


async def find_clicked_post(interaction: Interaction) -> Dispatch | None:
    """Return the record (dispatch) of the message whose button was clicked, or None if it has no articles."""
    message, server_id = interaction.message, interaction_context.get_home_server_id(interaction)
    return None if message is None else await find_article_dispatch(interaction.client, message.id, server_id)


async def can_see_post(interaction: Interaction, post: Dispatch) -> bool:
    """Return whether the user can see the channel of a post or, in direct messages, is its recipient."""
    if post.user_id is not None:
        return post.user_id == interaction.user.id
    is_in_this_server = post.server_id == interaction_context.get_home_server_id(interaction)
    return is_in_this_server and await channel_options.can_see_channel(interaction, post.thread_id or post.channel_id)


async def can_read_article(interaction: Interaction, article: Article) -> bool:
    """Return whether the user can see the clicked post if it has the article, or else the article's feed."""
    post = await find_clicked_post(interaction)
    if post is not None and article.id in {*post.article_ids, *post.joined_article_ids}:
        return await can_see_post(interaction, post)
    return article.feed_id in await interaction.client.load_visible_feed_ids(interaction)


async def require_readable_article(
    interaction: Interaction, article_key: str, can_read: CanRead = can_read_article
) -> Article:
    """Return the article with a key.

    Raises `UserFacingError` if it no longer exists or the user cannot read it.
    """
    article = await interaction.client.store.articles.get_by_key(article_key)
    if article is None or not await can_read(interaction, article):
        raise UserFacingError(unreadable_article_text())
    return article


def unreadable_article_text() -> str:
    """Return the sentence that says that an article is gone or hidden from the user."""
    return _("This article is gone, or it’s from a feed you can’t see here.")


async def call_with_message_article(
    interaction: Interaction,
    message: discord.Message,
    action: Callable[[Interaction, Article], Awaitable[None]],
    *,
    placeholder: str,
) -> None:
    """Call `action` with the article of a message; if there are several, let the user choose one.

    The interaction must be acknowledged. `placeholder` is the text of the menu while nothing is chosen. Raises
    `UserFacingError` if there are no articles or the user cannot see them.
    """
    articles = await load_message_articles(interaction, message, include_joined=True)
    if len(articles) == 1:
        await action(interaction, articles[0])
    else:
        await choose_article(interaction, articles[::-1], action, placeholder)


async def choose_article(
    interaction: Interaction,
    articles: Sequence[Article],
    action: Callable[[Interaction, Article], Awaitable[None]],
    placeholder: str,
) -> None:
    """Show a menu of articles, and call `action` with the article that the user chooses."""
    article_by_key = {article.key: article for article in articles}

    async def run_action_on_article(click: Interaction, article_key: str) -> None:
        await action(click, article_by_key[article_key])

    article_options = [article_cards.article_option(article) for article in articles]
    await SingleChoiceMenu(interaction, run_action_on_article, placeholder, article_options).render(interaction)


async def load_message_articles(
    interaction: Interaction, message: discord.Message, *, include_joined: bool = False
) -> list[Article]:
    """Return the articles of a message, as `find_message_articles` does.

    Raises `UserFacingError` if there are no articles or the user cannot see them.
    """
    articles = await find_message_articles(interaction, message, include_joined=include_joined)
    if not articles and list_web_links(message):
        raise UserFacingError(
            _("No link in this message leads to an article that you can see. Apps › Save this link keeps any page.")
        )
    if not articles:
        raise UserFacingError(_("That isn’t one of my posts, and it has no link. Pick a message with an article."))
    return articles


async def find_message_articles(
    interaction: Interaction, message: discord.Message, *, include_joined: bool = False
) -> list[Article]:
    """Return the articles of a post; with `include_joined`, the articles that were added to it later come first.

    With `include_joined`, there are at most as many as a menu has options. A message that is no post has the readable
    articles that it links to, or for which it has Save buttons, perhaps none. Raises `UserFacingError` if the user
    cannot see a post or its articles are gone.
    """
    server_id = interaction_context.get_home_server_id(interaction)
    post = await find_article_dispatch(interaction.client, message.id, server_id)
    if post is None or (post.user_id is None and interaction.channel_id != (post.thread_id or post.channel_id)):
        return await _find_linked_articles(interaction, message)
    if not await can_see_post(interaction, post):
        raise UserFacingError(unreadable_article_text())
    article_ids = post.article_ids
    if include_joined:
        article_ids = (*post.joined_article_ids[::-1], *article_ids)[-discord_limits.MAX_OPTIONS :]
    articles = await interaction.client.store.articles.list_by_ids(article_ids)
    if not articles:
        raise UserFacingError(unreadable_article_text())
    return articles


async def _find_linked_articles(interaction: Interaction, message: discord.Message) -> list[Article]:
    client = interaction.client
    visible_feed_ids = await client.load_visible_feed_ids(interaction)
    article_by_page_key: dict[str, Article] = {}
    for article_key in list(_iter_article_keys(message))[:_MAX_LOOKUPS] if message.author == client.user else ():
        article = await client.store.articles.get_by_key(article_key)
        if article is not None and article.feed_id in visible_feed_ids:
            article_by_page_key.setdefault(article.page_key, article)
    for article_url in list_web_links(message)[:_MAX_LOOKUPS]:
        for article in await find_articles_at(client.store, article_url):
            if article.feed_id in visible_feed_ids:
                article_by_page_key.setdefault(article.page_key, article)
    return list(article_by_page_key.values())


def _iter_article_keys(message: discord.Message) -> Iterator[str]:
    """Yield the keys of articles that the Save buttons in a message of Telex contain."""
    for message_component in message.components:
        for container_or_row in (
            message_component.children if isinstance(message_component, discord.Container) else [message_component]
        ):
            for item in container_or_row.children if isinstance(container_or_row, discord.ActionRow) else ():
                if match := _SAVE_ID_PATTERN.fullmatch(getattr(item, "custom_id", None) or ""):
                    yield match["key"]
