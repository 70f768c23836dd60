"""Choice of a forum post's tags: by the forum's rules (a query and a tag), then by the categories of its articles."""

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
"""Maximum number of tags of a forum post: https://discord.com/developers/docs/resources/channel"""


async def add_forum_tags(store: Store, forum: discord.ForumChannel, dispatch: Dispatch, message: Message) -> Message:
    """Return the message of a dispatch (queued message) with the forum tags that match its articles.

    Raises StoreError.
    """
    available_tags = list_assignable_tags(forum)
    if not available_tags:
        return message
    rules = await store.forum_tags.list_by_channel(forum.id)
    articles = await store.articles.list_by_ids(dispatch.article_ids)
    tag_ids = await asyncio.to_thread(_select_tag_ids, articles, available_tags, rules, store.clock.now())
    tag_by_id = {tag.id: tag for tag in available_tags}
    return replace(message, tags=tuple(tag_by_id[tag_id] for tag_id in tag_ids))


def list_assignable_tags(forum: discord.ForumChannel) -> list[discord.ForumTag]:
    """Return the tags of a forum that Telex can assign; tags for moderators only with Manage Threads."""
    bot_member = forum.guild.me
    can_assign_moderated_tags = bot_member is not None and forum.permissions_for(bot_member).manage_threads
    return [tag for tag in forum.available_tags if can_assign_moderated_tags or not tag.moderated]


def _select_tag_ids(
    articles: Sequence[Article],
    available_tags: Sequence[discord.ForumTag],
    rules: Sequence[ForumTagRule],
    now: int,
) -> list[int]:
    """Return the ids of the forum tags for the articles of a post, at most `MAX_TAGS_PER_POST`.

    First come the tags of the rules whose query matches an article, or that have no query, then the tags with the
    name of a category of an article.
    """
    available_tag_ids = {tag.id for tag in available_tags}
    is_match = FilterEvaluator(articles, now).is_match
    selected_tag_ids = [
        rule.tag_id
        for rule in rules
        if rule.tag_id in available_tag_ids
        and (not rule.query or any(is_match(article.key, rule.query) for article in articles))
    ]
    folded_categories = {fold(category) for article in articles for category in article.tags}
    selected_tag_ids += [tag.id for tag in available_tags if fold(tag.name) in folded_categories]
    return list(dict.fromkeys(selected_tag_ids))[:MAX_TAGS_PER_POST]
