"""Choice of the remedies that a scorecard offers, with what each would have done to the posts of its period."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bot.core.i18n import _
from bot.core.preferences import Style
from bot.core.setting_registry import TOP_STORIES_PER_DAY
from bot.posting.rendering import discord_limits
from bot.watches.filter_suggestions import MAX_CHECKED_POSTS, suggest_filter
from cogs.feeds.scorecard import remedies
from cogs.feeds.scorecard.feed_scorecard import DAY_SECONDS, Scorecard, ScoredFeed
from cogs.feeds.scorecard.remedies import (
    BEST_STORIES_PER_DAY,
    BestOfDayRemedy,
    FilterRemedy,
    LookRemedy,
    MoveRemedy,
    PauseRemedy,
    Remedy,
)
from cogs.shared.channel_options import channel_name
from cogs.shared.views import Interaction

_MAX_FILTER_SUGGESTIONS = 3
"""Maximum number of feeds for which a filter is looked for, those with most posts, because trials take CPU time."""


async def list_remedies(
    interaction: Interaction, scorecard: Scorecard, scored_feeds: Sequence[ScoredFeed]
) -> list[Remedy]:
    """List the remedies for feeds to decide on and their channels, by feed, at most as many as a menu holds."""
    channel_ids = list(dict.fromkeys(feed.followed_feed.subscription.channel_id for feed in scored_feeds))
    post_times = await interaction.client.store.feed_reactions.list_post_times(channel_ids, scorecard.since)
    counts_by_channel = Counter(channel_id for channel_id, _sent_at in post_times)
    groups = [
        await _list_feed_remedies(interaction, scorecard, scored_feed, counts_by_channel, has_filter=has_filter)
        for scored_feed, has_filter in zip(
            scored_feeds, (index < _MAX_FILTER_SUGGESTIONS for index in range(len(scored_feeds))), strict=True
        )
    ]
    groups.append(await _list_channel_remedies(interaction, scorecard, post_times, counts_by_channel))
    # Where a menu cannot hold them all, each feed loses its last remedies first.
    limit = max(len(group) for group in groups)
    while sum(len(group[:limit]) for group in groups) > discord_limits.MAX_CHOICES and limit > 1:
        limit -= 1
    return [remedy for group in groups for remedy in group[:limit]][: discord_limits.MAX_CHOICES]


async def _list_feed_remedies(
    interaction: Interaction,
    scorecard: Scorecard,
    scored_feed: ScoredFeed,
    counts_by_channel: Mapping[int, int],
    *,
    has_filter: bool,
) -> list[Remedy]:
    subscription, _feed = followed_feed = scored_feed.followed_feed
    post_count, channel_count = scored_feed.score.post_count, counts_by_channel.get(subscription.channel_id, 0)
    days = max(1, (scorecard.until - scorecard.since) // DAY_SECONDS)
    feed_remedies: list[Remedy] = []
    if has_filter and (filter_remedy := await _find_filter_remedy(interaction, scorecard, scored_feed)):
        feed_remedies.append(filter_remedy)
    feed_remedies.append(PauseRemedy(followed_feed, remedies.format_pause_effect(post_count)))
    if interaction.guild is not None:
        daily_effect = remedies.format_daily_effect(channel_count, channel_count - post_count, days)
        label = channel_name(interaction.guild, subscription.channel_id)
        feed_remedies.append(
            MoveRemedy(followed_feed, _("{channel}: {effect}").format(channel=label, effect=daily_effect))
        )
    look = subscription.look or await interaction.client.store.preferences.get_look(subscription.server_id)
    if look.style is not Style.HEADLINE:
        feed_remedies.append(LookRemedy(followed_feed, remedies.format_look_effect(post_count)))
    return feed_remedies


async def _find_filter_remedy(
    interaction: Interaction, scorecard: Scorecard, scored_feed: ScoredFeed
) -> FilterRemedy | None:
    subscription, score, store = scored_feed.followed_feed.subscription, scored_feed.score, interaction.client.store
    posts = await store.feed_reactions.list_posts(
        server_id=subscription.server_id,
        channel_id=subscription.channel_id,
        feed_id=subscription.feed_id,
        since=scorecard.since,
        limit=MAX_CHECKED_POSTS,
    )
    # What few people kept must not show in the word either.
    protected_article_ids = {
        post.article_id
        for post in posts
        if (post.is_saved and score.saves.count) or (post.is_liked and score.likes.count)
    }
    suggestion = await suggest_filter(store, posts, protected_article_ids)
    if suggestion is None:
        return None
    return FilterRemedy(
        scored_feed.followed_feed, remedies.format_filter_effect(suggestion, score.saves.count), suggestion
    )


async def _list_channel_remedies(
    interaction: Interaction,
    scorecard: Scorecard,
    post_times: Sequence[tuple[int, int]],
    counts_by_channel: Mapping[int, int],
) -> list[Remedy]:
    days = max(1, (scorecard.until - scorecard.since) // DAY_SECONDS)
    channel_remedies: list[Remedy] = []
    for channel_id, post_count in counts_by_channel.items():
        channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild is not None else None
        settings = await interaction.client.store.preferences.get_by_channel(channel_id)
        posts_by_day = Counter(sent_at // DAY_SECONDS for place_id, sent_at in post_times if place_id == channel_id)
        remaining_count = sum(min(day_count, BEST_STORIES_PER_DAY) for day_count in posts_by_day.values())
        if channel is None or settings[TOP_STORIES_PER_DAY] is not None or remaining_count == post_count:
            continue
        effect = remedies.format_daily_effect(post_count, remaining_count, days)
        channel_remedies.append(BestOfDayRemedy(channel_id, f"#{channel.name}", effect))
    return channel_remedies
