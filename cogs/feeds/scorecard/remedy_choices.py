"""Choice of the remedies that a scorecard offers, with what each would have done to the posts of its period."""

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
"""Maximum number of feeds for which a filter is looked for, those with most posts, because trials take CPU time."""


async def list_remedies(
    interaction: Interaction, scorecard: Scorecard, scored_feeds: Sequence[ScoredFeed]
) -> list[Remedy]:
    """List the remedies for feeds to decide on and their channels, by feed, at most as many as a menu holds."""
    channel_ids = list(dict.fromkeys(scored_feed.subscription.channel_id for scored_feed in scored_feeds))
    channel_posts = await interaction.client.store.feed_reactions.list_channel_posts(
        channel_ids, since=scorecard.since, until=scorecard.until
    )
    counts_by_channel = Counter(post.channel_id for post in channel_posts)
    groups = [
        await _list_feed_remedies(interaction, scorecard, scored_feed, counts_by_channel, has_filter=has_filter)
        for scored_feed, has_filter in zip(
            scored_feeds, (index < _MAX_FILTER_SUGGESTIONS for index in range(len(scored_feeds))), strict=True
        )
    ]
    groups.append(await _list_channel_remedies(interaction, scorecard, channel_posts))
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
    subscription, followed_feed = scored_feed.subscription, FollowedFeed(scored_feed.subscription, scored_feed.feed)
    post_count, channel_count = scored_feed.post_count, counts_by_channel.get(subscription.channel_id, 0)
    days = (scorecard.until - scorecard.since) // SECONDS_PER_DAY
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
    subscription, counts, store = scored_feed.subscription, scored_feed.counts, interaction.client.store
    posts = await store.feed_reactions.list_posts(
        channel_id=subscription.channel_id,
        feed_id=subscription.feed_id,
        since=scorecard.since,
        limit=MAX_CHECKED_POSTS,
    )
    suggestion = await suggest_filter(store, posts, counts.kept_ids)
    if suggestion is None:
        return None
    effect = remedies.format_filter_effect(suggestion, has_saves=counts.saves > 0)
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
        days = (scorecard.until - scorecard.since) // SECONDS_PER_DAY
        effect = remedies.format_daily_effect(len(posts), len(selected_posts), days)
        # From the shares that are shown: which posts were kept may not show.
        share_by_feed = {scored_feed.feed.id: scored_feed.kept_share for scored_feed in scorecard.scored_feeds}
        kept_count, remaining_kept_count = (
            sum(share_by_feed.get(post.feed_id, 0.0) for post in some_posts) for some_posts in (posts, selected_posts)
        )
        if kept_count:
            effect = remedies.format_kept_effect(effect, remaining_kept_count / kept_count)
        channel_remedies.append(BestOfDayRemedy(channel_id, f"#{channel.name}", effect))
    return channel_remedies
