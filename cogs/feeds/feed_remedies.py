"""Remedies for a feed whose posts hardly anybody saves or likes, or for its channel, and which of them suit a feed.

Each tells its effect, and can be undone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.core.i18n import _, format_count, format_number
from bot.core.local_time import SECONDS_PER_DAY
from bot.core.models import Subscription
from bot.core.preferences import FilterMode, FilterPlace, PostLook, Style
from bot.core.setting_registry import TOP_STORIES_PER_DAY
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.store.records.people_records import ChannelPost
from bot.stories.feed_scores import Scorecard, ScoredFeed
from bot.stories.story_ranking import replay_daily_selections
from bot.text import discord_text
from bot.watches import subscription_filters
from bot.watches.filter_suggestions import MAX_CHECKED_POSTS, FilterSuggestion, suggest_filter
from bot.watches.subscription_filters import FilterEvaluator
from cogs.feeds.look_panel import require_mention_permission
from cogs.feeds.subscription_options import (
    FollowedFeed,
    pause_feed,
    require_current_subscription,
    resume_feed,
    unfollowed_text,
)
from cogs.shared.channel_options import PostableChannel, channel_name, require_can_post, require_existing_channel
from cogs.shared.views import Interaction

BEST_STORIES_PER_DAY = 5
"""Number of stories a day that a channel still gets if a manager chooses only the best stories of the day for it."""


class Remedy(Protocol):
    """Protocol of a change that a manager may make about a feed or a channel, and undo.

    `label` and `effect` are plain text: what the change is, and what it would have done to the posts of the period.
    """

    @property
    def label(self) -> str: ...
    @property
    def effect(self) -> str: ...
    async def authorize(self, interaction: Interaction) -> None:
        """Raise `UserFacingError` if the feed or channel is gone, or the user cannot see it anymore."""

    async def apply(self, interaction: Interaction) -> str:
        """Make the change and return the sentence that confirms it."""

    async def undo(self, interaction: Interaction) -> str:
        """Undo the change and return the sentence that confirms it."""


@dataclass
class _FeedRemedy:
    """Base class of remedies (changes that can be undone) for a feed in a channel."""

    followed_feed: FollowedFeed
    effect: str

    @property
    def name(self) -> str:
        """Return the display name of the feed as plain text."""
        return feed_name(self.followed_feed.feed)

    async def authorize(self, interaction: Interaction) -> None:
        await require_current_subscription(interaction, self.followed_feed)

    async def load_subscription(self, interaction: Interaction) -> Subscription:
        """Return the subscription (feed in a channel) as it is now. Raises `UserFacingError` if it is gone."""
        return (await require_current_subscription(interaction, self.followed_feed)).subscription

    def format_sentence(self, sentence: str, **placeholders: object) -> str:
        """Return a sentence with the feed and its channel filled in."""
        return sentence.format(
            feed=bold_feed_name(self.followed_feed.feed),
            channel=f"<#{self.followed_feed.subscription.channel_id}>",
            **placeholders,
        )


class PauseRemedy(_FeedRemedy):
    """Remedy that pauses a feed."""

    @property
    def label(self) -> str:
        return _("{feed}: pause").format(feed=self.name)

    async def apply(self, interaction: Interaction) -> str:
        return await pause_feed(interaction, self.followed_feed)

    async def undo(self, interaction: Interaction) -> str:
        return await resume_feed(interaction, self.followed_feed)


@dataclass
class FilterRemedy(_FeedRemedy):
    """Remedy that adds a filter, so that articles of a feed with a certain word are not posted."""

    suggestion: FilterSuggestion

    @property
    def label(self) -> str:
        return _("{feed}: never post “{word}”").format(feed=self.name, word=self.suggestion.word)

    async def apply(self, interaction: Interaction) -> str:
        place = FilterPlace(self.followed_feed.subscription.id)
        if await self._find_filter_ids(interaction):
            raise UserFacingError(_("That filter is already there."))
        is_added = await interaction.client.store.filters.add(
            place,
            [(FilterMode.EXCLUDE, self.suggestion.word)],
            user_id=interaction.user.id,
            limit=subscription_filters.MAX_FILTERS_PER_PLACE,
        )
        if is_added is None:  # The subscription is gone.
            raise UserFacingError(unfollowed_text())
        if not is_added:
            raise UserFacingError(_("This feed has as many filters as it can have. Remove one first."))
        return self.format_sentence(
            _("From now on, no article of {feed} with “{word}” is posted in {channel}."), word=self._escaped_word
        )

    async def undo(self, interaction: Interaction) -> str:
        place = FilterPlace(self.followed_feed.subscription.id)
        filter_ids = await self._find_filter_ids(interaction)
        await interaction.client.store.filters.remove(place, filter_ids, user_id=interaction.user.id)
        return self.format_sentence(
            _("Articles of {feed} with “{word}” are posted in {channel} again."), word=self._escaped_word
        )

    @property
    def _escaped_word(self) -> str:
        return discord_text.escape_markdown(self.suggestion.word)

    async def _find_filter_ids(self, interaction: Interaction) -> list[int]:
        store = interaction.client.store
        own_filters = await store.filters.list_by_place(FilterPlace(self.followed_feed.subscription.id))
        return [
            own_filter.id
            for own_filter in own_filters
            if (own_filter.mode, own_filter.query) == (FilterMode.EXCLUDE, self.suggestion.word)
            and not own_filter.has_ended(store.clock.now())
        ]


@dataclass
class LookRemedy(_FeedRemedy):
    """Remedy that posts only the headlines of a feed."""

    _old_look: PostLook | None = None

    @property
    def label(self) -> str:
        return _("{feed}: headlines only").format(feed=self.name)

    async def apply(self, interaction: Interaction) -> str:
        store = interaction.client.store
        subscription = await self.load_subscription(interaction)
        self._old_look = subscription.look
        current_look = subscription.look or await store.preferences.get_look(subscription.server_id)
        await self._set_look(interaction, replace(current_look, style=Style.HEADLINE, template=None))
        return self.format_sentence(_("From now on, posts of {feed} in {channel} are headlines."))

    async def undo(self, interaction: Interaction) -> str:
        await self._set_look(interaction, self._old_look)
        return self.format_sentence(_("Posts of {feed} in {channel} look as before."))

    async def _set_look(self, interaction: Interaction, look: PostLook | None) -> None:
        is_set = await interaction.client.store.subscriptions.set_look(
            self.followed_feed.subscription.id, look, user_id=interaction.user.id
        )
        if not is_set:
            raise UserFacingError(unfollowed_text())


@dataclass
class MoveRemedy(_FeedRemedy):
    """Remedy that moves a feed to another channel, which is to be chosen first."""

    target_channel_id: int | None = None

    @property
    def label(self) -> str:
        return _("{feed}: move to another channel…").format(feed=self.name)

    async def choose_channel(self, interaction: Interaction, channel: PostableChannel) -> None:
        """Choose the channel to move to.

        Raises `UserFacingError` if Telex can't post there, the user may not mention the role of the posts there, the
        feed was unfollowed, or the channel follows the feed already: a move would then drop this subscription.
        """
        subscription = await self.load_subscription(interaction)
        require_can_post(channel)
        require_mention_permission(interaction, subscription.look, channel)
        if await interaction.client.store.subscriptions.find(channel.id, subscription.feed_id) is not None:
            raise UserFacingError(
                _("{feed} is already followed in {channel}.").format(
                    feed=bold_feed_name(self.followed_feed.feed), channel=channel.mention
                )
            )
        self.target_channel_id = channel.id

    async def apply(self, interaction: Interaction) -> str:
        assert self.target_channel_id is not None
        channel = await require_existing_channel(interaction, self.target_channel_id)
        await self.choose_channel(interaction, channel)
        return await self._move(interaction, channel)

    async def undo(self, interaction: Interaction) -> str:
        old_channel_id = self.followed_feed.subscription.channel_id
        channel = await require_existing_channel(interaction, old_channel_id)
        await self.choose_channel(interaction, channel)
        return await self._move(interaction, channel)

    async def _move(self, interaction: Interaction, channel: PostableChannel) -> str:
        moved_subscription = await interaction.client.store.subscriptions.move(
            self.followed_feed.subscription.id,
            channel.id,
            user_id=interaction.user.id,
            make_matcher=FilterEvaluator,
        )
        if moved_subscription is None:
            raise UserFacingError(unfollowed_text())
        interaction.client.outbox_relay.wake()
        return _("Moved {feed} to {channel}.").format(
            feed=bold_feed_name(self.followed_feed.feed), channel=channel.mention
        )


@dataclass
class BestOfDayRemedy:
    """Remedy that posts only the best stories of the day in a channel."""

    channel_id: int
    channel_label: str
    effect: str
    _old_limit: int | None = None

    @property
    def label(self) -> str:
        return _("{channel}: only the best of the day").format(channel=self.channel_label)

    async def authorize(self, interaction: Interaction) -> None:
        await require_existing_channel(interaction, self.channel_id)

    async def apply(self, interaction: Interaction) -> str:
        settings = await interaction.client.store.preferences.get_by_channel(self.channel_id)
        self._old_limit = settings[TOP_STORIES_PER_DAY]
        await self._set_limit(interaction, BEST_STORIES_PER_DAY)
        return format_count(
            "From now on, {channel} gets the best {count} story of the day.",
            "From now on, {channel} gets the best {count} stories of the day.",
            BEST_STORIES_PER_DAY,
            channel=f"<#{self.channel_id}>",
        )

    async def undo(self, interaction: Interaction) -> str:
        await self._set_limit(interaction, self._old_limit)
        return _("{channel} gets its stories as before.").format(channel=f"<#{self.channel_id}>")

    async def _set_limit(self, interaction: Interaction, limit: int | None) -> None:
        await interaction.client.store.preferences.change_channel(
            TOP_STORIES_PER_DAY,
            limit,
            server_id=interaction.guild_id or 0,
            channel_id=self.channel_id,
            user_id=interaction.user.id,
        )
        await interaction.client.outbox_relay.recheck_channel(self.channel_id)
        interaction.client.outbox_relay.wake()


def format_filter_effect(suggestion: FilterSuggestion, *, has_saves: bool) -> str:
    """Return how many of a feed's last posts a filter lets through and, with `has_saves`, that the saved ones stay."""
    remaining_text = format_number(suggestion.post_count - suggestion.blocked_count)
    if not has_saves:
        return format_count(
            "Of the last {count} post, {remaining} would have come",
            "Of the last {count} posts, {remaining} would have come",
            suggestion.post_count,
            remaining=remaining_text,
        )
    return format_count(
        "Of the last {count} post, {remaining} would have come; the saved ones stay",
        "Of the last {count} posts, {remaining} would have come; the saved ones stay",
        suggestion.post_count,
        remaining=remaining_text,
    )


