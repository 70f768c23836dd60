"""From a dispatch to its message: its articles are read as they are now, its language is the channel's."""

import discord

from bot.core import locale
from bot.core.models import Article, Dispatch, DispatchKind
from bot.digests import digest_selection
from bot.posting.rendering import digest_pages, messages, post_looks, posts
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_places
from bot.store import Store
from bot.text import furniture
from bot.writing.translations import translated

_BEGINNING = 4_000
"""Characters of a text that an excerpt may come from."""


async def render(  # one line a kind
    store: Store,
    client: discord.Client,
    dispatch: Dispatch,
    *,
    default_language: str,
    from_pages: bool,
    model: str | None = None,
) -> Message | None:
    """The message of a dispatch; None when its articles are no longer kept.

    `from_pages` says that excerpts may come from the pages of articles, not only from their feeds; `model`
    is the one whose translations are shown where a channel wants them.
    """
    if dispatch.kind is DispatchKind.NOTICE:
        return messages.notice(dispatch.payload)
    articles = await store.articles.by_ids(dispatch.article_ids)
    if not articles:
        return None
    if not from_pages and dispatch.kind is not DispatchKind.CATCH_UP:  # which shows titles alone
        articles = [one._replace(body=furniture.body(one.text[:_BEGINNING])) for one in articles]
    language = await language_of(store, client, dispatch.server_id, dispatch.channel_id, default_language)
    if dispatch.kind is DispatchKind.DIGEST:
        return await digest_pages.render(
            store,
            dispatch.what,
            digest_selection.read(dispatch.payload),
            language=language,
            is_personal=dispatch.person_id is not None,
        )
    if dispatch.kind is DispatchKind.CATCH_UP:
        return messages.catch_up(dispatch.what, articles, language=language)
    if dispatch.watch_id is not None:
        return await _watch(store, client, dispatch, articles, language)
    article = next((one for one in articles if one.key == dispatch.what), articles[0])
    if model is not None and (await store.preferences.of_channel(dispatch.channel_id)).translate:
        article = await translated(store, article, language, model)
    return posts.post(
        article,
        await store.feeds.get(article.feed_id),
        language=language,
        look=dispatch.look,
        mention=post_looks.told(client, dispatch.server_id, dispatch.channel_id, dispatch.look),
        joined=await store.articles.by_ids(dispatch.joined_ids),
        what=dispatch.what,
        by_webhook=dispatch.webhook_id is not None,
    )


async def _watch(
    store: Store, client: discord.Client, dispatch: Dispatch, articles: list[Article], language: str
) -> Message | None:
    watch = None if dispatch.watch_id is None else await store.watches.get(dispatch.watch_id)
    if watch is None:
        return None
    theirs = watch.person_id is not None
    guild = await message_places.server(client, store, dispatch.server_id) if theirs else None
    return messages.watch(
        dispatch.what,
        watch.query,
        articles,
        server=None if guild is None else guild.name,
        language=watch.language or language,
    )


async def spoken_in(store: Store, place: discord.abc.GuildChannel | discord.Thread) -> int:
    """The channel whose language is spoken in a place: that of a thread, unless it has a language itself."""
    if isinstance(place, discord.Thread) and (await store.preferences.of_channel(place.id)).language is None:
        return place.parent_id
    return place.id


async def language_of(
    store: Store, client: discord.Client, server_id: int, channel_id: int, default_language: str
) -> str:
    """The language of posts in a channel: what was chosen for it, else its server's, else the default."""
    language = await store.preferences.language(server_id, channel_id)
    if language is not None:
        return language
    guild = client.get_guild(server_id)
    tag = await store.servers.locale(server_id) if guild is None else str(guild.preferred_locale)
    return locale.supported(tag) or default_language
