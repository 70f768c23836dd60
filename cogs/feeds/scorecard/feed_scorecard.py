"""Scorecard of the feeds that a manager can see: how people react to each, and which to decide on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.i18n import _, format_count
from bot.posting.rendering.layout import outlet_branding
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.stories import feed_scores
from bot.stories.feed_scores import FeedScore, Verdict
from cogs.feeds.subscription_options import FollowedFeed, list_visible_subscriptions
from cogs.shared.views import Interaction

DAY_SECONDS = 86_400
_BAR_LENGTH = 7
"""Number of blocks of a bar; with ten, names break on a phone."""


@dataclass(frozen=True, slots=True)
class ScoredFeed:
    """Feed in a channel with its score and the judgement on it."""

    followed_feed: FollowedFeed
    score: FeedScore
    verdict: Verdict
    is_new: bool

    @property
    def name(self) -> str:
        """Return the display name of the feed as plain text."""
        return feed_name(self.followed_feed.feed)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Scores of a server's feeds between two Unix times in seconds: first the feeds to decide on, then by share."""

    since: int
    until: int
    scored_feeds: tuple[ScoredFeed, ...]

    @property
    def total_posts(self) -> int:
        """Return the number of posts of all feeds."""
        return sum(scored_feed.score.post_count for scored_feed in self.scored_feeds)

    @property
    def feeds_to_decide_on(self) -> list[ScoredFeed]:
        """Return the feeds about which a manager should decide, the one with most posts first."""
        return [scored_feed for scored_feed in self.scored_feeds if scored_feed.verdict is Verdict.DECIDE]


async def load_scorecard(interaction: Interaction, days: int) -> Scorecard:
    """Return the scorecard of the feeds that the user can see for the last `days` days."""
    store = interaction.client.store
    now = store.clock.now()
    since = now - days * DAY_SECONDS
    followed_feeds = await list_visible_subscriptions(interaction)
    score_by_place = {
        (counts.channel_id, counts.feed_id): feed_scores.score_feed(counts)
        for counts in await store.feed_reactions.count_by_feed(interaction.guild_id or 0, since)
    }
    new_since = now - feed_scores.NEW_FEED_SECONDS
    scores = [
        score_by_place.get((subscription.channel_id, subscription.feed_id), feed_scores.EMPTY_SCORE)
        for subscription, _feed in followed_feeds
    ]
    median_share = feed_scores.compute_median_share(
        [
            score
            for followed_feed, score in zip(followed_feeds, scores, strict=True)
            if followed_feed.subscription.added_at <= new_since
        ]
    )
    scored_feeds = []
    for followed_feed, score in zip(followed_feeds, scores, strict=True):
        subscription = followed_feed.subscription
        is_new = subscription.added_at > new_since
        verdict = feed_scores.judge_feed(
            score, median_share, is_new=is_new, is_paused=subscription.paused_at is not None
        )
        scored_feeds.append(ScoredFeed(followed_feed, score, verdict, is_new))
    return Scorecard(since, now, tuple(sorted(scored_feeds, key=_sort_key)))


def _sort_key(scored_feed: ScoredFeed) -> tuple[int, float, int, str]:
    score = scored_feed.score
    share = score.kept_share if scored_feed.verdict is Verdict.EARNS_PLACE else 0.0
    return (scored_feed.verdict.value, -share, -score.post_count, scored_feed.name.casefold())


def format_row(scored_feed: ScoredFeed, best_share: float, total_posts: int, *, names_channel: bool) -> str:
    """Return the lines of a feed: a bar relative to the best feed, the name and the numbers."""
    score, (subscription, feed) = scored_feed.score, scored_feed.followed_feed
    outlet_emoji = outlet_branding.outlet_emoji(feed.id, feed.outlet or scored_feed.name)
    posts_text = format_count("{count} post", "{count} posts", score.post_count)
    if names_channel:
        posts_text = _("{posts} in {channel}").format(posts=posts_text, channel=f"<#{subscription.channel_id}>")
    if total_posts and (tenths := round(10 * score.post_count / total_posts)):
        posts_text = _("{posts}, {tenths} in 10 of all").format(posts=posts_text, tenths=tenths)
    facts = [f"**{_kept_text(score)}**", posts_text, *_iter_reaction_texts(scored_feed)]
    if not score.post_count:
        facts = [_("no posts")]
    if subscription.paused_at is not None:
        facts.append(_("paused {when}").format(when=f"<t:{subscription.paused_at}:R>"))
    elif scored_feed.is_new:
        facts.append(_("followed since {date}").format(date=f"<t:{subscription.added_at}:D>"))
    return f"{_format_bar(score.kept_share, best_share)} {outlet_emoji} {bold_feed_name(feed)}\n-# {' · '.join(facts)}"


def _format_bar(share: float, best_share: float) -> str:
    filled_count = max(1, round(_BAR_LENGTH * share / best_share)) if share else 0
    return "▰" * filled_count + "▱" * (_BAR_LENGTH - filled_count)


def _kept_text(score: FeedScore) -> str:
    """Return how many of 100 posts were kept, as far as that may be shown."""
    if not score.kept_count:
        return _("hardly any kept") if score.has_hidden_keeps else _("none kept")
    kept_of_hundred = round(100 * score.kept_share)
    return format_count("{count} of 100 kept", "{count} of 100 kept", kept_of_hundred or 1)


def _iter_reaction_texts(scored_feed: ScoredFeed) -> Iterator[str]:
    """Yield the reactions to a feed; of a feed that earns its place, only numbers."""
    score, is_brief = scored_feed.score, scored_feed.verdict is Verdict.EARNS_PLACE
    saves, likes, dislikes, muters = score.saves.count, score.likes.count, score.dislikes.count, score.muters.count
    number_texts = (
        (saves, format_count("{count} save", "{count} saves", saves or 0), _("no saves"), _("hardly any saves")),
        (likes, format_count("{count} like", "{count} likes", likes or 0), _("no likes"), _("hardly any likes")),
        (
            dislikes,
            format_count("{count} “less like this”", "{count} “less like this”", dislikes or 0),
            "",
            _("hardly any “less like this”"),
        ),
        (
            muters,
            format_count("{count} muted a story of it", "{count} muted a story of it", muters or 0),
            "",
            _("hardly anyone muted a story of it"),
        ),
    )
    for count, number_text, none_text, hidden_text in number_texts:
        if count:
            yield number_text
        elif not is_brief and (reaction_text := hidden_text if count is None else none_text):
            yield reaction_text


def find_repeated_feed_ids(scored_feeds: Sequence[ScoredFeed]) -> set[int]:
    """Return the ids of feeds that several channels follow."""
    feed_ids = [scored_feed.followed_feed.feed.id for scored_feed in scored_feeds]
    return {feed_id for feed_id in feed_ids if feed_ids.count(feed_id) > 1}
