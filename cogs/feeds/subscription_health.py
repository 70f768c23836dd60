"""Health of a server's subscriptions, and manual checks of a feed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Feed, FeedState
from bot.core.user_errors import UserFacingError
from bot.polling.poll_recorder import PollOutcome, PollReport
from bot.posting.sending.send_outcomes import SendProblem
from bot.posting.wording import problem_sentences
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.store.records.source_records import OverQuotaKind, QuotaOverflow
from cogs.feeds.subscription_options import (
    FollowedFeed,
    bold_feed_name,
    is_channel_deleted,
    visible_subscriptions,
)
from cogs.shared.views import Interaction


class HealthState(StrEnum):
    """State of a subscription. The value is its symbol."""

    GONE = "⚫"
    FAILING = "🔴"
    BLOCKED = "🟠"
    PAUSED = "⏸️"
    NEVER_READ = "⚪"
    HEALTHY = "🟢"


ACTION_REQUIRED_STATES = frozenset({HealthState.GONE, HealthState.FAILING, HealthState.BLOCKED})


@dataclass(frozen=True, slots=True)
class SubscriptionHealth:
    """State of a subscription, with the reason as a sentence or ""."""

    pair: FollowedFeed
    state: HealthState
    reason: str = ""


async def server_health(interaction: Interaction) -> list[SubscriptionHealth]:
    """Return the health of all visible subscriptions, those in need of attention first, then by channel."""
    pairs = await visible_subscriptions(interaction)
    problems = {
        channel_id: await channel_problem(interaction, channel_id)
        for channel_id in {subscription.channel_id for subscription, _feed in pairs}
    }
    places = list(problems)
    found = [subscription_health_of(pair, problems[pair[0].channel_id]) for pair in pairs]
    states = list(HealthState)
    return sorted(
        found,
        key=lambda one: (
            min(states.index(one.state), states.index(HealthState.NEVER_READ)),
            places.index(one.pair[0].channel_id),
        ),
    )


def subscription_health_of(pair: FollowedFeed, channel_problem: str | None = None) -> SubscriptionHealth:
    """Return the health of a subscription, given the problem of its channel or None."""
    subscription, feed = pair
    state = _of_feed(feed)
    if state is not HealthState.GONE and subscription.paused_at is not None:
        return SubscriptionHealth(pair, HealthState.PAUSED)
    if state in {HealthState.GONE, HealthState.FAILING}:
        return SubscriptionHealth(pair, state, describe_feed_error(feed.error or "gone"))
    if channel_problem:
        return SubscriptionHealth(
            pair, HealthState.BLOCKED, linkify_commands(problem_sentences.describe_problem(channel_problem))
        )
    return SubscriptionHealth(pair, state)


def _of_feed(feed: Feed) -> HealthState:
    if feed.state is FeedState.GONE:
        return HealthState.GONE
    if feed.failing_since is not None and feed.error is not None:
        return HealthState.FAILING
    return HealthState.NEVER_READ if feed.last_success is None else HealthState.HEALTHY


def health_sentence(health: SubscriptionHealth) -> str:
    """Return the state of a subscription as a line."""
    subscription, feed = health.pair
    match health.state:
        case HealthState.GONE | HealthState.FAILING:
            return feed_error_sentence(feed)
        case HealthState.BLOCKED:
            said = _("can’t post: {reason}").format(reason=health.reason)
        case HealthState.PAUSED:
            said = _("paused {when}").format(when=f"<t:{subscription.paused_at}:R>")
        case HealthState.NEVER_READ:
            said = _("not read yet")
        case HealthState.HEALTHY:
            said = _("healthy")
    return f"{health.state} {said}"


def feed_error_sentence(feed: Feed) -> str:
    """Return the error of a feed as a sentence with its state, or "" if the feed can be read."""
    state = _of_feed(feed)
    reason = describe_feed_error(feed.error or "gone")
    if state is HealthState.GONE:
        return f"{state} " + _("gone: {reason}").format(reason=reason)
    if state is HealthState.FAILING:
        since = f"<t:{feed.failing_since}:R>"
        return f"{state} " + _("failing: {reason} First failed {when}.").format(reason=reason, when=since)
    return ""


def state_counts_text(healths: list[SubscriptionHealth]) -> str:
    """Return the number of subscriptions in each state that occurs."""
    words = {
        HealthState.HEALTHY: lambda n: ngettext("{count} healthy", "{count} healthy", n),
        HealthState.PAUSED: lambda n: ngettext("{count} paused", "{count} paused", n),
        HealthState.NEVER_READ: lambda n: ngettext("{count} not read yet", "{count} not read yet", n),
        HealthState.BLOCKED: lambda n: ngettext("{count} can’t be posted", "{count} can’t be posted", n),
        HealthState.FAILING: lambda n: ngettext("{count} failing", "{count} failing", n),
        HealthState.GONE: lambda n: ngettext("{count} gone", "{count} gone", n),
    }
    numbers = {state: sum(one.state is state for one in healths) for state in words}
    return ", ".join(words[state](n).format(count=format_number(n)) for state, n in numbers.items() if n)


async def limit_notes(interaction: Interaction, pair: FollowedFeed) -> list[str]:
    """Return notes on skipped entries of a feed and on the request limits of its host."""
    subscription, feed = pair
    busy = interaction.client.newsroom.poller.hosts.get(feed.url).backlog_seconds(subscription.server_id)
    return list(_bounds(await interaction.client.store.quota_overflows.of(feed.id), busy))


def _bounds(surplus: QuotaOverflow | None, busy: int) -> Iterator[str]:
    if surplus is not None and surplus.kind is OverQuotaKind.UNSTABLE_IDS:
        yield _("renames its entries at every check, so new ones aren’t posted (first {when})").format(
            when=f"<t:{surplus.since}:R>"
        )
    elif surplus is not None:
        yield format_count(
            "too many articles: {count} left out (first {when})",
            "too many articles: {count} left out (first {when})",
            surplus.entries,
            when=f"<t:{surplus.since}:R>",
        )
    if busy:
        minutes = max(1, round(busy / 60))
        yield format_count(
            "its site has many feeds here, so each is checked about every {count} minute",
            "its site has many feeds here, so each is checked about every {count} minutes",
            minutes,
        )


async def channel_problem(interaction: Interaction, channel_id: int) -> str | None:
    """Return why nothing can be posted in a channel, or None.

    The reason is a `SendProblem` value for `describe_problem`.
    """
    dispatches = interaction.client.store.dispatches
    if interaction.guild is not None and await is_channel_deleted(interaction.guild, channel_id):
        return SendProblem.CHANNEL_GONE
    found = await dispatches.problem(channel_id)
    return found.problem if found else await dispatches.first_pending_error(channel_id)


MIN_CHECK_INTERVAL_SECONDS = 60
"""Minimum number of seconds between two checks of a feed."""


class ManualFeedChecks:
    """Checks of feeds that users ask for."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._checking: set[int] = set()

    async def check(self, its_feed: Feed) -> str:
        """Poll a feed now and return the result as a sentence.

        Raises `UserFacingError` within `MIN_CHECK_INTERVAL_SECONDS` of the last poll.
        """
        now = self._bot.newsroom.clock.now()
        again = (its_feed.last_poll or 0) + MIN_CHECK_INTERVAL_SECONDS
        if its_feed.id in self._checking or again > now:
            raise UserFacingError(
                _("I just checked {feed}. You can try again {when}.").format(
                    feed=bold_feed_name(its_feed),
                    when=f"<t:{max(again, now + MIN_CHECK_INTERVAL_SECONDS // 2)}:R>",
                )
            )
        self._checking.add(its_feed.id)
        try:
            if its_feed.state is FeedState.GONE:
                await self._bot.store.feeds.make_due(its_feed.id)
            current = await self._bot.store.feeds.get(its_feed.id) or its_feed
            report = await self._bot.newsroom.poller.poll(current)
        finally:
            self._checking.discard(its_feed.id)
        self._bot.courier.wake()
        return _poll_result_sentence(report)


def _poll_result_sentence(report: PollReport) -> str:
    feed = bold_feed_name(report.feed)
    match report.outcome:
        case PollOutcome.NEW:
            return format_count(
                "{feed} has {count} new article.", "{feed} has {count} new articles.", report.new, feed=feed
            )
        case PollOutcome.CHANGED | PollOutcome.UNCHANGED:
            return _("{feed} has no new articles.").format(feed=feed)
        case PollOutcome.POSTPONED:
            return _("The site of {feed} limits how often I can check it. Next check {when}.").format(
                feed=feed, when=f"<t:{report.feed.next_poll}:R>"
            )
    return _("Couldn’t read {feed}. {reason}").format(
        feed=feed, reason=describe_feed_error(report.error or report.feed.error or "")
    )
