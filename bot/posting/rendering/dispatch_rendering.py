"""From a dispatch to its message: its articles are read as they are now, its language is the channel's."""

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.digests import digest_selection
from bot.posting.posting_context import PostingContext
from bot.posting.rendering import digest_pages, mentioned_roles, messages, posts
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_places
from bot.store import Store
from bot.text import furniture
from bot.writing.translations import translated

_BEGINNING = 4_000
"""Characters of a text that an excerpt may come from."""


async def render(context: PostingContext, dispatch: Dispatch) -> Message | None:
    """The message of a dispatch; None when its articles are no longer kept."""
    store, client, settings = context.store, context.client, context.settings
    if dispatch.kind is DispatchKind.NOTICE:
        return messages.notice(dispatch.payload)
    articles = await store.articles.by_ids(dispatch.article_ids)
    if not articles:
        return None
    shows_text = dispatch.kind is not DispatchKind.CATCH_UP
    if shows_text and settings.full_text != "always":  # else excerpts may come from the pages of articles
        articles = [one._replace(body=furniture.body(one.text[:_BEGINNING])) for one in articles]
    language = await context.languages.of(dispatch.server_id, dispatch.channel_id)
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
    if settings.model_url and (await store.preferences.of_channel(dispatch.channel_id)).translate:
        article = await translated(store, article, language, settings.model_name)
    return posts.post(
        article,
        await store.feeds.get(article.feed_id),
        language=language,
        look=dispatch.look,
        mention=mentioned_roles.mentioned(client, dispatch.server_id, dispatch.channel_id, dispatch.look),
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
