"""Choose the tags of a forum post: by the forum's rules, then by the categories of its articles."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.core.models import Article, Dispatch
from bot.core.preferences import ForumTagRule
from bot.posting.rendering.messages import Message
from bot.store import Store
from bot.text.words import fold
from bot.watches.subscription_filters import FilterEvaluator

MAX_TAGS_PER_POST = 5
"""Maximum number of tags of a post: https://discord.com/developers/docs/resources/channel#channel-object"""


async def with_forum_tags(
    store: Store, forum: discord.ForumChannel, dispatch: Dispatch, message: Message
) -> Message:
    """Return the message with the tags of the forum that match its articles. Raises StoreError."""
    available = assignable_tags(forum)
    if not available:
        return message
    rules = await store.forum_tags.by_channel(forum.id)
    articles = await store.articles.by_ids(dispatch.article_ids)
    ids = await asyncio.to_thread(_select_tag_ids, articles, available, rules, store.clock.now())
    by_id = {tag.id: tag for tag in available}
    return replace(message, tags=tuple(by_id[id_] for id_ in ids))


def assignable_tags(forum: discord.ForumChannel) -> list[discord.ForumTag]:
    """Return the tags of a forum that Telex can assign; moderated ones need Manage Threads."""
    me = forum.guild.me
    may_all = me is not None and forum.permissions_for(me).manage_threads
    return [tag for tag in forum.available_tags if may_all or not tag.moderated]


def _select_tag_ids(
    articles: Sequence[Article],
    available: Sequence[discord.ForumTag],
    rules: Sequence[ForumTagRule],
    now: int,
) -> list[int]:
    """Return the ids of the tags for the articles of one post, those of rules first."""
    known = {tag.id for tag in available}
    matches = FilterEvaluator(articles, now).matches
    chosen = [
        rule.tag_id
        for rule in rules
        if rule.tag_id in known
        and (not rule.query or any(matches(article.key, rule.query) for article in articles))
    ]
    categories = {fold(tag) for article in articles for tag in article.tags}
    chosen += [tag.id for tag in available if fold(tag.name) in categories]
    return list(dict.fromkeys(chosen))[:MAX_TAGS_PER_POST]
