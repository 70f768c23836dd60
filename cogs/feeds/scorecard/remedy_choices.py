"""Choice of remedies, such as pausing a feed, that a scorecard of feeds offers, each with its effect on past posts."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bot.core.i18n import _
from bot.core.local_time import SECONDS_PER_DAY
from bot.core.preferences import Style
from bot.core.setting_registry import TOP_STORIES_PER_DAY
from bot.posting.rendering import discord_limits
from bot.store.records.people_records import ChannelPost
from bot.stories.feed_scores import Scorecard, ScoredFeed
from bot.stories.story_ranking import replay_daily_selections
from bot.watches.filter_suggestions import MAX_CHECKED_POSTS, suggest_filter
from cogs.feeds.scorecard import remedies
from cogs.feeds.scorecard.remedies import (
    BEST_STORIES_PER_DAY,
    BestOfDayRemedy,
    FilterRemedy,
    LookRemedy,
    MoveRemedy,
    PauseRemedy,
    Remedy,
)
from cogs.feeds.subscription_options import FollowedFeed
from cogs.shared.channel_options import channel_name
from cogs.shared.views import Interaction

_MAX_FILTER_SUGGESTIONS = 3
"""Maximum number of feeds for which a filter is looked for, because to try filters on posts takes CPU time."""


async def list_remedies(
    interaction: Interaction, scorecard: Scorecard, scored_feeds: Sequence[ScoredFeed]
) -> list[Remedy]:
    """List remedies (changes that may help) for feeds, then for their channels, at most as many as a menu holds."""
    channel_ids = list(dict.fromkeys(scored_feed.subscription.channel_id for scored_feed in scored_feeds))
    channel_posts = await interaction.client.store.feed_reactions.list_channel_posts(
        channel_ids, since=scorecard.since, until=scorecard.until
    )
    post_count_by_channel_id = Counter(post.channel_id for post in channel_posts)
    remedy_groups = [
        await _list_feed_remedies(
            interaction, scorecard, scored_feed, post_count_by_channel_id, tries_filter=tries_filter
        )
        for scored_feed, tries_filter in zip(
            scored_feeds, (index < _MAX_FILTER_SUGGESTIONS for index in range(len(scored_feeds))), strict=True
        )
    ]
    remedy_groups.append(await _list_channel_remedies(interaction, scorecard, channel_posts))
    # Where a menu cannot hold them all, each feed loses its last remedies first.
    max_remedies_per_group = max(len(remedy_group) for remedy_group in remedy_groups)
    while (
        sum(len(remedy_group[:max_remedies_per_group]) for remedy_group in remedy_groups) > discord_limits.MAX_CHOICES
        and max_remedies_per_group > 1
    ):
        max_remedies_per_group -= 1
    return [remedy for remedy_group in remedy_groups for remedy in remedy_group[:max_remedies_per_group]][
        : discord_limits.MAX_CHOICES
    ]


async def _list_feed_remedies(
    interaction: Interaction,
    scorecard: Scorecard,
    scored_feed: ScoredFeed,
    post_count_by_channel_id: Mapping[int, int],
    *,
    tries_filter: bool,
) -> list[Remedy]:
    subscription, followed_feed = scored_feed.subscription, FollowedFeed(scored_feed.subscription, scored_feed.feed)
    post_count, channel_post_count = scored_feed.post_count, post_count_by_channel_id.get(subscription.channel_id, 0)
    day_count = (scorecard.until - scorecard.since) // SECONDS_PER_DAY
    feed_remedies: list[Remedy] = []
    if tries_filter and (filter_remedy := await _find_filter_remedy(interaction, scorecard, scored_feed)):
        feed_remedies.append(filter_remedy)
    feed_remedies.append(PauseRemedy(followed_feed, remedies.format_pause_effect(post_count)))
    if interaction.guild is not None:
        daily_effect = remedies.format_daily_effect(channel_post_count, channel_post_count - post_count, day_count)
        channel_label = channel_name(interaction.guild, subscription.channel_id)
        feed_remedies.append(
            MoveRemedy(followed_feed, _("{channel}: {effect}").format(channel=channel_label, effect=daily_effect))
        )
    look = subscription.look or await interaction.client.store.preferences.get_look(subscription.server_id)
    if look.style is not Style.HEADLINE:
        feed_remedies.append(LookRemedy(followed_feed, remedies.format_look_effect(post_count)))
    return feed_remedies


async def _find_filter_remedy(
    interaction: Interaction, scorecard: Scorecard, scored_feed: ScoredFeed
) -> FilterRemedy | None:
    subscription, reaction_counts, store = scored_feed.subscription, scored_feed.counts, interaction.client.store
    posts = await store.feed_reactions.list_posts(
        channel_id=subscription.channel_id,
        feed_id=subscription.feed_id,
        since=scorecard.since,
        limit=MAX_CHECKED_POSTS,
    )
    suggestion = await suggest_filter(store, posts, reaction_counts.kept_article_ids)
    if suggestion is None:
        return None
    effect = remedies.format_filter_effect(suggestion, has_saves=reaction_counts.bookmark_count > 0)
    return FilterRemedy(FollowedFeed(subscription, scored_feed.feed), effect, suggestion)


async def _list_channel_remedies(
    interaction: Interaction, scorecard: Scorecard, channel_posts: Sequence[ChannelPost]
) -> list[Remedy]:
    store, channel_remedies = interaction.client.store, list[Remedy]()
    zone_name = (await store.preferences.get_by_server(interaction.guild_id or 0)).time_zone
    for channel_id in dict.fromkeys(post.channel_id for post in channel_posts):
        channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild is not None else None
        settings = await store.preferences.get_by_channel(channel_id)
        posts = [post for post in channel_posts if post.channel_id == channel_id]
        selected_posts = replay_daily_selections(
            posts, BEST_STORIES_PER_DAY, since=scorecard.since, until=scorecard.until, zone_name=zone_name
        )
        if channel is None or settings[TOP_STORIES_PER_DAY] is not None or len(selected_posts) == len(posts):
            continue
        day_count = (scorecard.until - scorecard.since) // SECONDS_PER_DAY
        effect = remedies.format_daily_effect(len(posts), len(selected_posts), day_count)
        # From the shares that are shown: which posts were kept may not show.
        kept_share_by_feed_id = {scored_feed.feed.id: scored_feed.kept_share for scored_feed in scorecard.scored_feeds}
        kept_share_sum, selected_kept_share_sum = (
            sum(kept_share_by_feed_id.get(post.feed_id, 0.0) for post in posts_to_sum)
            for posts_to_sum in (posts, selected_posts)
        )
        if kept_share_sum:
            effect = remedies.format_kept_effect(effect, selected_kept_share_sum / kept_share_sum)
        channel_remedies.append(BestOfDayRemedy(channel_id, f"#{channel.name}", effect))
    return channel_remedies
