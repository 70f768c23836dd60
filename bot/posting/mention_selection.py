"""Choice of the roles that a post mentions by the rules of its channel: a query, and the role to mention."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.core.models import Article, Dispatch, DispatchKind
from bot.core.preferences import MentionRule
from bot.posting.posting_context import PostingContext
from bot.posting.rendering import role_mentions
from bot.watches.subscription_filters import FilterEvaluator


async def select_mentions(context: PostingContext, dispatch: Dispatch) -> Dispatch:
    """Return a post about to be sent (dispatch) with the roles to mention by rules of its channel; record the roles.

    Other messages are returned unchanged: catch-ups and digests gather articles of hours. A role that the post
    mentions in any case needs no rule. Raises StoreError, or LeaseLost if another process serves the server.
    """
    if dispatch.kind is not DispatchKind.POST:
        return dispatch
    store = context.store
    rules = await store.mention_rules.list_by_channel(dispatch.channel_id)
    if not rules and not dispatch.mentioned_role_ids:
        return dispatch

    def can_mention(role_id: int) -> bool:
        return role_mentions.can_bot_mention(context.client, dispatch.server_id, dispatch.channel_id, role_id)

    look_role_id = dispatch.look.role_id
    if look_role_id is not None and can_mention(look_role_id):
        rules = [rule for rule in rules if rule.role_id != look_role_id]
    articles = await store.articles.list_by_ids(dispatch.article_ids)
    matching_rules = await asyncio.to_thread(_select_matching_rules, rules, articles, store.clock.now())
    mentioned_role_ids = await store.post_mentions.decide(
        dispatch.id,
        matching_rules,
        mentionable_role_ids={rule.role_id for rule in matching_rules if can_mention(rule.role_id)},
    )
    return replace(dispatch, mentioned_role_ids=mentioned_role_ids)


def _select_matching_rules(rules: Sequence[MentionRule], articles: Sequence[Article], now: int) -> list[MentionRule]:
    is_match = FilterEvaluator(articles, now).is_match
    return [rule for rule in rules if any(is_match(article.key, rule.query) for article in articles)]
