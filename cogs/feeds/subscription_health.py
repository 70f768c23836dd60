"""Health of a server's subscriptions (feeds in channels), and checks of a feed that users ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Feed, FeedState
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import UserFacingError
from bot.feeds import fetch_errors
from bot.polling.poll_recorder import PollOutcome, PollReport
from bot.posting.wording import reason_sentences
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.posting.wording.feed_names import bold_feed_name
from bot.store.records.source_records import OverQuotaKind, QuotaOverflow
from cogs.feeds.subscription_options import FollowedFeed, is_channel_deleted, list_visible_subscriptions
from cogs.shared.views import Interaction


class HealthState(StrEnum):
    """State of a subscription. The value is the symbol that users see.

    `SOURCE_BLOCKED`: an operator blocks where the feed is from. `GONE`: the feed was removed by its publisher.
    `FAILING`: it cannot be fetched or parsed. `BLOCKED`: it can be read, but not posted in its channel. `NEVER_READ`:
    it was not polled successfully yet.
    """

    SOURCE_BLOCKED = "⛔"
    GONE = "⚫"
    FAILING = "🔴"
    BLOCKED = "🟠"
    PAUSED = "⏸️"
    NEVER_READ = "⚪"
    HEALTHY = "🟢"


ACTION_REQUIRED_STATES = frozenset(
    {HealthState.SOURCE_BLOCKED, HealthState.GONE, HealthState.FAILING, HealthState.BLOCKED}
)
"""States of a subscription that somebody has to do something about."""


@dataclass(frozen=True, slots=True)
class SubscriptionHealth:
    """State of a subscription (a feed in a channel), with the reason as a sentence or ""."""

    followed_feed: FollowedFeed
    state: HealthState
    reason: str = ""


async def load_server_health(interaction: Interaction) -> list[SubscriptionHealth]:
    """Return the health of all subscriptions (feeds in channels) that the user can see.

    Subscriptions that need attention come first, then paused subscriptions, then all others, by channel.
    """
    followed_feeds = await list_visible_subscriptions(interaction)
    problem_by_channel_id = {
        channel_id: await find_channel_problem(interaction, channel_id)
        for channel_id in {subscription.channel_id for subscription, _feed in followed_feeds}
    }
    channel_ids = list(problem_by_channel_id)
    healths = [
        evaluate_health(followed_feed, problem_by_channel_id[followed_feed.subscription.channel_id])
        for followed_feed in followed_feeds
    ]
    ordered_states = list(HealthState)
    return sorted(
        healths,
        key=lambda health: (
            min(ordered_states.index(health.state), ordered_states.index(HealthState.NEVER_READ)),
            channel_ids.index(health.followed_feed.subscription.channel_id),
        ),
    )


def evaluate_health(followed_feed: FollowedFeed, channel_problem: Reason | None = None) -> SubscriptionHealth:
    """Return the health of a feed in a channel; `channel_problem` is why the channel gets no posts, or None."""
    subscription, feed = followed_feed
    state = _get_feed_state(feed)
    if state is HealthState.SOURCE_BLOCKED:
        return SubscriptionHealth(followed_feed, state, describe_feed_error(fetch_errors.SOURCE_BLOCKED))
    if state is not HealthState.GONE and subscription.paused_at is not None:
        return SubscriptionHealth(followed_feed, HealthState.PAUSED)
    if state in {HealthState.GONE, HealthState.FAILING}:
        return SubscriptionHealth(followed_feed, state, describe_feed_error(feed.error or "gone", feed.url))
    if channel_problem is not None:
        return SubscriptionHealth(
            followed_feed,
            HealthState.BLOCKED,
            linkify_commands(reason_sentences.describe_reason(channel_problem)),
        )
    return SubscriptionHealth(followed_feed, state)


def _get_feed_state(feed: Feed) -> HealthState:
    if feed.blocked_since is not None:
        return HealthState.SOURCE_BLOCKED
    if feed.state is FeedState.GONE:
        return HealthState.GONE
    if feed.failing_since is not None and feed.error is not None:
        return HealthState.FAILING
    return HealthState.NEVER_READ if feed.last_success_at is None else HealthState.HEALTHY


def health_sentence(health: SubscriptionHealth) -> str:
    """Return the health of a feed in a channel as a line of text."""
    subscription, feed = health.followed_feed
    match health.state:
        case HealthState.SOURCE_BLOCKED | HealthState.GONE | HealthState.FAILING:
            return feed_error_sentence(feed)
        case HealthState.BLOCKED:
            state_text = _("can’t post: {reason}").format(reason=health.reason)
        case HealthState.PAUSED:
            state_text = _("paused {when}").format(when=f"<t:{subscription.paused_at}:R>")
        case HealthState.NEVER_READ:
            state_text = _("not read yet")
        case HealthState.HEALTHY:
            state_text = _("healthy")
    return f"{health.state} {state_text}"


def feed_error_sentence(feed: Feed) -> str:
    """Return the error of a feed as a sentence with its state, or "" if it is neither blocked, gone nor failing."""
    state = _get_feed_state(feed)
    if state is HealthState.SOURCE_BLOCKED:
        return f"{state} " + _("blocked by whoever runs this bot ({when})").format(when=f"<t:{feed.blocked_since}:R>")
    reason = describe_feed_error(feed.error or "gone", feed.url)
    if state is HealthState.GONE:
        return f"{state} " + _("gone: {reason}").format(reason=reason)
    if state is HealthState.FAILING:
        failing_since_markup = f"<t:{feed.failing_since}:R>"
        return f"{state} " + _("failing: {reason} First failed {when}.").format(
            reason=reason, when=failing_since_markup
        )
    return ""


def state_counts_text(healths: list[SubscriptionHealth]) -> str:
    """Return as text how many subscriptions are in each state; states without any are left out, "" for none."""
    count_formatters = {
        HealthState.HEALTHY: lambda count: ngettext("{count} healthy", "{count} healthy", count),
        HealthState.PAUSED: lambda count: ngettext("{count} paused", "{count} paused", count),
        HealthState.NEVER_READ: lambda count: ngettext("{count} not read yet", "{count} not read yet", count),
        HealthState.BLOCKED: lambda count: ngettext("{count} can’t be posted", "{count} can’t be posted", count),
        HealthState.FAILING: lambda count: ngettext("{count} failing", "{count} failing", count),
        HealthState.GONE: lambda count: ngettext("{count} gone", "{count} gone", count),
        HealthState.SOURCE_BLOCKED: lambda count: ngettext("{count} blocked", "{count} blocked", count),
    }
    count_by_state = {state: sum(health.state is state for health in healths) for state in count_formatters}
    return ", ".join(
        count_formatters[state](state_count).format(count=format_number(state_count))
        for state, state_count in count_by_state.items()
        if state_count
    )


async def load_limit_notes(interaction: Interaction, followed_feed: FollowedFeed) -> list[str]:
    """Return notes on a feed: on entries left out because it is over its quota, and on request limits of its host."""
    subscription, feed = followed_feed
    backlog_seconds = interaction.client.services.poller.hosts.get(feed.url).get_backlog_seconds(subscription.server_id)
    return list(_limit_sentences(await interaction.client.store.quota_overflows.get_by_feed(feed.id), backlog_seconds))


def _limit_sentences(overflow: QuotaOverflow | None, backlog_seconds: int) -> Iterator[str]:
    if overflow is not None and overflow.kind is OverQuotaKind.UNSTABLE_IDS:
        yield _("renames its entries at every check, so new ones aren’t posted (first {when})").format(
            when=f"<t:{overflow.first_at}:R>"
        )
    elif overflow is not None:
        yield format_count(
            "too many articles: {count} left out (first {when})",
            "too many articles: {count} left out (first {when})",
            overflow.entry_count,
            when=f"<t:{overflow.first_at}:R>",
        )
    if backlog_seconds:
        backlog_minutes = max(1, round(backlog_seconds / 60))
        yield format_count(
            "its site has many feeds here, so each is checked about every {count} minute",
            "its site has many feeds here, so each is checked about every {count} minutes",
            backlog_minutes,
        )


async def find_channel_problem(interaction: Interaction, channel_id: int) -> Reason | None:
    """Return the known reason why nothing can be posted in a channel, or None."""
    dispatches = interaction.client.store.dispatches
    if interaction.guild is not None and await is_channel_deleted(interaction.guild, channel_id):
        return Reason(SendProblem.CHANNEL_GONE)
    channel_block = await dispatches.get_problem(channel_id)
    return channel_block.problem if channel_block else await dispatches.get_first_pending_error(channel_id)


MIN_CHECK_INTERVAL_SECONDS = 60
"""Minimum time in seconds after a poll of a feed before users can have it checked again."""


class ManualFeedChecks:
    """Checks of feeds, which users ask for with a button or /feed refresh."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._checking_feed_ids: set[int] = set()

    async def check(self, feed: Feed) -> str:
        """Poll a feed now, have its new articles posted, and return the result as a sentence.

        A feed whose polling had ended because it was gone becomes active again.

        Raises `UserFacingError` if the feed was polled less than `MIN_CHECK_INTERVAL_SECONDS` ago, or is being
        checked already.
        """
        feeds, now = self._bot.store.feeds, self._bot.services.clock.now()
        current_feed = await feeds.get(feed.id) or feed  # A card may be older than the last poll.
        next_check_at = (current_feed.last_poll_at or 0) + MIN_CHECK_INTERVAL_SECONDS
        if feed.id in self._checking_feed_ids or next_check_at > now:
            raise UserFacingError(
                _("I just checked {feed}. You can try again {when}.").format(
                    feed=bold_feed_name(feed),
                    when=f"<t:{max(next_check_at, now + MIN_CHECK_INTERVAL_SECONDS // 2)}:R>",
                )
            )
        self._checking_feed_ids.add(feed.id)
        try:
            if current_feed.state is FeedState.GONE:
                await feeds.make_due(feed.id)
                current_feed = await feeds.get(feed.id) or current_feed
            poll_report = await self._bot.services.poller.poll(current_feed)
        finally:
            self._checking_feed_ids.discard(feed.id)
        self._bot.outbox_relay.wake()
        return _poll_result_sentence(poll_report)


def _poll_result_sentence(poll_report: PollReport) -> str:
    bold_name = bold_feed_name(poll_report.feed)
    match poll_report.outcome:
        case PollOutcome.NEW:
            return format_count(
                "{feed} has {count} new article.",
                "{feed} has {count} new articles.",
                poll_report.new_count,
                feed=bold_name,
            )
        case PollOutcome.CHANGED | PollOutcome.UNCHANGED:
            return _("{feed} has no new articles.").format(feed=bold_name)
        case PollOutcome.POSTPONED:
            return _("The site of {feed} limits how often I can check it. Next check {when}.").format(
                feed=bold_name, when=f"<t:{poll_report.feed.next_poll_at}:R>"
            )
    return _("Couldn’t read {feed}. {reason}").format(
        feed=bold_name,
        reason=describe_feed_error(poll_report.error_code or poll_report.feed.error or "", poll_report.feed.url),
    )