def format_daily_effect(post_count: int, remaining_count: int, day_count: int) -> str:
    """Return how many posts a day (at least 1) a channel would have had, and how many it had, in `day_count` days."""
    daily_count, remaining_daily_count = (max(1, round(count / day_count)) for count in (post_count, remaining_count))
    return format_count(
        "{after} a day instead of {count} post",
        "{after} a day instead of {count} posts",
        daily_count,
        after=format_number(remaining_daily_count),
    )


def format_kept_effect(effect: str, remaining_share: float) -> str:
    """Return an effect with the estimated share (0 to 1) of kept (saved or liked) posts that would have remained."""
    tenths = round(10 * remaining_share)
    if tenths == 10:  # noqa: PLR2004  # all tenths
        return _("{effect}; nearly all kept ones stay").format(effect=effect)
    return _("{effect}; about {tenths} in 10 kept ones stay").format(effect=effect, tenths=tenths)


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
    feed_remedies.append(
        PauseRemedy(
            followed_feed,
            format_count(
                "{count} post fewer; its articles stay in /search",
                "{count} posts fewer; its articles stay in /search",
                post_count,
            ),
        )
    )
    if interaction.guild is not None:
        daily_effect = format_daily_effect(channel_post_count, channel_post_count - post_count, day_count)
        channel_label = channel_name(interaction.guild, subscription.channel_id)
        feed_remedies.append(
            MoveRemedy(followed_feed, _("{channel}: {effect}").format(channel=channel_label, effect=daily_effect))
        )
    look = subscription.look or await interaction.client.store.preferences.get_look(subscription.server_id)
    if look.style is not Style.HEADLINE:
        feed_remedies.append(
            LookRemedy(
                followed_feed,
                format_count(
                    "{count} post as before, but without text and picture",
                    "{count} posts as before, but without text and picture",
                    post_count,
                ),
            )
        )
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
    effect = format_filter_effect(suggestion, has_saves=reaction_counts.bookmark_count > 0)
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
        effect = format_daily_effect(len(posts), len(selected_posts), day_count)
        # From the shares that are shown: which posts were kept may not show.
        kept_share_by_feed_id = {scored_feed.feed.id: scored_feed.kept_share for scored_feed in scorecard.scored_feeds}
        kept_share_sum, selected_kept_share_sum = (
            sum(kept_share_by_feed_id.get(post.feed_id, 0.0) for post in posts_to_sum)
            for posts_to_sum in (posts, selected_posts)
        )
        if kept_share_sum:
            effect = format_kept_effect(effect, selected_kept_share_sum / kept_share_sum)
        channel_remedies.append(BestOfDayRemedy(channel_id, f"#{channel.name}", effect))
    return channel_remedies
