"""Rendering of a dispatch, a message to one channel, from the current text of its articles, in the channel's language.

The key of the article or page that a dispatch is about is its `dedupe_key`. Joined articles are articles on a post's
story that its message also lists; the look of a post is how it is styled.
"""

from dataclasses import replace

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.core.setting_registry import SILENT_POSTS, TRANSLATE
from bot.digests.digest_models import digest_from_json
from bot.posting.posting_context import PostingContext
from bot.posting.rendering import (
    digest_rendering,
    messages,
    notice_messages,
    posts,
    proposal_messages,
    role_mentions,
    scorecards,
)
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.store import Store
from bot.store.records.operating_records import select_notice_text
from bot.store.records.outbox_records import REPORT_KEY_PREFIX
from bot.text import boilerplate
from bot.writing.article_translator import apply_stored_translation

_SILENCEABLE_KINDS = frozenset({DispatchKind.POST, DispatchKind.CATCH_UP})
"""Kinds of messages that notify nobody in a channel with the setting for silent posts, unless a role is mentioned.

Watch notifications, digests and alerts notify in any case, since people asked for them.
"""
_MAX_CHARS_READ = 4_000
"""Maximum number of characters of an article's text in its feed that are read for an excerpt."""


async def render_dispatch(context: PostingContext, dispatch: Dispatch) -> Message | None:
    """Return the Discord message of a queued message (dispatch), or None if there is nothing to show any more.

    That is so if none of its articles, or its watch, proposal or proposer, is stored, if a proposal was decided
    before managers were shown it, if it tells a proposer of a proposal that is open or withdrawn, or if a notice was
    cancelled or is not wanted. Raises StoreError.
    """
    message = await _render_content(context, dispatch)
    if message is None or message.mentioned_role_ids or dispatch.kind not in _SILENCEABLE_KINDS:
        return message
    channel_settings = await context.store.preferences.get_by_channel(dispatch.channel_id)
    return replace(message, is_silent=channel_settings[SILENT_POSTS])


async def _render_content(context: PostingContext, dispatch: Dispatch) -> Message | None:
    store, client, settings = context.store, context.client, context.settings
    if dispatch.kind is DispatchKind.FEED_ALERT:
        return await _render_alert(context, dispatch)
    articles = await store.articles.list_by_ids(dispatch.article_ids)
    if not articles:
        return None
    shows_text = dispatch.kind is not DispatchKind.CATCH_UP
    # With "always", excerpts may come from the articles' web pages.
    if shows_text and settings.full_text != "always":
        articles = [
            article._replace(body=boilerplate.strip_boilerplate(article.text[:_MAX_CHARS_READ])) for article in articles
        ]
    language = await context.post_languages.for_channel(dispatch.server_id, dispatch.channel_id)
    if dispatch.kind is DispatchKind.DIGEST:
        return await digest_rendering.render_digest(
            store,
            context.workers,
            dispatch.dedupe_key,
            digest_from_json(dispatch.payload),
            language=language,
            is_personal=dispatch.user_id is not None,
        )
    if dispatch.kind is DispatchKind.CATCH_UP:
        return messages.catch_up_message(dispatch.dedupe_key, articles, language=language)
    if dispatch.watch_id is not None:
        return await _render_watch_notification(store, client, dispatch, articles, language)
    article = next((candidate for candidate in articles if candidate.key == dispatch.dedupe_key), articles[0])
    if settings.model_url and (await store.preferences.get_by_channel(dispatch.channel_id))[TRANSLATE]:
        article = await apply_stored_translation(store, article, language, settings.model_name)
    return posts.render_post(
        article,
        await store.feeds.get(article.feed_id),
        language=language,
        look=dispatch.look,
        mentioned_role_ids=role_mentions.list_mentioned_role_ids(client, dispatch),
        joined_articles=await store.articles.list_by_ids(dispatch.joined_article_ids),
        dedupe_key=dispatch.dedupe_key,
        by_webhook=dispatch.webhook_id is not None,
    )


async def _render_alert(context: PostingContext, dispatch: Dispatch) -> Message | None:
    if dispatch.notice_id is not None:
        return await _render_notice(context, dispatch, dispatch.notice_id)
    if dispatch.proposal_id is not None:
        return await _render_proposal(context, dispatch, dispatch.proposal_id)
    if dispatch.dedupe_key.startswith(REPORT_KEY_PREFIX):
        return scorecards.report_message(dispatch.payload)
    return messages.feed_alert_message(dispatch.payload)


async def _render_proposal(context: PostingContext, dispatch: Dispatch, proposal_id: int) -> Message | None:
    """Return the message that shows managers a proposed feed, or that tells the proposer the decision.

    Returns None if the proposal or proposer is not stored any more, if the proposal was decided before managers were
    shown it, or if it is open or withdrawn, so that the proposer has nothing to hear.
    """
    proposal = await context.store.proposals.get(proposal_id)
    if proposal is None or (dispatch.proposer_id is None and dispatch.message_id is None and proposal.decision):
        return None
    language = await context.post_languages.for_channel(dispatch.server_id, dispatch.channel_id)
    if dispatch.proposer_id is None:
        return proposal_messages.proposal_message(proposal, language=language)
    proposer = next((proposer for proposer in proposal.proposers if proposer.id == dispatch.proposer_id), None)
    if proposer is None:
        return None
    guild = await message_targets.find_guild(context.client, context.store, proposal.server_id)
    server_name = "" if guild is None else guild.name
    is_dm = dispatch.user_id is not None
    return proposal_messages.outcome_message(
        proposal,
        server_name=server_name,
        mentioned_user_id=None if is_dm else proposer.user_id,
        language=proposer.language if is_dm else language,
    )


async def _render_notice(context: PostingContext, dispatch: Dispatch, notice_id: int) -> Message | None:
    """Return the message of a notice of the operator; None if it was cancelled or the server does not want it."""
    texts = await context.store.notices.load_texts(notice_id, dispatch.server_id)
    if texts is None:
        return None
    language = await context.post_languages.for_channel(dispatch.server_id, dispatch.channel_id)
    return notice_messages.notice_message(notice_id, select_notice_text(texts, language), language=language)


async def _render_watch_notification(
    store: Store, client: discord.Client, dispatch: Dispatch, articles: list[Article], language: str
) -> Message | None:
    watch = None if dispatch.watch_id is None else await store.watches.get(dispatch.watch_id)
    if watch is None:
        return None
    is_personal = watch.user_id is not None
    guild = await message_targets.find_guild(client, store, dispatch.server_id) if is_personal else None
    return messages.watch_notification_message(
        dispatch.dedupe_key,
        watch.query,
        articles,
        server_name=None if guild is None else guild.name,
        language=watch.language or language,
    )
