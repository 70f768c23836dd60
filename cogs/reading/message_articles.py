"""The articles that a message is about, and whether the asker may read them."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence

import discord

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.models import Article, Dispatch, DispatchKind
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, discord_limits
from bot.posting.wording.post_explanations import articles_at
from cogs.shared import article_cards, channel_options
from cogs.shared.modals import SingleChoiceMenu
from cogs.shared.views import Interaction

_LINK = re.compile(r"https?://[^\s<>()\[\]]{1,2000}")
_SAVE = re.compile(buttons.SAVE_TEMPLATE)
_MAX_LINKS = 10  # links that are looked up
_ARTICLE_KINDS = (
    DispatchKind.POST,
    DispatchKind.CATCH_UP,
    DispatchKind.WATCH_NOTIFICATION,
    DispatchKind.DIGEST,
)

CanRead = Callable[[Interaction, Article], Awaitable[bool]]


async def article_dispatch_of(bot: TelexBot, message_id: int, server_id: int | None) -> Dispatch | None:
    """The post, catch-up or notice of a watch that a message of this server is, or None.

    No server is that of direct messages.
    """
    dispatch = await bot.store.dispatches.by_message_id(message_id)
    if dispatch is None or dispatch.kind not in _ARTICLE_KINDS:
        return None
    return dispatch if server_id == (None if dispatch.person_id else dispatch.server_id) else None


async def clicked_post(interaction: Interaction) -> Dispatch | None:
    """The post, as `article_dispatch_of`, that a button stands under which the asker clicked."""
    message, server_id = interaction.message, interaction_context.server_id(interaction)
    return None if message is None else await article_dispatch_of(interaction.client, message.id, server_id)


async def can_see_post(interaction: Interaction, post: Dispatch) -> bool:
    """Whether the asker sees the channel or thread of a post in the server they are in, or was told of it."""
    if post.person_id is not None:
        return post.person_id == interaction.user.id
    is_here = post.server_id == interaction_context.server_id(interaction)
    return is_here and await channel_options.can_see_channel(interaction, post.thread_id or post.channel_id)


async def can_read_article(interaction: Interaction, article: Article) -> bool:
    """Whether the asker sees an article in this server: the post they clicked on, or a feed that they see."""
    post = await clicked_post(interaction)
    if post is not None and article.id in {*post.article_ids, *post.joined_article_ids}:
        return await can_see_post(interaction, post)
    return article.feed_id in await interaction.client.visible_feed_ids(interaction)


async def require_readable_article(
    interaction: Interaction, key: str, allowed: CanRead = can_read_article
) -> Article:
    """The article of a key. Raises `UserFacingError` where it is gone, or not `allowed`."""
    article = await interaction.client.store.articles.by_key(key)
    if article is None or not await allowed(interaction, article):
        raise UserFacingError(not_readable_text())
    return article


def not_readable_text() -> str:
    """What to say of an article that is gone or that the asker may not see."""
    return _("This article is gone, or it’s from a feed you can’t see here.")


async def with_article(
    interaction: Interaction,
    message: discord.Message,
    action: Callable[[Interaction, Article], Awaitable[None]],
    *,
    which: str,
) -> None:
    """Do something with the article of a message, as `articles_of` finds it; of several the asker chooses.

    The interaction was acknowledged; `which` is what the menu of several asks.
    """
    articles = await articles_of(interaction, message, joined=True)
    if len(articles) == 1:
        await action(interaction, articles[0])
    else:
        await choose_article(interaction, articles[::-1], action, which)


async def choose_article(
    interaction: Interaction,
    articles: Sequence[Article],
    action: Callable[[Interaction, Article], Awaitable[None]],
    placeholder: str,
) -> None:
    """Do something with the one of these articles that the asker chooses."""
    by_key = {article.key: article for article in articles}

    async def chosen(choice: Interaction, key: str) -> None:
        await action(choice, by_key[key])

    options = [article_cards.article_option(article) for article in articles]
    await SingleChoiceMenu(interaction, chosen, placeholder, options).render(interaction)


async def articles_of(
    interaction: Interaction, message: discord.Message, *, joined: bool = False
) -> list[Article]:
    """The articles of a post of ours, before them those that `joined` it if they are wanted.

    Where Telex is a guest, and in direct messages, those of a message that links articles which the asker can
    read: it was chosen to be looked at. Raises `UserFacingError` where there are none, or they are not to be
    seen.
    """
    server_id = interaction_context.server_id(interaction)
    post = await article_dispatch_of(interaction.client, message.id, server_id)
    if post is None and server_id is None:
        return await _linked_articles(interaction, message)
    here = interaction.channel_id
    if post is None or (post.person_id is None and here != (post.thread_id or post.channel_id)):
        raise UserFacingError(_("That isn’t one of my posts. Pick a message with an article I posted."))
    if not await can_see_post(interaction, post):
        raise UserFacingError(not_readable_text())
    told = post.article_ids
    if joined:
        told = (*post.joined_article_ids[::-1], *told)[-discord_limits.MAX_OPTIONS :]
    articles = await interaction.client.store.articles.by_ids(told)
    if not articles:
        raise UserFacingError(not_readable_text())
    return articles


async def _linked_articles(interaction: Interaction, message: discord.Message) -> list[Article]:
    client = interaction.client
    visible = await client.visible_feed_ids(interaction)
    found: dict[str, Article] = {}
    for key in list(_keys(message))[:_MAX_LINKS] if message.author == client.user else ():
        article = await client.store.articles.by_key(key)
        if article is not None and article.feed_id in visible:
            found.setdefault(article.page, article)
    for link in list(dict.fromkeys(_links(message)))[:_MAX_LINKS]:
        for article in await articles_at(client.store, link):
            if article.feed_id in visible:
                found.setdefault(article.page, article)
    if not found:
        raise UserFacingError(_("This message has no article from the feeds you can see."))
    return list(found.values())


def _keys(message: discord.Message) -> Iterator[str]:
    """The articles that a message of ours lets people save."""
    for row in message.components:
        for part in row.children if isinstance(row, discord.Container) else [row]:
            for item in part.children if isinstance(part, discord.ActionRow) else ():
                if match := _SAVE.fullmatch(getattr(item, "custom_id", None) or ""):
                    yield match["key"]


def _links(message: discord.Message) -> Iterator[str]:
    yield from _LINK.findall(message.content)
    yield from (embed.url for embed in message.embeds if embed.url)
